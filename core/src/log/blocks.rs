//! What a log asks of a disk.

/// Numbered segments of bytes on a disk: all that a [`Log`](super::Log) knows of the world.
///
/// Names are durable when a method returns: after [`create`](Blocks::create), [`recycle`](Blocks::recycle) and
/// [`remove`](Blocks::remove) a crash does not bring back what was before, and in the midst of one it leaves either what
/// was before or what is after. Bytes are durable only after [`sync`](Blocks::sync); a crash before it may leave any of a
/// write's sectors of 512 bytes as they were.
///
/// A method that fails may have done anything. The log then takes no more writes until it is opened anew: after an error a
/// second sync that succeeds says nothing of what the first one was asked to keep
/// ([Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020]).
///
/// [Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020]: https://www.usenix.org/conference/atc20/presentation/rebello
pub trait Blocks {
    /// The numbers of all segments, ascending.
    ///
    /// # Errors
    /// They cannot be listed.
    fn list(&mut self) -> Result<Vec<u64>, BlockError>;

    /// Makes a segment of so many zeros, durably.
    ///
    /// # Errors
    /// There is no room, or the disk fails.
    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError>;

    /// Gives the segment `from` the number `to`, durably, with what it holds.
    ///
    /// # Errors
    /// The disk fails.
    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError>;

    /// Removes a segment, durably.
    ///
    /// # Errors
    /// The disk fails.
    fn remove(&mut self, segment: u64) -> Result<(), BlockError>;

    /// Fills `into` with what is there from `offset` on.
    ///
    /// # Errors
    /// The disk cannot read it, or the segment is shorter than it was made.
    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError>;

    /// Writes within a segment.
    ///
    /// # Errors
    /// The disk fails, or is full.
    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError>;

    /// Makes every write to a segment durable.
    ///
    /// # Errors
    /// The disk fails.
    fn sync(&mut self, segment: u64) -> Result<(), BlockError>;
}

/// What a disk could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// There is no room left: make some, then open the log anew.
    #[error("the disk is full: {0}; make room, then open the log anew")]
    Full(String),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Failed(String),
}
