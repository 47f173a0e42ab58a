//! What surrounds the nodes in one run: links, disks, clocks, and how long it all lasts.

use crate::clock::NodeClock;
use crate::die::Die;
use crate::plan::{Budget, InvalidPlan, Plan, Span};
use core::time::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The surroundings of one run, drawn for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// How long the safety phase lasts, in milliseconds; then everything is healed.
    pub safety_ms: u64,
    /// How long a message takes from node to node, at most [`Environment::LINK_MS_MAX`] milliseconds.
    pub link: Span,
    /// How long a disk takes to sync, at most [`Environment::SYNC_MS_MAX`] milliseconds.
    pub sync: Span,
    /// In the swarm every drawn duration is a multiple of this many nanoseconds: 1 finds races of near misses, 1,000,000
    /// those of exact coincidence. The full stack always counts whole milliseconds.
    pub grain_ns: u64,
    /// Each node's own clock, in the order of the nodes.
    pub clocks: Vec<ClockError>,
}

/// How a node's clock differs from the true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockError {
    /// How far it is ahead at the start, in milliseconds.
    pub ahead_ms: u64,
    /// How much it gains, in microseconds a second; it loses them if negative.
    pub drift_ppm: i32,
}

impl ClockError {
    /// The clock that errs so.
    pub fn clock(self) -> NodeClock {
        NodeClock::new(Duration::from_millis(self.ahead_ms), self.drift_ppm)
    }
}

/// How far clocks may be from the truth when an environment is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockBounds {
    /// How far ahead at the start, in milliseconds.
    pub ahead_ms_max: u64,
    /// How much they gain or lose, in microseconds a second.
    pub drift_ppm_max: u32,
}

impl Default for ClockBounds {
    /// Ten seconds, and one percent: far more than computers' clocks usually err.
    fn default() -> Self {
        Self { ahead_ms_max: 10_000, drift_ppm_max: 10_000 }
    }
}

impl Environment {
    /// The slowest link, in milliseconds.
    pub const LINK_MS_MAX: u64 = 1_000;
    /// The slowest sync, in milliseconds.
    pub const SYNC_MS_MAX: u64 = 10_000;
    /// The greatest drift of a clock, in microseconds a second.
    pub const DRIFT_PPM_MAX: u32 = 500_000;

    /// Draws the surroundings of so many nodes.
    pub fn draw(die: &mut Die, nodes: u32, bounds: ClockBounds) -> Self {
        Self {
            safety_ms: die.between(4_000, 16_000),
            link: span(die, (0, 2), 8),
            sync: span(die, (0, 2), 10),
            grain_ns: *die.pick(&[1, 1_000, 1_000_000, 1_000_000]),
            clocks: (0..nodes).map(|_| clock(die, bounds)).collect(),
        }
    }

    pub(super) fn validate(&self, nodes: u32, bounds: ClockBounds) -> Result<(), InvalidPlan> {
        let fits = (1..=Plan::DURATION_MS_MAX).contains(&self.safety_ms);
        InvalidPlan::unless(fits, "safety_ms", self.safety_ms, "give at least 1 ms and at most a day")?;
        check_span("link", self.link, Self::LINK_MS_MAX)?;
        check_span("sync", self.sync, Self::SYNC_MS_MAX)?;
        let fits = (1..=1_000_000).contains(&self.grain_ns);
        InvalidPlan::unless(fits, "grain_ns", self.grain_ns, "give 1 ns to 1000000 ns")?;
        let given = format!("a list of {}", self.clocks.len());
        let mend = format!("give one clock for each of the {nodes} nodes");
        InvalidPlan::unless(self.clocks.len() == nodes as usize, "clocks", given, mend)?;
        self.clocks
            .iter()
            .enumerate()
            .try_for_each(|(index, error)| error.validate(&format!("clocks[{index}]"), bounds))
    }

    /// How long a message or a sync may take when nothing is wrong, whichever is longer, in milliseconds.
    pub fn slowest_ms(&self) -> u64 {
        self.link.most_ms.max(self.sync.most_ms) + 1
    }
}

