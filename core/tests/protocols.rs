//! The laws of protocols, for every protocol: random scripts of requests, of time passing, and of crashes.
//!
//! Another seed: `PURLIN_SEED=7 cargo test -p purlin --test protocols`.

use core::num::NonZeroU32;
use core::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::queue::{NewMessage, Queue, Request, Settings, Timer, Token, invariants};
use purlin::{Clock, Host, Instant, Names};

/// The clock counts from here in every script.
const DAWN: Instant = Instant::from_nanos(1 << 60);

#[derive(Clone, Debug)]
enum Operation {
    Pass(Duration),
    Ask(Request),
    /// A timer fires that nobody has armed.
    Stray,
}

#[derive(Clone, Debug)]
struct Script {
    settings: Settings,
    operations: Vec<Operation>,
    dawn: Instant,
}

/// Whether the host fires timers when they are due, or not at all.
#[derive(Clone, Copy, PartialEq)]
enum Timers {
    Prompt,
    Never,
}

/// The host: a clock set by hand, a journal, the answers, and the one timer.
#[derive(Clone, Debug, Default)]
struct World {
    now: Instant,
    journal: Vec<<Queue as Protocol>::Record>,
    answers: Vec<(Ticket, <Queue as Protocol>::Answer)>,
    armed: Option<Instant>,
}

impl Clock for World {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for World {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        match effect {
            Effect::Persist(record) => self.journal.push(record),
            Effect::Answer { ticket, answer } => self.answers.push((ticket, answer)),
            Effect::Arm { timer: Timer::LeaseOver, after } => self.armed = Some(self.now + after),
            Effect::Disarm(Timer::LeaseOver) => self.armed = None,
            Effect::Notify(_) | Effect::Load(_) | Effect::Send { .. } => {}
        }
    }
}

#[derive(Clone)]
struct Run {
    queue: Queue,
    world: World,
    config: purlin::queue::Config,
    tickets: u64,
}

impl Run {
    fn start(script: &Script) -> Self {
        let config = script.settings.clone().validate().expect("the strategy makes valid settings");
        let world = World { now: script.dawn, ..World::default() };
        Self { queue: Queue::default(), world, config, tickets: 0 }
    }

    fn of(script: &Script, timers: Timers) -> Self {
        let mut run = Self::start(script);
        script.operations.iter().for_each(|operation| run.apply(operation, timers));
        run.apply(&Operation::Ask(Request::Stats), timers);
        run
    }

    fn apply(&mut self, operation: &Operation, timers: Timers) {
        match operation {
            Operation::Pass(duration) => self.pass(*duration, timers),
            Operation::Ask(request) => self.ask(request.clone()),
            Operation::Stray => self.fire(),
        }
        self.hold_invariants();
    }

    fn hold_invariants(&self) {
        let (queue, config) = (&self.queue, &self.config);
        assert!(invariants::index_follows_from_the_image(queue, config), "{queue:?}");
        assert!(invariants::one_live_token_a_lease(queue), "{queue:?}");
        assert!(invariants::at_most_one_leased_a_key(queue), "{queue:?}");
        assert!(invariants::attempts_are_bounded(queue, config), "{queue:?}");
        assert!(invariants::numbers_are_bounded(queue, config), "{queue:?}");
        assert!(invariants::every_id_leads_to_its_message(queue), "{queue:?}");
    }

    fn ask(&mut self, request: Request) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.step(Input::Request { ticket, request });
    }

    fn fire(&mut self) {
        self.step(Input::Timer(Timer::LeaseOver));
    }

    fn step(&mut self, input: Input<Queue>) {
        purlin::Machine::step(&mut self.queue, &self.config, input, &mut self.world);
    }

    fn pass(&mut self, duration: Duration, timers: Timers) {
        let until = self.world.now + duration;
        while timers == Timers::Prompt
            && let Some(due) = self.world.armed.filter(|due| *due <= until)
        {
            self.world.now = due;
            self.world.armed = None;
            self.fire();
        }
        self.world.now = until;
    }

    /// All memory is lost but what was persisted.
    fn crash(&mut self) {
        let image = self.folded();
        self.world.armed = None;
        self.queue = Queue::recover(&self.config, image, &mut self.world);
    }

    fn folded(&self) -> purlin::queue::Image {
        let mut image = purlin::queue::Image::default();
        self.world.journal.iter().cloned().for_each(|record| Queue::fold(&mut image, record));
        image
    }
}

