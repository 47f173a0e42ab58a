//! Disks that fail as they are told: [`Blocks`] for [`purlin::log::Log`], in memory or over real files.
//!
//! ```text
//!   write ──▶ pending ── sync ──▶ durable          crash: some of what is pending survives, as `Survival` says
//!                 └───── a sync that fails leaves it pending for ever
//! ```

use purlin::log::{BlockError, Blocks};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Segments in memory. Everything is durable at once: put it into a [`FaultyDisk`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    segments: BTreeMap<u64, Vec<u8>>,
}

impl Memory {
    /// What a segment holds.
    pub fn segment(&self, segment: u64) -> Option<&[u8]> {
        self.segments.get(&segment).map(Vec::as_slice)
    }

    fn get(&mut self, segment: u64) -> Result<&mut Vec<u8>, BlockError> {
        self.segments.get_mut(&segment).ok_or_else(|| BlockError::Failed(format!("there is no segment {segment}")))
    }

    fn part(&mut self, segment: u64, offset: u64, length: usize) -> Result<&mut [u8], BlockError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = self.get(segment)?.get_mut(from..from.saturating_add(length));
        part.ok_or_else(|| BlockError::Failed(format!("byte {offset} lies beyond the end of segment {segment}")))
    }
}

impl Blocks for Memory {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        Ok(self.segments.keys().copied().collect())
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        let length = usize::try_from(bytes).map_err(|_| BlockError::Full(format!("for {bytes} bytes")))?;
        self.segments.insert(segment, vec![0; length]);
        Ok(())
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        let bytes = std::mem::take(self.get(from)?);
        self.segments.remove(&from);
        self.segments.insert(to, bytes);
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.get(segment)?;
        self.segments.remove(&segment);
        Ok(())
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        into.copy_from_slice(self.part(segment, offset, into.len())?);
        Ok(())
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.part(segment, offset, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.get(segment).map(|_| ())
    }
}

/// What a disk does wrong, once it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DiskFault {
    /// The next write fails, and nothing of it is done.
    WriteError,
    /// The next write fails after so many of its bytes.
    TornWriteError {
        /// How many bytes are written.
        bytes: u64,
    },
    /// The next sync fails. What it was to keep is never kept, and a later sync that succeeds says nothing of it.
    SyncError,
    /// The next read fails.
    ReadError,
    /// The next segment that is made finds no room.
    Full,
    /// The next write is confirmed and not done.
    LostWrite,
    /// The next write is done so many sectors of 512 bytes further on, or back, within its segment.
    MisdirectedWrite {
        /// How many sectors.
        sectors: i64,
    },
    /// So many changes further on the power goes off: of a write that is next, so many bytes are done, and everything
    /// fails from then on.
    PowerOff {
        /// How many changes are still done: writes, syncs, and what makes and drops segments.
        changes: u64,
        /// How many bytes of the next write are done.
        bytes: u64,
    },
}

/// What survives a crash of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Survival {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// So many bytes in the order of the writes; the rest of the write in which they end is as `rest` says.
    Prefix {
        /// How many bytes.
        bytes: u64,
        /// What stands in the place of the rest.
        rest: Rest,
    },
    /// Each sector of 512 bytes of each write, or not, as the seed says.
    Sectors {
        /// What decides.
        seed: u64,
    },
}

/// What a torn write leaves where it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// What was there before.
    Old,
    /// Zeros.
    Zeros,
    /// Other bytes.
    Garbage,
}

/// How often a disk was told what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Writes.
    pub writes: u64,
    /// Syncs.
    pub syncs: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Segments made of zeros.
    pub created: u64,
    /// Segments used again.
    pub recycled: u64,
}

/// A disk over another one that takes faults, and knows what is not durable yet.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk<B> {
    inner: B,
    pending: Vec<Pending>,
    armed: Vec<DiskFault>,
    counts: DiskCounts,
}

/// A write that is not durable.
#[derive(Clone, Debug)]
struct Pending {
    segment: u64,
    offset: u64,
    old: Vec<u8>,
    new: Vec<u8>,
    /// A sync of it has failed, so no other one keeps it.
    is_forsaken: bool,
}

