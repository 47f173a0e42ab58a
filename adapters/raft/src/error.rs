//! What can go wrong.

use crate::identity::Identity;
use purlin::log::{self, BlockError, Boundary, MutationError, ReadError};
use purlin::raft::NotRecoverable;
use std::io;
use std::path::PathBuf;

/// A directory was not opened. What is in it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process: end that one, or give each replica a directory of its own", .0.display())]
    InUse(PathBuf),
    /// There is nothing, and nothing is to be made.
    #[error("there is no replica in {place}: give the directory of one, or let a new one be made there")]
    Missing {
        /// Where.
        place: String,
    },
    /// It is the directory of another node, or of another cluster.
    #[error("{place} is the directory of {theirs}, not of {ours}: give the right one, or mend the configuration")]
    OtherReplica {
        /// Where.
        place: String,
        /// Whose it is.
        theirs: Identity,
        /// Whose it was to be.
        ours: Identity,
    },
    /// It was written by another version.
    #[error("{place} was written as {theirs}, and this program writes {ours}: open it with the version that wrote it")]
    Format {
        /// Where.
        place: String,
        /// Its versions.
        theirs: String,
        /// This program's.
        ours: String,
    },
    /// Something is gone that was durable, or is older than it was. This replica may have forgotten what it has promised.
    #[error(
        "{place} has lost what was durable: {loss}. Put it back from where it was moved to; if it is lost, empty the directory and \
         let the replica join anew with a higher incarnation"
    )]
    Lost {
        /// Where.
        place: String,
        /// What.
        loss: Loss,
    },
    /// Something is not as it was written.
    #[error(
        "{place} is damaged: {damage}. Restore the file from a copy of the very same moment; if there is none, empty the directory \
         and let the replica join anew with a higher incarnation"
    )]
    Damaged {
        /// Where.
        place: String,
        /// What.
        damage: Damage,
    },
    /// The log was not opened.
    #[error("the log in {place} cannot be opened: {source}")]
    Log {
        /// Where.
        place: String,
        /// Why.
        source: log::OpenError,
    },
    /// The log is configured wrongly.
    #[error("the options of the log do not hold: {0}")]
    Options(#[from] log::InvalidSettings),
    /// The disk is full or fails.
    #[error("{place} cannot be opened: {source}")]
    Disk {
        /// Where.
        place: String,
        /// Why.
        source: BlockError,
    },
    /// The system does not allow it.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The note.
    #[error("replica.json is gone, beside a log or snapshots")]
    Note,
    /// The note is older than the rest.
    #[error("replica.json says that nothing was begun here, beside a log that was: it is older than the log")]
    NoteIsOld,
    /// The whole log.
    #[error("the log is gone")]
    Log,
    /// The newest snapshot.
    #[error("the snapshot is gone that all entries up to {} had come to", .boundary.index)]
    Snapshot {
        /// Where the log begins.
        boundary: Boundary,
    },
    /// The end of the log.
    #[error(
        "the log is in term {term} and ends with entry {last}, and was in term {known_term} and had entry {known} before: it is \
         older than the rest"
    )]
    EndOfLog {
        /// The term that it has.
        term: u64,
        /// The last entry that it has.
        last: u64,
        /// The term that it had.
        known_term: u64,
        /// An entry that it had.
        known: u64,
    },
    /// The log has something else in the place of what the snapshot holds.
    #[error("the log and the snapshot at entry {} do not fit together: one of them is older, or of another replica", .at.index)]
    Fit {
        /// The snapshot's last entry.
        at: Boundary,
    },
}

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The note.
    #[error("replica.json cannot be read: {0}")]
    Note(String),
    /// A snapshot.
    #[error("snapshot {number} cannot be read: {error}")]
    Snapshot {
        /// Its number.
        number: u64,
        /// Why.
        error: SheetError,
    },
    /// An entry that is as it was written, and says nothing that this program knows.
    #[error("entry {index} is none of this application")]
    Entry {
        /// Which one.
        index: u64,
    },
    /// An entry, on the disk.
    #[error("{0}")]
    Log(ReadError),
}

/// Why a snapshot's file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// It is something else.
    #[error("it is no snapshot")]
    NoSnapshot,
    /// It was written by another version.
    #[error("it has the version {theirs}, and this program reads {ours}: use the program that wrote it")]
    Version {
        /// Its version.
        theirs: u32,
        /// This program's.
        ours: u32,
    },
    /// It was altered since it was written.
    #[error("{0}")]
    Damaged(&'static str),
    /// The disk does not read.
    #[error(transparent)]
    Disk(#[from] BlockError),
}

/// An open journal has failed. Nothing more is written: what it was asked to write last may or may not be there, and opening the
/// directory again tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The log was not written.
    #[error("the log was not written: {0}")]
    Log(#[from] MutationError),
    /// The log was not read.
    #[error("the log was not read: {0}")]
    Read(#[from] ReadError),
    /// A snapshot or the note was not written, or a snapshot not read.
    #[error("a snapshot or the note was not written or read: {0}")]
    Disk(#[from] BlockError),
    /// What was read back is none of this application's.
    #[error(
        "entry {index} was read back and is none of this application: the directory is damaged; restore it from a copy"
    )]
    Entry {
        /// Which one.
        index: u64,
    },
    /// An entry cannot be written. That is a bug of the application's types.
    #[error("entry {index} cannot be encoded: {why}")]
    Encode {
        /// Which one.
        index: u64,
        /// Why.
        why: String,
    },
    /// A record that follows from nothing before it. That is a bug of the caller; it was not written.
    #[error("the snapshot at entry {at} was to take the place of a log that begins behind it, at {boundary}")]
    Backwards {
        /// The snapshot's last entry.
        at: u64,
        /// Where the log begins.
        boundary: u64,
    },
    /// An image was to be written, in place of the log.
    #[error("a Raft's journal is compacted by its records, and takes no image")]
    Image,
    /// Nothing more is written, or read: something has failed before, or the journal's thread has panicked.
    #[error("nothing more is done here: something has failed before; open the directory again")]
    Ended,
}

/// What was to be done by hand was not done.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The directory was not opened.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The replica cannot go on alone.
    #[error(transparent)]
    NotRecoverable(#[from] NotRecoverable),
    /// Something is there already.
    #[error("{} is there already, and is left alone: give another path, or move it away", .0.display())]
    Exists(PathBuf),
    /// There is nothing to copy.
    #[error("there is no snapshot in {}: give the directory of a replica that has begun", .0.display())]
    NoSnapshot(PathBuf),
    /// The file is no snapshot of this application, or was altered.
    #[error("{} cannot be used: {error}; give another copy", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: SheetError,
    },
    /// Whoever is to begin is none of the founders.
    #[error("{0} is none of the founders: name it among them, or let it join with an empty directory")]
    NoFounder(Identity),
    /// The log was not written.
    #[error("the log was not written: {0}")]
    Log(#[from] MutationError),
    /// Something was not written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk is full or fails.
    #[error("{0}")]
    Disk(BlockError),
}
