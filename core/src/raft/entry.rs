//! What stands in the log.

use super::application::Application;
use super::membership::Membership;
use super::sessions::Stamp;
use derive_where::derive_where;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An entry of the log: its index, its term, and what it says.
pub type Entry<S> = crate::log::Entry<Payload<S>>;

/// What an entry says.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Payload<S: Application> {
    /// Nothing: what a leader begins its term with.
    Empty,
    /// A command, applied as often as it stands in the log.
    Command(S::Command),
    /// A command of a session, applied once.
    Stamped(Box<Stamped<S>>),
    /// The begin of a session, whose id is the entry's index. Beyond so many sessions the one that was used longest ago ends.
    Session {
        /// How many sessions there may be.
        sessions_max: u32,
    },
    /// Who is a member from here on.
    Membership(Arc<Membership>),
}

/// A command, and its place in a session.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Stamped<S: Application> {
    /// Its place.
    pub stamp: Stamp,
    /// What it says.
    pub command: S::Command,
}

/// What every entry takes beside its command, in bytes.
pub const ENTRY_OVERHEAD: usize = 24;

/// About how many bytes an entry takes on the wire and the disk.
pub fn size<S: Application>(entry: &Entry<S>) -> usize {
    ENTRY_OVERHEAD + entry.payload.size()
}

impl<S: Application> Payload<S> {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Empty | Self::Session { .. } => 0,
            Self::Command(command) => S::size(command),
            Self::Stamped(stamped) => S::size(&stamped.command) + size_of::<Stamp>(),
            Self::Membership(membership) => membership.everyone().len() * 8,
        }
    }
}
