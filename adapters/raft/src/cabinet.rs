//! What a journal keeps beside its log.

use purlin::log::BlockError;

/// Whole files that are written once, beside a log: snapshots under numbers, and one note.
///
/// Every method that writes does all of it or nothing, durably, whatever a crash cuts short. After an error anything may have
/// been done; nothing is tried again. [`Folder`](crate::Folder) keeps them in a directory.
pub trait Cabinet: Send + 'static {
    /// An open snapshot. It stays readable after it was removed.
    type Sheet: Sheet;

    /// Where it is, for people.
    fn place(&self) -> String;

    /// What the note says, if there is one.
    ///
    /// # Errors
    /// The disk fails.
    fn note(&mut self) -> Result<Option<Vec<u8>>, BlockError>;

    /// Replaces the note.
    ///
    /// # Errors
    /// There is no room, or the disk fails.
    fn set_note(&mut self, bytes: &[u8]) -> Result<(), BlockError>;

    /// The numbers of all snapshots, ascending.
    ///
    /// # Errors
    /// The disk fails.
    fn snapshots(&mut self) -> Result<Vec<u64>, BlockError>;

    /// Opens a snapshot.
    ///
    /// # Errors
    /// It is not there, or the disk fails.
    fn snapshot(&mut self, number: u64) -> Result<Self::Sheet, BlockError>;

    /// Writes a snapshot, of these parts one after the other.
    ///
    /// # Errors
    /// There is no room, or the disk fails.
    fn put_snapshot(&mut self, number: u64, parts: &[&[u8]]) -> Result<Self::Sheet, BlockError>;

    /// Removes a snapshot.
    ///
    /// # Errors
    /// The disk fails.
    fn remove_snapshot(&mut self, number: u64) -> Result<(), BlockError>;
}

/// A snapshot that can be read.
pub trait Sheet: Send + 'static {
    /// How long it is, in bytes.
    fn length(&self) -> u64;

    /// Fills `into` with what is there from `offset` on.
    ///
    /// # Errors
    /// It ends before, or the disk fails.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), BlockError>;
}
