//! Where candidates are tried: under which noises, for how long, and what is remembered of them.

use super::checkpoint::Checkpoint;
use super::symptom::Symptom;
use super::{Likelihood, ShrinkError, ShrinkProgress, Shrinker};
use crate::die::Die;
use crate::hash::{Fingerprint, Hash};
use crate::history::Watch;
use crate::panics;
use crate::plan::Plan;
use crate::scenario::{Run, Scenario, Tier};
use core::cell::Cell;
use core::time::Duration;
use purlin::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A run that fails as it should.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    /// When, in the simulation.
    pub(super) at: Duration,
    /// After how many events.
    pub(super) events: u64,
}

/// How much a candidate is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// The longer the runs, the fewer of them; the shorter, the more.
    Search,
    /// The longer the runs, the fewer of them.
    Rough,
    /// As many runs as were asked for.
    Whole,
}

impl Effort {
    /// How many fresh noises a candidate is worth whose runs take so many events.
    fn noises(self, asked: u32, events: u64) -> u32 {
        let (most, worth) = match self {
            Self::Whole => return asked,
            Self::Rough => (asked, Self::EVENTS_PER_CANDIDATE),
            Self::Search => (asked.saturating_mul(Self::SEARCH_FACTOR), 8 * Self::EVENTS_PER_CANDIDATE),
        };
        let affordable = u32::try_from(worth / events.max(1)).unwrap_or(u32::MAX);
        affordable.min(most).max(Self::NOISES_MIN.min(asked))
    }

    const EVENTS_PER_CANDIDATE: u64 = 64_000;
    const SEARCH_FACTOR: u32 = 16;
    const NOISES_MIN: u32 = 4;
}

pub(super) struct Lab<'a> {
    asked: &'a Shrinker,
    scenario: &'a Scenario,
    original: &'a Plan,
    progress: &'a dyn Fn(ShrinkProgress),
    began: std::time::Instant,
    cpu_before: Duration,
    pub(super) symptom: Symptom,
    pub(super) best: Plan,
    pub(super) seen: Sighting,
    pub(super) effort: Effort,
    stage: Cell<&'static str>,
    /// Under how many noises a candidate was tried in vain.
    tried: BTreeMap<Hash, u32>,
    adopted: BTreeSet<Hash>,
    runs: u64,
    cut_short: bool,
    trouble: Option<ShrinkError>,
    /// When a checkpoint was last written.
    kept: std::time::Instant,
}

impl<'a> Lab<'a> {
    /// Sees the plan fail, or goes on from where an earlier attempt was broken off.
    pub(super) fn new(
        asked: &'a Shrinker,
        scenario: &'a Scenario,
        original: &'a Plan,
        progress: &'a dyn Fn(ShrinkProgress),
    ) -> Result<Self, ShrinkError> {
        let run = panics::quietly(|| scenario.run(asked.tier, original))?;
        let symptom = Symptom::of(&run.verdict).ok_or(ShrinkError::DoesNotFail)?;
        let mut lab = Self {
            asked,
            scenario,
            original,
            progress,
            began: std::time::Instant::now(),
            cpu_before: crate::cpu::thread_time(),
            symptom,
            best: original.clone(),
            seen: Sighting { at: run.simulated, events: run.events },
            effort: Effort::Rough,
            stage: Cell::new("running the plan"),
            tried: BTreeMap::new(),
            adopted: BTreeSet::new(),
            runs: 1,
            cut_short: false,
            trouble: None,
            kept: std::time::Instant::now(),
        };
        lab.seen = lab.sight(original, None).unwrap_or(lab.seen);
        lab.resume()?;
        Ok(lab)
    }

    /// Takes up what a checkpoint holds, if it is of this plan and still fails.
    fn resume(&mut self) -> Result<(), ShrinkError> {
        let Some(path) = &self.asked.checkpoint else { return Ok(()) };
        let Some(checkpoint) = Checkpoint::read(path)? else { return Ok(()) };
        checkpoint.check_owner(path, self.scenario, self.asked.tier, self.original)?;
        if checkpoint.symptom != self.symptom {
            return Ok(());
        }
        if let Some(seen) = self.sight(&checkpoint.plan, None) {
            (self.best, self.seen) = (checkpoint.plan, seen);
            self.runs += checkpoint.runs;
        }
        Ok(())
    }

    pub(super) fn enter(&self, stage: &'static str) {
        self.stage.set(stage);
        self.tell();
    }

