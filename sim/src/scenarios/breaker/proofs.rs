//! Each kind of fault of a called service is proven by a planted mistake that survives every campaign until that fault is
//! switched on. All of them are mistakes about what the end of a call means.

use super::claims::THE_REFERENCE_AGREES;
use super::swarm::{Errands, Onlooker, Subject, Swarm};
use super::{Options, Plan, draw};
use crate::Watch;
use crate::die::Die;
use crate::plan::{Fault, FaultKind, Ratio, Span};
use crate::simulation::Simulation;
use core::time::Duration;
use purlin::breaker::{Breaker, Config, Input, Outcome, Permit, Reply, Settings};
use purlin::{Clock, Instant, Machine, Policy};

/// Seeds of the campaigns without the fault, and of those with it.
const SEEDS_WITHOUT: u64 = 100;
const SEEDS_WITH: u64 = 20;

/// Such spans that the ways to end can be told apart: a refusal takes two messages, an answer the work besides.
const LINK: Span = Span::new(0, 4);
const SERVICE: Span = Span::new(60, 90);
const REFUSED_WITHIN: Duration = Duration::from_millis(8);
const ANSWERED_FROM: Duration = Duration::from_millis(60);
const ANSWERED_WITHIN: Duration = Duration::from_millis(98);
const TIMEOUT: Duration = Duration::from_millis(1_000);
const PATIENCE: Duration = Duration::from_millis(5_000);

/// The end of a call, and what is known of it.
struct End {
    at: Instant,
    began: Instant,
    outcome: Outcome,
    /// How many calls began in the second in which this one did.
    calls_in_second: u32,
    /// How many calls, this one included, have ended well but late at this instant.
    late_ones_at_once: u32,
}

impl End {
    fn took(&self) -> Duration {
        self.at.saturating_since(self.began)
    }

    fn failed_after(&self, least: Duration, most: Duration) -> bool {
        self.outcome == Outcome::Failure && (least..=most).contains(&self.took())
    }

    fn is_late_success(&self) -> bool {
        self.outcome == Outcome::Success && self.took() > ANSWERED_WITHIN
    }

    /// Whether it began so near to the middle of a second that its message arrives within it.
    fn began_within_second(&self) -> bool {
        (20_000_000..980_000_000).contains(&(self.began.as_nanos() % 1_000_000_000))
    }
}

/// A breaker whose user takes some ends of calls for the contrary.
#[derive(Clone)]
struct Mistaken {
    breaker: Breaker,
    mistakes: fn(&End) -> bool,
    second: (u64, u32),
    late: (Instant, u32),
}

impl Mistaken {
    fn began(&mut self, at: Instant) {
        let second = at.as_nanos() / 1_000_000_000;
        self.second = if self.second.0 == second { (second, self.second.1 + 1) } else { (second, 1) };
    }

    fn ended(&mut self, at: Instant, permit: Permit, outcome: Outcome) -> Outcome {
        let began = permit.started.expect("calls are timed");
        let calls_in_second = if began.as_nanos() / 1_000_000_000 == self.second.0 { self.second.1 } else { u32::MAX };
        let mut end = End { at, began, outcome, calls_in_second, late_ones_at_once: 0 };
        if end.is_late_success() {
            self.late = if self.late.0 == at { (at, self.late.1 + 1) } else { (at, 1) };
            end.late_ones_at_once = self.late.1;
        }
        match outcome {
            _ if !(self.mistakes)(&end) => outcome,
            Outcome::Success => Outcome::Failure,
            _ => Outcome::Success,
        }
    }
}

impl Subject for Mistaken {
    fn step(&mut self, config: &Config, input: Input, host: &mut Errands<'_>) -> Reply {
        let now = host.now();
        let taken = match input {
            Input::End { permit, outcome } => Input::End { permit, outcome: self.ended(now, permit, outcome) },
            _ => input,
        };
        let reply = Machine::step(&mut self.breaker, config, taken, host);
        if let Reply::Admitted(_) = reply {
            self.began(now);
        }
        reply
    }

    fn machine(&self) -> Option<&Breaker> {
        None
    }
}

/// A kind of fault, and the mistake that it brings to light.
struct Row {
    kind: &'static str,
    /// The other kinds that end calls in the same way: alone, or as a refusal that comes late looks like an answer.
    also: &'static [&'static str],
    mistakes: fn(&End) -> bool,
    fault: fn(&mut Die) -> FaultKind,
}

