//! What was appended and not written yet: whole sectors, ready for one write.

use super::header::{Header, Snapshot};
use super::record::Place;
use super::sector::{BODY, Position, SECTOR, STAMP, Seed, Stamp};

#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) seed: Seed,
    identity: u128,
    /// How many sectors a segment has.
    sectors: u32,
    pub(super) incarnation: u32,
    /// Everything before this sector is durable.
    pub(super) durable: u64,
    /// The number of the first sector of `bytes`.
    pub(super) from: u64,
    bytes: Vec<u8>,
    /// The sector that is being filled, if one is.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    offset: usize,
    start: Option<usize>,
}

impl Staged {
    pub(super) fn new(identity: u128, sectors: u32, incarnation: u32, from: u64) -> Self {
        let (seed, bytes, open) = (Seed::of(identity), Vec::new(), None);
        Self { seed, identity, sectors, incarnation, durable: from, from, bytes, open }
    }

    /// The number of the sector after the last one here.
    pub(super) fn next(&self) -> u64 {
        self.from + (self.bytes.len() / SECTOR) as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the next record begins. If that is in a new segment, its header tells `before`: what is true without it.
    pub(super) fn begin_record(&mut self, before: &Snapshot) -> Place {
        let mut open = self.open.unwrap_or_else(|| self.open_sector(before));
        open.start.get_or_insert(open.offset);
        self.open = Some(open);
        let position = Position { sector: self.next() - 1, offset: open.offset };
        Place { seed: self.seed, incarnation: self.incarnation, position }
    }

    /// Puts a part of the record that was begun. Segments that begin within it tell `after`: what is true with it.
    pub(super) fn put(&mut self, mut part: &[u8], after: &Snapshot) {
        while !part.is_empty() {
            let Open { offset, start } = self.open.unwrap_or_else(|| self.open_sector(after));
            let fits = part.len().min(SECTOR - offset);
            let at = self.bytes.len() - SECTOR + offset;
            self.bytes[at..at + fits].copy_from_slice(&part[..fits]);
            part = &part[fits..];
            self.open = Some(Open { offset: offset + fits, start });
            if offset + fits == SECTOR {
                self.seal();
            }
        }
    }

    fn open_sector(&mut self, snapshot: &Snapshot) -> Open {
        if self.next().is_multiple_of(self.sectors.into()) {
            self.push_header(snapshot);
        }
        self.bytes.resize(self.bytes.len() + SECTOR, 0);
        Open { offset: STAMP, start: None }
    }

    fn push_header(&mut self, snapshot: &Snapshot) {
        let header = Header { identity: self.identity, sectors: self.sectors, snapshot: *snapshot };
        self.bytes.resize(self.bytes.len() + SECTOR, 0);
        self.stamp(None);
        header.write(self.last_sector());
    }

    /// Stamps the sector that is being filled. The next record begins in a new one, so no sector is ever written twice.
    pub(super) fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            self.stamp(open.start);
        }
    }

    fn stamp(&mut self, start: Option<usize>) {
        let number = self.next() - 1;
        let since_sync = u32::try_from(number - self.durable).unwrap_or(u32::MAX);
        let (seed, incarnation) = (self.seed, self.incarnation);
        Stamp { incarnation, number, since_sync, start }.write(seed, self.last_sector());
    }

    fn last_sector(&mut self) -> &mut [u8] {
        let last = self.bytes.len() - SECTOR;
        &mut self.bytes[last..]
    }

    /// The bytes that go to each segment they touch, with the offset there.
    pub(super) fn by_segment(&self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        let sectors = u64::from(self.sectors);
        let mut number = self.from;
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let within = number % sectors;
            let fits = rest.len().min((sectors - within) as usize * SECTOR);
            let (chunk, behind) = rest.split_at(fits);
            let segment = number / sectors;
            (rest, number) = (behind, number + (fits / SECTOR) as u64);
            (!chunk.is_empty()).then_some((segment, within * SECTOR as u64, chunk))
        })
    }

    /// Forgets what was written.
    pub(super) fn written(&mut self) {
        self.from = self.next();
        self.bytes.clear();
    }
}

/// How many sectors `length` bytes of records take at most, headers of segments left out.
pub(super) const fn sectors_for(length: usize) -> usize {
    length / BODY + 2
}