    /// Tries a simpler plan: under its own noise, then under fresh ones. One that fails alike becomes the best.
    ///
    /// `expected` says when it may be expected to fail; a run is not watched for much longer.
    pub(super) fn attempt(&mut self, candidate: Plan, expected: Duration) -> bool {
        let identity = identity(&candidate);
        if self.is_over() || self.adopted.contains(&identity) {
            return false;
        }
        // A plan that is not valid has no healing.
        let Ok(healed) = self.scenario.healed(&candidate) else { return false };
        let until = patience(healed, expected);
        let most = self.effort.noises(self.asked.noises, self.events_until(expected));
        for noise in self.noises(&candidate, identity, most) {
            let candidate = Plan { noise, ..candidate.clone() };
            if let Some(seen) = self.sight(&candidate, until) {
                self.adopt(identity, candidate, seen);
                return true;
            }
            if self.is_over() {
                return false;
            }
        }
        self.tried.insert(identity, self.tried.get(&identity).copied().unwrap_or(0).max(most));
        false
    }

    /// The noises under which a candidate has not been tried. They follow from the candidate, so that no other attempt
    /// shifts them. Written throws leave nothing to a noise.
    fn noises(&self, candidate: &Plan, identity: Hash, most: u32) -> Vec<u64> {
        let before = self.tried.get(&identity).copied();
        let own = before.is_none().then_some(candidate.noise);
        let fresh = if candidate.throws.is_some() { 0 } else { most };
        let from = before.unwrap_or(0);
        let fresh = fresh_noises(identity, "shrinking").skip(from as usize).take(fresh.saturating_sub(from) as usize);
        own.into_iter().chain(fresh).collect()
    }

    /// How many events a run takes until then, if it is like the best one.
    fn events_until(&self, expected: Duration) -> u64 {
        let events = u128::from(self.seen.events) * expected.as_millis() / self.seen.at.as_millis().max(1);
        u64::try_from(events).unwrap_or(u64::MAX)
    }

    /// Runs a plan, at most until then. `None` if it is not valid, or does not fail in the same way.
    fn sight(&mut self, plan: &Plan, until: Option<Instant>) -> Option<Sighting> {
        self.runs += 1;
        panics::quietly(|| match self.asked.tier {
            Tier::Swarm => self.sight_in_swarm(plan, until),
            Tier::Turmoil => self.sight_in_turmoil(plan),
        })
    }

    fn sight_in_turmoil(&self, plan: &Plan) -> Option<Sighting> {
        let run = self.scenario.run(Tier::Turmoil, plan).ok()?;
        let seen = Sighting { at: run.simulated, events: run.events };
        self.symptom.holds_of(&run.verdict).then_some(seen)
    }

    fn sight_in_swarm(&self, plan: &Plan, until: Option<Instant>) -> Option<Sighting> {
        let mut session = self.scenario.open(plan).ok()?;
        if session.advance(until.unwrap_or(Instant::MAX)) {
            return None;
        }
        let now = session.now().saturating_since(Instant::ORIGIN);
        let run = session.finish();
        let seen = Sighting { at: now.max(run.simulated), events: run.events };
        self.symptom.holds_of(&run.verdict).then_some(seen)
    }

    fn adopt(&mut self, identity: Hash, plan: Plan, seen: Sighting) {
        self.adopted.insert(identity);
        (self.best, self.seen) = (plan, seen);
        self.tell();
        if self.kept.elapsed() >= Self::KEPT_EVERY {
            self.keep();
        }
    }

    const KEPT_EVERY: Duration = Duration::from_millis(200);

    /// Writes down how far it has come. If that fails there is no point in going on.
    pub(super) fn keep(&mut self) {
        let Some(path) = &self.asked.checkpoint else { return };
        let checkpoint =
            Checkpoint::new(self.scenario, self.asked.tier, self.original, &self.symptom, self.runs, &self.best);
        self.trouble = checkpoint.write(path).err();
        self.kept = std::time::Instant::now();
    }

    /// Under how many of so many fresh noises a plan fails in the same way. Of none, once the budget is spent, or if the
    /// plan is not valid.
    pub(super) fn likelihood(&mut self, plan: &Plan) -> Likelihood {
        let mut likelihood = Likelihood { failed: 0, of: 0 };
        let Ok(healed) = self.scenario.healed(plan) else { return likelihood };
        let until = patience(healed, self.seen.at);
        for noise in self.further_noises(plan) {
            if self.is_over() {
                break;
            }
            likelihood.of += 1;
            likelihood.failed += u32::from(self.sight(&Plan { noise, ..plan.clone() }, until).is_some());
        }
        likelihood
    }

