//! Shrinking: from a plan under which a run fails to a plan that shows why.
//!
//! ```text
//!   two hundred faults ─▶ cut ─▶ last moments ─▶ ┌ classes, chunks ─▶ gaps, durations ─▶ weaker forms, options ┐
//!                                                └──────────────── until nothing changes ◀─────────────────────┘
//!                                                ─▶ every throw written down ─▶ which faults are necessary?
//! ```
//! Each candidate is tried under its own noise and then under fresh ones, for to leave out a fault shifts every later
//! throw: a race that needs its throws to be met would seem to need all of its faults. It is accepted if it fails in the
//! same way: the same property, and the same [signature](Symptom::signature) of what was seen.
//!
//! Removal in chunks is Zeller's *ddmin*; that it goes from late to early, and that the throws are an explicit sequence
//! which is shrunk in the end, follows MacIver's Hypothesis.

mod checkpoint;
mod freeze;
mod lab;
mod plainer;
mod removal;
mod slide;
mod symptom;
mod weaker;
mod written;

pub use symptom::Symptom;

use crate::plan::{InvalidPlan, Plan};
use crate::scenario::{Scenario, Tier, Verdict};
use core::time::Duration;
use lab::{Effort, Lab};
use serde::Serialize;
use std::io;
use std::path::PathBuf;

/// How to shrink.
///
/// What comes of it follows from the scenario, the tier, the plan and these fields, as long as no time limit strikes.
#[derive(Clone, Debug)]
pub struct Shrinker {
    /// In which tier the plan fails.
    pub tier: Tier,
    /// Under how many noises beside its own a candidate is tried, at least 1.
    pub noises: u32,
    /// Under how many noises the plan that is left is run in the other tier; none unless asked for.
    pub elsewhere: u32,
    /// No candidate is begun after so much time.
    pub budget: Option<Duration>,
    /// No candidate is begun after so many runs.
    pub runs_max: Option<u64>,
    /// Where to keep how far it has come. What is found there is taken up; in the end the file is removed.
    pub checkpoint: Option<PathBuf>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShrinkProgress {
    /// What is being tried.
    pub stage: &'static str,
    /// How many faults are left.
    pub faults: usize,
    /// How many runs there have been.
    pub runs: u64,
    /// When the simplest plan so far fails, in the simulation.
    pub fails_at: Duration,
}

/// What a plan has shrunk to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The simplest plan that was found. It has every throw written down, if that is enough to fail in the same way.
    pub plan: Plan,
    /// The same plan without its throws, with the noise under which it fails.
    pub loose: Plan,
    /// What fails.
    pub symptom: Symptom,
    /// What was seen when the plan was run for the last time.
    pub verdict: Verdict,
    /// How many faults there were.
    pub faults_before: usize,
    /// How many runs it took.
    pub runs: u64,
    /// How long it took.
    pub took: Duration,
    /// How much processor time it took on its thread.
    pub cpu: Duration,
    /// How often the loose plan fails.
    pub likelihood: Likelihood,
    /// How often it fails without each of its faults, in their order: a fault is necessary if it never does.
    pub without: Vec<Likelihood>,
    /// How often the loose plan fails in the other tier: there its throws mean something else.
    pub elsewhere: Likelihood,
    /// Whether nothing was left to try when it ended.
    pub complete: bool,
}

/// In how many of so many runs under fresh noises a plan fails in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Likelihood {
    /// So many failed.
    pub failed: u32,
    /// Of so many.
    pub of: u32,
}

