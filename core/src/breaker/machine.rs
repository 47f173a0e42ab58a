//! The breaker itself: what it is, and how it steps.

use super::alphabet::{Control, Event, Input, Outcome, Permit, Reason, Rejection, Reply, State};
use super::config::{CancelledCounts, Config, InitialState};
use super::invariants;
use super::window::{Mark, Totals, Window};
use crate::machine::{Epoch, Host, Machine, Names, Policy};
use crate::time::Instant;
use core::num::NonZeroU32;
use core::time::Duration;
use serde::{Deserialize, Serialize};

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
    /// Creation, from which the edges of time buckets are counted.
    pub(super) anchor: Instant,
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
        self.refit_stretch(old, new);
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
        each(&mut self.anchor);
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
        let anchor = host.now();
        let window = config.window(anchor);
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

    #[inline]
    fn ask() -> Input {
        Input::Ask
    }

    #[inline]
    fn end(permit: Permit, outcome: Outcome) -> Input {
        Input::End { permit, outcome }
    }

    fn tick() -> Input {
        Input::Tick
    }

    #[inline]
    fn granted(reply: Reply) -> Result<Permit, Reply> {
        if let Reply::Admitted(permit) = reply { Ok(permit) } else { Err(reply) }
    }

    fn settle_permit(&self, config: &Config, permit: &mut Permit, now: Instant) {
        if permit.epoch < self.epoch {
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

    /// How far the open waits of this row are stretched, in steps of the jitter.
    pub fn stretch(&self) -> u32 {
        self.stretch
    }

    /// Where the edges of time buckets are counted from.
    pub fn anchor(&self) -> Instant {
        self.anchor
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

    /// The fewest calls that the window must hold before its rates mean anything.
    pub fn minimum_calls(&self, config: &Config) -> u32 {
        match self.stay {
            Stay::HalfOpen { .. } | Stay::Open { probed: true, .. } => config.minimum_calls_half_open(),
            _ => config.minimum_calls_closed(),
        }
    }

    pub(super) fn open_until(&self, config: &Config) -> Instant {
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
        // A wait that saturated at the end of the clock's range has no end.
        if now < retry_at || retry_at == Instant::MAX {
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
        self.heed_hint(config, outcome, host);
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

    fn heed_hint(&mut self, config: &Config, outcome: Outcome, host: &mut (impl Host<Event> + ?Sized)) {
        let (Outcome::Hinted { retry_after_ms }, Some(max_ms)) = (outcome, config.settings().server_hint_max_ms) else {
            return;
        };
        let now = host.now();
        let held_until = Some(now + Duration::from_millis(retry_after_ms.min(max_ms)));
        match &mut self.stay {
            Stay::MetricsOnly { .. } => {}
            // The result itself has just opened the breaker; the hint only says for how long.
            Stay::Open { held_until: held, .. } => *held = held_until,
            // Also where the result itself has just closed it: probes passed, but the server wants to be left alone.
            _ => self.open(config, held_until, Reason::ServerHint, now, host),
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
    pub(super) fn decide(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
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

    pub(super) fn open(
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

    pub(super) fn half_open(
        &mut self,
        config: &Config,
        reason: Reason,
        at: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) {
        let stay = Stay::HalfOpen { since: at, in_flight: 0 };
        self.enter(stay, Some(config.probe_window()), reason, at, host);
    }

    pub(super) fn close(
        &mut self,
        config: &Config,
        reason: Reason,
        at: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) {
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
        config.window(self.anchor)
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
