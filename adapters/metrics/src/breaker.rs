//! One breaker's metrics.

use crate::families::{self, Registrar};
use crate::global::Global;
use crate::scrape;
use metrics::{Counter, Gauge, Recorder, SharedString};
use purlin::breaker::window::Mark;
use purlin::breaker::{Breaker, Config, Event, InitialState, Reason, Rejection, Reply, Snapshot, State};
use purlin_std::Observer;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Counts what one breaker does. The names stand in the [crate's documentation](crate).
///
/// Handles are registered when it is made (those of an operator's transitions when they first happen), so counting a
/// call is an atomic addition. Give every breaker a name of its own: two of one name would share their gauges.
pub struct BreakerMetrics {
    calls: CallCounters,
    rejections: RejectionCounters,
    thresholds: ThresholdCounters,
    states: StateGauges,
    transitions: TransitionCounters,
    window: WindowGauges,
}

impl BreakerMetrics {
    /// The metrics of a breaker called `name` that is about to be made from `config`, by the recorder that the process
    /// has installed. Install it first.
    pub fn new(name: impl Into<SharedString>, config: &Config) -> Self {
        Self::recorded_by(Global, name, config)
    }

    /// [`BreakerMetrics::new`] for a recorder of one's own, installed or not.
    pub fn recorded_by(
        recorder: impl Recorder + Send + Sync + 'static,
        name: impl Into<SharedString>,
        config: &Config,
    ) -> Self {
        families::describe(&recorder);
        let registrar = Registrar::new(recorder, name.into());
        let metrics = Self {
            calls: CallCounters::register(&registrar),
            rejections: RejectionCounters::register(&registrar),
            thresholds: ThresholdCounters::register(&registrar),
            states: StateGauges::register(&registrar),
            window: WindowGauges::register(&registrar),
            transitions: TransitionCounters::register(registrar),
        };
        metrics.states.show(initial_state(config));
        metrics
    }

    /// Shows what the window holds and its rates. Call it before a scrape: these gauges are not kept up with each call,
    /// which would cost more than the call.
    pub fn refresh(&self, snapshot: &Snapshot) {
        self.window.show(snapshot);
    }
}

impl Observer<Breaker> for BreakerMetrics {
    #[inline]
    fn replied(&self, reply: &Reply) {
        match reply {
            Reply::Admitted(_) | Reply::Ticked | Reply::Controlled | Reply::Illegal => {}
            Reply::Recorded(mark) => self.calls.count(*mark),
            Reply::Unrecorded => self.calls.ignored.increment(1),
            Reply::Late => self.calls.late.increment(1),
            Reply::Rejected(rejection) => self.rejections.count(*rejection),
        }
    }

    fn happened(&self, event: Event) {
        match event {
            Event::Transitioned { from, to, reason, .. } => {
                self.transitions.count(from, to, reason, 1);
                self.states.change(from, to);
            }
            Event::CyclesPassed { cycles } => self.transitions.count_cycles(cycles),
            Event::FailureRateExceeded { .. } => self.thresholds.failure_rate.increment(1),
            Event::SlowCallRateExceeded { .. } => self.thresholds.slow_call_rate.increment(1),
            Event::Reset => self.thresholds.resets.increment(1),
        }
    }
}

impl fmt::Debug for BreakerMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BreakerMetrics").finish_non_exhaustive()
    }
}

fn initial_state(config: &Config) -> State {
    match config.settings().initial_state {
        InitialState::Closed => State::Closed,
        InitialState::Open => State::Open,
        InitialState::HalfOpen => State::HalfOpen,
        InitialState::Disabled => State::Disabled,
        InitialState::ForcedOpen => State::ForcedOpen,
        InitialState::MetricsOnly => State::MetricsOnly,
    }
}

struct CallCounters {
    successful: Counter,
    failed: Counter,
    ignored: Counter,
    slow_successful: Counter,
    slow_failed: Counter,
    late: Counter,
}

impl CallCounters {
    fn register(registrar: &Registrar) -> Self {
        Self {
            successful: registrar.counter(&families::CALLS, &[("kind", "successful")]),
            failed: registrar.counter(&families::CALLS, &[("kind", "failed")]),
            ignored: registrar.counter(&families::CALLS, &[("kind", "ignored")]),
            slow_successful: registrar.counter(&families::SLOW_CALLS, &[("kind", "successful")]),
            slow_failed: registrar.counter(&families::SLOW_CALLS, &[("kind", "failed")]),
            late: registrar.counter(&families::LATE_RESULTS, &[]),
        }
    }

    #[inline]
    fn count(&self, mark: Mark) {
        let (all, slow) = match mark.failed {
            true => (&self.failed, &self.slow_failed),
            false => (&self.successful, &self.slow_successful),
        };
        all.increment(1);
        if mark.slow {
            slow.increment(1);
        }
    }
}

struct RejectionCounters {
    open: Counter,
    probes_taken: Counter,
    forced_open: Counter,
}

impl RejectionCounters {
    fn register(registrar: &Registrar) -> Self {
        let counter = |reason| registrar.counter(&families::NOT_PERMITTED_CALLS, &[("reason", reason)]);
        Self { open: counter("open"), probes_taken: counter("probes_taken"), forced_open: counter("forced_open") }
    }

