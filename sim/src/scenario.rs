//! Scenarios, their tiers, and what a run tells.

use crate::checker::Coverage;
use crate::die::Throws;
use crate::hash::Hash;
use crate::history::{Recorded, Watch};
use crate::plan::{FaultKind, InvalidPlan, NoPlan, Plan, PlanOptions};
use crate::scene::Entry;
use crate::simulation::{Session, Simulation};
use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The machines alone on a discrete-event loop: fast.
    Swarm,
    /// The production adapters, hyper and axum over a simulated network: whole.
    Turmoil,
}

impl Tier {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Swarm, Self::Turmoil];

    /// Its name as it stands in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Swarm => "swarm",
            Self::Turmoil => "turmoil",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// There is no such tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tier: give swarm or turmoil")]
pub struct UnknownTier(String);

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(name: &str) -> Result<Self, UnknownTier> {
        Self::ALL.into_iter().find(|tier| tier.name() == name).ok_or_else(|| UnknownTier(name.to_owned()))
    }
}

/// Whether all properties held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They did.
    Holds,
    /// One did not.
    Violated {
        /// Its name.
        property: String,
        /// What was seen instead.
        detail: String,
    },
}

impl Verdict {
    /// Whether all properties held.
    pub fn holds(&self) -> bool {
        *self == Self::Holds
    }

    /// The property that did not hold.
    pub fn property(&self) -> Option<&str> {
        if let Self::Violated { property, .. } = self { Some(property) } else { None }
    }
}

/// What a run tells. All but `cpu` follows from the tier and the plan.
#[derive(Clone, Debug)]
pub struct Run {
    /// Whether all properties held.
    pub verdict: Verdict,
    /// How many events happened: in the swarm those of its loop, in the full stack the entries of the history.
    pub events: u64,
    /// How much time passed in the simulation.
    pub simulated: Duration,
    /// How much processor time the run took on its thread.
    pub cpu: Duration,
    /// The fingerprint of the history.
    pub trace_hash: Hash,
    /// What happened at least once; [`Scenario::sometimes`] has the names.
    pub coverage: Coverage,
    /// The plan and the history, a line for each fault and entry; empty unless asked for.
    pub trace: Vec<String>,
    /// The same as scenes to be drawn, with the machines' states; empty unless asked for.
    pub story: Vec<Entry>,
    /// What every die threw; `None` unless asked for.
    pub throws: Option<Throws>,
}

/// What a tier reports of a run.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) recorded: Recorded,
    pub(crate) events: u64,
    pub(crate) simulated: Duration,
    pub(crate) throws: Option<Throws>,
}

/// Begins a run of the swarm.
pub(crate) type Open = fn(&Plan, Watch) -> Result<Box<dyn Simulation>, InvalidPlan>;

/// Runs a plan in the full stack.
pub(crate) type Play = fn(&Plan, Watch) -> Result<Played, InvalidPlan>;

/// A small world in which a room is put through its paces, in both tiers alike.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) room: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) general: &'static [&'static str],
    pub(crate) always: &'static [&'static str],
    pub(crate) sometimes: &'static [&'static str],
    pub(crate) draw: fn(u64) -> Plan,
    pub(crate) read: fn(&str) -> Result<Plan, serde_json::Error>,
    pub(crate) schema: fn(&str) -> serde_json::Value,
    pub(crate) swarm: Open,
    pub(crate) turmoil: Play,
    pub(crate) healed: fn(&Plan) -> Result<Duration, InvalidPlan>,
    pub(crate) simpler: fn(&Plan) -> Vec<Plan>,
}

/// Reads a plan whose options are of a known type, and checks all of it.
pub(crate) fn read<O: PlanOptions>(json: &str) -> Result<Plan, serde_json::Error> {
    serde_json::from_str::<Plan<O>>(json).map(Plan::erased)
}

