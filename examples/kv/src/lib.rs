//! A replicated key-value service: [`purlin::raft`] as people run it.
//!
//! ```text
//!   clients ──▶ HTTP, JSON ──▶ any of the servers ──▶ Raft<Kv>, the same on each of them
//! ```
//!
//! [`Kv`] is what the replicas agree on: a value that commands change, in the same order everywhere. [`Server`] makes a
//! process of it. What is answered with success is on the disks of a majority and survives whatever else is lost.

mod api;
mod backup;
pub mod client;
pub mod offline;
mod server;
pub mod state;

pub use backup::{Backup, BadBackup};
pub use client::{Client, ClientError};
pub use server::{
    BadPeers, Peers, Server, ServerError, ServerOptions, Standing, Tokens, TokensError, member_named, place,
};
pub use state::{
    Change, Command, Condition, Event, Item, Kv, Lease, LeaseId, Located, Outcome, Place, Query, Revision, Span, Stats,
    Text, View,
};

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
