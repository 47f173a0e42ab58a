//! The breaker's stories: transcripts that are run, and compared with what they said when they were last read; and random
//! ones, in which it does as a naive reference does.
//!
//! A transcript is a list of commands, each followed by what came of it. `PURLIN_REWRITE=1 cargo test --test breaker`
//! rewrites the answers; the difference is for a person to read.
//!
//! ```text
//! > config {"window":{"count":2}}     a fresh breaker
//! > at 5 ask a                        at 5 ms, a call named a asks
//! > at 9 end a failure                it ends
//! > at 9 tick | control reset | reconfigure {…}
//! ```

use core::num::NonZeroU32;
use core::time::Duration;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use purlin::breaker::{
    Breaker, CancelledCounts, Config, Event, Input, Jitter, MaxWaitTo, Outcome, Percent, Permit, Reply, Settings,
    WindowKind,
};
use purlin::{Clock, Host, Instant, Machine, Policy};
use purlin_sim::scenarios::breaker::reference::Reference;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_transcript_still_tells_the_same_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/breaker");
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
    let mut story = Story::default();
    let mut told = String::new();
    for line in written.lines().filter(|line| line.is_empty() || line.starts_with(['#', '>'])) {
        writeln!(told, "{line}").unwrap();
        if let Some(command) = line.strip_prefix("> ") {
            told += &story.run(command);
        }
    }
    told
}

#[derive(Default)]
struct Story {
    teller: Teller,
    config: Option<Config>,
    breaker: Option<Breaker>,
    calls: BTreeMap<String, Permit>,
}

/// A host that writes down what is emitted.
#[derive(Default)]
struct Teller {
    now: Instant,
    events: Vec<Event>,
}

impl Clock for Teller {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Event> for Teller {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl Story {
    fn run(&mut self, command: &str) -> String {
        if let Some(config) = command.strip_prefix("config ") {
            let config: Config = serde_json::from_str(config).unwrap();
            self.breaker = Some(Breaker::new(&config, &mut self.teller));
            self.config = Some(config);
            return self.outcome(None);
        }
        let (at, action) = command.strip_prefix("at ").and_then(|rest| rest.split_once(' ')).expect("at MS ACTION");
        self.teller.now = Instant::from_millis(at.parse().unwrap());
        self.act(action)
    }

    fn act(&mut self, action: &str) -> String {
        match action.split(' ').collect::<Vec<_>>()[..] {
            ["ask", name] => {
                let reply = self.step(Input::Ask);
                self.calls.extend(Breaker::granted(reply).ok().map(|permit| (name.to_owned(), permit)));
                self.outcome(Some(reply))
            }
            ["end", name, outcome] => {
                let permit = self.calls.remove(name).expect("a call that was admitted");
                let outcome = serde_json::from_str(&format!("\"{outcome}\"")).unwrap();
                let reply = self.step(Input::End { permit, outcome });
                self.outcome(Some(reply))
            }
            ["control", control] => {
                let control = serde_json::from_str(&format!("\"{control}\"")).unwrap();
                let reply = self.step(Input::Control(control));
                self.outcome(Some(reply))
            }
            ["tick"] => {
                let reply = self.step(Input::Tick);
                self.outcome(Some(reply))
            }
            ["reconfigure", config] => {
                let config: Config = serde_json::from_str(config).unwrap();
                let old = self.config.replace(config.clone()).unwrap();
                self.breaker.as_mut().unwrap().reconfigure(&old, &config, &mut self.teller);
                self.outcome(None)
            }
            _ => panic!("no such action: {action}"),
        }
    }

    fn step(&mut self, input: Input) -> Reply {
        self.breaker.as_mut().unwrap().step(self.config.as_ref().unwrap(), input, &mut self.teller)
    }

