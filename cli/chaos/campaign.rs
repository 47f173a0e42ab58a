//! One campaign: a scenario's seeds, run on every core, and what they add up to.

use super::ranges::{Seeds, Shard};
use super::records::{Record, Records};
use crate::failure::Failure;
use indicatif::ProgressBar;
use purlin_sim::{Coverage, Hash, Plan, Run, Scenario, Tier};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// What to run.
pub(crate) struct Campaign<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) tier: Tier,
    pub(crate) seeds: Seeds,
    pub(crate) shard: Shard,
    /// No seed is begun after this.
    pub(crate) deadline: Option<Instant>,
    /// Where the plans of failed seeds go.
    pub(crate) out: &'a Path,
    /// What was found before, and where to write what is found now.
    pub(crate) records: Option<&'a Records>,
}

/// What a campaign found.
#[derive(Debug, Serialize)]
pub(crate) struct CampaignReport {
    pub(crate) scenario: &'static str,
    pub(crate) tier: Tier,
    pub(crate) seeds: Seeds,
    pub(crate) passed: u64,
    pub(crate) failed: Vec<FailedSeed>,
    pub(crate) events: u64,
    pub(crate) simulated_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) trace_hash: Hash,
    /// What should have happened at least once in so many seeds and never did: such a campaign says nothing of it.
    pub(crate) never_seen: Vec<&'static str>,
}

impl CampaignReport {
    pub(crate) fn holds(&self) -> bool {
        self.failed.is_empty() && self.never_seen.is_empty()
    }

    pub(crate) fn seeds_run(&self) -> u64 {
        self.passed + self.failed.len() as u64
    }
}

/// A seed whose run violates a property.
#[derive(Debug, Serialize)]
pub(crate) struct FailedSeed {
    pub(crate) seed: u64,
    pub(crate) property: String,
    pub(crate) plan: PathBuf,
}

impl Campaign<'_> {
    /// Runs every seed of the shard until they are done or time is over.
    pub(crate) fn run(&self, progress: &ProgressBar) -> Result<CampaignReport, Failure> {
        let desk =
            Mutex::new(Desk { next: self.shard.first_seed(self.seeds.0), tally: Tally::default(), failure: None });
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(&desk, progress));
            }
        });
        let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
        desk.failure.map_or_else(|| Ok(self.report(desk.next, desk.tally)), Err)
    }

    fn work(&self, desk: &Mutex<Desk>, progress: &ProgressBar) {
        let lock = || desk.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(seed) = lock().claim(self) else { return };
            let done = self.run_seed(seed);
            let mut desk = lock();
            match done {
                Ok(record) => desk.tally.add(record),
                Err(failure) => desk.failure = Some(failure),
            }
            progress.inc(1);
        }
    }

    fn run_seed(&self, seed: u64) -> Result<Done, Failure> {
        let plan = self.scenario.plan(seed);
        if let Some(record) = self.records.and_then(|records| records.find(seed, plan.hash())) {
            return self.done(record.clone(), &plan);
        }
        let run = self.scenario.run(self.tier, &plan).map_err(|error| {
            Failure::new(format_args!(
                "seed {seed} of {} draws a plan that cannot be run: {error}",
                self.scenario.name()
            ))
        })?;
        let record = self.record(seed, &plan, &run);
        if let Some(records) = self.records {
            records.append(&record)?;
        }
        self.done(record, &plan)
    }

    fn record(&self, seed: u64, plan: &Plan, run: &Run) -> Record {
        Record {
            build: self.records.map(Records::build).unwrap_or_default(),
            plan: plan.hash(),
            seed,
            property: run.verdict.property().map(str::to_owned),
            events: run.events,
            simulated_seconds: run.simulated.as_secs_f64(),
            cpu_seconds: run.cpu.as_secs_f64(),
            trace_hash: run.trace_hash,
            coverage: run.coverage.to_word(),
        }
    }

    fn done(&self, record: Record, plan: &Plan) -> Result<Done, Failure> {
        let plan = record.property.is_some().then(|| self.keep(record.seed, plan)).transpose()?;
        Ok(Done { record, plan })
    }

    /// Writes the plan of a failed seed, so that it can be run again by anybody.
    fn keep(&self, seed: u64, plan: &Plan) -> Result<PathBuf, Failure> {
        let file = self.out.join(format!("{}-{}-{seed}.json", self.scenario.name(), self.tier));
        let written = fs::create_dir_all(self.out).and_then(|()| fs::write(&file, plan.to_json()));
        written.map_err(|error| Failure::unwritable(&file, &error))?;
        Ok(file)
    }

    fn report(&self, next: Option<u64>, mut tally: Tally) -> CampaignReport {
        tally.failed.sort_by_key(|failed| failed.seed);
        let end = next.map_or(self.seeds.1, |next| next.min(self.seeds.1));
        let seeds_run = tally.passed + tally.failed.len() as u64;
        let whole = self.tier == Tier::Swarm && seeds_run >= Scenario::SEEDS_TO_SEE_EVERYTHING;
        let missing = tally.coverage.missing(self.scenario.sometimes());
        CampaignReport {
            scenario: self.scenario.name(),
            tier: self.tier,
            seeds: Seeds(self.seeds.0, end),
            passed: tally.passed,
            failed: tally.failed,
            events: tally.events,
            simulated_seconds: tally.simulated_seconds,
            cpu_seconds: tally.cpu_seconds,
            trace_hash: tally.trace_hash,
            never_seen: if whole { missing.collect() } else { Vec::new() },
        }
    }
}

/// A seed that was run, and where its plan went if it failed.
struct Done {
    record: Record,
    plan: Option<PathBuf>,
}

/// What the workers share.
struct Desk {
    next: Option<u64>,
    tally: Tally,
    failure: Option<Failure>,
}

impl Desk {
    fn claim(&mut self, campaign: &Campaign<'_>) -> Option<u64> {
        let over = campaign.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let seed = self.next.filter(|seed| campaign.seeds.range().contains(seed))?;
        if over || self.failure.is_some() {
            return None;
        }
        self.next = seed.checked_add(1).and_then(|after| campaign.shard.first_seed(after));
        Some(seed)
    }
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: Vec<FailedSeed>,
    events: u64,
    simulated_seconds: f64,
    cpu_seconds: f64,
    trace_hash: Hash,
    coverage: Coverage,
}

impl Tally {
    fn add(&mut self, done: Done) {
        let Done { record, plan } = done;
        match (record.property, plan) {
            (Some(property), Some(plan)) => self.failed.push(FailedSeed { seed: record.seed, property, plan }),
            _ => self.passed += 1,
        }
        self.events += record.events;
        self.simulated_seconds += record.simulated_seconds;
        self.cpu_seconds += record.cpu_seconds;
        self.trace_hash = self.trace_hash.with_seed(record.seed, record.trace_hash);
        self.coverage = self.coverage.merged(Coverage::from_word(record.coverage));
    }
}
