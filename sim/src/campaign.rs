//! Campaigns: many seeds, on some threads, in some shards, with results that survive being killed.
//!
//! A seed belongs to shard `seed % count`, whatever the range, so shards can be added and merged. What a campaign finds
//! depends on its seeds alone: not on threads, on order, or on whether it was interrupted.

use crate::checker::Coverage;
use crate::hash::Hash;
use crate::plan::{InvalidPlan, Plan};
use crate::results::{Key, Record, ResultsError, Store};
use crate::scenario::{Scenario, Tier, Verdict};
use core::num::NonZeroUsize;
use core::ops::Range;
use core::str::FromStr;
use core::time::Duration;
use serde::Serialize;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// In which tier.
    pub tier: Tier,
    /// The seeds of the whole campaign, all shards together.
    pub seeds: Range<u64>,
    /// Which part of it to run here.
    pub shard: Shard,
    /// No seed is begun after so much time.
    pub budget: Option<Duration>,
    /// Where to keep results, and the plans of seeds that failed. What is found there already is not run again.
    pub out: Option<PathBuf>,
    /// On how many threads.
    pub threads: NonZeroUsize,
}

/// One part of a campaign: the seeds that leave `index` when divided by `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// The whole.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index` of `count`, counted from 0; `None` if there is no such part.
    pub const fn new(index: u64, count: u64) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }
}

/// That is no shard, or no range of seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}: give {mend}")]
pub struct Malformed {
    what: &'static str,
    given: String,
    mend: &'static str,
}

impl FromStr for Shard {
    type Err = Malformed;

    fn from_str(given: &str) -> Result<Self, Malformed> {
        let parse = |(index, count): (&str, &str)| Self::new(index.parse().ok()?, count.parse().ok()?);
        let mend = "I/N with I from 0 to N-1, such as 0/4";
        given.split_once('/').and_then(parse).ok_or_else(|| Malformed { what: "shard", given: given.to_owned(), mend })
    }
}

/// Reads a range of seeds: `A..B`, without B, and with A smaller than B.
///
/// # Errors
/// If it is none.
pub fn parse_seeds(given: &str) -> Result<Range<u64>, Malformed> {
    let parse = |(first, end): (&str, &str)| Some(first.parse().ok()?..end.parse().ok()?);
    let seeds = given.split_once("..").and_then(parse).filter(|seeds| !seeds.is_empty());
    let mend = "A..B with A smaller than B, such as 0..200 for seeds 0 to 199";
    seeds.ok_or_else(|| Malformed { what: "range of seeds", given: given.to_owned(), mend })
}

/// How far a campaign has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Seeds done here, those found in earlier results included.
    pub done: u64,
    /// Seeds of this shard.
    pub of: u64,
    /// Those that broke a property.
    pub failed: u64,
}

/// What a campaign found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The scenario.
    pub scenario: String,
    /// The tier.
    pub tier: Tier,
    /// First seed and the one after the last, of all shards.
    pub seeds: [u64; 2],
    /// How many seeds held here.
    pub passed: u64,
    /// Those that did not, in order of their seeds.
    pub failed: Vec<Failure>,
    /// Events that happened.
    pub events: u64,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Processor time.
    pub cpu_seconds: f64,
    /// The seeds' fingerprints, combined independently of their order.
    pub trace_hash: Hash,
    /// Whether every seed of the shard was run; false if the budget ran out.
    pub complete: bool,
    /// What should happen in a campaign and was never seen.
    pub unseen: Vec<&'static str>,
}

/// A seed that broke a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The property.
    pub property: String,
    /// What was seen instead.
    pub detail: String,
    /// Where its plan was written, if results are kept.
    pub plan: Option<PathBuf>,
}

impl Summary {
    /// Whether so many seeds should have seen everything and did not: then their verdicts say little.
    pub fn is_vacuous(&self) -> bool {
        let judged = self.passed + self.failed.len() as u64;
        judged >= Scenario::SEEDS_TO_SEE_EVERYTHING && self.failed.is_empty() && !self.unseen.is_empty()
    }
}

/// Why a campaign came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// The results could not be read or written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A drawn plan is not valid, which is a fault of the scenario.
    #[error("the plan of seed {seed} is not valid: {error}")]
    Plan {
        /// The seed.
        seed: u64,
        /// What is wrong.
        error: InvalidPlan,
    },
}

impl Campaign {
    /// A whole campaign over `seeds` on two threads, with no budget, whose results are not kept.
    pub fn new(tier: Tier, seeds: Range<u64>) -> Self {
        let threads = NonZeroUsize::MIN.saturating_add(1);
        Self { tier, seeds, shard: Shard::WHOLE, budget: None, out: None, threads }
    }

