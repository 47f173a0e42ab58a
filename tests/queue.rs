//! The queue's stories: transcripts that are run, and compared with what they said when they were last read; and random
//! ones, in which it answers as a naive reference does.
//!
//! A transcript is a list of commands, each followed by what came of it. `PURLIN_REWRITE=1 cargo test --test queue`
//! rewrites the answers; the difference is for a person to read.
//!
//! ```text
//! > config {"lease_ms":10}              a fresh queue
//! > at 5 enqueue {"id":"a"}             at 5 ms, a request with its arguments
//! > at 15 timer                         its timer fires
//! > at 3 crash                          it goes on from its journal, perhaps by a clock that came back earlier
//! ```

#[path = "queue/naive.rs"]
mod naive;

use core::num::NonZeroU32;
use core::time::Duration;
use naive::Naive;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::queue::{Answer, Config, NewMessage, Queue, Request, Settings, Timer, Token};
use purlin::{Clock, Host, Instant, Machine};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_transcript_still_tells_the_same_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/queue");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().for_each(|file| compare(file));
}

fn compare(file: &Path) {
    let written = std::fs::read_to_string(file).unwrap();
    let told = retell(&written);
    if std::env::var_os("PURLIN_REWRITE").is_some() {
        std::fs::write(file, &told).unwrap();
    } else {
        assert_eq!(told, written, "{} tells another story", file.display());
    }
}

/// The same commands and comments, with the answers of today.
fn retell(written: &str) -> String {
    let mut stand = Stand::new(Settings::default());
    let mut told = String::new();
    for line in written.lines().filter(|line| line.is_empty() || line.starts_with(['#', '>'])) {
        writeln!(told, "{line}").unwrap();
        if let Some(command) = line.strip_prefix("> ") {
            told += &run(&mut stand, command);
        }
    }
    told
}

fn run(stand: &mut Stand, command: &str) -> String {
    if let Some(settings) = command.strip_prefix("config ") {
        *stand = Stand::new(serde_json::from_str(settings).unwrap());
        return String::new();
    }
    let (at, action) = command.strip_prefix("at ").and_then(|rest| rest.split_once(' ')).expect("at MS ACTION");
    stand.host.now = Instant::from_millis(at.parse().unwrap());
    match action {
        "timer" => stand.step(Input::Timer(Timer::LeaseOver)),
        "crash" => stand.crash(),
        _ => drop(stand.ask(request(action))),
    }
    stand.told()
}

/// `name {arguments}` or `name` alone, as the request's JSON has it.
fn request(action: &str) -> Request {
    let json = match action.split_once(' ') {
        Some((name, arguments)) => json!({ name: serde_json::from_str::<Value>(arguments).unwrap() }),
        None => json!(action),
    };
    serde_json::from_value(json).unwrap()
}

/// A queue and its host.
struct Stand {
    config: Config,
    queue: Queue,
    host: Teller,
}

/// Writes down what is emitted.
#[derive(Default)]
struct Teller {
    now: Instant,
    journal: Vec<<Queue as Protocol>::Record>,
    effects: Vec<Effect<Queue>>,
}

impl Clock for Teller {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for Teller {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        if let Effect::Persist(record) = &effect {
            self.journal.push(record.clone());
        }
        self.effects.push(effect);
    }
}

impl Stand {
    fn new(settings: Settings) -> Self {
        Self { config: settings.validate().unwrap(), queue: Queue::default(), host: Teller::default() }
    }

    fn step(&mut self, input: Input<Queue>) {
        self.queue.step(&self.config, input, &mut self.host);
    }

    fn ask(&mut self, request: Request) -> Option<Answer> {
        self.step(Input::Request { ticket: Ticket(0), request });
        let answer = |effect: &Effect<Queue>| {
            if let Effect::Answer { answer, .. } = effect { Some(answer.clone()) } else { None }
        };
        self.host.effects.iter().rev().find_map(answer)
    }

    fn crash(&mut self) {
        let mut image = <Queue as Protocol>::Image::default();
        self.host.journal.iter().cloned().for_each(|record| Queue::fold(&mut image, record));
        self.queue = Queue::recover(&self.config, image, &mut self.host);
    }

