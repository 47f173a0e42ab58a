//! Sectors: what a disk writes whole or not at all, each with a stamp that tells when it was written.
//!
//! ```text
//!   0       4             8        16            20      22                              512
//!   │ check │ incarnation │ number │ since sync  │ start │ body                           │
//! ```
//! `number` counts sectors from the log's beginning, headers of segments included. `incarnation` counts how often the log
//! was opened. `since_sync` says how many sectors before this one were not known to be durable when it was written: this
//! is what tells bit rot from a torn write, for what was durable once cannot be missing. `start` is the offset of the first
//! record that begins here.

pub(super) const SECTOR: usize = 512;
pub(super) const STAMP: usize = 22;
pub(super) const BODY: usize = SECTOR - STAMP;

/// What every checksum of a log begins with, so that nothing of another log is valid in this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u32);

impl Seed {
    pub(super) fn of(identity: u128) -> Self {
        Self(crc32c::crc32c(&identity.to_le_bytes()))
    }

    pub(super) fn checksum(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

/// Where a byte of the log lies, counted from the log's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) sector: u64,
    pub(super) offset: usize,
}

impl Position {
    pub(super) const fn body_of(sector: u64) -> Self {
        Self { sector, offset: STAMP }
    }

    pub(super) const fn byte(self) -> u64 {
        self.sector * SECTOR as u64 + self.offset as u64
    }

    pub(super) const fn of_byte(byte: u64) -> Self {
        Self { sector: byte / SECTOR as u64, offset: (byte % SECTOR as u64) as usize }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) incarnation: u32,
    pub(super) number: u64,
    pub(super) since_sync: u32,
    pub(super) start: Option<usize>,
}

impl Stamp {
    /// Stands for "no record begins here"; no offset is that large.
    const NO_START: u16 = u16::MAX;

    /// Everything before this sector number was durable when the stamp was written.
    pub(super) fn durable(&self) -> u64 {
        self.number.saturating_sub(self.since_sync.into())
    }

    pub(super) fn write(&self, seed: Seed, sector: &mut [u8]) {
        let start = self.start.and_then(|start| u16::try_from(start).ok()).unwrap_or(Self::NO_START);
        sector[4..8].copy_from_slice(&self.incarnation.to_le_bytes());
        sector[8..16].copy_from_slice(&self.number.to_le_bytes());
        sector[16..20].copy_from_slice(&self.since_sync.to_le_bytes());
        sector[20..22].copy_from_slice(&start.to_le_bytes());
        let check = check(seed, sector);
        sector[..4].copy_from_slice(&check.to_le_bytes());
    }

    /// The stamp of a sector, unless it is damaged or was never written.
    pub(super) fn read(seed: Seed, sector: &[u8]) -> Option<Self> {
        if u32_at(sector, 0) != check(seed, sector) {
            return None;
        }
        let start = u16::from_le_bytes([sector[20], sector[21]]);
        let start = (start != Self::NO_START).then_some(usize::from(start));
        if start.is_some_and(|start| !(STAMP..SECTOR).contains(&start)) {
            return None;
        }
        let (incarnation, number, since_sync) = (u32_at(sector, 4), u64_at(sector, 8), u32_at(sector, 16));
        Some(Self { incarnation, number, since_sync, start })
    }
}

fn check(seed: Seed, sector: &[u8]) -> u32 {
    seed.checksum(&sector[4..STAMP])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
