//! α for the breaker: what `Breaker.tla` would call a state of the code's world, and a step of it.

use crate::caller::{ActionOf, CallerModel, Callers, Kind};
use crate::refinement::Abstraction;
use crate::spec::{Value, View};
use core::time::Duration;
use purlin::breaker::window::{Mark, Totals, Window};
use purlin::breaker::{Breaker, Config, Control, Input, Outcome, Permit, State};
use purlin::time::nanos;
use purlin::{Instant, Policy};

/// How a breaker among its callers looks in the words of `Breaker.tla`.
#[derive(Clone, Debug)]
pub struct BreakerAbstraction {
    pub(super) config: Config,
    /// Opens in a row beyond the last distinct wait are all alike.
    pub(super) openings_max: u32,
    /// How long a tick is.
    pub(super) tick: Duration,
    /// The unit of a bucket's length.
    pub(super) unit: Duration,
    /// How long a bucket of time is: `BucketLength`.
    pub(super) bucket_length: u32,
    /// The bound that callers of a breaker with a window of time keep to: `CallsMax`.
    pub(super) calls_max: Option<u32>,
}

impl BreakerAbstraction {
    /// The specification's operator never tires, so each state is given as many inputs as the first.
    pub(super) const INPUT_BUDGET: u8 = 1;
}

impl Abstraction for BreakerAbstraction {
    type Model = CallerModel<Breaker>;

