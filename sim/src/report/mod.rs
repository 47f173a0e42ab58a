//! Reports of single runs: what was violated, how it came about, and from when on nothing could have helped.
//!
//! ```
//! use purlin_sim::report::{Effort, Origin, Report, Subject};
//! use purlin_sim::{Tier, scenarios};
//!
//! let scenario = &scenarios()[0];
//! let plan = scenario.plan(7);
//! let subject = Subject { scenario, tier: Tier::Swarm, plan: &plan, origin: Origin::Seed(7) };
//! let report = Report::investigate(&subject, Effort::default())?;
//! assert!(report.page().contains("every property holds"));
//! # Ok::<(), purlin_sim::InvalidPlan>(())
//! ```
//!
//! A report is a function of its subject and effort: no clock and no processor time is in it.

mod bundle;
mod curve;
mod flights;
mod lanes;
mod nearest;
mod operations;
mod page;
mod rows;
mod states;

pub use curve::{Curve, Likelihood, Point};
pub use flights::{Fate, Flight, match_flights};
pub use lanes::{Lane, Lanes};
pub use nearest::{Divergence, Without};
pub use operations::{HistoryLine, Operation, OperationEnd, Outcome, history, operations};
pub use rows::{Row, Steps};
pub use states::{Change, Op, changes, read_state};

use crate::hash::Hash;
use crate::history::Watch;
use crate::plan::{Class, Fault, InvalidPlan, Plan};
use crate::scenario::{Run, Scenario, Tier, Verdict};
use crate::scene::{Entry, Kind};
use crate::sentence::{self, Choice};
use crate::{NOTHING_PANICS, SAME_SEED_SAME_BYTES};
use nearest::Neighbours;
use purlin::Instant;
use serde::Serialize;

/// Where a plan comes from, so that the run can be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A seed draws it.
    Seed(u64),
    /// It stands in this file.
    File(String),
}

/// A run to be reported on.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Its scenario.
    pub scenario: &'a Scenario,
    /// Where it runs.
    pub tier: Tier,
    /// Its plan.
    pub plan: &'a Plan,
    /// Where the plan comes from.
    pub origin: Origin,
}

/// How much is tried to explain a failure. All of it is counted, never timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How many forks there are at each moment of the curve.
    pub forks: u32,
    /// How often the curve is looked at more closely.
    pub rounds: u32,
    /// After this many events of all forks together the curve is left as it is.
    pub events_max: u64,
    /// The most faults that are left out one by one, and the most other noises that are tried.
    pub neighbours: usize,
}

impl Default for Effort {
    /// A few seconds of processor time at most, for a run of some ten thousand events.
    fn default() -> Self {
        Self { forks: 32, rounds: 4, events_max: 8_000_000, neighbours: 24 }
    }
}

/// What a run was, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The scenario.
    pub scenario: &'static str,
    /// What it is about.
    pub summary: &'static str,
    /// Where it ran.
    pub tier: Tier,
    /// Where the plan comes from.
    pub origin: Origin,
    /// The plan's noise.
    pub noise: u64,
    /// Whether the plan says what every die shows.
    pub frozen: bool,
    /// The version of this crate, and the profile that it was built in.
    pub build: String,
    /// The fingerprint of the plan.
    pub plan_hash: Hash,
    /// The fingerprint of the history.
    pub trace_hash: Hash,
    /// The command that runs it again.
    pub command: String,
}

/// A fault of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// What it does, in a sentence.
    pub sentence: String,
    /// Its kind.
    pub kind: &'static str,
    /// What kind of thing it strikes.
    pub class: Class,
    /// When it begins, in milliseconds.
    pub start_ms: u64,
    /// When it ends, in milliseconds.
    pub end_ms: u64,
    /// The lanes that it strikes.
    pub lanes: Vec<usize>,
    /// What the judges say of the run without it, if that was tried.
    pub without: Option<Verdict>,
}

/// A time in which a process was down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The process.
    pub lane: usize,
    /// When it ended, in nanoseconds of true time.
    pub from_ns: u64,
    /// When the next began, unless the run ended before.
    pub to_ns: Option<u64>,
}

/// Everything that there is to say of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the run was.
    pub identity: Identity,
    /// Whether all properties held.
    pub verdict: Verdict,
    /// Every property that was judged.
    pub properties: Vec<&'static str>,
    /// When the run ended, which after a violation is when it was seen, in nanoseconds of true time.
    pub end_ns: u64,
    /// When the safety phase ended, if the run came that far.
    pub healed_ns: Option<u64>,
    /// The plan's options.
    pub options: Vec<Choice>,
    /// The plan's faults.
    pub faults: Vec<FaultLine>,
    /// The lanes of the picture.
    pub lanes: Vec<Lane>,
    /// When processes were down.
    pub gaps: Vec<Gap>,
    /// What the clients did.
    pub operations: Vec<Operation>,
    /// The run step by step: its last part if it failed, otherwise its first.
    pub steps: Steps,
    /// How likely the failure was, by the moment.
    pub likelihood: Likelihood,
    /// Where the nearest passing run parts from this one.
    pub nearest: Option<Divergence>,
    #[serde(skip)]
    plan: Plan,
    #[serde(skip)]
    run: Run,
}

