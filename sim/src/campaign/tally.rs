//! What a campaign has found so far. It does not depend on the order in which seeds are added.

use super::recheck;
use super::summary::{Exemplar, Failure, FailureClass, Summary};
use crate::checker::Coverage;
use crate::hash::Hash;
use crate::results::{Campaigned, Finding, Record};
use crate::scenario::{Tier, Verdict};
use core::time::Duration;
use std::collections::BTreeMap;

/// Sums over seeds, and of those that failed so many as anybody will look at.
pub(crate) struct Tally {
    /// The first seed of all shards.
    first: u64,
    done: u64,
    rechecked: u64,
    events: u64,
    simulated: Duration,
    cpu: Duration,
    hash: Hash,
    coverage: Coverage,
    violated: u64,
    classes: BTreeMap<String, Ledger>,
}

/// The seeds of one class.
struct Ledger {
    seeds: u64,
    fastest: Rank,
    smallest: Rank,
    details: BTreeMap<u64, String>,
}

/// A seed, by what is best first. Among equals it is the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    by: [u64; 2],
    seed: u64,
}

impl Tally {
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            done: 0,
            rechecked: 0,
            events: 0,
            simulated: Duration::ZERO,
            cpu: Duration::ZERO,
            hash: Hash::default(),
            coverage: Coverage::default(),
            violated: 0,
            classes: BTreeMap::new(),
        }
    }

    /// Adds a seed, which must be new. Says whether its plan is worth keeping: whether it failed and will be told, unless
    /// better ones come.
    pub(crate) fn add(&mut self, Record { finding, cpu_ns }: &Record) -> bool {
        self.done += 1;
        self.rechecked += u64::from(recheck::is_due(finding.seed, self.first));
        self.events = self.events.saturating_add(finding.events);
        self.simulated += Duration::from_nanos(finding.simulated_ns);
        self.cpu += Duration::from_nanos(*cpu_ns);
        self.hash = self.hash.with_seed(finding.seed, finding.trace_hash);
        self.coverage = self.coverage.merged(finding.coverage());
        match &finding.verdict {
            Verdict::Holds => false,
            Verdict::Violated { property, detail } => self.add_violation(finding, property, detail),
        }
    }

    fn add_violation(&mut self, finding: &Finding, property: &str, detail: &str) -> bool {
        self.violated += 1;
        match self.classes.get_mut(property) {
            Some(ledger) => ledger.add(finding, detail),
            None => {
                self.classes.insert(property.to_owned(), Ledger::new(finding, detail));
                true
            }
        }
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    pub(crate) fn violated(&self) -> u64 {
        self.violated
    }

    pub(crate) fn summarise(self, scenario: &str, tier: Tier, campaigned: &Campaigned, of: u64) -> Summary {
        let mut failed: Vec<Failure> =
            self.classes.iter().flat_map(|(property, ledger)| ledger.told(property)).collect();
        failed.sort_by_key(|failure| failure.seed);
        Summary {
            scenario: scenario.to_owned(),
            tier,
            seeds: campaigned.seeds,
            passed: self.done - self.violated,
            rechecked: self.rechecked,
            failed,
            classes: self.classes.iter().map(|(property, ledger)| ledger.class(property)).collect(),
            events: self.events,
            simulated_seconds: self.simulated.as_secs_f64(),
            cpu_seconds: self.cpu.as_secs_f64(),
            trace_hash: self.hash,
            complete: self.done == of,
            unseen: self.coverage.missing(&campaigned.sometimes).map(ToOwned::to_owned).collect(),
        }
    }
}

impl Ledger {
    fn new(finding: &Finding, detail: &str) -> Self {
        let details = BTreeMap::from([(finding.seed, detail.to_owned())]);
        Self { seeds: 1, fastest: Rank::by_speed(finding), smallest: Rank::by_size(finding), details }
    }

    /// Whether this one is among those that are told, for now.
    fn add(&mut self, finding: &Finding, detail: &str) -> bool {
        self.seeds += 1;
        let (speed, size) = (Rank::by_speed(finding), Rank::by_size(finding));
        let stands_out = speed < self.fastest || size < self.smallest;
        self.fastest = self.fastest.min(speed);
        self.smallest = self.smallest.min(size);
        self.details.insert(finding.seed, detail.to_owned());
        if self.details.len() > Summary::FAILED_KEPT_MAX {
            self.details.pop_last();
        }
        stands_out || self.details.contains_key(&finding.seed)
    }

    fn told(&self, property: &str) -> impl Iterator<Item = Failure> {
        self.details.iter().map(|(seed, detail)| {
            let (property, detail) = (property.to_owned(), detail.clone());
            Failure { seed: *seed, property, detail, plan: None }
        })
    }

    fn class(&self, property: &str) -> FailureClass {
        let Rank { by: [events, faults], seed } = self.fastest;
        let fastest = Exemplar { seed, events, faults, plan: None };
        let Rank { by: [faults, events], seed } = self.smallest;
        let smallest = Exemplar { seed, events, faults, plan: None };
        FailureClass { property: property.to_owned(), seeds: self.seeds, fastest, smallest }
    }
}

impl Rank {
    fn by_speed(finding: &Finding) -> Self {
        Self { by: [finding.events, finding.faults], seed: finding.seed }
    }

    fn by_size(finding: &Finding) -> Self {
        Self { by: [finding.faults, finding.events], seed: finding.seed }
    }
}