const SECTOR: usize = 512;

impl<B: Blocks> FaultyDisk<B> {
    /// A disk without faults.
    pub fn new(inner: B) -> Self {
        Self { inner, pending: Vec::new(), armed: Vec::new(), counts: DiskCounts::default() }
    }

    /// The disk below, with all that is not durable.
    pub fn into_inner(self) -> B {
        self.inner
    }

    /// The disk below.
    pub const fn inner(&self) -> &B {
        &self.inner
    }

    /// Has a fault strike the next operation that it fits.
    pub fn arm(&mut self, fault: DiskFault) {
        self.armed.push(fault);
    }

    /// How often it was told what.
    pub const fn counts(&self) -> DiskCounts {
        self.counts
    }

    /// The writes that are not durable, oldest first: the segment, the offset, the bytes.
    pub fn pending(&self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        self.pending.iter().map(|write| (write.segment, write.offset, write.new.as_slice()))
    }

    /// Flips bits of one byte that is there.
    ///
    /// # Errors
    /// There is no such byte, or the disk below fails.
    pub fn rot(&mut self, segment: u64, offset: u64, mask: u8) -> Result<(), BlockError> {
        let mut byte = [0];
        self.inner.read(segment, offset, &mut byte)?;
        self.inner.write(segment, offset, &[byte[0] ^ mask])
    }

    /// The power goes off and comes back: what was not durable survives as told, and armed faults are gone.
    ///
    /// # Errors
    /// The disk below fails.
    pub fn crash(&mut self, survival: Survival) -> Result<(), BlockError> {
        self.armed.clear();
        let pending = std::mem::take(&mut self.pending);
        for write in pending.iter().rev() {
            self.inner.write(write.segment, write.offset, &write.old)?;
        }
        match survival {
            Survival::Lost => Ok(()),
            Survival::Kept => self.redo(&pending, u64::MAX, Rest::Old),
            Survival::Prefix { bytes, rest } => self.redo(&pending, bytes, rest),
            Survival::Sectors { seed } => self.redo_sectors(&pending, seed),
        }
    }

    fn redo(&mut self, pending: &[Pending], mut bytes: u64, rest: Rest) -> Result<(), BlockError> {
        for write in pending {
            if bytes == 0 {
                break;
            }
            let done = usize::try_from(bytes).unwrap_or(usize::MAX).min(write.new.len());
            let mut torn = write.new.clone();
            match rest {
                Rest::Old => torn[done..].copy_from_slice(&write.old[done..]),
                Rest::Zeros => torn[done..].fill(0),
                Rest::Garbage => torn[done..].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(167) ^ 0x5a),
            }
            self.inner.write(write.segment, write.offset, &torn)?;
            bytes -= done as u64;
        }
        Ok(())
    }

    fn redo_sectors(&mut self, pending: &[Pending], mut coins: u64) -> Result<(), BlockError> {
        for write in pending {
            let mut at = 0;
            while at < write.new.len() {
                let within = (write.offset as usize + at) % SECTOR;
                let end = (at + SECTOR - within).min(write.new.len());
                if falls_on_its_head(&mut coins) {
                    self.inner.write(write.segment, write.offset + at as u64, &write.new[at..end])?;
                }
                at = end;
            }
        }
        Ok(())
    }

    /// Takes the fault that strikes now, if one does.
    fn strikes(&mut self, fits: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        let nth = self.armed.iter().position(fits)?;
        Some(self.armed.remove(nth))
    }

    /// Counts down to the end of the power. `Some` tells how much of a write is still done.
    fn power(&mut self) -> Option<u64> {
        for fault in &mut self.armed {
            if let DiskFault::PowerOff { changes, bytes } = fault {
                if *changes == 0 {
                    return Some(std::mem::take(bytes));
                }
                *changes -= 1;
            }
        }
        None
    }

    fn check_power(&mut self) -> Result<(), BlockError> {
        self.power().map_or(Ok(()), |_| Err(power_is_off()))
    }

    fn write_pending(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        let mut old = vec![0; bytes.len()];
        self.inner.read(segment, offset, &mut old)?;
        self.inner.write(segment, offset, bytes)?;
        self.pending.push(Pending { segment, offset, old, new: bytes.to_vec(), is_forsaken: false });
        Ok(())
    }

    fn write_some(&mut self, segment: u64, offset: u64, bytes: &[u8], done: u64) -> Result<(), BlockError> {
        let done = usize::try_from(done).unwrap_or(usize::MAX).min(bytes.len());
        if done > 0 { self.write_pending(segment, offset, &bytes[..done]) } else { Ok(()) }
    }
}

