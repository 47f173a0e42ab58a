//! What replicas say to each other, as bytes.
//!
//! ```text
//!   0      1      2         4       8      16
//!   │ kind │ flag │ nothing │ count │ term │ fields of 8 bytes, as many as the kind has │ what the kind adds
//!
//!   an entry of an append:   0       8      16     20
//!                            │ index │ term │ kind │ length │ `length` bytes
//! ```
//! All numbers are little-endian. That is version 2: commands lie where they were received, without a copy. Version 1 is
//! postcard throughout, and has no word for an election that the leader asked for: between replicas of which one is old, a
//! transfer of the leadership waits until voters have not heard of the leader for an election timeout. Both are spoken, so
//! replicas can be upgraded one after the other.

mod cold;
mod command;
mod entries;
mod hot;
mod reader;

pub use command::{Coded, Opaque, Undecodable};

use bytes::Bytes;
use purlin::raft::{Application, Body, Member, Message, Payload, Raft, Slots};
use purlin_tokio::{Codec, CodecError, Lane, Versions};

/// The oldest version that is spoken.
pub const OLDEST: u32 = 1;
/// The newest version that is spoken.
pub const NEWEST: u32 = 2;

/// Why a message cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// There is no such version, or not here.
    #[error("version {0} is not spoken here: versions {OLDEST} to {NEWEST} are")]
    Version(u32),
    /// It is for the replica itself, and goes nowhere.
    #[error("a message that a replica says to itself does not travel")]
    ToOneself,
    /// The bytes end before the message does.
    #[error("the message ends too early: {wanted} more bytes were to come, and {left} are left")]
    TooShort {
        /// How many are missing to the end of what was begun.
        wanted: usize,
        /// How many there are.
        left: usize,
    },
    /// The message ends before the bytes do.
    #[error("{0} bytes are left over")]
    LeftOver(usize),
    /// A number stands for nothing.
    #[error("{number} is no {what}")]
    Unknown {
        /// What it was to be.
        what: &'static str,
        /// The number.
        number: u64,
    },
    /// The entries of an append do not follow each other.
    #[error("entry {given} of term {term} does not follow where {expected} is next")]
    Gap {
        /// The entry's index.
        given: u64,
        /// The entry's term.
        term: u64,
        /// The index that is next.
        expected: u64,
    },
    /// Something is too long for the field that says how long it is.
    #[error("{0} is longer than 4 GiB")]
    TooLong(&'static str),
    /// A command cannot be read.
    #[error(transparent)]
    Command(#[from] Undecodable),
    /// What is written by postcard cannot be.
    #[error("{0}")]
    Postcard(#[from] postcard::Error),
}

/// Appends a message, as it is written in this version. On an error something of it may stand there.
///
/// # Errors
/// See [`WireError`].
pub fn encode<S>(version: u32, message: &Message<S>, out: &mut Vec<u8>) -> Result<(), WireError>
where
    S: Application,
    S::Command: Coded,
{
    if is_to_oneself(&message.body) {
        return Err(WireError::ToOneself);
    }
    match version {
        1 => cold::encode_first(message, out),
        2 => hot::encode(message, out),
        other => Err(WireError::Version(other)),
    }
}

/// Reads what [`encode`] has written in this version. It was not altered on its way, but whoever sent it may have meant something
/// else, so everything is checked.
///
/// # Errors
/// See [`WireError`].
pub fn decode<S>(version: u32, bytes: Bytes) -> Result<Message<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    let message = match version {
        1 => cold::decode_first(&bytes)?,
        2 => hot::decode(bytes)?,
        other => return Err(WireError::Version(other)),
    };
    check(&message)?;
    Ok(message)
}

/// What a replica takes for granted.
fn check<S: Application>(message: &Message<S>) -> Result<(), WireError> {
    if is_to_oneself(&message.body) {
        return Err(WireError::ToOneself);
    }
    let Body::Append { prev, entries, .. } = &message.body else { return Ok(()) };
    let mut before = *prev;
    for entry in entries.iter() {
        let follows = before.index.checked_add(1) == Some(entry.index) && entry.term >= before.term;
        if !follows || entry.index == u64::MAX || entry.term > message.term {
            let expected = before.index.saturating_add(1);
            return Err(WireError::Gap { given: entry.index, term: entry.term, expected });
        }
        check_payload(&entry.payload)?;
        (before.index, before.term) = (entry.index, entry.term);
    }
    Ok(())
}

fn check_payload<S: Application>(payload: &Payload<S>) -> Result<(), WireError> {
    let Payload::Membership(membership) = payload else { return Ok(()) };
    let number = membership.everyone().len();
    let what = "number of members that a cluster can have";
    if number <= Slots::MAX { Ok(()) } else { Err(WireError::Unknown { what, number: number as u64 }) }
}

fn is_to_oneself<S: Application>(body: &Body<S>) -> bool {
    matches!(body, Body::Flush | Body::Stored { .. })
}

/// What a [`FramedTransport`](purlin_tokio::FramedTransport) between replicas speaks.
///
/// Pieces of snapshots travel on a connection of their own, and incarnations of one node are one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaftCodec {
    versions: Versions,
}

impl RaftCodec {
    /// One that speaks these versions and no others: an older release, in a test of an upgrade.
    ///
    /// # Errors
    /// Some of them are not spoken here.
    pub fn speaking(versions: Versions) -> Result<Self, WireError> {
        let strange =
            [versions.oldest, versions.newest].into_iter().find(|version| !(OLDEST..=NEWEST).contains(version));
        strange.map_or(Ok(Self { versions }), |version| Err(WireError::Version(version)))
    }
}

/// All versions.
impl Default for RaftCodec {
    fn default() -> Self {
        Self { versions: Versions::new(OLDEST, NEWEST) }
    }
}

impl<S> Codec<Raft<S>> for RaftCodec
where
    S: Application,
    S::Command: Coded,
{
    fn versions(&self) -> Versions {
        self.versions
    }

    fn encode(&self, version: u32, message: &Message<S>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode(version, message, out).map_err(CodecError::new)
    }

    fn decode(&self, version: u32, body: Bytes) -> Result<Message<S>, CodecError> {
        decode(version, body).map_err(CodecError::new)
    }

    fn lane(&self, message: &Message<S>) -> Lane {
        if let Body::Chunk { .. } = message.body { Lane::Bulk } else { Lane::Normal }
    }

    fn is_same_node(&self, one: &Member, other: &Member) -> bool {
        one.id == other.id
    }
}
