//! A journal as bytes, in the segmented log, on a disk that takes faults.

use super::DiskFailed;
use crate::blocks::{Chance, DiskFault, FaultyDisk, Memory, Rest, Survival};
use crate::cluster::history::End;
use crate::die::Die;
use crate::plan::FaultKind;
use purlin::log::{Config, Entry, Log, Settings};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Device = FaultyDisk<Memory>;

/// The log of one node, open or closed.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    config: Config,
    place: Place,
    /// Bits that have flipped: the segment, the byte, which of its bits.
    rotten: Vec<(u64, u64, u8)>,
    is_misled: bool,
    is_unreadable: bool,
}

#[derive(Clone, Debug)]
enum Place {
    Open(Box<Log<Device>>),
    Closed(Device),
    /// Only while it is moved.
    Nowhere,
}

/// What may be gone without a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    LastBatch,
    All,
}

/// So small that segments are made often.
const SEGMENT_BYTES: u64 = 4_096;

impl Bytes {
    /// A journal has three sectors at least that say what there was: its header, and those of its first record and of its
    /// last opening. With fewer flipped bits than that one of them is whole.
    const ROTTEN_TOLD_MAX: usize = 2;

    pub(super) fn new(seed: u64) -> Self {
        let settings = Settings { segment_bytes: SEGMENT_BYTES, ..Settings::new(u128::from(seed) + 1) };
        let config = settings.validate().expect("the segments are of a valid size");
        let place = Place::Closed(FaultyDisk::seeded(Memory::default(), seed));
        Self { config, place, rotten: Vec::new(), is_misled: false, is_unreadable: false }
    }

    /// Opens the log. What it holds, oldest first; or why it cannot be opened.
    pub(super) fn open(&mut self) -> Result<Vec<Vec<u8>>, String> {
        let device = self.take();
        let mut log = match Log::open_or_give_back(self.config.clone(), device) {
            Ok(log) => log,
            Err((why, device)) => {
                self.place = Place::Closed(device);
                return Err(why.to_string());
            }
        };
        let found = log.read(1..log.last_index() + 1);
        self.place = Place::Open(Box::new(log));
        let entries = found.map_err(|why| why.to_string())?;
        Ok(entries.into_iter().map(|entry| entry.payload).collect())
    }

    /// Whether a process that begins now could open it.
    pub(super) fn opens(&self) -> bool {
        self.clone().open().is_ok()
    }

    /// Hands over records, the first of which has so many before it.
    pub(super) fn append<R: Serialize>(&mut self, before: usize, records: &[R]) -> Result<(), DiskFailed> {
        let Place::Open(log) = &mut self.place else { return Err(DiskFailed) };
        for (index, record) in (before as u64 + 1..).zip(records) {
            // Each is a change of its own: of what is not synced any prefix may survive.
            log.append(&[Entry { index, term: 1, payload: encode(record) }]).map_err(|_| DiskFailed)?;
        }
        log.write().map_err(|_| DiskFailed)
    }

    pub(super) fn sync(&mut self) -> Result<(), DiskFailed> {
        match &mut self.place {
            Place::Open(log) => log.sync().map_err(|_| DiskFailed),
            _ => Err(DiskFailed),
        }
    }

    /// The process ends. How many records the next one will find, if they can be read.
    pub(super) fn close(&mut self, end: End, die: &mut Die) -> Option<usize> {
        let mut device = self.take();
        let survival = match end {
            End::Killed | End::Stopped | End::DiskFailed => None,
            End::Usurped => Some(Survival::Lost),
            End::Torn => Some(Survival::Sectors { seed: die.word() }),
            End::PowerLost | End::Destroyed => {
                let bytes = die.below(4 * SEGMENT_BYTES);
                Some(Survival::Prefix { bytes, rest: *die.pick(&[Rest::Old, Rest::Zeros, Rest::Garbage]) })
            }
        };
        if let Some(survival) = survival {
            device.crash(survival).expect("memory does not fail");
        }
        let mut copy = Self { place: Place::Closed(device.clone()), ..self.clone() };
        self.place = Place::Closed(device);
        copy.open().ok().map(|found| found.len())
    }

    /// No process has it open any more.
    pub(super) fn shut(&mut self) {
        self.place = Place::Closed(self.take());
    }