    fn view(&self, _: &Self::Model, state: &Callers<Breaker>) -> Result<View, String> {
        if let Some(broken) = &state.broken {
            return Err(format!("the step broke: {broken:?}"));
        }
        let breaker = self.noticed(state);
        let fields = [
            ("phase", Value::text(breaker.state().name())),
            ("window", window(&breaker)),
            ("left", Value::from(self.ticks_left(&breaker, state.now))),
            ("openings", Value::from(breaker.openings().min(self.openings_max))),
            ("stretch", Value::from(breaker.stretch())),
            ("present", self.present(&breaker, state)),
            ("late", Value::from(count(state, |permit| permit.epoch != breaker.epoch()))),
            ("clock", Value::from(self.clock(&breaker, state.now))),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn label(
        &self,
        model: &Self::Model,
        state: &Callers<Breaker>,
        action: &ActionOf<Breaker>,
        next: &Callers<Breaker>,
    ) -> Option<String> {
        let label = match &action.kind {
            Kind::Ask if next.held.len() > state.held.len() => "Admit",
            Kind::Ask => "Refuse",
            Kind::End { permit, outcome } => self.label_of_end(state, *permit, outcome)?,
            Kind::Advance { .. } => "Tick",
            Kind::Input(index) => label_of_input(&model.scope.inputs[*index])?,
            Kind::Reconfigure(_) => return None,
        };
        Some(label.to_owned())
    }

    fn offers(&self, _: &Self::Model, state: &Callers<Breaker>, action: &ActionOf<Breaker>) -> bool {
        !matches!(action.kind, Kind::Ask) || !self.is_restrained(state)
    }

    fn refresh(&self, state: &mut Callers<Breaker>) {
        state.inputs_left = Self::INPUT_BUDGET;
    }
}

/// The specification's variables.
impl BreakerAbstraction {
    /// Timers of the specification are never late: what is due counts as noticed.
    fn noticed(&self, state: &Callers<Breaker>) -> Breaker {
        state.machine.at(&self.config, state.now)
    }

    /// Whole ticks from now until open or half-open ends.
    fn ticks_left(&self, breaker: &Breaker, now: Instant) -> u32 {
        let end = match breaker.state() {
            State::Open if self.config.settings().auto_half_open => breaker.open_ends(&self.config),
            // Without a timer a call is admitted strictly after the wait.
            State::Open => breaker.open_ends(&self.config).map(|end| end + Duration::from_nanos(1)),
            State::HalfOpen => breaker.wake(&self.config),
            _ => None,
        };
        end.map_or(0, |end| nanos(end.saturating_since(now)).div_ceil(nanos(self.tick)) as u32)
    }

    /// How many calls of the present stay have lasted how many ticks.
    fn present(&self, breaker: &Breaker, state: &Callers<Breaker>) -> Value {
        let is_of_age = |permit: &Permit, age| permit.epoch == breaker.epoch() && self.age(permit, state.now) == age;
        let ages = 0..=self.age_max();
        Value::function_from_zero(ages.map(|age| Value::from(count(state, |permit| is_of_age(permit, age)))))
    }

    fn age(&self, permit: &Permit, now: Instant) -> u32 {
        let Some((started, limit)) = permit.started.zip(self.config.slow_call_duration()) else { return 0 };
        let lasted = now.saturating_since(started);
        if lasted > limit { self.age_max() } else { (nanos(lasted) / nanos(self.tick)) as u32 }
    }

    /// An age beyond the slow limit: all of these are alike.
    fn age_max(&self) -> u32 {
        self.config.slow_call_duration().map_or(0, |limit| (nanos(limit) / nanos(self.tick)) as u32 + 1)
    }

    /// How long ago the present bucket of time began.
    fn clock(&self, breaker: &Breaker, now: Instant) -> u32 {
        let units = nanos(now.saturating_since(breaker.anchor())) / nanos(self.unit);
        (units % u64::from(self.bucket_length)) as u32
    }

    /// `Restrained`: callers hold back while a window of time is as full as the scope allows.
    fn is_restrained(&self, state: &Callers<Breaker>) -> bool {
        let Some(calls_max) = self.calls_max else { return false };
        let breaker = self.noticed(state);
        let present = count(state, |permit| permit.epoch == breaker.epoch());
        let judges_by_time = matches!(breaker.state(), State::Closed | State::MetricsOnly);
        judges_by_time && breaker.window().totals().calls + present >= calls_max
    }
}

fn count(state: &Callers<Breaker>, is_meant: impl Fn(&Permit) -> bool) -> u32 {
    state.held.iter().filter(|permit| is_meant(permit)).count() as u32
}

/// What the breaker judges by; nothing in open, where no later decision reads it.
fn window(breaker: &Breaker) -> Value {
    let entries: Vec<Value> = match (breaker.state(), breaker.window()) {
        (State::Open, _) => Vec::new(),
        (_, Window::Count(window)) => window.marks().map(call).collect(),
        (_, Window::Time(window)) => window.buckets().map(|(_, totals)| entry(totals)).collect(),
    };
    Value::Sequence(entries)
}

fn call(mark: Mark) -> Value {
    entry(Totals { calls: 1, failed: mark.failed.into(), slow: mark.slow.into() })
}

fn entry(totals: Totals) -> Value {
    let Totals { calls, failed, slow } = totals;
    Value::record([("calls", calls.into()), ("failed", failed.into()), ("slow", slow.into())])
}

/// The specification's actions.
impl BreakerAbstraction {
    fn label_of_end(&self, state: &Callers<Breaker>, permit: usize, outcome: &Outcome) -> Option<&'static str> {
        let permit = state.distinct_permits().nth(permit)?;
        if permit.epoch != self.noticed(state).epoch() {
            return Some("ReturnLate");
        }
        match outcome {
            Outcome::Success => Some("Succeed"),
            Outcome::Failure => Some("Fail"),
            Outcome::Ignored => Some("Ignore"),
            Outcome::Cancelled => Some("Cancel"),
            Outcome::Hinted { .. } => Some("Hint"),
            Outcome::Reported { .. } => None,
        }
    }
}

fn label_of_input(input: &Input) -> Option<&'static str> {
    let Input::Control(control) = input else { return None };
    match control {
        Control::Reset | Control::Close => Some("Reset"),
        Control::Open => Some("OpenNow"),
        Control::HalfOpen => Some("HalfOpenNow"),
        Control::ForceOpen => Some("ForceOpen"),
        Control::Disable => Some("Disable"),
        Control::MetricsOnly => Some("WatchOnly"),
        Control::OpenFor { .. } | Control::OpenUntil { .. } => None,
    }
}
