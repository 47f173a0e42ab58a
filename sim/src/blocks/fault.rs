//! What goes wrong with a disk.

use core::mem::discriminant;
use core::num::NonZeroU32;
use serde::{Deserialize, Serialize};

/// What a disk does wrong, once it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DiskFault {
    /// A write fails, and nothing of it is done.
    WriteError,
    /// A write fails after so many of its bytes.
    TornWriteError {
        /// How many bytes are written.
        bytes: u64,
    },
    /// A sync fails. What it was to keep is not kept, and a later sync that succeeds says nothing of it.
    SyncError,
    /// A read fails.
    ReadError,
    /// Of what a read fetches, one bit has flipped, on the disk itself.
    BitRot,
    /// A segment that is to be made finds no room. Those that are there can be written and used again.
    Full,
    /// A write is confirmed and not done.
    LostWrite,
    /// A write is done so many sectors of 512 bytes further on, or back, within its segment.
    MisdirectedWrite {
        /// How many sectors.
        sectors: i64,
    },
    /// So many changes further on the power goes off, until the next crash: of a write that is next, so many bytes are
    /// done, and every change fails from then on.
    PowerOff {
        /// How many changes are still done: writes, syncs, and what makes and drops segments.
        changes: u64,
        /// How many bytes of the next write are done.
        bytes: u64,
    },
}

impl DiskFault {
    pub(super) fn is_of_reads(&self) -> bool {
        matches!(self, Self::ReadError | Self::BitRot)
    }

    pub(super) fn is_of_writes(&self) -> bool {
        matches!(self, Self::WriteError | Self::TornWriteError { .. } | Self::LostWrite | Self::MisdirectedWrite { .. })
    }

    pub(super) fn is_same_kind(&self, other: &Self) -> bool {
        discriminant(self) == discriminant(other)
    }
}

/// How often a fault strikes that is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chance {
    hits: u32,
    of: NonZeroU32,
}

impl Chance {
    /// Every operation that the fault fits.
    pub const ALWAYS: Self = Self { hits: 1, of: NonZeroU32::MIN };

    /// So many of so many operations that the fault fits, on average.
    pub const fn new(hits: u32, of: NonZeroU32) -> Self {
        Self { hits, of }
    }

    pub(super) fn strikes(self, coins: &mut Coins) -> bool {
        coins.below(self.of.get().into()) < self.hits.into()
    }
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

/// What a torn write leaves where it was not done. A sector that it was not to change stays as it is.
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

/// What is drawn from a seed, by splitmix64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Coins(pub(super) u64);

impl Coins {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(super) fn is_heads(&mut self) -> bool {
        self.word() & 1 == 1
    }

    /// A number in `0..bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> u64::BITS) as u64
    }
}
