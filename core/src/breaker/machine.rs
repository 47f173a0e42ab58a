//! The breaker itself: what it is, and how it steps.

use super::config::{CancelledCounts, Config, InitialState, MaxWaitTo};
use super::invariants;
use super::window::{Mark, Totals, Window};
use crate::machine::{Epoch, Host, Machine, Names, Policy};
use crate::time::{Instant, nanos};
use core::num::NonZeroU32;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// What a breaker can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Admits all calls and judges by its window.
    Closed,
    /// Rejects all calls until its wait is over.
    Open,
    /// Admits a bounded number of probes, whose results decide.
    HalfOpen,
    /// Admits all calls and records nothing.
    Disabled,
    /// Rejects all calls until it is told otherwise.
    ForcedOpen,
    /// Admits all calls, records, and never leaves by itself.
    MetricsOnly,
}

impl State {
    /// All states, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Closed, Self::Open, Self::HalfOpen, Self::Disabled, Self::ForcedOpen, Self::MetricsOnly];

    /// Its name as it stands in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Disabled => "disabled",
            Self::ForcedOpen => "forced_open",
            Self::MetricsOnly => "metrics_only",
        }
    }
}

/// What an admitted call holds: the epoch that admitted it, and when, if calls are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Permit {
    /// A result counts only while the breaker is still in the epoch that admitted its call.
    pub epoch: Epoch,
    /// When the call was admitted; `None` where slow calls do not count.
    pub started: Option<Instant>,
}

impl Names for Permit {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.started.iter_mut().for_each(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        each(&mut self.epoch);
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well; slow or not by the breaker's own clock.
    Success,
    /// Badly; slow or not by the breaker's own clock.
    Failure,
    /// In a way that says nothing of the service (a client's error): its permit goes back, nothing is recorded.
    Ignored,
    /// Not at all: it was dropped. Counts as [`Settings::cancelled_counts`](super::Settings::cancelled_counts) says.
    Cancelled,
    /// With a duration that the caller measured.
    Reported {
        /// Whether it failed.
        failed: bool,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// Badly, and the server said how long to stay away (`Retry-After`). Opens the breaker for that long where
    /// [`Settings::server_hint_max_ms`](super::Settings::server_hint_max_ms) allows it.
    Hinted {
        /// How long the server wants to be left alone, in milliseconds.
        retry_after_ms: u64,
    },
}

/// What an operator may tell a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Closed, with a fresh window; announced as a reset.
    Reset,
    /// Closed, with a fresh window.
    Close,
    /// Open for the configured wait.
    Open,
    /// Open for so many milliseconds.
    OpenFor {
        /// The wait in milliseconds.
        ms: u64,
    },
    /// Open until an instant.
    OpenUntil {
        /// The instant on the breaker's clock.
        at: Instant,
    },
    /// Half-open. Illegal from closed and from metrics only.
    HalfOpen,
    /// Rejects all calls until told otherwise.
    ForceOpen,
    /// Admits all calls and records nothing.
    Disable,
    /// Admits all calls and records them, without consequences.
    MetricsOnly,
}

/// Everything that can happen to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A caller asks for a permit.
    Ask,
    /// A caller gives its permit back.
    End {
        /// The permit that [`Reply::Admitted`] gave.
        permit: Permit,
        /// How the call ended.
        outcome: Outcome,
    },
    /// Time passes.
    Tick,
    /// An operator speaks.
    Control(Control),
}

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The breaker is open.
    Open {
        /// The first instant at which asking again can succeed.
        retry_at: Instant,
    },
    /// The breaker is half-open and all its probes are on their way.
    ProbesTaken,
    /// The breaker was forced open.
    ForcedOpen,
}

/// A breaker's immediate answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Input::Ask`]: go ahead, and bring this back.
    Admitted(Permit),
    /// To [`Input::Ask`]: no.
    Rejected(Rejection),
    /// To [`Input::End`]: the result is in the window, and counts like this.
    Recorded(Mark),
    /// To [`Input::End`]: the result says nothing that counts here; a half-open permit went back.
    Unrecorded,
    /// To [`Input::End`]: the call belongs to an earlier epoch (or to none). Nothing changed.
    Late,
    /// To [`Input::Tick`].
    Ticked,
    /// To [`Input::Control`]: done.
    Controlled,
    /// To [`Input::Control`]: there is no such transition from this state. Nothing changed.
    Illegal,
}

