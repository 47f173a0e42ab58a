//! What a campaign found.

use crate::hash::Hash;
use crate::scenario::{Scenario, Tier};
use serde::Serialize;
use std::path::PathBuf;

/// What a campaign found.
///
/// Shards that are merged have the summary that a single run of all their seeds has, but for the processor time.
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
    /// How many were run again and compared byte for byte.
    pub rechecked: u64,
    /// Those that did not hold, in order of their seeds: of each class the first [`Summary::FAILED_KEPT_MAX`].
    pub failed: Vec<Failure>,
    /// All that did not hold, by what they broke.
    pub classes: Vec<FailureClass>,
    /// Events that happened.
    pub events: u64,
    /// Simulated time.
    pub simulated_seconds: f64,
    /// Processor time. What is run again counts once.
    pub cpu_seconds: f64,
    /// The seeds' fingerprints, combined independently of their order.
    pub trace_hash: Hash,
    /// Whether every seed of the shard was run; false if the budget ran out.
    pub complete: bool,
    /// What should happen in a campaign and was never seen.
    pub unseen: Vec<String>,
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

/// All seeds that broke one property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureClass {
    /// The property.
    pub property: String,
    /// How many seeds broke it.
    pub seeds: u64,
    /// The one that broke it after the fewest events.
    pub fastest: Exemplar,
    /// The one with the fewest faults in its plan.
    pub smallest: Exemplar,
}

/// A seed that stands for its class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exemplar {
    /// The seed.
    pub seed: u64,
    /// After how many events it broke the property.
    pub events: u64,
    /// How many faults its plan has.
    pub faults: u64,
    /// Where its plan was written, if results are kept.
    pub plan: Option<PathBuf>,
}

impl Summary {
    /// So many failed seeds of each class are told one by one, so that a campaign in which every seed fails does not fill
    /// the memory. Where results are kept, they have all of them.
    pub const FAILED_KEPT_MAX: usize = 1_000;

    /// How many seeds were run.
    pub fn judged(&self) -> u64 {
        self.passed + self.violated()
    }

    /// How many seeds broke a property.
    pub fn violated(&self) -> u64 {
        self.classes.iter().map(|class| class.seeds).sum()
    }

    /// Whether so many seeds should have seen everything and did not: then their verdicts say little.
    pub fn is_vacuous(&self) -> bool {
        self.judged() >= Scenario::SEEDS_TO_SEE_EVERYTHING && self.classes.is_empty() && !self.unseen.is_empty()
    }

    /// Every seed that is told one by one, and where its plan is. A seed may come several times.
    pub fn plans(&mut self) -> impl Iterator<Item = (u64, &mut Option<PathBuf>)> {
        let failed = self.failed.iter_mut().map(|failed| (failed.seed, &mut failed.plan));
        let exemplars = self.classes.iter_mut().flat_map(|class| [&mut class.fastest, &mut class.smallest]);
        failed.chain(exemplars.map(|exemplar| (exemplar.seed, &mut exemplar.plan)))
    }
}