fn scripts() -> impl Strategy<Value = Script> {
    (settings(), proptest::collection::vec(operations(), 1..80)).prop_map(|(settings, operations)| Script {
        settings,
        operations,
        dawn: DAWN,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let limits = (proptest::option::of(1..4_u32), proptest::option::of(1..3_u32), 1..9_u32, 1..5_u32);
    (1..30_u64, 1..4_u32, 0..60_u64, any::<bool>(), limits).prop_map(|(lease, attempts, dedup, blocks, limits)| {
        Settings {
            lease_ms: lease,
            max_attempts: attempts,
            dedup_retention_ms: dedup,
            dead_blocks_key: blocks,
            max_in_flight: limits.0,
            max_in_flight_per_worker: limits.1,
            max_messages: limits.2,
            max_done: limits.3,
        }
    })
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..40_u64).prop_map(|millis| Operation::Pass(Duration::from_millis(millis))),
        12 => requests().prop_map(Operation::Ask),
        1 => Just(Operation::Stray),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    let id = || (0..9_u8).prop_map(|id| format!("m{id}"));
    let token = || (0..12_u64).prop_map(Token);
    prop_oneof![
        5 => new_messages().prop_map(Request::Enqueue),
        5 => (0..2_u8, 0..4_u32, proptest::option::of(1..40_u64)).prop_map(|(worker, max, lease_ms)| Request::Claim {
            worker: format!("w{worker}"),
            max,
            lease_ms,
        }),
        4 => token().prop_map(|token| Request::Ack { token }),
        2 => (token(), 1..60_u64).prop_map(|(token, lease_ms)| Request::Extend { token, lease_ms }),
        3 => (token(), 0..30_u64).prop_map(|(token, delay_ms)| Request::Nack { token, delay_ms }),
        1 => id().prop_map(|id| Request::Kill { id }),
        1 => proptest::option::of(proptest::collection::vec(id(), 0..4)).prop_map(|ids| Request::Redrive { ids }),
        1 => id().prop_map(|id| Request::Status { id }),
        1 => Just(Request::Stats),
    ]
}

fn new_messages() -> impl Strategy<Value = NewMessage> {
    let key = proptest::option::of((0..2_u8).prop_map(|key| format!("k{key}")));
    let dedup_id = proptest::option::of((0..3_u8).prop_map(|id| format!("d{id}")));
    (0..9_u8, key, dedup_id, proptest::option::of(0..200_u64)).prop_map(|(id, key, dedup_id, not_before)| NewMessage {
        id: format!("m{id}"),
        payload: String::new(),
        key,
        not_before: not_before.map(|millis| DAWN + Duration::from_millis(millis)),
        dedup_id,
    })
}

fn prove(law: impl Fn(Script) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config =
        Config { cases: 1_000, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    if let Err(broken) = TestRunner::new(config).run(&scripts(), law) {
        panic!("{broken}");
    }
}

#[test]
fn the_image_is_the_fold_of_what_was_persisted() {
    prove(|script| {
        let mut run = Run::start(&script);
        for operation in &script.operations {
            run.apply(operation, Timers::Prompt);
            prop_assert_eq!(&run.folded(), run.queue.image());
        }
        Ok(())
    });
}

#[test]
fn recovery_decides_as_if_nothing_had_happened() {
    prove(|script| {
        let (mut steady, mut shaken) = (Run::start(&script), Run::start(&script));
        for operation in &script.operations {
            steady.apply(operation, Timers::Prompt);
            shaken.apply(operation, Timers::Prompt);
            shaken.crash();
            prop_assert_eq!(&steady.world.answers, &shaken.world.answers);
            prop_assert_eq!(&steady.world.journal, &shaken.world.journal);
            prop_assert_eq!(steady.world.armed, shaken.world.armed);
        }
        Ok(())
    });
}

#[test]
fn a_stale_timer_changes_nothing_durable() {
    prove(|script| {
        let mut run = Run::start(&script);
        for operation in &script.operations {
            run.apply(operation, Timers::Prompt);
            let before = run.world.journal.len();
            run.fire();
            prop_assert_eq!(run.world.journal.len(), before);
        }
        Ok(())
    });
}

#[test]
fn noticing_late_equals_ticking_on_time() {
    prove(|script| {
        let (prompt, late) = (Run::of(&script, Timers::Prompt), Run::of(&script, Timers::Never));
        prop_assert_eq!(prompt.world.answers, late.world.answers);
        prop_assert_eq!(prompt.world.journal, late.world.journal);
        Ok(())
    });
}

#[test]
fn every_request_is_answered_once() {
    prove(|script| {
        let run = Run::of(&script, Timers::Prompt);
        let tickets: Vec<u64> = run.world.answers.iter().map(|(ticket, _)| ticket.0).collect();
        prop_assert_eq!(tickets, (1..=run.tickets).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn shifting_time_shifts_the_result() {
    prove(|script| {
        let shift = Duration::from_nanos(77_000_000_001);
        let mut shifted = script.clone();
        shifted.dawn = script.dawn + shift;
        for operation in &mut shifted.operations {
            if let Operation::Ask(Request::Enqueue(NewMessage { not_before: Some(at), .. })) = operation {
                *at = *at + shift;
            }
        }
        let mut later = Run::of(&shifted, Timers::Prompt);
        later.queue.instants(&mut |instant| *instant = *instant - shift);
        let run = Run::of(&script, Timers::Prompt);
        prop_assert_eq!(run.queue.image().messages.clone(), later.queue.image().messages.clone());
        Ok(())
    });
}
