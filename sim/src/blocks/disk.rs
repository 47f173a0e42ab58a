//! A disk over another one that takes faults, and knows what is not durable yet.

use super::fault::{Chance, Coins, DiskFault, Survival};
use super::pending::{Pending, SECTOR, Write};
use purlin::log::{BlockError, Blocks};
use std::collections::BTreeMap;

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
    /// Faults that struck. Each operation that fails since the power is off counts.
    pub faults: u64,
}

/// A disk over another one that takes faults, and knows what is not durable yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultyDisk<B> {
    inner: B,
    pending: Pending,
    armed: Vec<DiskFault>,
    switched_on: Vec<(DiskFault, Chance)>,
    coins: Coins,
    /// How far each segment was ever written.
    ends: BTreeMap<u64, u64>,
    counts: DiskCounts,
}

impl<B: Blocks> FaultyDisk<B> {
    /// A disk without faults, of the seed 0.
    pub fn new(inner: B) -> Self {
        Self::seeded(inner, 0)
    }

    /// A disk without faults. Whatever is left to chance is drawn from the seed.
    pub fn seeded(inner: B, seed: u64) -> Self {
        Self {
            inner,
            pending: Pending::default(),
            armed: Vec::new(),
            switched_on: Vec::new(),
            coins: Coins(seed),
            ends: BTreeMap::new(),
            counts: DiskCounts::default(),
        }
    }

    /// The disk below, with all that is not durable.
    pub fn into_inner(self) -> B {
        self.inner
    }

    /// The disk below.
    pub const fn inner(&self) -> &B {
        &self.inner
    }

    /// Has a fault strike once: the next operation that it fits. A crash forgets it.
    pub fn arm(&mut self, fault: DiskFault) {
        self.armed.push(fault);
    }

    /// Has a fault strike as often as its chance says, of the operations that it fits, until it is switched off; a crash
    /// does not end it. [`DiskFault::PowerOff`] happens once, as if armed.
    pub fn switch_on(&mut self, fault: DiskFault, chance: Chance) {
        match fault {
            DiskFault::PowerOff { .. } => self.arm(fault),
            _ => self.switched_on.push((fault, chance)),
        }
    }

    /// Ends the faults of this kind, whatever their parameters are, and those that are armed.
    pub fn switch_off(&mut self, fault: &DiskFault) {
        self.armed.retain(|armed| !armed.is_same_kind(fault));
        self.switched_on.retain(|(on, _)| !on.is_same_kind(fault));
    }

    /// Ends all faults.
    pub fn heal(&mut self) {
        self.armed.clear();
        self.switched_on.clear();
    }

    /// How often it was told what.
    pub const fn counts(&self) -> DiskCounts {
        self.counts
    }

