//! Deterministic simulation in two tiers, driven by one and the same fault plan.
//!
//! | | swarm | full stack |
//! |---|---|---|
//! | runs | the machines, on a discrete-event loop | the production adapters, hyper and axum, under turmoil |
//! | clock | nanoseconds, leaps | milliseconds, ticks |
//! | speed | millions of events a second | tens of seeds a second at best |
//! | finds | wrong decisions | wrong glue |
//!
//! A [`Scenario`] draws an explicit [`Plan`] from a seed, runs it in either [`Tier`], and the same judges read both
//! histories:
//!
//! ```
//! use purlin_sim::{Tier, scenarios};
//!
//! let scenario = &scenarios()[0];
//! let plan = scenario.plan(7);
//! let run = scenario.run(Tier::Swarm, &plan)?;
//! assert!(run.verdict.holds());
//! assert_eq!(run.trace_hash, scenario.run(Tier::Swarm, &plan)?.trace_hash);
//! # Ok::<(), purlin_sim::InvalidPlan>(())
//! ```
//!
//! A run is a function of its plan: no wall clock, no unordered map, no thread, no other randomness than [`Die`].

mod agenda;
pub mod blocks;
mod budget;
mod build;
mod campaign;
pub mod checker;
mod clock;
pub mod cluster;
mod cpu;
mod die;
pub mod document;
pub mod fault;
mod hash;
pub mod history;
pub mod linearizability;
mod merge;
mod panics;
pub mod plan;
pub mod report;
mod results;
mod scenario;
pub mod scenarios;
pub mod scene;
pub mod sentence;
mod shrink;
mod simulation;
pub mod stack;
pub mod world;

pub use campaign::{
    Campaign, CampaignError, Exemplar, Failure, FailureClass, Malformed, Progress, Shard, Summary, parse_seeds,
};
pub use checker::Coverage;
pub use clock::NodeClock;
pub use die::{Die, Throws};
pub use hash::{Fingerprint, Hash};
pub use history::Watch;
pub use merge::{Merge, MergeError, MergedCampaign, Missing};
pub use plan::{
    Budget, Class, Fault, FaultKind, InvalidPlan, Law, Link, NoPlan, Nodes, Plan, PlanOptions, Ratio, Span,
};
pub use results::ResultsError;
pub use scenario::{Run, Scenario, Tier, UnknownTier, Verdict};
pub use scenarios::scenarios;
pub use shrink::{Likelihood, ShrinkError, ShrinkProgress, Shrinker, Shrunk, Symptom};
pub use simulation::Session;

/// The property that every run has: nothing panics.
pub const NOTHING_PANICS: &str = "nothing_panics";

/// The property that every campaign has: a run follows from its plan, down to the last byte of its trace.
pub const SAME_SEED_SAME_BYTES: &str = "same_seed_same_bytes";
