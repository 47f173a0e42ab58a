//! What goes into a lock and what comes out of it.

use core::time::Duration;
use purlin::Instant;
use serde::{Deserialize, Serialize};

/// A node. Every node can ask for the lock; the one that all are set up to ask keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Node(pub u8);

/// Rises with every grant. A resource that remembers the greatest one it has seen refuses whoever comes with less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub u64);

/// Tells a node's questions apart, also those that it asked before it died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// How often the node has started.
    pub life: u64,
    /// How many questions it had asked since.
    pub number: u64,
}

/// What may be asked of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Take the lock, or hold it for longer.
    Acquire,
    /// Let go of it.
    Release,
    /// Whether this node holds it.
    Status,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This node holds the lock.
    Held(Hold),
    /// This node does not hold it: to an acquire, because another does, or because the grant came too late to be of use.
    Free,
}

impl From<Option<Hold>> for Answer {
    fn from(hold: Option<Hold>) -> Self {
        hold.map_or(Self::Free, Self::Held)
    }
}

/// The lock as its holder knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// To be shown to the resource.
    pub token: Token,
    /// When it ends, by the holder's own clock. At this instant it is over.
    pub until: Instant,
}

/// What nodes say to each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// May I have it?
    Ask(Question),
    /// It is yours.
    Granted(Grant),
    /// It is not, to this question.
    Denied(Attempt),
    /// I need it no longer.
    Release(Token),
}

/// A question for the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub attempt: Attempt,
    /// What the node holds already, and wants for longer.
    pub renews: Option<Token>,
}

/// The answer to a question that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The question's name.
    pub attempt: Attempt,
    /// To be shown to the resource.
    pub token: Token,
    /// For how long, counted from when this is said.
    pub lasts: Duration,
}

/// A node's two timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The question was not answered yet.
    Retry,
    /// The lock is held no longer.
    HoldOver,
}

/// What a node writes to its journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The node has started once more.
    Started,
    /// The lock was granted, or for longer.
    Leased(Lease),
    /// It was given back.
    Released,
}

/// The lock as its keeper knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// To whom.
    pub holder: Node,
    /// In answer to which question.
    pub attempt: Attempt,
    /// Its token.
    pub token: Token,
    /// When it ends, by the keeper's clock.
    pub until: Instant,
}

impl Lease {
    /// What its holder is told at `now` by the keeper's clock. It counts what is left: the keeper may have been set up for
    /// other leases since it gave this one.
    pub(crate) fn granted_at(&self, now: Instant) -> Grant {
        Grant { attempt: self.attempt, token: self.token, lasts: self.until.saturating_since(now) }
    }
}

/// What survives a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Image {
    /// How often the node has started.
    pub lives: u64,
    /// The last token that was given out.
    pub token: Token,
    /// The last lease, unless it was given back.
    pub lease: Option<Lease>,
}

/// What a node announces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// This node holds the lock now, or for longer.
    Acquired(Hold),
    /// This node holds it no longer.
    Lost(Token),
}

purlin::nameless!(Request, Message);
purlin::names! {
    struct Hold { until }
    struct Lease { until }
    struct Image { lease }
    enum Answer { Self::Held(hold) => hold }
    enum Record { Self::Leased(lease) => lease }
    enum Event { Self::Acquired(hold) => hold }
}
