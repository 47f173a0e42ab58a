//! The objects that histories are usually of.

mod keyed;
mod lease;
mod queue;
mod register;
mod stale;
mod stays;
mod zones;

pub use keyed::{KeyValue, Keyed, PerKey};
pub use lease::{Lease, LeaseOperation, LeaseOutcome, LeaseQueue, LeaseState};
pub use queue::{Queue, QueueOperation, QueueOutcome};
pub use register::{Register, RegisterOperation, RegisterOutcome};

/// What a model's values can do.
pub trait Value: Clone + core::fmt::Debug + Eq + core::hash::Hash + Ord {}

impl<V: Clone + core::fmt::Debug + Eq + core::hash::Hash + Ord> Value for V {}