    /// Runs it. `progress` is told after each seed, from any thread.
    ///
    /// # Errors
    /// If results cannot be kept. Those of earlier seeds are.
    pub fn run(&self, scenario: &Scenario, progress: &(dyn Fn(Progress) + Sync)) -> Result<Summary, CampaignError> {
        let store = self.out.as_deref().map(|directory| Store::open(directory, scenario.name(), self.tier));
        let ledger = Ledger { store: store.transpose()?, tally: Tally::default() };
        let seeds = ShardSeeds::new(&self.seeds, self.shard);
        let work =
            Work { scenario, tier: self.tier, seeds, next: AtomicU64::new(0), ledger: Mutex::new(ledger), progress };
        let deadline = self.budget.map(|budget| Instant::now() + budget);
        work.share(self.threads, &|| deadline.is_some_and(|deadline| Instant::now() >= deadline))?;
        let Ledger { mut store, tally } = work.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        store.as_mut().map_or(Ok(()), Store::sync)?;
        Ok(self.summarise(scenario, tally, seeds.count))
    }

    fn summarise(&self, scenario: &Scenario, tally: Tally, of: u64) -> Summary {
        let failed: Vec<Failure> = tally.failed.into_values().collect();
        Summary {
            scenario: scenario.name().to_owned(),
            tier: self.tier,
            seeds: [self.seeds.start, self.seeds.end],
            passed: tally.done - failed.len() as u64,
            failed,
            events: tally.events,
            simulated_seconds: tally.simulated.as_secs_f64(),
            cpu_seconds: tally.cpu.as_secs_f64(),
            trace_hash: tally.hash,
            complete: tally.done == of,
            unseen: tally.coverage.missing(scenario.sometimes()).collect(),
        }
    }
}

/// The seeds of a shard: so many, from the first on, `stride` apart. A range may be larger than any memory.
#[derive(Clone, Copy, Debug)]
struct ShardSeeds {
    first: u64,
    stride: u64,
    count: u64,
}

impl ShardSeeds {
    fn new(seeds: &Range<u64>, Shard { index, count: stride }: Shard) -> Self {
        let beyond = seeds.start % stride;
        let gap = if index >= beyond { index - beyond } else { stride - (beyond - index) };
        let width = seeds.end.saturating_sub(seeds.start);
        let count = if gap < width { (width - gap - 1) / stride + 1 } else { 0 };
        Self { first: seeds.start.saturating_add(gap), stride, count }
    }

    fn get(self, position: u64) -> Option<u64> {
        (position < self.count).then(|| self.first + position * self.stride)
    }
}

/// What the threads of a campaign share.
struct Work<'a> {
    scenario: &'a Scenario,
    tier: Tier,
    seeds: ShardSeeds,
    next: AtomicU64,
    ledger: Mutex<Ledger>,
    progress: &'a (dyn Fn(Progress) + Sync),
}

struct Ledger {
    store: Option<Store>,
    tally: Tally,
}

/// What has been found so far. It does not depend on the order in which seeds are added.
#[derive(Default)]
struct Tally {
    done: u64,
    events: u64,
    simulated: Duration,
    cpu: Duration,
    hash: Hash,
    coverage: Coverage,
    failed: BTreeMap<u64, Failure>,
}

impl Tally {
    fn add(&mut self, record: &Record, plan: Option<PathBuf>) {
        let seed = record.key.seed;
        self.done += 1;
        self.events += record.events;
        self.simulated += Duration::from_nanos(record.simulated_ns);
        self.cpu += Duration::from_nanos(record.cpu_ns);
        self.hash = self.hash.with_seed(seed, record.trace_hash);
        self.coverage = self.coverage.merged(record.coverage());
        if let Verdict::Violated { property, detail } = &record.verdict {
            let failure = Failure { seed, property: property.clone(), detail: detail.clone(), plan };
            self.failed.insert(seed, failure);
        }
    }
}

