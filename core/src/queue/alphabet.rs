//! Everything that goes into a queue and everything that comes out of it.

use crate::time::Instant;
use crate::{nameless, names};
use serde::{Deserialize, Serialize};

/// A place in the order of enqueues. Never given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// Fences a lease: whoever holds an older token than the message's own holds nothing. Never given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Token(pub u64);

/// What may be asked of a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Put a message in.
    Enqueue(NewMessage),
    /// Take messages out, under a lease.
    Claim {
        /// Who takes them.
        worker: String,
        /// How many at most.
        max: u32,
        /// For how long, in milliseconds; as configured unless given.
        lease_ms: Option<u64>,
    },
    /// The message is done.
    Ack {
        /// The lease's.
        token: Token,
    },
    /// The work takes longer: let the lease last at least so long from now.
    Extend {
        /// The lease's.
        token: Token,
        /// In milliseconds.
        lease_ms: u64,
    },
    /// The work failed: hand the message out again, after a while.
    Nack {
        /// The lease's.
        token: Token,
        /// After how long, in milliseconds.
        delay_ms: u64,
    },
    /// The message is never to be handed out again, unless it is redriven.
    Kill {
        /// The message.
        id: String,
    },
    /// Give dead messages another chance.
    Redrive {
        /// Which; all of them unless given.
        ids: Option<Vec<String>>,
    },
    /// End the leases that are over, and tell which.
    Expire,
    /// What has become of a message.
    Status {
        /// The message.
        id: String,
    },
    /// How many messages are in which state.
    Stats,
}

/// A message as it is put in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Its name, which no other message may have.
    pub id: String,
    /// What it says.
    #[serde(default)]
    pub payload: String,
    /// Messages of one key are handed out one at a time and in their order.
    #[serde(default)]
    pub key: Option<String>,
    /// Not to be handed out before this instant.
    #[serde(default)]
    pub not_before: Option<Instant>,
    /// An enqueue with the same deduplication id is refused for a while.
    #[serde(default)]
    pub dedup_id: Option<String>,
}

/// What a queue answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done as asked. It is durable.
    Ok,
    /// To an enqueue: its id or its deduplication id is taken. Nothing changed.
    Duplicate,
    /// To an enqueue: the queue holds as many messages, or remembers as many deduplication ids, as it may. Nothing changed.
    Full,
    /// To a claim: what the worker now holds, in order. May be empty.
    Claimed(Vec<Delivery>),
    /// To an ack, an extend or a nack: the token holds nothing any more. Nothing changed.
    Stale,
    /// To a nack: that was the last attempt; the message is dead.
    Dead,
    /// To a kill: the message is done or dead already. Nothing changed.
    Terminal,
    /// To a kill: there is no such message.
    NotFound,
    /// To a redrive: the messages that are ready again, in the order of their enqueues.
    Redriven(Vec<String>),
    /// To an expire: the messages whose lease has just ended, in the order of those ends.
    Expired(Vec<String>),
    /// To a status.
    Status(Status),
    /// To a stats.
    Stats(Stats),
}

/// A message as a worker gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// The message.
    pub id: String,
    /// What it says.
    pub payload: String,
    /// Proves the lease.
    pub token: Token,
    /// The how many-th time it is handed out, from 1.
    pub attempt: u32,
    /// When the lease ends. At this instant the token is already dead.
    pub until: Instant,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "named as the states are")]
pub enum Status {
    Ready,
    Delayed,
    Leased,
    Done,
    Dead,
    Unknown,
}

/// How many messages are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "named as the states are")]
pub struct Stats {
    pub ready: u64,
    pub delayed: u64,
    pub leased: u64,
    pub done: u64,
    pub dead: u64,
}

/// What a queue writes to its journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A message was put in.
    Enqueued {
        /// As it was put in.
        message: NewMessage,
        /// When it may be handed out.
        ready_at: Instant,
        /// Until when its deduplication id is taken, if it has one.
        dedup_until: Option<Instant>,
        /// When it was put in.
        at: Instant,
    },
    /// A message was handed out.
    Leased {
        /// Which.
        sequence: Sequence,
        /// To whom.
        worker: String,
        /// When the lease ends.
        until: Instant,
        /// When.
        at: Instant,
    },
    /// A lease was made to last longer.
    Extended {
        /// Which message's.
        sequence: Sequence,
        /// When it ends now.
        until: Instant,
    },
    /// A message was done.
    Acked {
        /// Which.
        sequence: Sequence,
    },
    /// A message that was done is not remembered any longer.
    Forgotten {
        /// Which.
        sequence: Sequence,
    },
    /// A lease ended without a result, or with a bad one.
    Returned {
        /// Which message's.
        sequence: Sequence,
        /// When it may be handed out again.
        ready_at: Instant,
        /// When.
        at: Instant,
    },
    /// A message is never to be handed out again.
    Died {
        /// Which.
        sequence: Sequence,
        /// When.
        at: Instant,
    },
    /// A dead message got another chance.
    Redriven {
        /// Which.
        sequence: Sequence,
        /// When.
        at: Instant,
    },
}

/// A queue has one timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The first lease is over.
    LeaseOver,
}

/// What a queue announces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A lease ended without a result.
    LeaseExpired {
        /// The message.
        id: String,
    },
    /// A message is dead. Told once for each time it dies, or never if the process dies before it is told: whoever must
    /// not miss one asks for the status.
    Died {
        /// The message.
        id: String,
    },
}

nameless!(Event);

names! {
    struct NewMessage { not_before }
    struct Delivery { until }
    enum Request { Self::Enqueue(message) => message }
    enum Answer { Self::Claimed(deliveries) => deliveries }
    enum Record {
        Self::Enqueued { message, ready_at, dedup_until, at } => message & ready_at & dedup_until & at,
        Self::Leased { until, at, .. } => until & at,
        Self::Extended { until, .. } => until,
        Self::Returned { ready_at, at, .. } => ready_at & at,
        Self::Died { at, .. } | Self::Redriven { at, .. } => at,
    }
}
