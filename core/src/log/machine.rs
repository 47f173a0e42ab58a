//! The log itself: what changes it, and what makes the changes durable.

use super::record::Record;
use super::recover::{Recovered, Repair, recover};
use super::sector::Seed;
use super::staged::Staged;
use super::state::State;
use super::window::Geometry;
use super::{BlockError, Blocks, Boundary, Config, Corruption, Entry, HardState, MutationError, OpenError};
use core::ops::Range;

/// The last segment that a log can have: every byte of it still has a number.
const SEGMENT_MAX: u64 = u32::MAX as u64;

/// A durable log on some [`Blocks`].
///
/// Changes are seen by reads at once and durable after [`sync`](Log::sync). They take effect in one order, entries and hard
/// state alike. Dropping a log is a crash: use [`close`](Log::close). A clone is for disks whose clones are disks of their
/// own, as in simulations: two logs on one disk harm each other.
#[derive(Clone, Debug)]
pub struct Log<B> {
    config: Config,
    pub(super) blocks: B,
    pub(super) geometry: Geometry,
    pub(super) state: State,
    pub(super) staged: Staged,
    /// The checksum of the last record.
    chain: u32,
    /// The segments that are there.
    segments: Range<u64>,
    /// The first segment that is needed.
    needed: u64,
    repair: Option<Repair>,
    is_poisoned: bool,
}

impl<B: Blocks> Log<B> {
    /// What is staged is written, though not synced, when it is longer.
    const STAGED_BYTES_MAX: usize = 1 << 20;

    /// Opens the log that is there, or makes one. What survived a crash is durable when this returns, a torn tail is cut
    /// off.
    ///
    /// # Errors
    /// It is damaged, or another's, or of another version, or the disk fails.
    pub fn open(config: Config, blocks: B) -> Result<Self, OpenError> {
        Self::open_or_give_back(config, blocks).map_err(|(error, _)| error)
    }

    /// As [`open`](Log::open), and gives the disk back if that fails, to try once more.
    ///
    /// # Errors
    /// The same.
    pub fn open_or_give_back(config: Config, mut blocks: B) -> Result<Self, (OpenError, B)> {
        let (segments, recovered) = match Self::look(&config, &mut blocks) {
            Ok(found) => found,
            Err(error) => return Err((error, blocks)),
        };
        let mut log = Self::go_on(config, blocks, segments, recovered);
        log.stage(&Record::Opened);
        match log.sync_staged() {
            Ok(()) => Ok(log),
            Err(error) => Err((error.into(), log.blocks)),
        }
    }

    /// What is there, made durable.
    fn look(config: &Config, blocks: &mut B) -> Result<(Range<u64>, Recovered), OpenError> {
        let segments = check_contiguous(&blocks.list()?)?;
        let recovered = if segments.is_empty() { None } else { recover(config, blocks, segments.clone())? };
        if let Some(recovered) = recovered {
            return Ok((segments, recovered));
        }
        for leftover in segments {
            blocks.remove(leftover)?;
        }
        Ok((0..0, Recovered::fresh(config.sectors())))
    }

    fn go_on(config: Config, blocks: B, segments: Range<u64>, recovered: Recovered) -> Self {
        let Recovered { sectors, state, chain, incarnation, tail, repair } = recovered;
        let identity = config.settings().identity;
        let geometry = Geometry { seed: Seed::of(identity), sectors: sectors.into() };
        let staged = Staged::new(identity, sectors, incarnation, tail);
        let needed = segments.start;
        Self { config, blocks, geometry, state, staged, chain, segments, needed, repair, is_poisoned: false }
    }

    /// The last entry that was dropped from the log's beginning.
    pub const fn boundary(&self) -> Boundary {
        self.state.boundary
    }

    /// The index of the last entry, or of the boundary if there is none.
    pub fn last_index(&self) -> u64 {
        self.state.last()
    }

    /// The hard state.
    pub const fn hard_state(&self) -> HardState {
        self.state.hard_state
    }