    fn count(&self, rejection: Rejection) {
        let counter = match rejection {
            Rejection::Open { .. } => &self.open,
            Rejection::ProbesTaken => &self.probes_taken,
            Rejection::ForcedOpen => &self.forced_open,
        };
        counter.increment(1);
    }
}

struct ThresholdCounters {
    failure_rate: Counter,
    slow_call_rate: Counter,
    resets: Counter,
}

impl ThresholdCounters {
    fn register(registrar: &Registrar) -> Self {
        let counter = |rate| registrar.counter(&families::THRESHOLD_EXCEEDED, &[("rate", rate)]);
        Self {
            failure_rate: counter("failure"),
            slow_call_rate: counter("slow_call"),
            resets: registrar.counter(&families::RESETS, &[]),
        }
    }
}

/// One gauge a state, in the order of [`State::ALL`].
struct StateGauges([Gauge; State::ALL.len()]);

impl StateGauges {
    fn register(registrar: &Registrar) -> Self {
        Self(State::ALL.map(|state| registrar.gauge(&families::STATE, &[("state", state.name())])))
    }

    fn show(&self, state: State) {
        scrape(|| {
            self.0.iter().for_each(|gauge| gauge.set(0.0));
            self.gauge(state).set(1.0);
        });
    }

    /// The old gauge falls before the new one rises, so that no reader ever sees two.
    fn change(&self, from: State, to: State) {
        if from != to {
            scrape(|| {
                self.gauge(from).set(0.0);
                self.gauge(to).set(1.0);
            });
        }
    }

    fn gauge(&self, state: State) -> &Gauge {
        &self.0[state as usize]
    }
}

type Transition = (State, State, Reason);

/// The transitions that a breaker takes by itself. Registered at once, so that they are seen at zero before the first.
const BY_ITSELF: [Transition; 9] = [
    (State::Closed, State::Open, Reason::FailureRate),
    (State::Closed, State::Open, Reason::SlowCallRate),
    (State::Closed, State::Open, Reason::ServerHint),
    OPEN_WAIT_OVER,
    (State::HalfOpen, State::Closed, Reason::ProbesPassed),
    (State::HalfOpen, State::Open, Reason::FailureRate),
    (State::HalfOpen, State::Open, Reason::SlowCallRate),
    (State::HalfOpen, State::Open, Reason::ServerHint),
    HALF_OPEN_MAX_WAIT,
];
const OPEN_WAIT_OVER: Transition = (State::Open, State::HalfOpen, Reason::OpenWaitOver);
const HALF_OPEN_MAX_WAIT: Transition = (State::HalfOpen, State::Open, Reason::HalfOpenMaxWait);

struct TransitionCounters {
    registrar: Registrar,
    counters: Mutex<BTreeMap<Transition, Counter>>,
}

impl TransitionCounters {
    fn register(registrar: Registrar) -> Self {
        let counters = BY_ITSELF.into_iter().map(|transition| (transition, counter(&registrar, transition))).collect();
        Self { registrar, counters: Mutex::new(counters) }
    }

    fn count(&self, from: State, to: State, reason: Reason, times: u64) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let transition = (from, to, reason);
        counters.entry(transition).or_insert_with(|| counter(&self.registrar, transition)).increment(times);
    }

    /// A cycle that nobody noticed ends where it began: in open, by way of a half-open that lasted its maximum.
    fn count_cycles(&self, cycles: u64) {
        for (from, to, reason) in [OPEN_WAIT_OVER, HALF_OPEN_MAX_WAIT] {
            self.count(from, to, reason, cycles);
        }
    }
}

fn counter(registrar: &Registrar, (from, to, reason): Transition) -> Counter {
    let labels = [("from", from.name()), ("to", to.name()), ("reason", reason.name())];
    registrar.counter(&families::TRANSITIONS, &labels)
}

struct WindowGauges {
    successful: Gauge,
    failed: Gauge,
    slow: Gauge,
    failure_rate: Gauge,
    slow_call_rate: Gauge,
}

impl WindowGauges {
    fn register(registrar: &Registrar) -> Self {
        let buffered = |kind| registrar.gauge(&families::BUFFERED_CALLS, &[("kind", kind)]);
        Self {
            successful: buffered("successful"),
            failed: buffered("failed"),
            slow: buffered("slow"),
            failure_rate: registrar.gauge(&families::FAILURE_RATE, &[]),
            slow_call_rate: registrar.gauge(&families::SLOW_CALL_RATE, &[]),
        }
    }

    fn show(&self, snapshot: &Snapshot) {
        let totals = snapshot.totals;
        self.successful.set(f64::from(totals.calls.saturating_sub(totals.failed)));
        self.failed.set(f64::from(totals.failed));
        self.slow.set(f64::from(totals.slow));
        self.failure_rate.set(snapshot.failure_rate_percent().unwrap_or(f64::NAN));
        self.slow_call_rate.set(snapshot.slow_call_rate_percent().unwrap_or(f64::NAN));
    }
}
