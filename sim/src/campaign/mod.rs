//! Campaigns: many seeds, on some threads, in some shards, with results that survive being killed.
//!
//! A seed belongs to shard `seed % count`, whatever the range, so shards can be added and merged. What a campaign finds
//! depends on its seeds alone: not on threads, on order, or on whether it was interrupted. More than 5 % of the seeds are
//! run again, and every byte of their traces is compared.

mod recheck;
mod shard;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use shard::{Malformed, Shard, parse_seeds};
pub use summary::{Exemplar, Failure, FailureClass, Summary};
pub(crate) use tally::Tally;

use crate::plan::{InvalidPlan, Plan};
use crate::results::{Campaigned, Record, ResultsError, Store};
use crate::scenario::{Run, Scenario, Tier};
use core::num::NonZeroUsize;
use core::ops::Range;
use core::time::Duration;
use shard::ShardSeeds;
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

    /// The seeds that are run here, in their order.
    pub fn seeds_here(&self) -> impl Iterator<Item = u64> {
        let seeds = ShardSeeds::new(&self.seeds, self.shard);
        (0..seeds.count).filter_map(move |position| seeds.get(position))
    }

    /// Runs it. `progress` is told after each seed, from any thread.
    ///
    /// # Errors
    /// If results cannot be kept. Those of earlier seeds are.
    pub fn run(&self, scenario: &Scenario, progress: &(dyn Fn(Progress) + Sync)) -> Result<Summary, CampaignError> {
        let store = self.out.as_deref().map(|directory| Store::open(directory, scenario, self.tier, &self.seeds));
        let ledger = Ledger { store: store.transpose()?, tally: Tally::new(self.seeds.start) };
        let seeds = ShardSeeds::new(&self.seeds, self.shard);
        let work = Work {
            scenario,
            tier: self.tier,
            first: self.seeds.start,
            seeds,
            next: AtomicU64::new(0),
            ledger: Mutex::new(ledger),
            progress,
        };
        let deadline = self.budget.map(|budget| Instant::now() + budget);
        work.share(self.threads, &|| deadline.is_some_and(|deadline| Instant::now() >= deadline))?;
        let Ledger { mut store, tally } = work.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        store.as_mut().map_or(Ok(()), Store::sync)?;
        let campaigned = Campaigned::new(scenario, &self.seeds);
        let mut summary = tally.summarise(scenario.name(), self.tier, &campaigned, seeds.count);
        if let Some(store) = store {
            summary.plans().for_each(|(seed, plan)| *plan = Some(store.plan_path(seed)));
        }
        Ok(summary)
    }
}

/// What the threads of a campaign share.
struct Work<'a> {
    scenario: &'a Scenario,
    tier: Tier,
    first: u64,
    seeds: ShardSeeds,
    next: AtomicU64,
    ledger: Mutex<Ledger>,
    progress: &'a (dyn Fn(Progress) + Sync),
}

struct Ledger {
    store: Option<Store>,
    tally: Tally,
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
        let hash = plan.hash();
        let known = self.lock().store.as_ref().and_then(|store| store.recall(seed, hash));
        let progress = match known {
            Some(record) => self.enter(&record, &plan, false)?,
            None => {
                let run = self.run(seed, &plan).map_err(|error| CampaignError::Plan { seed, error })?;
                self.enter(&Record::new(seed, &plan, hash, &run), &plan, true)?
            }
        };
        (self.progress)(progress);
        Ok(())
    }

    fn run(&self, seed: u64, plan: &Plan) -> Result<Run, InvalidPlan> {
        if recheck::is_due(seed, self.first) {
            recheck::run_again(self.scenario, self.tier, plan)
        } else {
            self.scenario.run(self.tier, plan)
        }
    }

    /// Adds a seed. Its plan is kept before its result, so that no result of a killed campaign lacks its plan.
    fn enter(&self, record: &Record, plan: &Plan, is_new: bool) -> Result<Progress, ResultsError> {
        let Ledger { store, tally } = &mut *self.lock();
        let is_told = tally.add(record);
        if let Some(store) = store {
            if is_told {
                store.keep_plan(record.finding.seed, plan)?;
            }
            if is_new {
                store.append(record)?;
            }
        }
        Ok(Progress { done: tally.done(), of: self.seeds.count, failed: tally.violated() })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
