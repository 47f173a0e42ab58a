//! What the swarm draws for one run, and what follows from it: how long recovery may take.

use crate::clock::NodeClock;
use crate::plan::{Budget, FaultKind, InvalidPlan, Plan, PlanOptions, Span};
use core::time::Duration;
use purlin::breaker::{Config, InitialState, Settings, WindowKind};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// The swarm options of one run.
///
/// Each client calls, waits for its answer or gives up, rests, and calls again. The options must leave the system able
/// to recover: a healthy call is neither slow nor given up on, and half-open lasts long enough to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// How many clients call, 1 to [`Options::CLIENTS_MAX`].
    pub clients: u32,
    /// How long a client rests between calls.
    pub rest: Span,
    /// How long a client waits for an answer before it gives up, in milliseconds.
    pub patience_ms: u64,
    /// How long the checkout waits for the bank before it takes a call for failed, in milliseconds. (That the client has
    /// less patience is quite usual: then the call is cancelled.)
    pub attempt_timeout_ms: u64,
    /// How long the server works on a healthy call.
    pub service: Span,
    /// How long a message takes one way, at most [`Options::LINK_MS_MAX`] milliseconds.
    pub link: Span,
    /// In the swarm every drawn duration is a multiple of this many nanoseconds: 1 finds races of near misses, 1,000,000
    /// those of exact coincidence. The full stack always counts whole milliseconds.
    pub grain_ns: u64,
    /// How much the breaker's own clock gains, in microseconds a second, at most [`Options::DRIFT_PPM_MAX`] either way.
    pub clock_drift_ppm: i32,
    /// How long the safety phase lasts, in milliseconds; then everything is healed.
    pub safety_ms: u64,
    /// How the breaker is set up.
    pub breaker: Settings,
}

/// The instants between the phases of a run, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// All faults are over.
    pub healed: Duration,
    /// The breaker must be closed, and stay so.
    pub recovered: Duration,
    /// The run is over.
    pub end: Duration,
}

impl PlanOptions for Options {
    fn validate(&self) -> Result<(), InvalidPlan> {
        self.check()
    }

    fn safety_ms(&self) -> u64 {
        self.safety_ms
    }

    fn check_kind(&self, field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
        super::check_kind(field, kind)
    }

    /// Fewer clients, constant durations, a true clock, coarse time, and an earlier end of trouble.
    fn simpler(&self) -> Vec<Self> {
        let constant = |Span { least_ms, .. }| Span::new(least_ms, least_ms);
        let candidates = [
            Self { clients: 1, ..self.clone() },
            Self { clients: self.clients.div_ceil(2), ..self.clone() },
            Self { rest: constant(self.rest), ..self.clone() },
            Self { service: constant(self.service), ..self.clone() },
            Self { link: constant(self.link), ..self.clone() },
            Self { clock_drift_ppm: 0, ..self.clone() },
            Self { grain_ns: 1_000_000, ..self.clone() },
            Self { safety_ms: self.safety_ms.div_ceil(2), ..self.clone() },
        ];
        candidates.into_iter().filter(|candidate| candidate != self).collect()
    }

    /// Nothing here is lost for good, so recovery is always asserted.
    fn check_budget(&self, budget: &Budget) -> Result<(), InvalidPlan> {
        InvalidPlan::unless(budget.liveness, "budget.liveness", false, "give true: this scenario always recovers")?;
        let mend = "give 0: this scenario has no nodes";
        InvalidPlan::unless(budget.destroyed == 0, "budget.destroyed", budget.destroyed, mend)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }
}

impl Options {
    /// The most clients.
    pub const CLIENTS_MAX: u32 = 1_000;
    /// The slowest link, in milliseconds.
    pub const LINK_MS_MAX: u64 = 1_000;
    /// The greatest drift of a clock, in microseconds a second.
    pub const DRIFT_PPM_MAX: i32 = 10_000;

    fn check(&self) -> Result<(), InvalidPlan> {
        self.check_ranges()?;
        self.config()?;
        let initial = self.breaker.initial_state;
        let mend = "leave it closed, where the scenario begins";
        let field = "options.breaker.initial_state";
        InvalidPlan::unless(initial == InitialState::Closed, field, format!("{initial:?}"), mend)?;
        self.check_patience()?;
        self.check_slow_calls()?;
        self.check_half_open()?;
        self.check_length()
    }

    fn check_ranges(&self) -> Result<(), InvalidPlan> {
        let fits = (1..=Self::CLIENTS_MAX).contains(&self.clients);
        InvalidPlan::unless(fits, "options.clients", self.clients, "give 1 to 1000 clients")?;
        self.rest.validate("options.rest")?;
        InvalidPlan::unless(self.rest.least_ms >= 1, "options.rest.least_ms", 0, "give at least 1 ms")?;
        self.service.validate("options.service")?;
        self.link.validate("options.link")?;
        let fits = self.link.most_ms <= Self::LINK_MS_MAX;
        InvalidPlan::unless(fits, "options.link.most_ms", self.link.most_ms, "give at most 1000 ms")?;
        let fits = (1..=1_000_000).contains(&self.grain_ns);
        InvalidPlan::unless(fits, "options.grain_ns", self.grain_ns, "give 1 ns to 1000000 ns")?;
        let fits = self.clock_drift_ppm.unsigned_abs() <= Self::DRIFT_PPM_MAX.unsigned_abs();
        InvalidPlan::unless(fits, "options.clock_drift_ppm", self.clock_drift_ppm, "give -10000 to 10000")?;
        let fits = (1..=Plan::DURATION_MS_MAX).contains(&self.safety_ms);
        InvalidPlan::unless(fits, "options.safety_ms", self.safety_ms, "give at least 1 ms and at most a day")
    }