/// Why a breaker went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Too many calls failed (perhaps too many were slow as well).
    FailureRate,
    /// Too many calls were slow.
    SlowCallRate,
    /// The probes went well.
    ProbesPassed,
    /// The open wait is over.
    OpenWaitOver,
    /// Half-open lasted its maximum.
    HalfOpenMaxWait,
    /// The server asked to be left alone.
    ServerHint,
    /// An operator said so.
    Control,
}

impl Reason {
    /// Its name as it stands in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowCallRate => "slow_call_rate",
            Self::ProbesPassed => "probes_passed",
            Self::OpenWaitOver => "open_wait_over",
            Self::HalfOpenMaxWait => "half_open_max_wait",
            Self::ServerHint => "server_hint",
            Self::Control => "control",
        }
    }
}

/// What a breaker announces. No decision of a host is asked for, so a host may ignore all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It went from one state to another (perhaps the same, entered afresh).
    Transitioned {
        /// Where it was.
        from: State,
        /// Where it is.
        to: State,
        /// Why.
        reason: Reason,
        /// When, which is a timer's own deadline even if it was noticed late.
        at: Instant,
        /// The new epoch.
        epoch: Epoch,
    },
    /// So many whole cycles of open and half-open went by unnoticed.
    CyclesPassed {
        /// How many.
        cycles: u64,
    },
    /// The share of failed calls reached its threshold, in closed or metrics only. At most once a stay.
    FailureRateExceeded {
        /// What the window held.
        totals: Totals,
    },
    /// The share of slow calls reached its threshold, in closed or metrics only. At most once a stay.
    SlowCallRateExceeded {
        /// What the window held.
        totals: Totals,
    },
    /// An operator reset it.
    Reset,
}

/// What a stay in a state has to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stay {
    Closed,
    Open {
        since: Instant,
        /// Set by an operator or a server: the wait ends then, whatever the schedule says.
        held_until: Option<Instant>,
        /// The window is the one that half-open left behind.
        probed: bool,
    },
    HalfOpen {
        since: Instant,
        in_flight: u32,
    },
    Disabled,
    ForcedOpen,
    MetricsOnly {
        failure_rate_told: bool,
        slow_call_rate_told: bool,
    },
}

impl Stay {
    const METRICS_ONLY: Self = Self::MetricsOnly { failure_rate_told: false, slow_call_rate_told: false };

    pub(super) const fn state(&self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen { .. } => State::HalfOpen,
            Self::Disabled => State::Disabled,
            Self::ForcedOpen => State::ForcedOpen,
            Self::MetricsOnly { .. } => State::MetricsOnly,
        }
    }
}

/// A circuit breaker. See the [module](super) for its states.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Breaker {
    pub(super) epoch: Epoch,
    pub(super) stay: Stay,
    pub(super) window: Window,
    /// Opens in a row, since the breaker was last closed, disabled or metrics only.
    pub(super) openings: u32,
    /// How far the open waits of this row are stretched, in steps of the jitter.
    pub(super) stretch: u32,
    /// Where the edges of time buckets are counted from: creation, or the reconfiguration that brought a time window.
    pub(super) anchor: Option<Instant>,
}

impl Machine for Breaker {
    type Config = Config;
    type Input = Input;
    type Reply = Reply;
    type Effect = Event;

    #[inline]
    fn step(&mut self, config: &Config, input: Input, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        self.catch_up(config, host);
        let reply = match input {
            Input::Ask => self.ask(config, host),
            Input::End { permit, outcome } => self.end(config, permit, outcome, host),
            Input::Tick => Reply::Ticked,
            Input::Control(control) => self.control(config, control, host),
        };
        debug_assert!(invariants::window_counts_its_calls(self));
        debug_assert!(invariants::no_decision_is_due(self, config));
        reply
    }

    fn reconfigure(&mut self, old: &Config, new: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        self.catch_up(old, host);
        self.refit_window(old, new, host);
        self.refit_timers(new, host);
        self.decide(new, host);
        self.catch_up(new, host);
    }

