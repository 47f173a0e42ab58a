//! Reading sectors: from the disk in long stretches, and from what is staged.

use super::header::Header;
use super::record::{HEAD, Head, Place};
use super::sector::{Position, SECTOR, STAMP, Seed, Stamp};
use super::staged::Staged;
use super::{BlockError, Blocks};
use core::ops::Range;

/// Where sectors lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) seed: Seed,
    /// How many sectors a segment has.
    pub(super) sectors: u64,
}

impl Geometry {
    pub(super) const fn is_header(&self, number: u64) -> bool {
        number.is_multiple_of(self.sectors)
    }

    pub(super) const fn segment(&self, number: u64) -> u64 {
        number / self.sectors
    }

    /// The byte within its segment.
    pub(super) const fn offset(&self, position: Position) -> u64 {
        position.sector % self.sectors * SECTOR as u64 + position.offset as u64
    }
}

/// A view on the sectors before `end`.
pub(super) struct Window<'a, B> {
    blocks: &'a mut B,
    pub(super) geometry: Geometry,
    /// Sectors that are not on the disk yet.
    staged: Option<&'a Staged>,
    pub(super) end: u64,
    /// How many sectors are fetched at once.
    stretch: u64,
    /// Two, so that going to and fro over an edge fetches nothing anew.
    fetched: [Stretch; 2],
}

#[derive(Default)]
struct Stretch {
    first: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    fn holds(&self, number: u64) -> bool {
        (self.first..self.first + (self.bytes.len() / SECTOR) as u64).contains(&number)
    }
}

impl<'a, B: Blocks> Window<'a, B> {
    /// How many sectors are fetched at once at most.
    const STRETCH_MAX: u64 = 2_048;

    pub(super) fn new(blocks: &'a mut B, geometry: Geometry, end: u64) -> Self {
        Self { blocks, geometry, staged: None, end, stretch: Self::STRETCH_MAX, fetched: Default::default() }
    }

    /// What is staged too, and not many more than so many sectors at once.
    pub(super) fn over(self, staged: &'a Staged, sectors: usize) -> Self {
        let stretch = (sectors as u64 + 1).min(Self::STRETCH_MAX);
        Self { staged: Some(staged), stretch, ..self }
    }

    /// The sector with this number, which lies before the end.
    pub(super) fn sector(&mut self, number: u64) -> Result<&[u8], BlockError> {
        if let Some(staged) = self.staged.filter(|staged| number >= staged.from) {
            return Ok(slice(staged.bytes(), number - staged.from));
        }
        if !self.fetched[0].holds(number) {
            self.fetched.swap(0, 1);
        }
        if !self.fetched[0].holds(number) {
            self.fetch(number)?;
        }
        let stretch = &self.fetched[0];
        Ok(slice(&stretch.bytes, number - stretch.first))
    }

    fn fetch(&mut self, number: u64) -> Result<(), BlockError> {
        let written = self.staged.map_or(self.end, |staged| staged.from.min(self.end));
        let segment = self.geometry.segment(number);
        let count = self.stretch.min(written - number).min((segment + 1) * self.geometry.sectors - number);
        let offset = self.geometry.offset(Position { sector: number, offset: 0 });
        let stretch = &mut self.fetched[0];
        stretch.bytes.clear();
        stretch.bytes.resize(count as usize * SECTOR, 0);
        stretch.first = number;
        self.blocks.read(segment, offset, &mut stretch.bytes)
    }

    /// Writes within a sector. What was fetched before is not changed by it.
    pub(super) fn write(&mut self, at: Position, bytes: &[u8]) -> Result<(), BlockError> {
        self.blocks.write(self.geometry.segment(at.sector), self.geometry.offset(at), bytes)
    }

    /// Writes sectors once more as they were read.
    pub(super) fn write_again(&mut self, sectors: Range<u64>) -> Result<(), BlockError> {
        let mut from = sectors.start;
        while from < sectors.end {
            self.sector(from)?;
            let Stretch { first, bytes } = &self.fetched[0];
            let behind = &bytes[(from - first) as usize * SECTOR..];
            let fits = ((sectors.end - from) as usize * SECTOR).min(behind.len());
            let offset = self.geometry.offset(Position { sector: from, offset: 0 });
            self.blocks.write(self.geometry.segment(from), offset, &behind[..fits])?;
            from += (fits / SECTOR) as u64;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.blocks.sync(segment)
    }

    /// The stamp that the sector has as a part of this log, at this place.
    pub(super) fn stamp(&mut self, number: u64) -> Result<Option<Stamp>, BlockError> {
        let (seed, is_header) = (self.geometry.seed, self.geometry.is_header(number));
        let sector = self.sector(number)?;
        let stamp = Stamp::read(seed, sector).filter(|stamp| stamp.number == number);
        Ok(stamp.filter(|_| !is_header || Header::read(sector).is_ok()))
    }

    /// The bytes of the record that begins at `at`, and where it ends; `None` if not all of it is there.
    pub(super) fn record(
        &mut self,
        at: Position,
        incarnation: u32,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<(Head, Place, Position)>, BlockError> {
        bytes.clear();
        let Some(after_head) = self.gather(at, incarnation, HEAD, bytes)? else { return Ok(None) };
        let Some(head) = Head::read(bytes) else { return Ok(None) };
        if head.length as u64 > (self.end - at.sector) * SECTOR as u64 {
            return Ok(None);
        }
        let end = self.gather(after_head, incarnation, head.length, bytes)?;
        Ok(end.map(|end| (head, Place { seed: self.geometry.seed, incarnation, position: at }, end)))
    }

    /// Appends `length` bytes of the sectors' bodies from `at` on, and tells where they end. Every further sector must be of
    /// the same incarnation.
    fn gather(
        &mut self,
        mut at: Position,
        incarnation: u32,
        length: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<Position>, BlockError> {
        let wanted = bytes.len() + length;
        while bytes.len() < wanted {
            if at.offset == SECTOR {
                let Some(next) = self.next_body(at.sector, incarnation)? else { return Ok(None) };
                at = next;
            }
            let fits = (wanted - bytes.len()).min(SECTOR - at.offset);
            let sector = self.sector(at.sector)?;
            bytes.extend_from_slice(&sector[at.offset..at.offset + fits]);
            at.offset += fits;
        }
        Ok(Some(at))
    }

    fn next_body(&mut self, sector: u64, incarnation: u32) -> Result<Option<Position>, BlockError> {
        let mut number = sector + 1;
        loop {
            if number >= self.end || self.stamp(number)?.is_none_or(|stamp| stamp.incarnation != incarnation) {
                return Ok(None);
            }
            if !self.geometry.is_header(number) {
                return Ok(Some(Position { sector: number, offset: STAMP }));
            }
            number += 1;
        }
    }
}

fn slice(bytes: &[u8], nth: u64) -> &[u8] {
    let at = nth as usize * SECTOR;
    &bytes[at..at + SECTOR]
}