impl Work<'_> {
    fn share(&self, threads: NonZeroUsize, is_over: &(dyn Fn() -> bool + Sync)) -> Result<(), CampaignError> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(|| self.toil(is_over))).collect();
            let ended = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            ended.fold(Ok(()), Result::and)
        })
    }

    fn toil(&self, is_over: &dyn Fn() -> bool) -> Result<(), CampaignError> {
        while !is_over()
            && let Some(seed) = self.seeds.get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            self.settle(seed)?;
        }
        Ok(())
    }

    fn settle(&self, seed: u64) -> Result<(), CampaignError> {
        let plan = self.scenario.plan(seed);
        let key = Key { plan: plan.hash(), seed };
        let known = self.lock().store.as_ref().and_then(|store| store.find(key));
        let record = match known {
            Some(record) => record,
            None => self.run(key, &plan)?,
        };
        (self.progress)(self.enter(&record));
        Ok(())
    }

    fn run(&self, key: Key, plan: &Plan) -> Result<Record, CampaignError> {
        let run = self.scenario.run(self.tier, plan);
        let run = run.map_err(|error| CampaignError::Plan { seed: key.seed, error })?;
        let record = Record::new(key, &run);
        if let Some(store) = &mut self.lock().store {
            store.append(&record, plan)?;
        }
        Ok(record)
    }

    fn enter(&self, record: &Record) -> Progress {
        let Ledger { store, tally } = &mut *self.lock();
        tally.add(record, store.as_ref().map(|store| store.plan_path(record.key.seed)));
        Progress { done: tally.done, of: self.seeds.count, failed: tally.failed.len() as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    fn campaign(seeds: Range<u64>) -> Campaign {
        Campaign::new(Tier::Swarm, seeds)
    }

    fn run(campaign: &Campaign) -> Summary {
        let summary = campaign.run(&scenarios()[0], &|_| {}).unwrap();
        Summary { cpu_seconds: 0.0, ..summary }
    }

    #[test]
    fn neither_threads_nor_their_order_change_what_is_found() {
        let alone = Campaign { threads: NonZeroUsize::MIN, ..campaign(0..24) };
        assert_eq!(run(&alone), run(&campaign(0..24)));
    }

    #[test]
    fn the_hashes_of_shards_add_up_to_that_of_the_whole() {
        let shard = |index| Campaign { shard: Shard::new(index, 3).unwrap(), ..campaign(5..17) };
        let parts = (0..3).map(|index| run(&shard(index)));
        let merged = parts.fold(Hash::default(), |all, part| all.merged(part.trace_hash));
        assert_eq!(merged, run(&campaign(5..17)).trace_hash);
    }

    #[test]
    fn every_seed_belongs_to_exactly_one_shard() {
        for (start, end, count) in [(0, 10, 3), (7, 8, 4), (5, 40, 7), (9, 9, 2), (0, 2, 5)] {
            let shards = (0..count).map(|index| ShardSeeds::new(&(start..end), Shard::new(index, count).unwrap()));
            let mut seeds: Vec<u64> =
                shards.flat_map(|shard| (0..).map_while(move |position| shard.get(position))).collect();
            seeds.sort_unstable();
            assert_eq!(seeds, (start..end).collect::<Vec<_>>());
        }
        let shard = ShardSeeds::new(&(0..u64::MAX), Shard::new(1, 2).unwrap());
        assert_eq!(shard.get(3), Some(7));
        assert_eq!(shard.count, u64::MAX / 2);
    }

    #[test]
    fn a_failing_seed_is_told_with_its_property_and_its_plan_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let scenario = Scenario { swarm: |_, _| panic!("planted"), ..scenarios()[0] };
        let kept = Campaign { out: Some(directory.path().to_owned()), ..campaign(3..5) };
        let summary = kept.run(&scenario, &|_| {}).unwrap();
        assert_eq!((summary.passed, summary.failed.len()), (0, 2));
        let Failure { seed, property, plan, .. } = &summary.failed[0];
        assert_eq!((*seed, property.as_str()), (3, crate::NOTHING_PANICS));
        let json = std::fs::read_to_string(plan.as_ref().unwrap()).unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), scenario.plan(3));
    }

    #[test]
    fn a_killed_campaign_goes_on_where_it_was_torn_off() {
        let directory = tempfile::tempdir().unwrap();
        let kept = |seeds| Campaign { out: Some(directory.path().to_owned()), ..campaign(seeds) };
        run(&kept(0..6));
        let results = directory.path().join("results.jsonl");
        let text = std::fs::read_to_string(&results).unwrap();
        std::fs::write(&results, &text[..text.len() - 20]).unwrap();
        let resumed = run(&kept(0..9));
        assert_eq!(resumed, run(&campaign(0..9)));
        let lines = std::fs::read_to_string(&results).unwrap();
        assert_eq!(lines.lines().count(), 6 + 1 + 3, "five whole lines, the torn one, and four runs");
    }

    #[test]
    fn results_that_are_no_results_are_named_with_their_line() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("results.jsonl"), "{}\n").unwrap();
        let kept = Campaign { out: Some(directory.path().to_owned()), ..campaign(0..1) };
        let error = kept.run(&scenarios()[0], &|_| {}).unwrap_err().to_string();
        assert!(error.contains("results.jsonl") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_budget_that_is_over_leaves_the_campaign_incomplete() {
        let hurried = Campaign { budget: Some(Duration::ZERO), ..campaign(0..4) };
        let summary = run(&hurried);
        assert!(!summary.complete);
        assert_eq!(summary.passed, 0);
    }

    #[test]
    fn shards_and_seeds_are_read_or_refused_with_a_reason() {
        assert_eq!("1/4".parse(), Ok(Shard { index: 1, count: 4 }));
        assert_eq!(parse_seeds("3..9"), Ok(3..9));
        for given in ["4/4", "1", "0/0", "-1/2", "a/b"] {
            let error = given.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains(given) && error.contains("0/4"), "{error}");
        }
        for given in ["9..3", "3..3", "3", "a..b", "0..=4"] {
            let error = parse_seeds(given).unwrap_err().to_string();
            assert!(error.contains(given) && error.contains("0..200"), "{error}");
        }
    }
}
