//! How a breaker model is put together.

use super::claims;
use super::witnesses::{half_open, half_open_with_a_late_caller, late_result, open, probe_refused, recovers, reopens};
use crate::caller::{CallerScope, Claims, EveryStep, Ghost, LeadsTo, NOW, Notice, Reconfiguring, SomeStep, Sometimes};
use crate::{Model, PolicyModel, Scope};
use core::time::Duration;
use purlin::breaker::window::Window;
use purlin::breaker::{Breaker, Config, Control, Input, Outcome, Settings, WindowKind};
use purlin::{Instant, Policy};
use std::borrow::Cow;

/// One tick of time in every breaker model: the grain of its settings.
pub const TICK: Duration = Duration::from_millis(1);

/// How many ticks back instants are told apart in a model that is reconfigured: more than any of its durations.
const HORIZON_TICKS: u32 = 6;

/// Settings as small as they come: a window of two calls, one probe, a wait of one tick, calls that are not timed.
pub fn small() -> Settings {
    Settings {
        window: WindowKind::Count(2),
        minimum_calls: 2,
        permitted_half_open_calls: 1,
        open_wait_ms: Some(1),
        slow_call_duration_ms: None,
        ..Settings::default()
    }
}

/// A breaker model in the making.
pub(super) struct Case<G: Ghost<Breaker> = ()> {
    name: &'static str,
    scope: Scope,
    world: CallerScope<Breaker>,
    claims: Claims<Breaker, G>,
}

impl<G: Ghost<Breaker>> Case<G> {
    /// Two callers, whose calls end well or badly, and time.
    pub(super) fn new(name: &'static str, scope: Scope, settings: Settings) -> Self {
        let throws = settings.open_wait_jitter.is_some();
        let world = CallerScope {
            tick: TICK,
            throws,
            notice: NOTICE,
            ..CallerScope::new(validate(settings), 2, [Outcome::Success, Outcome::Failure])
        };
        let claims = Claims { always: claims::always(false), every_step: claims::every_step(), ..Claims::default() };
        Self { name, scope, world, claims }
    }

    pub(super) fn callers(mut self, callers: usize) -> Self {
        self.world.callers = callers;
        self
    }

    pub(super) fn outcomes(mut self, outcomes: &[Outcome]) -> Self {
        self.world.outcomes = outcomes.to_vec();
        self
    }

    /// Time moves so far at once.
    pub(super) fn every(mut self, tick: Duration) -> Self {
        self.world.tick = tick;
        self
    }

    /// The world ends where the window holds more calls: those of a time bucket have no other bound.
    pub(super) fn up_to_calls<const MOST: u32>(mut self) -> Self {
        self.world.boundary = |breaker| breaker.window().totals().calls <= MOST;
        self
    }

    pub(super) fn late_by(mut self, ticks: u32) -> Self {
        self.world.lateness = ticks;
        self
    }

    pub(super) fn controls(mut self, budget: u8, controls: &[Control]) -> Self {
        self.world.inputs = controls.iter().copied().map(Input::Control).collect();
        self.world.input_budget = budget;
        self
    }

    /// Reconfigurations to any of `others` and back. `settle` tells apart whatever any of them does.
    pub(super) fn reconfigured(mut self, budget: u8, others: &[Settings], settle: Settings) -> Self {
        self.world.configs.extend(others.iter().cloned().map(validate));
        self.world.reconfiguring = Some(Reconfiguring { budget, settle: validate(settle), horizon: Duration::MAX });
        let permitted = |config: &Config| config.settings().permitted_half_open_calls;
        let first = permitted(&self.world.configs[0]);
        self.claims.always = claims::always(self.world.configs.iter().any(|config| permitted(config) < first));
        self
    }

    pub(super) fn sometimes(mut self, witnesses: impl IntoIterator<Item = Sometimes<Breaker, G>>) -> Self {
        self.claims.sometimes.extend(witnesses);
        self
    }

    pub(super) fn some_step(mut self, witnesses: impl IntoIterator<Item = SomeStep<Breaker>>) -> Self {
        self.claims.some_step.extend(witnesses);
        self
    }

    pub(super) fn every_step(mut self, claims: impl IntoIterator<Item = EveryStep<Breaker, G>>) -> Self {
        self.claims.every_step.extend(claims);
        self
    }

    pub(super) fn leads_to(mut self, promises: impl IntoIterator<Item = LeadsTo<Breaker, G>>) -> Self {
        self.claims.leads_to.extend(promises);
        self
    }

    pub(super) fn build(mut self) -> PolicyModel<Breaker, G> {
        let horizon = self.world.tick * HORIZON_TICKS;
        self.world.reconfiguring.iter_mut().for_each(|reconfiguring| reconfiguring.horizon = horizon);
        PolicyModel::new("breaker", self.name, self.scope, self.world, self.claims)
    }

    pub(super) fn boxed(self) -> Box<dyn Model> {
        Box::new(self.build())
    }
}

/// A model that goes the whole round: closed, open, half-open, and closed or open again.
pub(super) fn round(name: &'static str, scope: Scope, settings: Settings) -> Case {
    Case::<()>::new(name, scope, settings).sometimes([open(), half_open(), half_open_with_a_late_caller()]).some_step([
        recovers(),
        reopens(),
        late_result(),
        probe_refused(),
    ])
}

/// Everything that operators can say.
pub(super) fn everything_operators_say() -> [Control; 9] {
    [
        Control::Reset,
        Control::Close,
        Control::Open,
        Control::OpenFor { ms: 2 },
        Control::OpenUntil { at: NOW + TICK },
        Control::HalfOpen,
        Control::ForceOpen,
        Control::Disable,
        Control::MetricsOnly,
    ]
}

fn validate(settings: Settings) -> Config {
    settings.validate().expect("a model's settings are valid")
}

/// The breaker with its due timers noticed, borrowed where none is due.
const NOTICE: Notice<Breaker> = notice;

fn notice<'a>(breaker: &'a Breaker, config: &Config, now: Instant) -> Cow<'a, Breaker> {
    let waits = breaker.wake(config).is_none_or(|due| due > now);
    if waits && matches!(breaker.window(), Window::Count(_)) {
        Cow::Borrowed(breaker)
    } else {
        Cow::Owned(breaker.at(config, now))
    }
}