impl Report {
    /// Runs the subject, and if it fails explores what would have had to be otherwise.
    ///
    /// # Errors
    /// The field of the plan that does not hold; nothing was run.
    pub fn investigate(subject: &Subject<'_>, effort: Effort) -> Result<Self, InvalidPlan> {
        let watch = Watch { lines: true, scenes: true, ..Watch::default() };
        let run = subject.scenario.run_watched(subject.tier, subject.plan, watch)?;
        let end_ns = end_ns(subject, &run)?;
        let likelihood = likelihood(subject, &run, end_ns, effort)?;
        let Neighbours { without, nearest } = neighbours(subject, &run, &likelihood, effort)?;
        Ok(Self { likelihood, nearest, ..Self::of_run(subject, run, end_ns) }.with_necessity(&without))
    }

    fn of_run(subject: &Subject<'_>, run: Run, end_ns: u64) -> Self {
        let (lanes, operations) = (Lanes::of(&run.story), operations(&run.story));
        Self {
            identity: identity(subject, &run),
            verdict: run.verdict.clone(),
            properties: properties(subject),
            end_ns,
            healed_ns: run.story.iter().find(|entry| entry.scene.kind == Kind::Healed).map(|entry| entry.at_ns),
            options: sentence::of_options(subject.plan),
            faults: subject.plan.faults.iter().map(|fault| fault_line(fault, &lanes)).collect(),
            lanes: lanes.all().to_vec(),
            gaps: gaps(&run.story, &lanes),
            steps: Steps::of(&run.story, !run.verdict.holds(), &lanes, &operations),
            operations,
            likelihood: Likelihood::Unmeasured { why: String::new() },
            nearest: None,
            plan: subject.plan.clone(),
            run,
        }
    }

    fn with_necessity(mut self, without: &[Without]) -> Self {
        for Without { fault, verdict } in without {
            self.faults[*fault].without = Some(verdict.clone());
        }
        self
    }

    /// The run itself.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Only the run.
    pub fn into_run(self) -> Run {
        self.run
    }
}

/// The command that runs a subject again.
fn command(subject: &Subject<'_>) -> String {
    let from = match &subject.origin {
        Origin::Seed(seed) => format!("--seed {seed}"),
        Origin::File(file) => format!("--plan {}", quoted(file)),
    };
    let tier = if subject.tier == Tier::Swarm { String::new() } else { format!(" --tier {}", subject.tier) };
    format!("purlin replay {} {from}{tier}", subject.scenario.name())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What a run is judged by. Whether another run of the same plan would be the same is for campaigns to say.
fn properties(subject: &Subject<'_>) -> Vec<&'static str> {
    let judged = subject.scenario.always().chain([NOTHING_PANICS]).filter(|name| *name != SAME_SEED_SAME_BYTES);
    judged.fold(Vec::new(), |mut known, name| {
        if !known.contains(&name) {
            known.push(name);
        }
        known
    })
}

fn identity(subject: &Subject<'_>, run: &Run) -> Identity {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Identity {
        scenario: subject.scenario.name(),
        summary: subject.scenario.summary(),
        tier: subject.tier,
        origin: subject.origin.clone(),
        noise: subject.plan.noise,
        frozen: subject.plan.throws.is_some(),
        build: format!("purlin {}, {profile} build", env!("CARGO_PKG_VERSION")),
        plan_hash: subject.plan.hash(),
        trace_hash: run.trace_hash,
        command: command(subject),
    }
}

fn fault_line(fault: &Fault, lanes: &Lanes) -> FaultLine {
    FaultLine {
        sentence: sentence::of_fault(fault),
        kind: fault.kind.name(),
        class: fault.kind.class(),
        start_ms: fault.start_ms,
        end_ms: fault.end_ms(),
        lanes: lanes.struck(&fault.kind),
        without: None,
    }
}

fn gaps(story: &[Entry], lanes: &Lanes) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for Entry { at_ns, scene } in story {
        let Some(lane) = scene.lane.as_deref().and_then(|name| lanes.place(name)) else { continue };
        match scene.kind {
            Kind::Ended => gaps.push(Gap { lane, from_ns: *at_ns, to_ns: None }),
            Kind::Recovered => {
                let open = gaps.iter_mut().rev().find(|gap| gap.lane == lane && gap.to_ns.is_none());
                open.into_iter().for_each(|gap| gap.to_ns = Some(*at_ns));
            }
            _ => {}
        }
    }
    gaps
}

/// A run that panics tells nothing, not even when it was.
fn end_ns(subject: &Subject<'_>, run: &Run) -> Result<u64, InvalidPlan> {
    if run.verdict.property() != Some(NOTHING_PANICS) || subject.tier != Tier::Swarm {
        return Ok(purlin::time::nanos(run.simulated));
    }
    let mut session = subject.scenario.open(subject.plan)?;
    session.advance(Instant::MAX);
    Ok(session.now().as_nanos())
}

fn likelihood(subject: &Subject<'_>, run: &Run, end_ns: u64, effort: Effort) -> Result<Likelihood, InvalidPlan> {
    let unmeasured = |why: &str| Ok(Likelihood::Unmeasured { why: why.to_owned() });
    match run.verdict.property() {
        None => unmeasured("nothing failed"),
        Some(_) if subject.tier != Tier::Swarm => unmeasured("runs of the full stack cannot be forked"),
        Some(property) => curve::measure(subject, property, end_ns, effort).map(Likelihood::Measured),
    }
}

fn neighbours(
    subject: &Subject<'_>,
    run: &Run,
    likelihood: &Likelihood,
    effort: Effort,
) -> Result<Neighbours, InvalidPlan> {
    let curve = if let Likelihood::Measured(curve) = likelihood { Some(curve) } else { None };
    if run.verdict.holds() { Ok(Neighbours::default()) } else { nearest::explore(subject, &run.trace, curve, effort) }
}