    pub(super) fn is_shut(&self) -> bool {
        matches!(self.place, Place::Closed(_))
    }

    fn take(&mut self) -> Device {
        match core::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Open(log) => log.abandon(),
            Place::Closed(device) => device,
            Place::Nowhere => unreachable!("it is put back wherever it is taken"),
        }
    }

    fn device(&mut self) -> &mut Device {
        match &mut self.place {
            Place::Open(log) => log.blocks_mut(),
            Place::Closed(device) => device,
            Place::Nowhere => unreachable!("it is put back wherever it is taken"),
        }
    }
}

/// Faults.
impl Bytes {
    /// What no log can tell of such a disk: that the very last write never arrived, if the disk said that it did; and
    /// that there was anything, if bits flip in every sector that would say so.
    pub(super) fn doubt(&self) -> Doubt {
        match (self.rotten.len() > Self::ROTTEN_TOLD_MAX, self.is_misled) {
            (true, _) => Doubt::All,
            (false, true) => Doubt::LastBatch,
            (false, false) => Doubt::None,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.is_unreadable
    }

    pub(super) fn fail(&mut self, kind: &FaultKind, die: &mut Die) {
        match *kind {
            FaultKind::FsyncError { .. } => self.device().switch_on(DiskFault::SyncError, Chance::ALWAYS),
            FaultKind::FullDisk { .. } => {
                self.device().switch_on(DiskFault::Full, Chance::ALWAYS);
                self.device().switch_on(DiskFault::WriteError, Chance::ALWAYS);
            }
            FaultKind::ReadError { .. } => {
                self.is_unreadable = true;
                self.device().switch_on(DiskFault::ReadError, Chance::ALWAYS);
            }
            FaultKind::MisdirectedWrite { .. } => {
                self.is_misled = true;
                let sectors = *die.pick(&[-3, -2, -1, 1, 2, 3]);
                self.device().arm(DiskFault::MisdirectedWrite { sectors });
            }
            FaultKind::BitRot { bits, .. } => self.rot(bits),
            _ => {}
        }
    }

    pub(super) fn recover(&mut self, kind: &FaultKind) {
        match kind {
            FaultKind::FsyncError { .. } => self.device().switch_off(&DiskFault::SyncError),
            FaultKind::FullDisk { .. } => {
                self.device().switch_off(&DiskFault::Full);
                self.device().switch_off(&DiskFault::WriteError);
            }
            FaultKind::ReadError { .. } => {
                self.is_unreadable = false;
                self.device().switch_off(&DiskFault::ReadError);
            }
            FaultKind::BitRot { .. } => {
                for (segment, byte, mask) in core::mem::take(&mut self.rotten) {
                    // A segment that is gone since has nothing to mend.
                    let _ = self.device().rot(segment, byte, mask);
                }
            }
            _ => {}
        }
    }

    /// Flips bits of a journal that was opened and closed once more: then something follows on all that was synced, and
    /// no damage can pass for a write that never was.
    fn rot(&mut self, bits: u32) {
        if self.open().is_err() {
            return;
        }
        let mut device = self.take();
        for _ in 0..bits {
            let before = device.inner().clone();
            if let Ok(Some((segment, byte))) = device.rot_somewhere() {
                let read = |memory: &Memory| memory.segment(segment).map_or(0, |bytes| bytes[byte as usize]);
                self.rotten.push((segment, byte, read(&before) ^ read(device.inner())));
            }
        }
        self.place = Place::Closed(device);
    }

    /// A fresh disk that holds just these records.
    pub(super) fn restore<R: Serialize>(&mut self, records: &[R]) {
        self.is_misled = false;
        self.rotten.clear();
        let seed = self.config.settings().identity as u64;
        self.place = Place::Closed(FaultyDisk::seeded(Memory::default(), seed));
        let restored = self.open().is_ok() && self.append(0, records).and_then(|()| self.sync()).is_ok();
        debug_assert!(restored, "a fresh disk does not fail");
        self.shut();
    }
}

fn encode<R: Serialize>(record: &R) -> Vec<u8> {
    postcard::to_stdvec(record).expect("a record is plain data")
}

/// The record, if it is one.
pub(super) fn decode<R: DeserializeOwned>(bytes: &[u8]) -> Option<R> {
    postcard::from_bytes(bytes).ok()
}
