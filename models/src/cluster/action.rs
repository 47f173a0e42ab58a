//! What can happen next in a cluster, as data: a path of actions can be written down and replayed.

use super::{Packet, Shared};
use crate::odometer::Throws;
use derive_where::derive_where;
use purlin::protocol::Protocol;
use serde::{Deserialize, Serialize};

/// One action: what happens, how far it comes, and the faces that its step is shown.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct Action<P: Protocol> {
    /// What happens.
    #[serde(rename = "do")]
    pub kind: Kind<P>,
    /// How far it comes.
    #[serde(default, skip_serializing_if = "Fate::is_whole")]
    pub fate: Fate,
    /// What the die shows, in the order of the throws.
    #[serde(default, skip_serializing_if = "Throws::is_empty")]
    pub throws: Throws,
}

impl<P: Protocol> Action<P> {
    /// An action that runs to its end without a throw.
    pub fn whole(kind: Kind<P>) -> Self {
        Self { kind, fate: Fate::Whole, throws: Throws::new() }
    }
}

/// What happens. Nodes are meant by their place in the scope.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Kind<P: Protocol> {
    /// Somebody asks a node for something.
    Request {
        /// Which.
        node: usize,
        /// For what.
        request: P::Request,
    },
    /// A message comes in.
    Deliver {
        /// Which.
        packet: Shared<Packet<P>>,
        /// A copy stays under way.
        twice: bool,
    },
    /// A message is lost. It need not be: it may as well never come. This is for promises, which else count on it.
    Lose {
        /// Which.
        packet: Shared<Packet<P>>,
    },
    /// The first message of a node to itself has its turn.
    Own {
        /// Which.
        node: usize,
    },
    /// Something that was read back is told: the so-many-th.
    Loaded {
        /// To which node.
        node: usize,
        /// From 0.
        index: usize,
    },
    /// A timer fires.
    Fire {
        /// On which node.
        node: usize,
        /// Its name.
        timer: P::Timer,
    },
    /// Time passes by a tick on every clock, or on one.
    Advance {
        /// Which; all of them unless given.
        node: Option<usize>,
    },
    /// A disk gets slow: until its sync ends, the steps of its node go on without it.
    Stall {
        /// Whose.
        node: usize,
    },
    /// A sync ends: so many records are durable, and what waited for them leaves.
    Sync {
        /// Whose.
        node: usize,
        /// How many. If these are all, the disk is no longer slow.
        records: usize,
    },
    /// A process dies between two steps.
    Crash {
        /// Whose.
        node: usize,
        /// How many of the records that were not durable have reached the disk all the same.
        survive: usize,
    },
    /// A process comes up again.
    Restart {
        /// Whose.
        node: usize,
        /// By how many ticks its clock has been set on, or back.
        set_off: i16,
    },
}

/// How far an action comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fate {
    /// To its end.
    #[default]
    Whole,
    /// The process dies on the way.
    Crash {
        /// After so many effects that somebody else can see: first those that need not wait for the disk, in their order;
        /// then, unless the disk is slow, those that wait for it.
        after: usize,
        /// How many of the records that were not durable have reached the disk all the same. Once an effect has left
        /// that waited for the disk, all of them have.
        survive: usize,
    },
    /// The journal refuses what is persisted, for another process has taken it over: this one ends.
    Refused,
}

impl Fate {
    /// Whether it comes to its end.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}