impl ClockError {
    fn validate(self, field: &str, bounds: ClockBounds) -> Result<(), InvalidPlan> {
        let ahead_ms_max = bounds.ahead_ms_max;
        let fits = self.ahead_ms <= ahead_ms_max;
        InvalidPlan::unless(fits, format!("{field}.ahead_ms"), self.ahead_ms, format!("give at most {ahead_ms_max}"))?;
        check_drift(&format!("{field}.drift_ppm"), self.drift_ppm, bounds)
    }
}

/// Checks that a clock drifts no more than it may.
pub(super) fn check_drift(field: &str, drift_ppm: i32, bounds: ClockBounds) -> Result<(), InvalidPlan> {
    let most = bounds.drift_ppm_max.min(Environment::DRIFT_PPM_MAX);
    InvalidPlan::unless(drift_ppm.unsigned_abs() <= most, field, drift_ppm, format!("give -{most} to {most}"))
}

fn check_span(field: &str, span: Span, most_ms: u64) -> Result<(), InvalidPlan> {
    span.validate(field)?;
    let mend = format!("give at most {most_ms} ms");
    InvalidPlan::unless(span.most_ms <= most_ms, format!("{field}.most_ms"), span.most_ms, mend)
}

fn span(die: &mut Die, least: (u64, u64), width: u64) -> Span {
    let least_ms = die.between(least.0, least.1);
    Span::new(least_ms, least_ms + die.between(0, width))
}

/// True, or as far off as it may be, or anywhere between.
fn clock(die: &mut Die, bounds: ClockBounds) -> ClockError {
    let most = i64::from(bounds.drift_ppm_max);
    let anywhere = die.between(0, 2 * most.unsigned_abs()) as i64 - most;
    let drift = *die.pick(&[0, 0, -most, most, anywhere]);
    let anyhow = die.between(0, bounds.ahead_ms_max);
    ClockError { ahead_ms: *die.pick(&[0, 0, anyhow]), drift_ppm: i32::try_from(drift).unwrap_or(0) }
}

/// The options of a scenario of a protocol: what surrounds the nodes, and what the scenario itself has drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting<O> {
    /// What surrounds the nodes.
    pub environment: Environment,
    /// The scenario's own options.
    pub workload: O,
}

/// The instants between the phases of a run, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// All faults are over.
    pub healed: Duration,
    /// The system has recovered, and from here on every ask is answered in time.
    pub recovered: Duration,
    /// The run is over.
    pub end: Duration,
}

/// The part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Anything may fail.
    Safety,
    /// Nothing fails any more; the system recovers.
    Recovery,
    /// It has recovered.
    Calm,
}

impl Phases {
    /// The same, or only the safety phase, where recovery is not asserted.
    #[must_use]
    pub(super) fn within(self, budget: &Budget) -> Self {
        let Self { healed, .. } = self;
        if budget.liveness { self } else { Self { healed, recovered: healed, end: healed } }
    }

    /// The part in which `elapsed` since the start of the run lies.
    pub fn at(&self, elapsed: Duration) -> Phase {
        match elapsed {
            elapsed if elapsed < self.healed => Phase::Safety,
            elapsed if elapsed < self.recovered => Phase::Recovery,
            _ => Phase::Calm,
        }
    }
}

/// How long a scenario takes to recover and how long it is watched afterwards, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// From healing to recovery, at most.
    pub within_ms: u64,
    /// From recovery to the end.
    pub calm_ms: u64,
    /// From an ask of a live node to its answer, at most, once the system has recovered.
    pub answer_ms: u64,
}

impl Recovery {
    /// The phases of a run that fails for so long.
    pub fn phases(self, safety_ms: u64) -> Phases {
        let recovered_ms = safety_ms.saturating_add(self.within_ms);
        let end_ms = recovered_ms.saturating_add(self.calm_ms);
        let [healed, recovered, end] = [safety_ms, recovered_ms, end_ms].map(Duration::from_millis);
        Phases { healed, recovered, end }
    }
}