    /// Tries a simpler plan under the noises by which its likelihood is told.
    pub(super) fn attempt_further(&mut self, candidate: Plan) -> bool {
        for noise in self.further_noises(&candidate) {
            let candidate = Plan { noise, ..candidate.clone() };
            if self.is_over() {
                return false;
            }
            if let Some(seen) = self.sight(&candidate, None) {
                self.adopt(identity(&candidate), candidate, seen);
                return true;
            }
        }
        false
    }

    fn further_noises(&self, plan: &Plan) -> Vec<u64> {
        if plan.throws.is_some() {
            return vec![plan.noise];
        }
        let affordable = Effort::Search.noises(self.asked.noises, self.seen.events);
        fresh_noises(identity(plan), "likelihood").take(affordable as usize).collect()
    }

    /// How often a plan fails in the same way in the tier that it is not shrunk in.
    pub(super) fn likelihood_elsewhere(&mut self, plan: &Plan) -> Likelihood {
        let tier = if self.asked.tier == Tier::Swarm { Tier::Turmoil } else { Tier::Swarm };
        let mut likelihood = Likelihood { failed: 0, of: 0 };
        for noise in fresh_noises(identity(plan), "elsewhere").take(self.asked.elsewhere as usize) {
            self.runs += 1;
            likelihood.of += 1;
            let plan = Plan { noise, throws: None, ..plan.clone() };
            let run = panics::quietly(|| self.scenario.run(tier, &plan));
            likelihood.failed += u32::from(run.is_ok_and(|run| self.symptom.holds_of(&run.verdict)));
        }
        likelihood
    }

    /// Runs a plan once more, to its end, and tells whether it fails in the same way.
    pub(super) fn verify(&mut self, plan: &Plan, watch: Watch) -> Option<Run> {
        self.runs += 1;
        let run = panics::quietly(|| self.scenario.run_watched(self.asked.tier, plan, watch)).ok()?;
        self.symptom.holds_of(&run.verdict).then_some(run)
    }

    /// Whether the budget is spent, or there is trouble.
    pub(super) fn is_over(&mut self) -> bool {
        let timed = self.asked.budget.is_some_and(|budget| self.began.elapsed() >= budget);
        let counted = self.asked.runs_max.is_some_and(|most| self.runs >= most);
        self.cut_short |= timed || counted;
        self.cut_short || self.trouble.is_some()
    }

    pub(super) fn adopted(&self) -> usize {
        self.adopted.len()
    }

    pub(super) fn simpler(&self) -> Vec<Plan> {
        self.scenario.simpler(&self.best)
    }

    pub(super) fn tier(&self) -> Tier {
        self.asked.tier
    }

    /// How it ended: the symptom, how many runs there were, and whether nothing was left to try.
    pub(super) fn close(mut self) -> Result<Closed, ShrinkError> {
        if self.cut_short {
            self.keep();
        }
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        if let (false, Some(path)) = (self.cut_short, &self.asked.checkpoint) {
            Checkpoint::remove(path)?;
        }
        let Self { symptom, runs, began, cpu_before, cut_short, .. } = self;
        let cpu = crate::cpu::thread_time().saturating_sub(cpu_before);
        Ok(Closed { symptom, runs, took: began.elapsed(), cpu, complete: !cut_short })
    }

    fn tell(&self) {
        let (faults, at) = (self.best.faults.len(), self.seen.at);
        (self.progress)(ShrinkProgress { stage: self.stage.get(), faults, runs: self.runs, fails_at: at });
    }
}

/// How an attempt at shrinking ended.
pub(super) struct Closed {
    pub(super) symptom: Symptom,
    pub(super) runs: u64,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    pub(super) complete: bool,
}

/// Until when a run is watched that may be expected to fail then. What only shows after the healing may show at any time
/// after it.
fn patience(healed: Duration, expected: Duration) -> Option<Instant> {
    let slack = expected / 2 + Duration::from_millis(200);
    (expected < healed).then(|| Instant::ORIGIN + expected + slack)
}

/// What a plan is apart from its noise.
fn identity(plan: &Plan) -> Hash {
    let mut fingerprint = Fingerprint::default();
    let text = |value: serde_json::Result<Vec<u8>>| value.expect("a plan holds only numbers, texts and lists");
    fingerprint.bytes(&text(serde_json::to_vec(&Plan { noise: 0, ..plan.clone() })));
    fingerprint.finish()
}

fn fresh_noises(identity: Hash, purpose: &str) -> impl Iterator<Item = u64> {
    let mut die = Die::new(identity.0, purpose);
    core::iter::repeat_with(move || die.below(Plan::NOISE_MAX))
}