const ROWS: [Row; 8] = [
    // Whoever answers after the usual time is well, whatever the answer says.
    Row {
        kind: "errors",
        also: &["crash", "delay", "cut"],
        mistakes: |end| end.failed_after(ANSWERED_FROM, ANSWERED_WITHIN),
        fault: |_| FaultKind::Errors { share: HALF },
    },
    // Work that was broken off has been done in part, so it counts as done.
    Row {
        kind: "crash",
        also: &["delay", "cut"],
        mistakes: |end| end.failed_after(REFUSED_WITHIN + A_BIT, ANSWERED_FROM - A_BIT),
        fault: |_| FaultKind::Crash,
    },
    // The only call of a second cannot have been too much: a refusal at once is a mistake of the network's, and no failure.
    Row {
        kind: "abort",
        also: &["crash", "delay", "cut"],
        mistakes: |end| {
            end.failed_after(Duration::ZERO, REFUSED_WITHIN) && end.calls_in_second == 1 && end.began_within_second()
        },
        fault: |_| FaultKind::Abort { share: HALF },
    },
    // A refusal at once is a full house, and thus a success.
    Row {
        kind: "rate_limit",
        also: &["abort", "crash"],
        mistakes: |end| end.failed_after(Duration::ZERO, REFUSED_WITHIN),
        fault: |die| FaultKind::RateLimit { per_second: die.between(1, 5) as u32 },
    },
    // What comes late comes too late, so it has failed.
    Row {
        kind: "slow",
        also: &["delay", "cut"],
        mistakes: End::is_late_success,
        fault: |die| FaultKind::Slow { extra: Span::new(50, die.between(60, 400)) },
    },
    // The fifth late result in one instant can only be the fourth once more.
    Row { kind: "cut", also: &[], mistakes: |end| end.late_ones_at_once >= 5, fault: |_| FaultKind::Cut },
    // Who has said nothing has not said no.
    Row {
        kind: "hang",
        also: &["lose", "cut", "slow", "delay"],
        mistakes: |end| end.failed_after(TIMEOUT, PATIENCE),
        fault: |_| FaultKind::Hang { share: HALF },
    },
    // Nobody gives up before the time that was agreed, so the call must have ended.
    Row {
        kind: "impatience",
        also: &[],
        mistakes: |end| end.outcome == Outcome::Cancelled && end.took() < TIMEOUT,
        fault: |die| FaultKind::Impatience { patience_ms: die.between(1, 60) },
    },
];

const HALF: Ratio = match Ratio::new(1, 2) {
    Some(half) => half,
    None => Ratio::ALL,
};

const A_BIT: Duration = Duration::from_nanos(1);

/// A drawn plan in which ends can be told apart, and nothing of these kinds is left.
fn plan(seed: u64, without: &[&str]) -> Plan {
    let drawn = draw::plan(seed);
    let breaker = Settings {
        slow_call_duration_ms: Some(2 * PATIENCE.as_millis() as u64),
        half_open_max_wait_ms: None,
        ..drawn.options.breaker
    };
    let options = Options {
        clients: 12,
        service: SERVICE,
        link: LINK,
        patience_ms: PATIENCE.as_millis() as u64,
        attempt_timeout_ms: TIMEOUT.as_millis() as u64,
        clock_drift_ppm: 0,
        breaker,
        ..drawn.options
    };
    let mut plan = Plan { options, ..drawn };
    plan.faults.retain(|fault| !without.contains(&fault.kind.name()));
    plan
}

fn plan_with(seed: u64, row: &Row) -> Plan {
    let mut plan = plan(seed, &[]);
    let die = &mut Die::new(seed, "faults");
    let faults = (0..4).map(|place| {
        let start_ms = place * plan.options.safety_ms / 4 + die.below(100);
        Fault { start_ms, duration_ms: die.between(300, 800), kind: (row.fault)(die) }
    });
    plan.faults = faults.collect();
    plan
}

/// The property that is broken, if one is.
fn broken(plan: &Plan, mistakes: fn(&End) -> bool) -> Option<&'static str> {
    plan.validate().unwrap();
    let config = plan.options.config().unwrap();
    let breaker = Breaker::new(&config, &mut Onlooker);
    let mistaken = Mistaken { breaker, mistakes, second: (u64::MAX, 0), late: (Instant::ORIGIN, 0) };
    let mut swarm = Box::new(Swarm::new(plan, config, mistaken, Watch::default()).unwrap());
    swarm.advance(Instant::MAX);
    swarm.finish().recorded.violation.map(|violation| violation.property)
}

/// What is wrong with a row, if anything is.
fn disproof(row: &Row) -> Option<String> {
    let Row { kind, also, mistakes, .. } = row;
    let without = [&[*kind], *also].concat();
    let shows = (0..SEEDS_WITHOUT).find(|seed| broken(&plan(*seed, &without), *mistakes).is_some());
    if let Some(seed) = shows {
        return Some(format!("it shows without {kind} at seed {seed}: {:?}", plan(seed, &without).faults));
    }
    let with = || (0..SEEDS_WITH).map(|seed| plan_with(seed, row));
    if let Some(property) = with().find_map(|plan| broken(&plan, |_| false)) {
        return Some(format!("{kind} breaks {property} without any mistake"));
    }
    let found = with().find_map(|plan| broken(&plan, *mistakes));
    (found != Some(THE_REFERENCE_AGREES)).then(|| format!("{kind} brings {found:?} to light"))
}

#[test]
fn each_kind_of_fault_of_a_service_brings_a_mistake_to_light_that_nothing_else_does() {
    let disproofs: Vec<String> = ROWS.iter().filter_map(disproof).collect();
    assert!(disproofs.is_empty(), "{disproofs:#?}");
}
