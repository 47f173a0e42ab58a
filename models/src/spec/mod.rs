//! Rooms and their TLA+ specifications: which are compared, at which scopes, and what a comparison reports.

pub mod breaker;
mod constants;
mod graph;
pub mod queue;
pub mod raft;
mod scope;
pub mod trace;
mod value;

pub use breaker::BreakerAbstraction;
pub use constants::{Constants, ConstantsError};
pub use graph::SpecGraph;
pub use queue::QueueAbstraction;
pub use raft::RaftAbstraction;
pub use scope::{Source, SpecScope, World};
pub use value::{Value, ValueError, View, view_in_words};

use crate::golden::GoldenError;
use crate::report::PropertyReport;
use crate::tlc::TlcError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The comparison of one room's code with its specification, at one scope.
pub trait Comparison: Send + Sync {
    /// The room.
    fn room(&self) -> &'static str;
    /// The scope's name.
    fn name(&self) -> &'static str;
    /// Compares.
    ///
    /// # Errors
    /// If there is no graph to compare with. Code that differs is a report.
    fn compare(&self, oracle: &Oracle) -> Result<SpecReport, SpecError>;
}

/// Where the specification's graph comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// From the golden file that was built in: no Java needed.
    Golden,
    /// From TLC, which also checks the specification's own claims afresh.
    Tlc {
        /// `tla2tools.jar`.
        jar: PathBuf,
        /// The folder of all rooms' specifications.
        specs: PathBuf,
        /// Whether to write golden files afresh, rather than to hold TLC's graph against them.
        update: bool,
    },
}

/// Every comparison of every room.
pub fn comparisons() -> Vec<Box<dyn Comparison>> {
    breaker::comparisons().into_iter().chain(queue::comparisons()).chain(raft::comparisons()).collect()
}

/// What a comparison found.
#[derive(Clone, Debug, Serialize)]
pub struct SpecReport {
    /// The room.
    pub room: &'static str,
    /// The scope.
    pub scope: &'static str,
    /// Distinct states of the specification.
    pub spec_states: u64,
    /// Its steps.
    pub spec_steps: u64,
    /// Distinct states of the code.
    pub model_states: u64,
    /// Its steps.
    pub model_steps: u64,
    /// Steps of the code that change nothing the specification knows of.
    pub stutters: u64,
    /// Where the code does what the specification does not; a shortest path each.
    pub unexplained_code_steps: Vec<String>,
    /// Where the specification offers what the code does not; a shortest path each.
    pub missing_spec_steps: Vec<String>,
    /// States of the specification that no state of the code looks like.
    pub unreached_spec_states: Vec<String>,
    /// Steps that the code declines for a reason, and how often.
    pub refusals: BTreeMap<&'static str, u64>,
    /// The specification's own claims, as TLC found them (with a golden file: when it was written).
    pub properties: Vec<PropertyReport>,
    /// Whether liveness of the specification is liveness of the code at this scope.
    pub liveness_carries_over: bool,
    /// What is in its way.
    pub liveness_obstacles: Vec<String>,
    /// The specification's variables.
    pub fields: Vec<String>,
    /// How many states of the code look alike to the specification, at most.
    pub widest_fibre: u64,
    /// How many steps of the specification bear each label.
    pub labels: BTreeMap<String, u64>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl SpecReport {
    /// Code and specification agree in every state, and the specification's claims hold.
    pub fn holds(&self) -> bool {
        self.unexplained_code_steps.is_empty()
            && self.missing_spec_steps.is_empty()
            && self.unreached_spec_states.is_empty()
            && self.properties.iter().all(|property| property.holds)
    }
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// TLC has no answer.
    #[error(transparent)]
    Tlc(#[from] TlcError),
    /// A golden file cannot be read.
    #[error("{scope}: {source}")]
    Golden {
        /// Of which scope.
        scope: &'static str,
        /// Why.
        source: GoldenError,
    },
    /// The specification was edited since the golden file was written.
    #[error("the golden graph of {0} is older than its specification: write it afresh with `purlin spec --update`")]
    Stale(&'static str),
    /// TLC's graph is another one than the golden file's.
    #[error(
        "TLC's graph of {scope} differs from its golden file ({what}): if that is meant, run `purlin spec --update`"
    )]
    Differs {
        /// Of which scope.
        scope: &'static str,
        /// In what.
        what: String,
    },
    /// A golden file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The scope's configuration for TLC cannot be read as one for the code.
    #[error("the constants of {scope}: {source}")]
    Constants {
        /// Of which scope.
        scope: &'static str,
        /// Why.
        source: ConstantsError,
    },
}