    fn settle(&mut self, config: &Config, now: Instant) {
        self.settle_anchor(config, now);
        self.settle_stay(config, now);
        if let Stay::Open { probed, .. } = &mut self.stay {
            *probed = false;
            self.window = config.probe_window();
        }
        self.openings = self.openings.min(config.last_distinct_opening());
        self.window.settle(now);
    }
}

impl Names for Breaker {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        match &mut self.stay {
            Stay::Open { since, held_until, .. } => {
                each(since);
                held_until.iter_mut().for_each(&mut *each);
            }
            Stay::HalfOpen { since, .. } => each(since),
            Stay::Closed | Stay::Disabled | Stay::ForcedOpen | Stay::MetricsOnly { .. } => {}
        }
        self.window.instants(each);
        self.anchor.iter_mut().for_each(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        each(&mut self.epoch);
    }
}

impl Policy for Breaker {
    type Permit = Permit;
    type Outcome = Outcome;
    const CANCELLED: Outcome = Outcome::Cancelled;

    fn new(config: &Config, host: &mut (impl Host<Event> + ?Sized)) -> Self {
        let anchor = config.is_timed_window().then(|| host.now());
        let window = config.window(|| anchor.unwrap_or_default());
        let mut breaker = Self { epoch: Epoch(0), stay: Stay::Closed, window, openings: 0, stretch: 0, anchor };
        match config.settings().initial_state {
            InitialState::Closed => {}
            InitialState::Open => breaker.start_open(config, host),
            InitialState::HalfOpen => {
                breaker.window = config.probe_window();
                breaker.stay = Stay::HalfOpen { since: host.now(), in_flight: 0 };
            }
            InitialState::Disabled => breaker.stay = Stay::Disabled,
            InitialState::ForcedOpen => breaker.stay = Stay::ForcedOpen,
            InitialState::MetricsOnly => breaker.stay = Stay::METRICS_ONLY,
        }
        breaker
    }

    fn wake(&self, config: &Config) -> Option<Instant> {
        let due = match self.stay {
            Stay::Open { .. } if config.settings().auto_half_open => self.open_until(config),
            Stay::HalfOpen { since, .. } => since + config.half_open_max_wait()?,
            _ => return None,
        };
        // The end of the clock's range is never reached, so a timer that saturated there never fires.
        (due < Instant::MAX).then_some(due)
    }

    fn ask() -> Input {
        Input::Ask
    }

    fn end(permit: Permit, outcome: Outcome) -> Input {
        Input::End { permit, outcome }
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn granted(reply: Reply) -> Result<Permit, Reply> {
        if let Reply::Admitted(permit) = reply { Ok(permit) } else { Err(reply) }
    }

    fn settle_permit(&self, config: &Config, permit: &mut Permit, now: Instant) {
        if permit.epoch != self.epoch {
            *permit = Permit { epoch: Epoch(self.epoch.0.saturating_sub(1)), started: None };
        } else if let (Some(started), Some(limit)) = (&mut permit.started, config.slow_call_duration()) {
            *started = (*started).max(now - limit - Duration::from_nanos(1));
        }
    }
}

/// Looking at a breaker.
impl Breaker {
    /// What it was in at its last step. Timers that have fallen due since are not noticed yet: see [`Breaker::at`].
    pub fn state(&self) -> State {
        self.stay.state()
    }

    /// The present epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The window that the present state judges by; in open, the one of the state before.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Opens in a row, since the breaker was last closed, disabled or metrics only.
    pub fn openings(&self) -> u32 {
        self.openings
    }

    /// Probes on their way.
    pub fn probes_in_flight(&self) -> u32 {
        if let Stay::HalfOpen { in_flight, .. } = self.stay { in_flight } else { 0 }
    }

    /// Probes that half-open would still admit.
    pub fn probes_free(&self, config: &Config) -> u32 {
        let Stay::HalfOpen { in_flight, .. } = self.stay else { return 0 };
        let permitted = config.settings().permitted_half_open_calls;
        permitted.saturating_sub(in_flight).saturating_sub(self.window.totals().calls)
    }

    /// When open ends, if it is open: from the schedule, an operator or a server.
    pub fn open_ends(&self, config: &Config) -> Option<Instant> {
        matches!(self.stay, Stay::Open { .. }).then(|| self.open_until(config))
    }

