//! All that goes into a replica and all that comes out.

use super::application::Application;
use super::image::{Image, Snapshot};
use super::log::Slice;
use super::member::Member;
use super::membership::{Change, ChangeError, Membership, Transition};
use super::sessions::{SessionError, Stamp};
use super::status::Status;
use crate::log::Boundary;
use crate::machine::{Epoch, Names};
use crate::nameless;
use crate::time::Instant;
use bytes::Bytes;
use derive_where::derive_where;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use super::image::Record;

/// What is asked of a replica. Each is answered once: done, refused, or with an unknown outcome.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Request<S: Application> {
    /// Apply a command on every replica. The leader's to answer.
    Propose {
        /// Its place in a session, which makes it safe to try again; without, it is applied as often as it is accepted.
        stamp: Option<Stamp>,
        /// What to apply.
        command: S::Command,
    },
    /// Begin a session.
    OpenSession,
    /// Read.
    Read {
        /// How fresh the answer must be.
        consistency: Consistency,
        /// What to read.
        query: S::Query,
    },
    /// Change who is a member. The leader's to answer. No changes at all leave a joint membership.
    ChangeMembers {
        /// How they come into force.
        transition: Transition,
        /// What changes, in this order.
        changes: Vec<Change>,
    },
    /// Hand the leadership over. The leader's to answer; to itself, it calls off a transfer that is under way.
    Transfer {
        /// To whom.
        to: Member,
    },
    /// Take a snapshot of what was applied and drop entries.
    Compact {
        /// The last entry to drop; those beyond the snapshot stay.
        through: u64,
    },
    /// Tell how things stand, as far as this replica knows.
    Status,
}

/// How fresh what is read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// As of some moment between the request and its answer.
    #[default]
    Linearizable,
    /// As of some earlier moment: what this replica has applied.
    Stale,
}

/// What a replica answers.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Answer<S: Application> {
    /// The command was applied.
    Applied {
        /// By which entry. A command that is tried again is answered with the entry of the last try.
        index: u64,
        /// What it came to.
        outcome: S::Outcome,
    },
    /// A session has begun.
    SessionOpened {
        /// Its id.
        session: u64,
    },
    /// What was read.
    Read {
        /// The last entry that is in it.
        index: u64,
        /// What it came to.
        view: S::View,
    },
    /// The change is committed. Of a joint change with automatic leave: its first half.
    MembersChanged {
        /// By which entry.
        index: u64,
        /// Who is a member now.
        membership: Arc<Membership>,
    },
    /// The leadership was handed over.
    Transferred {
        /// To whom.
        to: Member,
    },
    /// A snapshot was taken.
    Compacted {
        /// The last entry that is in it.
        at: u64,
    },
    /// How things stand.
    Status(Box<Status>),
    /// Nothing was done, nor will be.
    Refused(Refusal),
    /// It may have been done or yet be done, or never: this replica ceased to be the leader before it knew.
    Unknown,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Another one leads, perhaps.
    #[error("this replica does not lead the cluster{}", hint(*leader))]
    NotLeader {
        /// Who, as far as this one knows.
        leader: Option<Member>,
    },
    /// The leader is handing over.
    #[error("the leadership is being handed over: try again soon")]
    Transferring,
    /// More is under way than the configured bound.
    #[error("too much waits to be committed: try again later")]
    Busy,
    /// The leader has not yet committed an entry of its own term, or another change is under way.
    #[error("another change of members is under way, or the leader is new: try again soon")]
    ChangeInProgress,
    /// The change is not admissible.
    #[error("the change of members is not admissible: {0}")]
    Change(ChangeError),
    /// The session does not take the command.
    #[error("the command was not applied: {0}")]
    Session(SessionError),
    /// The leadership cannot go there.
    #[error("{to} has no vote: give it one first, or hand over to somebody else")]
    NoVoter {
        /// Where it was to go.
        to: Member,
    },
    /// The transfer was called off, or took longer than an election timeout.
    #[error("the leadership was not handed over in time, and stays")]
    NotTransferred,
    /// There is nothing to drop up to there.
    #[error("entries up to {through} cannot be dropped: give one from {first} to {last}")]
    NothingToCompact {
        /// What was asked for.
        through: u64,
        /// The first that can be dropped.
        first: u64,
        /// The last that can be dropped.
        last: u64,
    },
}

fn hint(leader: Option<Member>) -> String {
    leader.map_or_else(|| "; no leader is known".into(), |leader| format!(": ask {leader}"))
}

/// What replicas say to each other, in the sender's term.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Message<S: Application> {
    /// The sender's term; of a [`Body::PreVote`] and its grant, the term in which the candidate would stand.
    pub term: u64,
    /// What it says.
    pub body: Body<S>,
}

