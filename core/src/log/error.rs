//! What can go wrong with a log.

use super::BlockError;

/// Where a log is damaged, and how. It is for a person to decide what to do: restore the file from a copy, or give this
/// log up and let the node be filled anew by the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is damaged in segment {segment} at byte {offset}: {problem}")]
pub struct Corruption {
    /// The number of the segment.
    pub segment: u64,
    /// The byte in it.
    pub offset: u64,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Why a log was not opened. Nothing was changed, unless it is [`Io`](OpenError::Io).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// What was durable once is no longer there.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// It is the log of somebody else.
    #[error("this is the log {found:#034x}, not {expected:#034x}: open the folder of the right one")]
    Foreign {
        /// The identity of the log that is there.
        found: u128,
        /// The identity that was asked for.
        expected: u128,
    },
    /// It was written by another version.
    #[error(
        "segment {segment} has the format {found}, and this version reads 1: open it with the version that wrote it"
    )]
    Version {
        /// The number of the segment.
        segment: u64,
        /// Its format.
        found: u32,
    },
    /// The disk does not do as it is told.
    #[error(transparent)]
    Io(#[from] BlockError),
}

/// Why the log was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MutationError {
    /// The caller left entries out. Nothing was done.
    #[error("the entry {given} leaves a gap: the next one is {next}")]
    Gap {
        /// The index that was given.
        given: u64,
        /// The index that comes next.
        next: u64,
    },
    /// The caller gave entries that are there already: the old ones are to be truncated first. Nothing was done.
    #[error("the entry {given} is there already: truncate the suffix first; the next one is {next}")]
    Overlap {
        /// The index that was given.
        given: u64,
        /// The index that comes next.
        next: u64,
    },
    /// The caller wants to truncate what was dropped. Nothing was done.
    #[error("the entry {given} was dropped: the log begins after {boundary}")]
    Compacted {
        /// The index that was given.
        given: u64,
        /// The last entry that was dropped.
        boundary: u64,
    },
    /// The caller's payload is too long. Nothing was done.
    #[error("the payload of entry {index} has {bytes} bytes: give at most {max}")]
    TooLong {
        /// The index of the entry.
        index: u64,
        /// How long its payload is.
        bytes: usize,
        /// How long it may be.
        max: u32,
    },
    /// The caller's index leaves no room for another. Nothing was done.
    #[error("the index 2^64-1 is not one of a log")]
    LastIndex,
    /// The disk did not do as it was told: what was not synced may or may not be there when the log is opened anew.
    #[error(transparent)]
    Io(#[from] BlockError),
    /// The disk failed before: nothing is known of what was not synced then, and the process should end. Nothing was done.
    #[error("the log takes no more writes since the disk failed: end the process and open the log anew")]
    Poisoned,
}

/// Why entries were not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The entry was dropped.
    #[error("the entry {given} was dropped: the log begins after {boundary}")]
    Compacted {
        /// The index that was given.
        given: u64,
        /// The last entry that was dropped.
        boundary: u64,
    },
    /// The entry is not there yet.
    #[error("the entry {given} is not there yet: the last one is {last}")]
    Unavailable {
        /// The index that was given.
        given: u64,
        /// The last entry.
        last: u64,
    },
    /// What the disk gives is not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The disk does not read.
    #[error(transparent)]
    Io(#[from] BlockError),
}