    /// The writes that are not durable, oldest first: the segment, the offset, the bytes.
    pub fn pending(&self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        self.pending.writes.iter().map(|write| (write.segment, write.offset, write.new.as_slice()))
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

    /// Flips one bit of all that was ever written, and tells in which segment and byte; `None` if there is nothing.
    ///
    /// # Errors
    /// The disk below fails.
    pub fn rot_somewhere(&mut self) -> Result<Option<(u64, u64)>, BlockError> {
        let bit = self.coins.below(self.ends.values().sum::<u64>() * 8);
        let mut byte = bit / 8;
        for (&segment, &end) in &self.ends {
            if byte < end {
                return self.rot(segment, byte, 1 << (bit % 8)).map(|()| Some((segment, byte)));
            }
            byte -= end;
        }
        Ok(None)
    }

    /// The power goes off and comes back: what was not durable survives as told. Armed faults are gone, those that were
    /// switched on go on.
    ///
    /// # Errors
    /// The disk below fails.
    pub fn crash(&mut self, survival: Survival) -> Result<(), BlockError> {
        self.armed.clear();
        std::mem::take(&mut self.pending).crash(&mut self.inner, survival)
    }

    /// The fault that strikes now, if one does.
    fn strikes(&mut self, fits: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        let struck = self.take_armed(&fits).or_else(|| self.draw(&fits));
        self.counts.faults += u64::from(struck.is_some());
        struck
    }

    fn take_armed(&mut self, fits: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        let nth = self.armed.iter().position(fits)?;
        Some(self.armed.remove(nth))
    }

    fn draw(&mut self, fits: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        let coins = &mut self.coins;
        let mut fitting = self.switched_on.iter().filter(|(fault, _)| fits(fault));
        fitting.find(|(_, chance)| chance.strikes(coins)).map(|(fault, _)| *fault)
    }

    /// Counts down to the end of the power. `Some` tells how much of a write is still done.
    fn power(&mut self) -> Option<u64> {
        for fault in &mut self.armed {
            if let DiskFault::PowerOff { changes, bytes } = fault {
                if *changes == 0 {
                    self.counts.faults += 1;
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
        let end = self.ends.entry(segment).or_default();
        *end = (*end).max(offset + bytes.len() as u64);
        self.pending.writes.push(Write { segment, offset, old, new: bytes.to_vec(), is_forsaken: false });
        Ok(())
    }

    fn write_some(&mut self, segment: u64, offset: u64, bytes: &[u8], done: u64) -> Result<(), BlockError> {
        let done = usize::try_from(done).unwrap_or(usize::MAX).min(bytes.len());
        if done > 0 { self.write_pending(segment, offset, &bytes[..done]) } else { Ok(()) }
    }

    /// What would land outside of the segment is nothing to this log.
    fn write_astray(&mut self, segment: u64, offset: u64, bytes: &[u8], sectors: i64) {
        if let Some(offset) = offset.checked_add_signed(sectors.saturating_mul(SECTOR as i64)) {
            let _ = self.write_pending(segment, offset, bytes);
        }
    }

    fn rot_one_of(&mut self, segment: u64, offset: u64, length: usize) -> Result<(), BlockError> {
        let bit = self.coins.below(length as u64 * 8);
        self.rot(segment, offset + bit / 8, 1 << (bit % 8))
    }
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
        self.inner.recycle(from, to)?;
        self.counts.recycled += 1;
        self.pending.rename(from, to);
        if let Some(end) = self.ends.remove(&from) {
            self.ends.insert(to, end);
        }
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.check_power()?;
        self.inner.remove(segment)?;
        self.pending.forget(segment);
        self.ends.remove(&segment);
        Ok(())
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        match self.strikes(DiskFault::is_of_reads) {
            Some(DiskFault::BitRot) if !into.is_empty() => self.rot_one_of(segment, offset, into.len())?,
            Some(DiskFault::ReadError) => return Err(told()),
            _ => {}
        }
        self.inner.read(segment, offset, into)
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        if let Some(done) = self.power() {
            self.write_some(segment, offset, bytes, done)?;
            return Err(power_is_off());
        }
        (self.counts.writes, self.counts.bytes) = (self.counts.writes + 1, self.counts.bytes + bytes.len() as u64);
        match self.strikes(DiskFault::is_of_writes) {
            None => self.write_pending(segment, offset, bytes),
            Some(DiskFault::LostWrite) => Ok(()),
            Some(DiskFault::MisdirectedWrite { sectors }) => {
                self.write_astray(segment, offset, bytes, sectors);
                Ok(())
            }
            Some(DiskFault::TornWriteError { bytes: done }) => {
                self.write_some(segment, offset, bytes, done)?;
                Err(told())
            }
            Some(_) => Err(told()),
        }
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.check_power()?;
        self.counts.syncs += 1;
        if self.strikes(|fault| *fault == DiskFault::SyncError).is_some() {
            self.pending.forsake(segment);
            return Err(told());
        }
        self.inner.sync(segment)?;
        self.pending.keep(segment);
        Ok(())
    }
}