    fn check_patience(&self) -> Result<(), InvalidPlan> {
        let least = self.cycle_ms() - self.rest.most_ms;
        let fits = (least..=Plan::DURATION_MS_MAX).contains(&self.patience_ms);
        let mend = format!("a healthy call may take {least} ms: give at least that, and at most a day");
        InvalidPlan::unless(fits, "options.patience_ms", self.patience_ms, mend)?;
        let (attempt, least) = (self.attempt_timeout_ms, self.healthy_ms());
        let fits = (least..=Plan::DURATION_MS_MAX).contains(&attempt);
        let mend = format!("a healthy attempt may take {least} ms: give at least that, and at most a day");
        InvalidPlan::unless(fits, "options.attempt_timeout_ms", attempt, mend)
    }

    fn check_slow_calls(&self) -> Result<(), InvalidPlan> {
        let (Some(slow), healthy) = (self.breaker.slow_call_duration_ms, self.healthy_ms()) else { return Ok(()) };
        let mend = format!("a healthy call may take {healthy} ms and must not be slow: give at least that, or null");
        InvalidPlan::unless(slow >= healthy, "options.breaker.slow_call_duration_ms", slow, mend)
    }

    fn check_half_open(&self) -> Result<(), InvalidPlan> {
        let (Some(most), least) = (self.breaker.half_open_max_wait_ms, self.probing_ms()) else { return Ok(()) };
        let mend = format!("its probes may take {least} ms to gather: give at least that, or null");
        InvalidPlan::unless(most >= least, "options.breaker.half_open_max_wait_ms", most, mend)
    }

    fn check_length(&self) -> Result<(), InvalidPlan> {
        let longest = Duration::from_millis(Plan::DURATION_MS_MAX);
        let given = format!("{} ms, and the whole run would last {:?}", self.safety_ms, self.phases().end);
        let mend = "shorten it, or whatever delays recovery, so that the run lasts at most a day";
        InvalidPlan::unless(self.phases().end <= longest, "options.safety_ms", given, mend)
    }

    /// The breaker's configuration.
    ///
    /// # Errors
    /// The breaker's setting that does not hold.
    pub fn config(&self) -> Result<Config, InvalidPlan> {
        let invalid = |error: purlin::breaker::InvalidSettings| InvalidPlan {
            field: format!("options.breaker.{}", error.field),
            given: error.given,
            mend: error.mend.to_owned(),
        };
        self.breaker.clone().validate().map_err(invalid)
    }

    /// The breaker's own clock.
    pub fn breaker_clock(&self) -> NodeClock {
        NodeClock::new(Duration::ZERO, self.clock_drift_ppm)
    }

    /// When which phase ends.
    pub fn phases(&self) -> Phases {
        let recovered_ms = self.safety_ms + self.recovery_ms();
        let end_ms = recovered_ms + 3 * self.cycle_ms();
        let [healed, recovered, end] = [self.safety_ms, recovered_ms, end_ms].map(Duration::from_millis);
        Phases { healed, recovered, end }
    }

    /// How long a healthy call may take as the breaker sees it, a connection's handshake included, by any clock.
    pub(super) fn healthy_ms(&self) -> u64 {
        let millis = self.service.most_ms + 4 * self.link.most_ms + 8;
        millis + millis / 50 + 1
    }

    /// How long a client may take from one healthy call to the next.
    pub(super) fn cycle_ms(&self) -> u64 {
        self.rest.most_ms + self.service.most_ms + 8 * self.link.most_ms + 20
    }

    /// How long a half-open breaker may take to gather the results it needs, if all goes well.
    pub(super) fn probing_ms(&self) -> u64 {
        let needed = self.breaker.minimum_calls.min(self.breaker.permitted_half_open_calls);
        let millis = self.rounds(needed) * self.cycle_ms();
        millis + millis / 50 + 1
    }

    /// The bound on recovery. Calls from before the healing end when patience does. What they left in the window is
    /// pushed out of it, or opens the breaker once more; perhaps half-open still holds failures, and opens it again.
    /// After that the window has seen nothing but good calls, so the next half-open closes the breaker for good.
    fn recovery_ms(&self) -> u64 {
        let settle = self.patience_ms + 2 * self.link.most_ms + 2;
        let half_open = self.probing_ms().max(self.breaker.half_open_max_wait_ms.unwrap_or(0));
        let millis = settle + self.drain_ms() + 2 * (self.open_wait_max_ms() + self.cycle_ms() + half_open);
        millis + millis / 50 + 1
    }

    /// How long it takes until the window holds nothing that came before.
    fn drain_ms(&self) -> u64 {
        match self.breaker.window {
            WindowKind::Count(calls) => self.rounds(calls) * self.cycle_ms(),
            WindowKind::Time { time_s, bucket_ms } => u64::from(time_s) * 1_000 + u64::from(bucket_ms),
        }
    }

    fn open_wait_max_ms(&self) -> u64 {
        let schedule = self.breaker.open_wait_schedule_ms.iter();
        let wait = self.breaker.open_wait_ms.iter().chain(schedule).max().copied().unwrap_or(0);
        wait + wait * u64::from(self.breaker.open_wait_jitter.map_or(0, |jitter| jitter.percent)) / 100
    }

    /// How many times all clients must call to make so many calls, and one round more for those that were resting.
    fn rounds(&self, calls: u32) -> u64 {
        u64::from(calls.div_ceil(self.clients)) + 1
    }
}