    fn outcome(&mut self, reply: Option<Reply>) -> String {
        let mut told = String::new();
        if let Some(reply) = reply {
            writeln!(told, "  {}", serde_json::to_string(&reply).unwrap()).unwrap();
        }
        for event in self.teller.events.drain(..) {
            writeln!(told, "  ! {}", serde_json::to_string(&event).unwrap()).unwrap();
        }
        let breaker = self.breaker.as_ref().unwrap();
        let totals = breaker.window().totals();
        let (state, epoch) = (breaker.state().name(), breaker.epoch().0);
        writeln!(
            told,
            "  = {state}, epoch {epoch}, {} calls, {} failed, {} slow",
            totals.calls, totals.failed, totals.slow
        )
        .unwrap();
        told
    }
}

/// What happens in a random story.
#[derive(Clone, Debug)]
enum Happening {
    Pass(Duration),
    Ask,
    End(Index, Outcome),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        2 => (0..9_u64).prop_map(|millis| Happening::Pass(Duration::from_millis(millis))),
        1 => (0..7_u64).prop_map(|quarters| Happening::Pass(Duration::from_millis(250 * quarters))),
        1 => Just(Happening::Pass(Duration::from_nanos(1))),
        4 => Just(Happening::Ask),
        6 => (any::<Index>(), outcomes()).prop_map(|(index, outcome)| Happening::End(index, outcome)),
    ];
    proptest::collection::vec(happening, 1..120)
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let reported = (any::<bool>(), 0..9_u64);
    prop_oneof![
        5 => Just(Outcome::Success),
        5 => Just(Outcome::Failure),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::Cancelled),
        1 => reported.prop_map(|(failed, duration_ms)| Outcome::Reported { failed, duration_ms }),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let windows = prop_oneof![
        (1..7_u32).prop_map(WindowKind::Count),
        Just(WindowKind::Time { time_s: 1, bucket_ms: 250 }),
        Just(WindowKind::Time { time_s: 2, bucket_ms: 1_000 }),
    ];
    let counts =
        prop_oneof![Just(CancelledCounts::Ignored), Just(CancelledCounts::Failed), Just(CancelledCounts::FailedIfSlow)];
    let rates = (1..=100_u32, 1..=100_u32, proptest::option::of(0..7_u64), windows, 1..6_u32, 1..5_u32);
    let waits =
        (proptest::collection::vec(1..9_u64, 1..4), proptest::option::of(1..4_u32), proptest::option::of(1..9_u64));
    (rates, waits, any::<bool>(), any::<bool>(), counts).prop_map(|(rates, waits, to_open, auto_half_open, counts)| {
        Settings {
            failure_rate_threshold_percent: Percent::new(rates.0),
            slow_call_rate_threshold_percent: Percent::new(rates.1),
            slow_call_duration_ms: rates.2,
            window: rates.3,
            minimum_calls: rates.4,
            permitted_half_open_calls: rates.5,
            open_wait_ms: None,
            open_wait_schedule_ms: waits.0,
            open_wait_jitter: waits.1.map(|steps| Jitter { percent: 50, steps }),
            half_open_max_wait_ms: waits.2,
            half_open_max_wait_to: if to_open { MaxWaitTo::Open } else { MaxWaitTo::Closed },
            auto_half_open,
            cancelled_counts: counts,
            ..Settings::default()
        }
    })
}

/// The breaker and the reference, side by side, with one clock and one die.
struct Pair {
    config: Config,
    breaker: Breaker,
    reference: Reference,
    bench: Bench,
    held: Vec<Permit>,
}

/// A clock set by hand, and a die that shows its faces in turn and notes them.
#[derive(Default)]
struct Bench {
    now: Instant,
    thrown: Vec<u32>,
    turn: u32,
}

impl Clock for Bench {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Event> for Bench {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.turn += 1;
        self.thrown.push(self.turn % bound);
        self.turn % bound
    }

    fn emit(&mut self, _event: Event) {}
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let config = settings.clone().validate().expect("the strategy makes valid settings");
        let mut bench = Bench::default();
        let breaker = Breaker::new(&config, &mut bench);
        Self { config, breaker, reference: Reference::new(settings), bench, held: Vec::new() }
    }

    fn live(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Pass(duration) => self.bench.now = self.bench.now + *duration,
            Happening::Ask => {
                let reply = self.step(Input::Ask);
                prop_assert_eq!(reply, self.reference.ask(self.bench.now));
                self.held.extend(Breaker::granted(reply));
            }
            Happening::End(_, _) if self.held.is_empty() => {}
            Happening::End(index, outcome) => {
                let permit = self.held.remove(index.index(self.held.len()));
                let reply = self.step(Input::End { permit, outcome: *outcome });
                prop_assert_eq!(reply, self.reference.end(self.bench.now, permit, *outcome));
            }
        }
        Ok(())
    }

    fn step(&mut self, input: Input) -> Reply {
        let reply = self.breaker.step(&self.config, input, &mut self.bench);
        self.bench.thrown.drain(..).for_each(|face| self.reference.thrown(face));
        reply
    }
}

/// The same cases in every run.
fn fixed() -> ProptestConfig {
    ProptestConfig { cases: 2_000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn it_does_as_the_naive_reference_does(settings in settings(), happenings in happenings()) {
        let mut pair = Pair::new(settings);
        for happening in &happenings {
            pair.live(happening)?;
            let state = pair.reference.stay().0;
            let told = matches!(happening, Happening::Pass(_)) || pair.breaker.state() == state;
            prop_assert!(told, "{} beside {}", pair.breaker.state().name(), state.name());
        }
    }
}