/// The next coin of a seed, by splitmix64.
fn falls_on_its_head(coins: &mut u64) -> bool {
    *coins = coins.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *coins;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ (word >> 31)) & 1 == 1
}

fn power_is_off() -> BlockError {
    BlockError::Failed("the power is off".to_owned())
}

fn told() -> BlockError {
    BlockError::Failed("as it was told".to_owned())
}

impl<B: Blocks> Blocks for FaultyDisk<B> {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        self.inner.list()
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        self.check_power()?;
        if self.strikes(|fault| *fault == DiskFault::Full).is_some() {
            return Err(BlockError::Full(format!("for segment {segment}")));
        }
        self.counts.created += 1;
        self.inner.create(segment, bytes)
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        self.check_power()?;
        for write in self.pending.iter_mut().filter(|write| write.segment == from) {
            write.segment = to;
        }
        self.counts.recycled += 1;
        self.inner.recycle(from, to)
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.check_power()?;
        self.pending.retain(|write| write.segment != segment);
        self.inner.remove(segment)
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        if self.strikes(|fault| *fault == DiskFault::ReadError).is_some() {
            return Err(told());
        }
        self.inner.read(segment, offset, into)
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        if let Some(done) = self.power() {
            self.write_some(segment, offset, bytes, done)?;
            return Err(power_is_off());
        }
        (self.counts.writes, self.counts.bytes) = (self.counts.writes + 1, self.counts.bytes + bytes.len() as u64);
        let of_writes = |fault: &DiskFault| {
            use DiskFault::{LostWrite, MisdirectedWrite, TornWriteError, WriteError};
            matches!(fault, LostWrite | MisdirectedWrite { .. } | TornWriteError { .. } | WriteError)
        };
        match self.strikes(of_writes) {
            Some(DiskFault::LostWrite) => Ok(()),
            Some(DiskFault::MisdirectedWrite { sectors }) => {
                let offset = offset.saturating_add_signed(sectors * SECTOR as i64);
                // What would land outside of the segment is nothing to this log.
                let _ = self.write_pending(segment, offset, bytes);
                Ok(())
            }
            Some(DiskFault::TornWriteError { bytes: done }) => {
                self.write_some(segment, offset, bytes, done)?;
                Err(told())
            }
            Some(_) => Err(told()),
            None => self.write_pending(segment, offset, bytes),
        }
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.check_power()?;
        self.counts.syncs += 1;
        if self.strikes(|fault| *fault == DiskFault::SyncError).is_some() {
            self.pending.iter_mut().for_each(|write| write.is_forsaken |= write.segment == segment);
            return Err(told());
        }
        self.pending.retain(|write| write.segment != segment || write.is_forsaken);
        self.inner.sync(segment)
    }
}

/// A disk that outlives the log on it: a log takes one handle, whoever deals out faults keeps another.
#[derive(Debug, Default)]
pub struct DiskHandle<B>(Arc<Mutex<FaultyDisk<B>>>);

impl<B> Clone for DiskHandle<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Blocks> DiskHandle<B> {
    /// A handle to a disk without faults.
    pub fn new(inner: B) -> Self {
        Self(Arc::new(Mutex::new(FaultyDisk::new(inner))))
    }

    /// The disk itself.
    pub fn disk(&self) -> MutexGuard<'_, FaultyDisk<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Blocks> Blocks for DiskHandle<B> {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        self.disk().list()
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        self.disk().create(segment, bytes)
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        self.disk().recycle(from, to)
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk().remove(segment)
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk().read(segment, offset, into)
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.disk().write(segment, offset, bytes)
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk().sync(segment)
    }
}
