//! A simulated disk: what is durable, what only the operating system holds, and what only the process does.

use super::history::End;
use crate::die::Die;
use derive_where::derive_where;
use purlin::protocol::Protocol;

/// One node's journal.
///
/// ```text
///   0 ──────────── synced ──────────── written ──────────── all
///   │ survives all  │ survives a kill;   │ dies with the
///   │               │ of it any prefix   │ process
///   │               │ survives power loss│
/// ```
#[derive_where(Clone)]
pub(super) struct Disk<P: Protocol> {
    journal: Vec<P::Record>,
    synced: usize,
    written: usize,
    /// The image that the first `folded` records give.
    image: P::Image,
    folded: usize,
}

impl<P: Protocol> Disk<P> {
    pub(super) fn new() -> Self {
        Self { journal: Vec::new(), synced: 0, written: 0, image: P::Image::default(), folded: 0 }
    }

    pub(super) fn persist(&mut self, record: P::Record) {
        self.journal.push(record);
    }

    /// Whether everything persisted so far is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.synced == self.journal.len()
    }

    pub(super) fn is_syncing(&self) -> bool {
        self.synced < self.written
    }

    /// All records persisted so far.
    pub(super) fn records(&self) -> &[P::Record] {
        &self.journal
    }

    pub(super) fn synced(&self) -> u64 {
        self.synced as u64
    }

    /// What is still with the process.
    pub(super) fn unwritten(&self) -> &[P::Record] {
        &self.journal[self.written..]
    }

    /// Hands the next so many records to the operating system, to be synced. What is handed over.
    pub(super) fn write(&mut self, records: usize) -> &[P::Record] {
        let from = self.written;
        self.written = (from + records).min(self.journal.len());
        &self.journal[from..self.written]
    }

    /// What was written is durable now.
    pub(super) fn sync(&mut self) {
        self.synced = self.written;
    }

    /// The process ends. Tells how many records stay and how many are lost.
    pub(super) fn end(&mut self, end: End, die: &mut Die) -> (u64, u64) {
        let stay = match end {
            End::Killed => self.written,
            End::PowerLost => die.between(self.synced as u64, self.written as u64) as usize,
            End::Usurped => self.synced,
        };
        let lost = self.journal.len() - stay;
        self.journal.truncate(stay);
        self.written = stay;
        (stay as u64, lost as u64)
    }

    /// Opens the journal again: everything in it is synced first.
    pub(super) fn open(&mut self) -> &P::Image {
        self.synced = self.journal.len();
        self.written = self.synced;
        self.fold()
    }

    /// The image of all records persisted so far. Those that are folded can no longer be lost without a fresh start.
    fn fold(&mut self) -> &P::Image {
        for record in &self.journal[self.folded..] {
            P::fold(&mut self.image, record.clone());
        }
        self.folded = self.journal.len();
        &self.image
    }

    /// Whether this is the image of all records persisted so far.
    pub(super) fn folds_to(&self, image: &P::Image) -> bool {
        let mut own = self.image.clone();
        for record in &self.journal[self.folded..] {
            P::fold(&mut own, record.clone());
        }
        own == *image
    }
}