    /// What was cut off when the log was opened.
    pub const fn repair(&self) -> Option<&Repair> {
        self.repair.as_ref()
    }

    /// Appends entries, which go on where the log ends. They are one change: after a crash all are there or none.
    ///
    /// # Errors
    /// The indexes do not follow, a payload is too long, the log is poisoned, or the disk fails.
    pub fn append<P: AsRef<[u8]>>(&mut self, entries: &[Entry<P>]) -> Result<(), MutationError> {
        self.check_alive()?;
        self.check_entries(entries)?;
        let behind = (0..entries.len()).rev();
        entries.iter().zip(behind).try_for_each(|(Entry { index, term, payload }, behind)| {
            let at = Boundary { index: *index, term: *term };
            self.change(&Record::Entry { at, more: behind > 0, payload: payload.as_ref() })
        })
    }

    fn check_entries<P: AsRef<[u8]>>(&self, entries: &[Entry<P>]) -> Result<(), MutationError> {
        let max = self.config.settings().payload_bytes_max;
        let first = self.last_index().saturating_add(1);
        for (nth, Entry { index, payload, .. }) in (0..).zip(entries) {
            let (given, next, bytes) = (*index, first.saturating_add(nth), payload.as_ref().len());
            if given == u64::MAX {
                return Err(MutationError::LastIndex);
            }
            if given > next {
                return Err(MutationError::Gap { given, next });
            }
            if given < next {
                return Err(MutationError::Overlap { given, next });
            }
            if bytes > max as usize {
                return Err(MutationError::TooLong { index: given, bytes, max });
            }
        }
        Ok(())
    }

    /// Drops the entries from `from` on; none if it is beyond the last.
    ///
    /// # Errors
    /// `from` lies before the log's beginning, the log is poisoned, or the disk fails.
    pub fn truncate_suffix(&mut self, from: u64) -> Result<(), MutationError> {
        self.check_alive()?;
        let boundary = self.boundary().index;
        if from <= boundary {
            return Err(MutationError::Compacted { given: from, boundary });
        }
        if from > self.last_index() {
            return Ok(());
        }
        self.change(&Record::TruncateSuffix { from })
    }

    /// Drops the entries up to and with `through`, all if it is beyond the last: then the next entry is the one after it.
    /// What was dropped already stays so.
    ///
    /// # Errors
    /// `through` leaves no room for another index, the log is poisoned, or the disk fails.
    pub fn truncate_prefix(&mut self, through: Boundary) -> Result<(), MutationError> {
        self.check_alive()?;
        if through.index == u64::MAX {
            return Err(MutationError::LastIndex);
        }
        if through.index <= self.boundary().index {
            return Ok(());
        }
        self.change(&Record::TruncatePrefix(through))
    }

    /// Replaces the hard state.
    ///
    /// # Errors
    /// The log is poisoned, or the disk fails.
    pub fn set_hard_state(&mut self, hard_state: HardState) -> Result<(), MutationError> {
        self.check_alive()?;
        self.change(&Record::HardState(hard_state))
    }

    fn change(&mut self, record: &Record<'_>) -> Result<(), MutationError> {
        self.stage(record);
        if self.staged.bytes().len() > Self::STAGED_BYTES_MAX { self.write() } else { Ok(()) }
    }

    fn stage(&mut self, record: &Record<'_>) {
        let place = self.staged.begin_record(&self.state.snapshot(self.chain));
        let encoded = record.encode(self.chain, place);
        self.chain = encoded.checksum;
        self.state.apply(record, place.position).expect("what is staged was checked");
        let after = self.state.snapshot(self.chain);
        self.staged.put(encoded.head(), &after);
        self.staged.put(record.payload(), &after);
    }

    /// Hands over to the disk what is staged, without waiting for it to be durable. [`sync`](Log::sync) does both.
    ///
    /// # Errors
    /// The log is poisoned, or the disk fails.
    pub fn write(&mut self) -> Result<(), MutationError> {
        self.guarded(Self::write_staged)
    }