    /// What came of the last command.
    fn told(&mut self) -> String {
        let lines = self.host.effects.drain(..).map(|effect| format!("  {}\n", describe(&effect)));
        lines.collect()
    }
}

fn describe(effect: &Effect<Queue>) -> String {
    let json = |value: Value| value.to_string();
    match effect {
        Effect::Persist(record) => format!("+ {}", json(json!(record))),
        Effect::Answer { answer, .. } => format!("= {}", json(json!(answer))),
        Effect::Notify(event) => format!("! {}", json(json!(event))),
        Effect::Arm { after, .. } => format!("timer in {} ms", after.as_millis()),
        Effect::Disarm(_) => "no timer".to_owned(),
        Effect::Load(_) | Effect::Send { .. } => unreachable!("a queue has nothing to load and nobody to write to"),
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Pass(u64),
    Ask(Request),
    Crash,
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..25_u64).prop_map(Operation::Pass),
        12 => requests().prop_map(Operation::Ask),
        1 => Just(Operation::Crash),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    let id = || (0..7_u8).prop_map(|id| format!("m{id}"));
    let token = || (0..14_u64).prop_map(Token);
    prop_oneof![
        5 => new_messages().prop_map(Request::Enqueue),
        5 => (0..2_u8, 0..4_u32, proptest::option::of(1..40_u64))
            .prop_map(|(worker, max, lease_ms)| Request::Claim { worker: format!("w{worker}"), max, lease_ms }),
        4 => token().prop_map(|token| Request::Ack { token }),
        2 => (token(), 1..60_u64).prop_map(|(token, lease_ms)| Request::Extend { token, lease_ms }),
        3 => (token(), 0..30_u64).prop_map(|(token, delay_ms)| Request::Nack { token, delay_ms }),
        1 => id().prop_map(|id| Request::Kill { id }),
        1 => proptest::option::of(proptest::collection::vec(id(), 0..4)).prop_map(|ids| Request::Redrive { ids }),
        1 => Just(Request::Expire),
        2 => id().prop_map(|id| Request::Status { id }),
        1 => Just(Request::Stats),
    ]
}

fn new_messages() -> impl Strategy<Value = NewMessage> {
    let key = proptest::option::of((0..2_u8).prop_map(|key| format!("k{key}")));
    let dedup_id = proptest::option::of((0..3_u8).prop_map(|id| format!("d{id}")));
    (0..7_u8, key, dedup_id, proptest::option::of(0..200_u64)).prop_map(|(id, key, dedup_id, not_before)| NewMessage {
        id: format!("m{id}"),
        payload: format!("says {id}"),
        key,
        not_before: not_before.map(Instant::from_millis),
        dedup_id,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let limits = (proptest::option::of(1..4_u32), proptest::option::of(1..3_u32), (1..6_u32, 1..4_u32, 1..4_u32));
    (1..30_u64, 1..4_u32, 0..60_u64, any::<bool>(), limits).prop_map(|(lease, attempts, dedup, blocks, limits)| {
        Settings {
            lease_ms: lease,
            max_attempts: attempts,
            dedup_retention_ms: dedup,
            dead_blocks_key: blocks,
            max_in_flight: limits.0,
            max_in_flight_per_worker: limits.1,
            max_messages: limits.2.0,
            max_done: limits.2.1,
            max_dedup_ids: limits.2.2,
        }
    })
}

#[test]
fn it_answers_as_the_naive_reference_does() {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config = ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Default::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let scripts = (settings(), proptest::collection::vec(operations(), 1..120));
    let judged = runner.run(&scripts, |(settings, operations)| {
        let (mut stand, mut naive) = (Stand::new(settings.clone()), Naive::new(settings));
        for operation in operations {
            match operation {
                Operation::Pass(millis) => stand.host.now = stand.host.now + Duration::from_millis(millis),
                Operation::Crash => stand.crash(),
                Operation::Ask(request) => {
                    let expected = naive.answer(&request, stand.host.now);
                    prop_assert_eq!(stand.ask(request), Some(expected));
                }
            }
        }
        Ok(())
    });
    if let Err(broken) = judged {
        panic!("{broken}");
    }
}
