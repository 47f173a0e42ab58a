//! A simulated disk: what is durable, what only the operating system holds, and what only the process does.

mod bytes;

use super::history::End;
use crate::checker::Violation;
use crate::cluster::judges::claims;
use crate::die::Die;
use crate::plan::{Fault, FaultKind};
use bytes::{Bytes, Doubt};
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
///
/// Where the plan has the disk itself fail, the records are kept in [`purlin::log`] besides, as bytes on a disk that takes
/// faults: then that log says what survives, and what it gives back is held against what was written.
#[derive_where(Clone)]
pub(super) struct Disk<P: Protocol> {
    journal: Vec<P::Record>,
    synced: usize,
    written: usize,
    /// How many records were synced before the last batch.
    synced_before: usize,
    /// The image that the first `folded` records give.
    image: P::Image,
    folded: usize,
    bytes: Option<Bytes>,
}

/// The disk does not do as it is told. The process has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated disk failed")]
pub(super) struct DiskFailed;

/// Why a journal was not opened.
#[derive(Debug)]
pub(super) enum Unopened {
    /// It cannot be read, or is damaged, and says so.
    Refused(String),
    /// It gives back something else than was written.
    Wrong(Violation),
}

impl<P: Protocol> Disk<P> {
    /// The empty disk of a node that these faults will strike.
    pub(super) fn new(node: u32, faults: &[Fault], die: &mut Die) -> Self {
        let fails = faults.iter().any(|fault| fault.kind.node() == Some(node) && is_of_bytes(&fault.kind));
        let bytes = fails.then(|| Bytes::new(die.word()));
        let (synced, written, synced_before, folded) = (0, 0, 0, 0);
        Self { journal: Vec::new(), synced, written, synced_before, image: P::Image::default(), folded, bytes }
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
    pub(super) fn write(&mut self, records: usize) -> Result<&[P::Record], DiskFailed> {
        let from = self.written;
        let to = (from + records).min(self.journal.len());
        if let Some(bytes) = &mut self.bytes {
            bytes.append(from, &self.journal[from..to])?;
        }
        self.written = to;
        Ok(&self.journal[from..to])
    }

    /// What was written is durable now.
    pub(super) fn sync(&mut self) -> Result<(), DiskFailed> {
        if let Some(bytes) = &mut self.bytes {
            bytes.sync()?;
        }
        self.synced_before = core::mem::replace(&mut self.synced, self.written);
        Ok(())
    }

    /// Whether what is asked of the disk can be read.
    pub(super) fn is_readable(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_readable)
    }

    /// The process ends. Tells how many records stay and how many are lost, as far as can be told.
    pub(super) fn end(&mut self, end: End, die: &mut Die) -> (u64, u64) {
        let all = self.journal.len();
        let stay = match &mut self.bytes {
            Some(bytes) => bytes.close(end, die).unwrap_or(self.synced).min(all),
            None => self.survivors(end, die),
        };
        if self.bytes.is_none() {
            self.journal.truncate(stay);
        }
        self.written = stay.min(self.journal.len());
        (stay as u64, (all - stay) as u64)
    }

    fn survivors(&self, end: End, die: &mut Die) -> usize {
        match end {
            End::Killed => self.written,
            End::PowerLost | End::Torn | End::Destroyed => {
                die.between(self.synced as u64, self.written as u64) as usize
            }
            End::Usurped | End::Stopped | End::DiskFailed => self.synced,
        }
    }

    /// Opens the journal again: everything in it is synced first.
    pub(super) fn open(&mut self) -> Result<&P::Image, Unopened> {
        if let Some(bytes) = &mut self.bytes {
            let found = bytes.open().map_err(Unopened::Refused)?;
            let doubt = bytes.doubt();
            if let Err(why) = self.check_found(&found, doubt) {
                self.bytes.iter_mut().for_each(Bytes::shut);
                return Err(why);
            }
            self.journal.truncate(found.len());
        }
        self.synced = self.journal.len();
        (self.written, self.synced_before) = (self.synced, self.synced);
        Ok(self.fold())
    }

    /// What was synced is there, and nothing but what was written; except where no log can tell. Then whoever runs the
    /// node is to see it.
    fn check_found(&self, found: &[Vec<u8>], doubt: Doubt) -> Result<(), Unopened> {
        let least = match doubt {
            Doubt::None => self.synced,
            Doubt::LastBatch => self.synced_before,
            Doubt::All => 0,
        };
        if (least..self.synced).contains(&found.len()) {
            return Err(Unopened::Refused("less is there than was synced, and no trace of the rest".to_owned()));
        }
        let same = found.len() <= self.journal.len()
            && found.iter().zip(&self.journal).all(|(bytes, record)| bytes::decode(bytes).as_ref() == Some(record));
        if same && found.len() >= self.synced {
            return Ok(());
        }
        let detail = format!(
            "{} records were synced, and the journal gives back {}{}",
            self.synced,
            found.len(),
            if same { "" } else { ", which are not those that were written" },
        );
        Err(Unopened::Wrong(Violation::new(claims::WHAT_WAS_SYNCED_IS_FOUND_OR_REFUSED, detail)))
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

/// What the disk itself does wrong.
impl<P: Protocol> Disk<P> {
    /// A fault of the disk begins. Bits rot only while no process has the journal open.
    pub(super) fn fail(&mut self, kind: &FaultKind, die: &mut Die) {
        if let Some(bytes) = &mut self.bytes {
            bytes.fail(kind, die);
        }
    }

    /// A fault of the disk is over. What was damaged is as it was written.
    pub(super) fn recover(&mut self, kind: &FaultKind) {
        let Some(bytes) = &mut self.bytes else { return };
        let is_lost = bytes.doubt() == Doubt::All && bytes.is_shut();
        bytes.recover(kind);
        // A log that was opened meanwhile may have mended what had rotten; then bits that flip back damage it anew.
        let is_spoilt = is_lost || (bytes.is_shut() && !bytes.opens());
        if matches!(kind, FaultKind::MisdirectedWrite { .. }) || (is_spoilt && matches!(kind, FaultKind::BitRot { .. }))
        {
            self.journal.truncate(self.synced);
            bytes.restore(&self.journal);
        }
    }
}

/// Whether a fault needs a disk of bytes.
fn is_of_bytes(kind: &FaultKind) -> bool {
    use FaultKind::{BitRot, FsyncError, FullDisk, MisdirectedWrite, ReadError, TornWrite};
    matches!(
        kind,
        TornWrite { .. }
            | BitRot { .. }
            | MisdirectedWrite { .. }
            | FsyncError { .. }
            | FullDisk { .. }
            | ReadError { .. }
    )
}