    /// The same breaker with every timer noticed that has fallen due by `now`, and calls too old for its window gone.
    #[must_use]
    pub fn at(&self, config: &Config, now: Instant) -> Self {
        let mut breaker = self.clone();
        breaker.catch_up(config, &mut Onlooker(now));
        breaker.window.roll(now);
        breaker
    }

    /// The fewest calls that the window must hold before its rates mean anything.
    pub fn minimum_calls(&self, config: &Config) -> u32 {
        match self.stay {
            Stay::HalfOpen { .. } | Stay::Open { probed: true, .. } => config.minimum_calls_half_open(),
            _ => config.minimum_calls_closed(),
        }
    }

    fn open_until(&self, config: &Config) -> Instant {
        let Stay::Open { since, held_until, .. } = self.stay else { return Instant::MAX };
        held_until.unwrap_or_else(|| since + config.open_wait(self.openings, self.stretch))
    }

    /// The first instant at which an open breaker can admit: with a timer its deadline, else strictly after it.
    pub(super) fn retry_at(&self, config: &Config) -> Instant {
        let until = self.open_until(config);
        if config.settings().auto_half_open { until } else { until + Duration::from_nanos(1) }
    }
}

/// Callers.
impl Breaker {
    fn ask(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        match self.stay {
            Stay::Closed | Stay::MetricsOnly { .. } => self.admit(config, host),
            Stay::Disabled => Reply::Admitted(Permit { epoch: self.epoch, started: None }),
            Stay::ForcedOpen => Reply::Rejected(Rejection::ForcedOpen),
            Stay::Open { .. } => self.ask_while_open(config, host),
            Stay::HalfOpen { .. } => self.ask_for_probe(config, host),
        }
    }

    fn admit(&self, config: &Config, host: &(impl Host<Event> + ?Sized)) -> Reply {
        let started = config.slow_call_duration().map(|_| host.now());
        Reply::Admitted(Permit { epoch: self.epoch, started })
    }

    fn ask_while_open(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        let now = host.now();
        let retry_at = self.retry_at(config);
        if now < retry_at {
            return Reply::Rejected(Rejection::Open { retry_at });
        }
        self.half_open(config, Reason::OpenWaitOver, now, host);
        self.ask_for_probe(config, host)
    }

    fn ask_for_probe(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        if self.probes_free(config) == 0 {
            return Reply::Rejected(Rejection::ProbesTaken);
        }
        if let Stay::HalfOpen { in_flight, .. } = &mut self.stay {
            *in_flight += 1;
        }
        self.admit(config, host)
    }

    fn end(
        &mut self,
        config: &Config,
        permit: Permit,
        outcome: Outcome,
        host: &mut (impl Host<Event> + ?Sized),
    ) -> Reply {
        if permit.epoch != self.epoch || !self.takes_back_permit() {
            return Reply::Late;
        }
        if matches!(self.stay, Stay::Disabled | Stay::ForcedOpen | Stay::Open { .. }) {
            return Reply::Unrecorded;
        }
        let Some(mark) = judge(config, permit, outcome, host) else { return Reply::Unrecorded };
        self.record(mark, host);
        self.decide(config, host);
        self.heed_hint(config, permit, outcome, host);
        Reply::Recorded(mark)
    }

    /// Half-open counts its permits back in, and knows one that it never gave.
    fn takes_back_permit(&mut self) -> bool {
        let Stay::HalfOpen { in_flight, .. } = &mut self.stay else { return true };
        let known = *in_flight > 0;
        *in_flight = in_flight.saturating_sub(1);
        known
    }

    fn record(&mut self, mark: Mark, host: &(impl Host<Event> + ?Sized)) {
        match &mut self.window {
            Window::Count(window) => window.record(mark),
            Window::Time(window) => window.record(mark, host.now()),
        }
    }

