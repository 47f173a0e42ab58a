//! A durable log: entries with an index and a term, and a hard state beside them, in one stream of checksummed records.
//!
//! ```text
//!                append, truncate, set_hard_state                       sync
//!   caller ────────────────────────────────────▶ staged sectors ─────────────────▶ durable
//!                                                     │ one write for each segment, one sync
//!            ┌─────────┬─────────┬─────────┬──────────▼─────────────────┐   ┌────────────┐
//!  segments: │ header  │ stamp   │ stamp   │ stamp    │ zeros, or what   │   │ ready for  │
//!            │ of 5    │ records │ records │ records…  │ was here before  │   │ segment 6  │
//!            └─────────┴─────────┴─────────┴────────────────────────────┘   └────────────┘
//!                 what segments 0–4 had come to
//! ```
//!
//! It does no IO: a disk is a [`Blocks`], which a driver, a simulation and a test each bring along.
//!
//! # What holds
//! 1. What [`Log::sync`] has confirmed is never lost nor changed: it is there after a crash, or the log is refused.
//! 2. What was not synced survives a crash as a prefix of the changes, in their one order, or not at all.
//! 3. A torn tail is cut off when the log is opened, and never comes back. The log stays writable.
//! 4. Damage that no crash can leave is told with its place as a [`Corruption`], never answered by a shorter log.
//! 5. One thing it cannot tell: whether the last record, if nothing at all follows, was damaged before it was durable or
//!    later. Then exactly that record is dropped. To tell, a log would have to sync twice for every batch.
//!    And where damage strikes every sector that says what there was, three of them at least, nothing is left to tell that
//!    the log was ever begun.
//! 6. After an error of the disk it takes no more writes ([`MutationError::Poisoned`]): the process is to end.
//!
//! # How it tells a torn write from bit rot
//! Every record's checksum covers that of the record before. Every sector of 512 bytes, which disks write whole or not at
//! all, says which one it is, how often the log was opened before, and what was durable when it was written; no sector is
//! written twice with other bytes but by a repair. So a sector was either written as it stands, or it is an old one that a crash has left, or it is
//! damaged. A record is damaged by a crash only where a sector is old, or where nothing valid follows; everything else is
//! corruption.
//!
//! What is not known to be durable is written once more when the log is opened: after a failed sync a system may go on to show
//! what never reached the disk, and take it for written.
//!
//! The problems that this answers: a checksum mismatch in the middle that was taken for the end of the log ([unistore 567]),
//! vote and term in two writes ([hashicorp/raft 661]), a retried sync ([Rebello et al.](Blocks)), a truncation that did not
//! survive.
//!
//! [unistore 567]: https://github.com/ngaut/unistore/issues/567
//! [hashicorp/raft 661]: https://github.com/hashicorp/raft/issues/661

mod blocks;
mod error;
mod header;
mod machine;
mod read;
mod record;
mod recover;
mod sector;
mod settings;
mod staged;
mod state;
mod window;

pub use blocks::{BlockError, Blocks};
pub use error::{Corruption, MutationError, OpenError, ReadError};
pub use machine::Log;
pub use recover::Repair;
pub use settings::{Config, InvalidSettings, Settings};

use serde::{Deserialize, Serialize};

/// A place between entries: this one and everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Boundary {
    /// The entry's index; 0 is before the first.
    pub index: u64,
    /// The entry's term.
    pub term: u64,
}

/// What a node must not forget besides its entries. It is replaced as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// The term in which the node is.
    pub term: u64,
    /// Whom it voted for in this term; 0 is nobody.
    pub vote: u64,
    /// Up to which entry it knows the log to be committed.
    pub commit: u64,
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry<P = Vec<u8>> {
    /// Its place: one more than the entry before.
    pub index: u64,
    /// The term in which it was made.
    pub term: u64,
    /// What it says.
    pub payload: P,
}
