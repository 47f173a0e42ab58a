//! Writes that are not durable yet, and what a crash makes of them.

use super::fault::{Coins, Rest, Survival};
use purlin::log::{BlockError, Blocks};

/// The unit in which a disk writes: whole or not at all.
pub(super) const SECTOR: usize = 512;

/// A write that is not durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
    /// A sync of it has failed, so no other one keeps it.
    pub(super) is_forsaken: bool,
}

/// All of them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) writes: Vec<Write>,
}

impl Pending {
    /// A sync of the segment has succeeded.
    pub(super) fn keep(&mut self, segment: u64) {
        let all = std::mem::take(&mut self.writes);
        let (kept, mut left): (Vec<Write>, Vec<Write>) =
            all.into_iter().partition(|write| write.segment == segment && !write.is_forsaken);
        let forsaken = left.iter_mut().filter(|write| write.segment == segment);
        forsaken.for_each(|write| kept.iter().for_each(|over| write.is_covered_by(over)));
        self.writes = left;
    }

    /// A sync of the segment has failed.
    pub(super) fn forsake(&mut self, segment: u64) {
        self.writes.iter_mut().for_each(|write| write.is_forsaken |= write.segment == segment);
    }

    pub(super) fn rename(&mut self, from: u64, to: u64) {
        self.writes.iter_mut().filter(|write| write.segment == from).for_each(|write| write.segment = to);
    }

    pub(super) fn forget(&mut self, segment: u64) {
        self.writes.retain(|write| write.segment != segment);
    }

    /// The power goes: of these writes some survive.
    pub(super) fn crash(self, disk: &mut impl Blocks, survival: Survival) -> Result<(), BlockError> {
        for write in self.writes.iter().rev() {
            disk.write(write.segment, write.offset, &write.old)?;
        }
        match survival {
            Survival::Lost => Ok(()),
            Survival::Kept => self.redo(disk, u64::MAX, Rest::Old),
            Survival::Prefix { bytes, rest } => self.redo(disk, bytes, rest),
            Survival::Sectors { seed } => self.redo_sectors(disk, Coins(seed)),
        }
    }

    fn redo(&self, disk: &mut impl Blocks, mut bytes: u64, rest: Rest) -> Result<(), BlockError> {
        for write in &self.writes {
            if bytes == 0 {
                break;
            }
            let done = usize::try_from(bytes).unwrap_or(usize::MAX).min(write.new.len());
            disk.write(write.segment, write.offset, &write.torn(done, rest))?;
            bytes -= done as u64;
        }
        Ok(())
    }

    fn redo_sectors(&self, disk: &mut impl Blocks, mut coins: Coins) -> Result<(), BlockError> {
        for write in &self.writes {
            for part in write.sectors() {
                if coins.is_heads() {
                    disk.write(write.segment, write.offset + part.start as u64, &write.new[part])?;
                }
            }
        }
        Ok(())
    }
}

impl Write {
    /// The parts that lie in one sector each.
    fn sectors(&self) -> impl Iterator<Item = core::ops::Range<usize>> {
        let (length, mut at) = (self.new.len(), 0);
        let mut fits = SECTOR - (self.offset % SECTOR as u64) as usize;
        core::iter::from_fn(move || {
            let part = at..(at + fits).min(length);
            (at, fits) = (part.end, SECTOR);
            (!part.is_empty()).then_some(part)
        })
    }

    /// What is there when so many bytes are done.
    fn torn(&self, done: usize, rest: Rest) -> Vec<u8> {
        let mut torn = self.new.clone();
        for part in self.sectors().filter(|part| self.old[part.clone()] != self.new[part.clone()]) {
            let part = part.start.max(done)..part.end.max(done);
            match rest {
                Rest::Old => torn[part.clone()].copy_from_slice(&self.old[part]),
                Rest::Zeros => torn[part].fill(0),
                Rest::Garbage => torn[part].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(167) ^ 0x5a),
            }
        }
        torn
    }

    /// What a later write made durable is no longer for this one to say.
    fn is_covered_by(&mut self, later: &Self) {
        let from = self.offset.max(later.offset);
        let to = (self.offset + self.new.len() as u64).min(later.offset + later.new.len() as u64);
        for byte in from..to {
            let durable = later.new[(byte - later.offset) as usize];
            let own = (byte - self.offset) as usize;
            (self.old[own], self.new[own]) = (durable, durable);
        }
    }
}