    fn heed_hint(&mut self, config: &Config, permit: Permit, outcome: Outcome, host: &mut (impl Host<Event> + ?Sized)) {
        let (Outcome::Hinted { retry_after_ms }, Some(max_ms)) = (outcome, config.settings().server_hint_max_ms) else {
            return;
        };
        if matches!(self.stay, Stay::MetricsOnly { .. }) {
            return;
        }
        let now = host.now();
        let held_until = Some(now + Duration::from_millis(retry_after_ms.min(max_ms)));
        if permit.epoch == self.epoch {
            self.open(config, held_until, Reason::ServerHint, now, host);
        } else if let Stay::Open { held_until: held, .. } = &mut self.stay {
            // The result itself has just opened the breaker; the hint only says for how long.
            *held = held_until;
        }
    }
}

/// How a call counts; `None` if it does not.
fn judge(config: &Config, permit: Permit, outcome: Outcome, clock: &(impl Host<Event> + ?Sized)) -> Option<Mark> {
    let slow_limit = config.slow_call_duration();
    let measured_slow = || match (slow_limit, permit.started) {
        (Some(limit), Some(started)) => clock.now().saturating_since(started) > limit,
        _ => false,
    };
    match outcome {
        Outcome::Success => Some(Mark { failed: false, slow: measured_slow() }),
        Outcome::Failure | Outcome::Hinted { .. } => Some(Mark { failed: true, slow: measured_slow() }),
        Outcome::Ignored => None,
        Outcome::Reported { failed, duration_ms } => {
            let slow = slow_limit.is_some_and(|limit| Duration::from_millis(duration_ms) > limit);
            Some(Mark { failed, slow })
        }
        Outcome::Cancelled => match config.settings().cancelled_counts {
            CancelledCounts::Ignored => None,
            CancelledCounts::Failed => Some(Mark { failed: true, slow: measured_slow() }),
            CancelledCounts::FailedIfSlow => measured_slow().then_some(Mark { failed: true, slow: true }),
        },
    }
}

/// Decisions.
impl Breaker {
    fn decide(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        let totals = self.window.totals();
        if totals.calls < self.minimum_calls(config) {
            return;
        }
        let settings = config.settings();
        let failing = settings.failure_rate_threshold_percent.is_reached_by(totals.failed, totals.calls);
        let slow = settings.slow_call_rate_threshold_percent.is_reached_by(totals.slow, totals.calls);
        match self.stay {
            Stay::Closed if failing || slow => {
                announce(totals, failing, slow, host);
                self.trip(config, failing, host);
            }
            Stay::HalfOpen { .. } if failing || slow => self.trip(config, failing, host),
            Stay::HalfOpen { .. } => {
                let now = host.now();
                self.close(config, Reason::ProbesPassed, now, host);
            }
            Stay::MetricsOnly { .. } => self.announce_once(totals, failing, slow, host),
            Stay::Closed | Stay::Open { .. } | Stay::Disabled | Stay::ForcedOpen => {}
        }
    }

    fn trip(&mut self, config: &Config, failing: bool, host: &mut (impl Host<Event> + ?Sized)) {
        let reason = if failing { Reason::FailureRate } else { Reason::SlowCallRate };
        let now = host.now();
        self.open(config, None, reason, now, host);
    }

    fn announce_once(&mut self, totals: Totals, failing: bool, slow: bool, host: &mut (impl Host<Event> + ?Sized)) {
        let Stay::MetricsOnly { failure_rate_told, slow_call_rate_told } = &mut self.stay else { return };
        announce(totals, failing && !*failure_rate_told, slow && !*slow_call_rate_told, host);
        *failure_rate_told |= failing;
        *slow_call_rate_told |= slow;
    }
}

fn announce(totals: Totals, failing: bool, slow: bool, host: &mut (impl Host<Event> + ?Sized)) {
    if failing {
        host.emit(Event::FailureRateExceeded { totals });
    }
    if slow {
        host.emit(Event::SlowCallRateExceeded { totals });
    }
}

/// Transitions. Each begins a new epoch, so whatever is still on its way belongs to an earlier one.
impl Breaker {
    fn enter(
        &mut self,
        stay: Stay,
        window: Option<Window>,
        reason: Reason,
        at: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) {
        let from = self.state();
        self.epoch = self.epoch.next();
        self.stay = stay;
        if let Some(window) = window {
            self.window = window;
        }
        host.emit(Event::Transitioned { from, to: self.state(), reason, at, epoch: self.epoch });
    }

    fn open(
        &mut self,
        config: &Config,
        held_until: Option<Instant>,
        reason: Reason,
        at: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) {
        self.count_opening(config, host);
        let probed = matches!(self.stay, Stay::HalfOpen { .. } | Stay::Open { probed: true, .. });
        self.enter(Stay::Open { since: at, held_until, probed }, None, reason, at, host);
    }