    /// Makes every change so far durable: one write and one sync, of each segment that is touched.
    ///
    /// # Errors
    /// The log is poisoned, or the disk fails.
    pub fn sync(&mut self) -> Result<(), MutationError> {
        self.guarded(Self::sync_staged)
    }

    /// The disk.
    pub const fn blocks(&self) -> &B {
        &self.blocks
    }

    /// The disk, to have it fail in a simulation. What writes to it harms the log.
    pub const fn blocks_mut(&mut self) -> &mut B {
        &mut self.blocks
    }

    /// Syncs, and gives the disk back.
    ///
    /// # Errors
    /// The log is poisoned, or the disk fails.
    pub fn close(mut self) -> Result<B, MutationError> {
        self.sync()?;
        Ok(self.blocks)
    }

    /// Gives the disk back without writing what is staged: a crash.
    pub fn abandon(self) -> B {
        self.blocks
    }

    fn check_alive(&self) -> Result<(), MutationError> {
        if self.is_poisoned { Err(MutationError::Poisoned) } else { Ok(()) }
    }

    /// Nothing is written after an error.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), BlockError>) -> Result<(), MutationError> {
        self.check_alive()?;
        let done = work(self);
        self.is_poisoned = done.is_err();
        Ok(done?)
    }

    fn sync_staged(&mut self) -> Result<(), BlockError> {
        self.write_staged()?;
        self.sync_written()?;
        self.drop_segments()
    }

    fn write_staged(&mut self) -> Result<(), BlockError> {
        self.staged.seal();
        if self.staged.bytes().is_empty() {
            return Ok(());
        }
        // The segment after a full one is always there, so that its loss is noticed.
        self.make_segments(self.geometry.segment(self.staged.next()))?;
        for (segment, offset, bytes) in self.staged.by_segment() {
            self.blocks.write(segment, offset, bytes)?;
        }
        self.staged.written();
        Ok(())
    }

    fn make_segments(&mut self, last: u64) -> Result<(), BlockError> {
        while self.segments.end <= last {
            let next = self.segments.end;
            if self.segments.start < self.needed {
                self.blocks.recycle(self.segments.start, next)?;
                self.segments.start += 1;
            } else {
                let bytes = self.geometry.sectors * super::sector::SECTOR as u64;
                self.blocks.create(next, bytes)?;
            }
            self.segments.end += 1;
        }
        Ok(())
    }

    fn sync_written(&mut self) -> Result<(), BlockError> {
        let Staged { durable, from, .. } = self.staged;
        if durable < from {
            for segment in self.geometry.segment(durable)..=self.geometry.segment(from - 1) {
                self.blocks.sync(segment)?;
            }
        }
        self.staged.durable = from;
        Ok(())
    }

    /// A segment is needed as long as an entry begins in it or behind it. The last one tells what was true where it begins.
    fn drop_segments(&mut self) -> Result<(), BlockError> {
        let last = self.geometry.segment(self.staged.from - 1);
        let oldest = self.state.oldest().map_or(last, |position| self.geometry.segment(position.sector));
        self.needed = oldest.min(last);
        let spare = u64::from(self.config.settings().spare_segments_max);
        while self.segments.start + spare < self.needed {
            self.blocks.remove(self.segments.start)?;
            self.segments.start += 1;
        }
        Ok(())
    }
}

/// Segments are made and dropped at the ends only.
fn check_contiguous(segments: &[u64]) -> Result<Range<u64>, OpenError> {
    let Some((&first, rest)) = segments.split_first() else { return Ok(0..0) };
    if let Some(&segment) = segments.iter().find(|segment| **segment > SEGMENT_MAX) {
        return Err(Corruption { segment, offset: 0, problem: "no log has so many segments" }.into());
    }
    let mut end = first + 1;
    for &segment in rest {
        if segment != end {
            return Err(super::recover::missing_segment(end).into());
        }
        end += 1;
    }
    Ok(first..end)
}
