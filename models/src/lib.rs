//! Any machine as a model that is explored to its end.
//!
//! [`caller`] closes a world around a policy, [`cluster`] one around the nodes of a protocol; both are stateright models,
//! and so is any [`world::World`]. [`models`] lists the models of every room. A [`Model`] is explored to its end
//! ([`Model::check`]), opened in stateright's explorer ([`Model::explore`]) or drawn ([`Model::dot`]).
//!
//! Safety is judged by the parallel [`search`], bounded only by the state. Liveness is decided on the explicit [`Graph`]:
//! see [`liveness`] for why. A counterexample is shortened before it is shown, and [`replay`] takes it again in a test.
//!
//! [`spec`] holds the code against its TLA+ specification in every reachable state, both ways ([`refinement`]): against
//! the graphs that [`tlc`] found, or against their [`golden`] copies where there is no Java.

pub mod breaker;
pub mod caller;
mod check;
pub mod cluster;
pub mod counterexample;
mod dot;
mod fingerprint;
pub mod golden;
pub mod graph;
pub mod liveness;
mod model;
pub mod odometer;
mod panics;
mod properties;
pub mod queue;
pub mod raft;
pub mod refinement;
mod report;
pub mod search;
pub mod spec;
pub mod tlc;
mod words;
pub mod world;

pub use caller::{CallerModel, CallerScope, Callers};
pub use cluster::{Cluster, ClusterModel, ClusterScope};
pub use counterexample::{Verdict, replay};
pub use graph::{Edge, Graph, TooLarge};
pub use model::{ExploreError, Model, ModelOf, PolicyModel, ProtocolModel};
pub use report::{CheckReport, Kind, Progress, PropertyReport, Scope};

/// Every model of every room.
pub fn models() -> Vec<Box<dyn Model>> {
    breaker::models().into_iter().chain(queue::models()).chain(raft::models()).collect()
}