impl Scenario {
    /// A swarm campaign of so many seeds in which something was never seen that should be, is vacuous.
    pub const SEEDS_TO_SEE_EVERYTHING: u64 = 200;

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The room that it belongs to.
    pub fn room(&self) -> &'static str {
        self.room
    }

    /// What it is about, in one line.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// The properties that its judges check, and that which every campaign checks.
    pub fn always(&self) -> impl Iterator<Item = &'static str> {
        self.general.iter().chain(self.always).copied().chain([crate::SAME_SEED_SAME_BYTES])
    }

    /// What must happen at least once in a campaign.
    pub fn sometimes(&self) -> &'static [&'static str] {
        self.sometimes
    }

    /// Draws the plan of a seed. From here on only the plan counts.
    pub fn plan(&self, seed: u64) -> Plan {
        (self.draw)(seed)
    }

    /// Reads a plan of this scenario from JSON, and checks all of it.
    ///
    /// # Errors
    /// What is wrong and where: syntax with its line and column, or the field that does not hold.
    pub fn read(&self, json: &str) -> Result<Plan, NoPlan> {
        self.check_owner(&Plan::from_json(json)?)?;
        Ok((self.read)(json)?)
    }

    /// The JSON Schema of its plans. What a schema cannot say, such as that faults end within the safety phase,
    /// [`Scenario::read`] checks besides.
    pub fn schema(&self) -> serde_json::Value {
        (self.schema)(self.name)
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// The field of the plan that does not hold; nothing was run.
    pub fn run(&self, tier: Tier, plan: &Plan) -> Result<Run, InvalidPlan> {
        self.run_watched(tier, plan, Watch::default())
    }

    /// Runs a plan and keeps its history in [`Run::trace`], after the lines of the plan itself.
    ///
    /// # Errors
    /// As those of [`Scenario::run`].
    pub fn run_traced(&self, tier: Tier, plan: &Plan) -> Result<Run, InvalidPlan> {
        self.run_watched(tier, plan, Watch { lines: true, ..Watch::default() })
    }

    /// Runs a plan and keeps what is asked for. Watching changes nothing.
    ///
    /// # Errors
    /// As those of [`Scenario::run`].
    pub fn run_watched(&self, tier: Tier, plan: &Plan, watch: Watch) -> Result<Run, InvalidPlan> {
        let mut run = match tier {
            Tier::Swarm => self.begin(plan, watch)?.finish(),
            Tier::Turmoil => self.play(plan, watch)?,
        };
        if watch.lines {
            run.trace.splice(0..0, plan.lines());
        }
        Ok(run)
    }

    /// Begins a run of the swarm, to be stopped and forked.
    ///
    /// # Errors
    /// As those of [`Scenario::run`].
    pub fn open(&self, plan: &Plan) -> Result<Session, InvalidPlan> {
        self.begin(plan, Watch::default())
    }

    pub(crate) fn begin(&self, plan: &Plan, watch: Watch) -> Result<Session, InvalidPlan> {
        self.check_owner(plan)?;
        Session::begin(|| (self.swarm)(plan, watch))
    }

    fn play(&self, plan: &Plan, watch: Watch) -> Result<Run, InvalidPlan> {
        self.check_owner(plan)?;
        let before = crate::cpu::thread_time();
        let played = catch_unwind(AssertUnwindSafe(|| (self.turmoil)(plan, watch)));
        let cpu = crate::cpu::thread_time().saturating_sub(before);
        match played {
            Ok(played) => Ok(finished(played?, cpu)),
            Err(panic) => Ok(panicked(panic.as_ref(), cpu)),
        }
    }
}

/// When the safety phase of a plan is over.
pub(crate) fn healed<O: PlanOptions>(plan: &Plan) -> Result<Duration, InvalidPlan> {
    Ok(Duration::from_millis(plan.typed::<O>()?.options.safety_ms()))
}

/// The plans with simpler options, without the faults that these do not know.
pub(crate) fn simpler<O: PlanOptions>(plan: &Plan) -> Vec<Plan> {
    let Ok(typed) = plan.typed::<O>() else { return Vec::new() };
    let simpler = typed.options.simpler().into_iter().map(|options| {
        let knows = |kind: &FaultKind| options.check_kind("kind", kind).is_ok();
        let faults = typed.faults.iter().copied().filter(|fault| knows(&fault.kind)).collect();
        Plan { options, faults, ..typed.clone() }.erased()
    });
    simpler.collect()
}

impl Scenario {
    /// When the safety phase of a plan is over.
    pub(crate) fn healed(&self, plan: &Plan) -> Result<Duration, InvalidPlan> {
        (self.healed)(plan)
    }

    /// The same plan with simpler options, in several ways.
    pub(crate) fn simpler(&self, plan: &Plan) -> Vec<Plan> {
        (self.simpler)(plan)
    }

    fn check_owner(&self, plan: &Plan) -> Result<(), InvalidPlan> {
        let mine = plan.scenario == self.name;
        InvalidPlan::unless(mine, "scenario", &plan.scenario, format!("this run is of {:?}", self.name))
    }
}

pub(crate) fn finished(played: Played, cpu: Duration) -> Run {
    let Played { recorded, events, simulated, throws } = played;
    let verdict = match recorded.violation {
        None => Verdict::Holds,
        Some(violation) => Verdict::Violated { property: violation.property.to_owned(), detail: violation.detail },
    };
    let Recorded { hash: trace_hash, coverage, trace, story, .. } = recorded;
    Run { verdict, events, simulated, cpu, trace_hash, coverage, trace, story, throws }
}

pub(crate) fn panicked(panic: &(dyn std::any::Any + Send), cpu: Duration) -> Run {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let detail = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
    Run {
        verdict: Verdict::Violated { property: crate::NOTHING_PANICS.to_owned(), detail: detail.to_owned() },
        events: 0,
        simulated: Duration::ZERO,
        cpu,
        trace_hash: Hash::of(detail.as_bytes()),
        coverage: Coverage::default(),
        trace: Vec::new(),
        story: Vec::new(),
        throws: None,
    }
}