    fn start_open(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        self.count_opening(config, host);
        self.stay = Stay::Open { since: host.now(), held_until: None, probed: false };
    }

    fn count_opening(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        if self.openings == 0 {
            let steps = config.settings().open_wait_jitter.map_or(0, |jitter| jitter.steps);
            self.stretch = NonZeroU32::new(steps).map_or(0, |steps| host.choose(steps.saturating_add(1)));
        }
        self.openings = self.openings.saturating_add(1);
    }

    fn half_open(&mut self, config: &Config, reason: Reason, at: Instant, host: &mut (impl Host<Event> + ?Sized)) {
        let stay = Stay::HalfOpen { since: at, in_flight: 0 };
        self.enter(stay, Some(config.probe_window()), reason, at, host);
    }

    fn close(&mut self, config: &Config, reason: Reason, at: Instant, host: &mut (impl Host<Event> + ?Sized)) {
        self.enter_calm(Stay::Closed, config, reason, at, host);
    }

    /// Into a state that ends a row of opens.
    fn enter_calm(
        &mut self,
        stay: Stay,
        config: &Config,
        reason: Reason,
        at: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) {
        self.openings = 0;
        self.stretch = 0;
        let window = self.fresh_window(config);
        self.enter(stay, Some(window), reason, at, host);
    }

    fn fresh_window(&self, config: &Config) -> Window {
        config.window(|| self.anchor.unwrap_or_default())
    }
}

/// Operators.
impl Breaker {
    fn control(&mut self, config: &Config, control: Control, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        if self.forbids(control) {
            return Reply::Illegal;
        }
        let now = host.now();
        let reason = Reason::Control;
        match control {
            Control::Reset => {
                self.close(config, reason, now, host);
                host.emit(Event::Reset);
            }
            Control::Close => self.close(config, reason, now, host),
            Control::Open => self.open(config, None, reason, now, host),
            Control::OpenFor { ms } => self.open(config, Some(now + Duration::from_millis(ms)), reason, now, host),
            Control::OpenUntil { at } => self.open(config, Some(at.max(now)), reason, now, host),
            Control::HalfOpen => self.half_open(config, reason, now, host),
            Control::ForceOpen => {
                let window = self.fresh_window(config);
                self.enter(Stay::ForcedOpen, Some(window), reason, now, host);
            }
            Control::Disable => self.enter_calm(Stay::Disabled, config, reason, now, host),
            Control::MetricsOnly => self.enter_calm(Stay::METRICS_ONLY, config, reason, now, host),
        }
        Reply::Controlled
    }

    /// The transitions that resilience4j's `StateTransition` does not know.
    fn forbids(&self, control: Control) -> bool {
        match control {
            Control::HalfOpen => matches!(self.stay, Stay::Closed | Stay::MetricsOnly { .. }),
            Control::Open | Control::OpenFor { .. } | Control::OpenUntil { .. } => {
                matches!(self.stay, Stay::MetricsOnly { .. })
            }
            _ => false,
        }
    }
}

/// Timers. Each takes effect at its own deadline, however late it is noticed.
impl Breaker {
    fn catch_up(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        while let Some(due) = self.wake(config) {
            let now = host.now();
            if now < due {
                return;
            }
            let due = self.pass_idle_cycles(config, due, now, host);
            self.expire(config, due, host);
        }
    }

    fn expire(&mut self, config: &Config, due: Instant, host: &mut (impl Host<Event> + ?Sized)) {
        match (self.stay, config.settings().half_open_max_wait_to) {
            (Stay::HalfOpen { .. }, MaxWaitTo::Open) => self.open(config, None, Reason::HalfOpenMaxWait, due, host),
            (Stay::HalfOpen { .. }, MaxWaitTo::Closed) => self.close(config, Reason::HalfOpenMaxWait, due, host),
            _ => self.half_open(config, Reason::OpenWaitOver, due, host),
        }
    }