/// What a message says.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Body<S: Application> {
    /// Would you vote for me?
    PreVote {
        /// The candidate's last entry.
        last: Boundary,
    },
    /// Whether it would.
    PreVoted {
        /// Whether it would.
        granted: bool,
    },
    /// Vote for me.
    Vote {
        /// The candidate's last entry.
        last: Boundary,
        /// The leader has asked for this election, so voters need not be true to it.
        forced: bool,
    },
    /// Whether the vote is given. To oneself: one's own vote is durable.
    Voted {
        /// Whether it is given.
        granted: bool,
    },
    /// The leader's entries, or none: a heartbeat, or word of what is committed.
    Append {
        /// The heartbeat that this is part of, which its answer names; 0 where none is wanted if nothing is appended.
        round: u64,
        /// The entry before the first.
        prev: Boundary,
        /// Up to which entry the log is committed.
        commit: u64,
        /// The entries.
        entries: Slice<S>,
    },
    /// The log up to `matched` is as the leader's, and durable.
    Appended {
        /// The round of what is answered.
        round: u64,
        /// The last entry of what is answered.
        matched: u64,
    },
    /// The log does not have the entry before the first, or the sender is of an older term.
    NotAppended {
        /// The round of what is answered.
        round: u64,
        /// The index of the entry before the first.
        prev: u64,
        /// The last entry that may be the same.
        hint: Boundary,
    },
    /// A piece of a snapshot.
    Chunk {
        /// The heartbeat that this is part of, which its answer names.
        round: u64,
        /// The snapshot's last entry.
        at: Boundary,
        /// Where the piece begins.
        offset: u64,
        /// How long the whole is.
        total: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// How much of a snapshot has arrived.
    ChunkTaken {
        /// The round of what is answered.
        round: u64,
        /// The snapshot's last entry.
        at: Boundary,
        /// How much.
        received: u64,
    },
    /// Stand for election at once: the leader hands over.
    TimeoutNow,
    /// Up to where must I have applied, to read what is linearizable from now on?
    ReadIndex {
        /// Never used twice, by any life of the sender.
        id: ReadId,
    },
    /// Up to there.
    ReadIndexIs {
        /// What is answered.
        id: ReadId,
        /// Up to where; nothing, if the one that was asked does not lead.
        index: Option<u64>,
    },
    /// To oneself: what was proposed in the batch that is over.
    Flush,
    /// To oneself: one's own log is durable up to there.
    Stored {
        /// The last entry.
        at: Boundary,
    },
}

/// The name of one attempt to read. Every attempt has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadId {
    /// Which life of the sender asks.
    pub life: u64,
    /// How many it asked before.
    pub attempt: u64,
}

/// The timers of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Nobody was heard of as the leader for long enough to stand for election.
    Election,
    /// The leader was last heard of an election timeout ago, so others may be voted for.
    Stickiness,
    /// The leader is to be heard.
    Heartbeat,
    /// The leader is to see whether a quorum still hears it, and whether its own disk still writes.
    CheckQuorum,
    /// A transfer has taken too long.
    Transfer,
    /// Reads that were forwarded are to be asked again.
    RetryReads,
}

/// What is read back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Entries, at least one.
    Entries {
        /// The first.
        first: u64,
        /// The last that is of use.
        last: u64,
        /// How many bytes, unless the first takes more.
        bytes_max: u64,
    },
    /// A piece of the snapshot.
    Chunk {
        /// The snapshot's last entry.
        at: Boundary,
        /// Where the piece begins.
        offset: u64,
        /// How long it may be.
        bytes_max: u64,
    },
}

/// What was read back.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Loaded<S: Application> {
    /// Entries from the one that was asked for; none, if they are there no longer.
    Entries {
        /// The first that was asked for.
        first: u64,
        /// They.
        entries: Slice<S>,
    },
    /// A piece of the snapshot; empty, if it is not the one that was asked for.
    Chunk {
        /// The snapshot's last entry.
        at: Boundary,
        /// Where the piece begins.
        offset: u64,
        /// How long the whole is.
        total: u64,
        /// The piece.
        bytes: Bytes,
    },
}

/// What a replica announces.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Event<S: Application> {
    /// Somebody leads, or nobody is known to.
    LeaderKnown {
        /// The term.
        term: u64,
        /// Who.
        leader: Option<Member>,
    },
    /// This replica leads no more.
    SteppedDown {
        /// The term in which it did.
        term: u64,
        /// Why.
        why: SteppedDown,
    },
    /// The application announced something.
    Application {
        /// The entry that was applied.
        index: u64,
        /// What.
        event: S::Event,
    },
    /// A membership is committed.
    MembersChanged {
        /// Since which entry it counts.
        index: u64,
        /// Who is a member.
        membership: Arc<Membership>,
    },
    /// A snapshot was taken.
    Compacted {
        /// Its last entry.
        at: Boundary,
    },
    /// A leader's snapshot took the place of the log.
    Installed {
        /// Its last entry.
        at: Boundary,
    },
    /// A snapshot arrived damaged, and is asked for again.
    SnapshotDamaged {
        /// Its last entry.
        at: Boundary,
    },
    /// A member has lost what it had acknowledged. It is sent nothing more: remove it, and let it join as a new incarnation.
    StorageRegressed {
        /// Who.
        member: Member,
        /// Up to where it had acknowledged.
        acknowledged: u64,
        /// Up to where it has entries now.
        has: u64,
    },
}

/// Why a leader leads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SteppedDown {
    /// There is a later term.
    LaterTerm,
    /// It has not heard of a quorum for an election timeout.
    NoQuorum,
    /// Its disk has not written for an election timeout.
    DiskStalled,
    /// It is a voter no more.
    Removed,
}

nameless!(Load);

macro_rules! says_no_time {
    ($($name:ident),+) => {$(
        impl<S: Application> Names for $name<S> {
            fn instants(&mut self, _each: &mut dyn FnMut(&mut Instant)) {}
            fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
        }
    )+};
}

// Commands that hold an instant are a leader's word, which stands for itself: no model shifts it.
says_no_time!(Request, Answer, Message, Record, Loaded, Event, Image, Snapshot);