/// Why a plan was not shrunk.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// Every property holds, so there is nothing to shrink.
    #[error(
        "every property holds under this plan, so there is nothing to shrink: give a plan that fails, and its tier"
    )]
    DoesNotFail,
    /// The plan is not valid. Nothing was run.
    #[error(transparent)]
    Plan(#[from] InvalidPlan),
    /// The checkpoint could not be read or written.
    #[error("{path} cannot be {what}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// There is a checkpoint that is not one of this plan. Nothing was run.
    #[error("{path} is no checkpoint of this plan ({why}): remove it, or write the plan elsewhere")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl Shrinker {
    /// How to shrink a plan that fails in `tier`, without an end but that there is nothing left to try.
    pub fn new(tier: Tier) -> Self {
        let noises = if tier == Tier::Swarm { 64 } else { 4 };
        Self { tier, noises, elsewhere: 0, budget: None, runs_max: None, checkpoint: None }
    }

    /// Shrinks a plan.
    ///
    /// # Errors
    /// That it is not valid, or does not fail; or that its checkpoint is not at hand.
    pub fn shrink(
        &self,
        scenario: &Scenario,
        plan: &Plan,
        progress: &dyn Fn(ShrinkProgress),
    ) -> Result<Shrunk, ShrinkError> {
        let mut lab = Lab::new(self, scenario, plan, progress)?;
        loosen(&mut lab);
        removal::cut(&mut lab);
        let weights = loop {
            shrink_to_the_end(&mut lab);
            if let Some(weights) = weigh(&mut lab) {
                break weights;
            }
        };
        finish(lab, plan, weights)
    }
}

/// A plan whose throws are written down has nothing to be varied: it is better without them, if it still fails.
fn loosen(lab: &mut Lab<'_>) {
    if lab.best.throws.is_some() {
        let candidate = Plan { throws: None, ..lab.best.clone() };
        removal::propose(lab, candidate);
    }
}

/// Goes on until nothing changes, at first with few noises where runs are long. Then whatever proves unnecessary under
/// further noises is left out as well, and all begins anew.
fn shrink_to_the_end(lab: &mut Lab<'_>) {
    loop {
        let before = lab.adopted();
        round(lab);
        match (lab.adopted() > before, lab.effort) {
            _ if lab.is_over() => return,
            (true, _) => {}
            (false, Effort::Search | Effort::Rough) => lab.effort = Effort::Whole,
            (false, Effort::Whole) => return,
        }
    }
}

fn round(lab: &mut Lab<'_>) {
    if lab.effort != Effort::Whole {
        removal::windows(lab);
    }
    removal::classes(lab);
    removal::chunks(lab);
    slide::compress(lab);
    slide::shorten(lab);
    plainer::weaken(lab);
    plainer::simplify(lab);
}

/// How often a plan fails, and how often without each of its faults.
struct Weights {
    likelihood: Likelihood,
    without: Vec<Likelihood>,
}

/// Tries further noises on the best plan without each of its faults. `None` if one of them proved unnecessary: it is gone
/// now, and more may be.
fn weigh(lab: &mut Lab<'_>) -> Option<Weights> {
    lab.enter("telling which faults are necessary");
    let best = lab.best.clone();
    let mut without = Vec::new();
    for index in 0..best.faults.len() {
        let mut faults = best.faults.clone();
        faults.remove(index);
        let lighter = removal::with(&best, faults);
        without.push(lab.likelihood(&lighter));
        if without[index].failed > 0 && lab.attempt_further(lighter) {
            return None;
        }
    }
    Some(Weights { likelihood: lab.likelihood(&best), without })
}

fn finish(mut lab: Lab<'_>, original: &Plan, weights: Weights) -> Result<Shrunk, ShrinkError> {
    let Weights { likelihood, without } = weights;
    let loose = lab.best.clone();
    let plan = freeze::freeze(&mut lab).unwrap_or_else(|| loose.clone());
    let verdict = lab.verify(&plan, crate::Watch::default()).map_or(Verdict::Holds, |run| run.verdict);
    let elsewhere = lab.likelihood_elsewhere(&loose);
    let closed = lab.close()?;
    Ok(Shrunk {
        plan,
        loose,
        symptom: closed.symptom,
        verdict,
        faults_before: original.faults.len(),
        runs: closed.runs,
        took: closed.took,
        cpu: closed.cpu,
        likelihood,
        without,
        elsewhere,
        complete: closed.complete,
    })
}