    /// Opens and half-opens that came and went with nobody looking, all alike: passed in one stride rather than one by
    /// one. Returns when the present open, moved on, falls due; that is still not after `now`.
    fn pass_idle_cycles(
        &mut self,
        config: &Config,
        due: Instant,
        now: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) -> Instant {
        let Some(cycle) = self.idle_cycle(config) else { return due };
        let cycles = nanos(now.saturating_since(due)) / nanos(cycle);
        let Stay::Open { since, .. } = &mut self.stay else { return due };
        if cycles == 0 {
            return due;
        }
        let passed = Duration::from_nanos(cycles * nanos(cycle));
        *since = *since + passed;
        self.epoch = self.epoch.advanced_by(2 * cycles);
        self.openings = self.openings.saturating_add(u32::try_from(cycles).unwrap_or(u32::MAX));
        host.emit(Event::CyclesPassed { cycles });
        due + passed
    }

    /// How long an open and the half-open after it last, if nobody calls and every later pair lasts as long.
    fn idle_cycle(&self, config: &Config) -> Option<Duration> {
        let Stay::Open { held_until: None, .. } = self.stay else { return None };
        let alike = self.openings >= config.last_distinct_opening()
            && config.settings().half_open_max_wait_to == MaxWaitTo::Open;
        let wait = config.open_wait(self.openings, self.stretch);
        alike.then_some(wait + config.half_open_max_wait()?)
    }
}

/// A new configuration for an old state.
impl Breaker {
    fn refit_window(&mut self, old: &Config, new: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        let fresh = match self.stay {
            Stay::HalfOpen { .. } if permitted(old) != permitted(new) => new.probe_window(),
            Stay::HalfOpen { .. } | Stay::Open { .. } => return self.refit_anchor(old, new, host),
            _ if old.settings().window == new.settings().window => return self.window.roll_if_timed(host),
            _ => {
                self.window.roll_if_timed(host);
                self.refit_anchor(old, new, host);
                new.window(|| self.window.oldest().unwrap_or_else(|| self.anchor.unwrap_or_default()))
            }
        };
        let older = core::mem::replace(&mut self.window, fresh);
        let now = if new.is_timed_window() { host.now() } else { Instant::ORIGIN };
        self.window.inherit(&older, now);
        self.window.roll(now);
    }

    fn refit_anchor(&mut self, old: &Config, new: &Config, host: &(impl Host<Event> + ?Sized)) {
        if old.settings().window != new.settings().window {
            self.anchor = new.is_timed_window().then(|| self.anchor.unwrap_or_else(|| host.now()));
        }
    }

    /// A deadline that the new configuration puts into the past falls due now, not then.
    fn refit_timers(&mut self, new: &Config, host: &(impl Host<Event> + ?Sized)) {
        let Some(due) = self.wake(new) else { return };
        let now = host.now();
        let overdue = now.saturating_since(due);
        match &mut self.stay {
            Stay::Open { held_until: Some(until), .. } => *until = *until + overdue,
            Stay::Open { since, .. } | Stay::HalfOpen { since, .. } => *since = *since + overdue,
            _ => {}
        }
    }
}

fn permitted(config: &Config) -> u32 {
    config.settings().permitted_half_open_calls
}

/// Forgetting.
impl Breaker {
    /// Only the remainder of the anchor's age by the bucket matters.
    fn settle_anchor(&mut self, config: &Config, now: Instant) {
        if let (Some(anchor), Some(bucket)) = (&mut self.anchor, config.bucket()) {
            let passed = nanos(now.saturating_since(*anchor)) / nanos(bucket) * nanos(bucket);
            *anchor = *anchor + Duration::from_nanos(passed);
        }
    }

    fn settle_stay(&mut self, config: &Config, now: Instant) {
        let until = self.open_until(config);
        let tick = Duration::from_nanos(1);
        match &mut self.stay {
            // Without a timer only "not yet" and "over" differ once the wait is over.
            Stay::Open { held_until, .. } if !config.settings().auto_half_open && until < now => {
                *held_until = Some(now - tick);
            }
            Stay::HalfOpen { since, .. } if config.half_open_max_wait().is_none() => *since = now,
            _ => return,
        }
        if let Stay::Open { since, .. } = &mut self.stay {
            *since = now;
        }
    }
}

/// Looks without touching: time stands still, the die shows its lowest face, and nobody hears.
struct Onlooker(Instant);

impl crate::machine::Clock for Onlooker {
    fn now(&self) -> Instant {
        self.0
    }
}

impl Host<Event> for Onlooker {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, _effect: Event) {}
}
