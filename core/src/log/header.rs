//! The first sector of a segment: whose it is, and what was true where it begins.
//!
//! Records of a segment that was dropped are gone, so the next one says what they had come to.

use super::sector::{SECTOR, STAMP, array_at, u32_at, u64_at};
use super::{Boundary, HardState};

const MAGIC: [u8; 8] = *b"PurlnLog";
/// The version of everything that a log writes. Another one is refused.
pub(super) const VERSION: u32 = 1;

/// What all records that begin before a segment have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) boundary: Boundary,
    /// The index of the last entry.
    pub(super) last: u64,
    pub(super) hard_state: HardState,
    /// The checksum of the last of these records.
    pub(super) chain: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) identity: u128,
    /// How many sectors a segment has, this one included.
    pub(super) sectors: u32,
    pub(super) snapshot: Snapshot,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Damaged,
    Version(u32),
}

impl Header {
    /// Where the checksum lies. It covers the stamp too: with that of another segment a header is damaged.
    const CHECK: usize = STAMP + 84;

    /// Fills a sector that is stamped.
    pub(super) fn write(&self, sector: &mut [u8]) {
        let Snapshot { boundary, last, hard_state, chain } = self.snapshot;
        let body = &mut sector[STAMP..Self::CHECK];
        body[..8].copy_from_slice(&MAGIC);
        body[8..12].copy_from_slice(&VERSION.to_le_bytes());
        body[12..28].copy_from_slice(&self.identity.to_le_bytes());
        body[28..32].copy_from_slice(&self.sectors.to_le_bytes());
        let numbers = [boundary.index, boundary.term, last, hard_state.term, hard_state.vote, hard_state.commit];
        for (number, slot) in numbers.iter().zip(body[32..80].chunks_exact_mut(8)) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        body[80..84].copy_from_slice(&chain.to_le_bytes());
        let check = crc32c::crc32c(&sector[..Self::CHECK]);
        sector[Self::CHECK..Self::CHECK + 4].copy_from_slice(&check.to_le_bytes());
    }

    pub(super) fn read(sector: &[u8]) -> Result<Self, Unusable> {
        let body = &sector[STAMP..SECTOR];
        if body[..8] != MAGIC || u32_at(sector, Self::CHECK) != crc32c::crc32c(&sector[..Self::CHECK]) {
            return Err(Unusable::Damaged);
        }
        let version = u32_at(body, 8);
        if version != VERSION {
            return Err(Unusable::Version(version));
        }
        let number = |nth: usize| u64_at(body, 32 + 8 * nth);
        let snapshot = Snapshot {
            boundary: Boundary { index: number(0), term: number(1) },
            last: number(2),
            hard_state: HardState { term: number(3), vote: number(4), commit: number(5) },
            chain: u32_at(body, 80),
        };
        let identity = u128::from_le_bytes(array_at(body, 12));
        let sectors = u32_at(body, 28);
        if sectors < 2 || snapshot.last == u64::MAX {
            return Err(Unusable::Damaged);
        }
        Ok(Self { identity, sectors, snapshot })
    }
}
