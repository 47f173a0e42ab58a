//! A replicated key-value service: [`purlin::raft`] as people run it.
//!
//! [`Kv`] is what the replicas agree on.

pub mod state;

pub use state::{
    Change, Command, Condition, Event, Item, Kv, Lease, LeaseId, Located, Outcome, Place, Query, Revision, Span, Stats,
    Text, View,
};
