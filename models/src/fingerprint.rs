//! What a search remembers of a state: 64 bits, alike in every process and on every platform.
//!
//! Two states with the same fingerprint would be taken for one. Among ten million states the chance of any such pair is
//! about 3 in a million.

use core::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Builds the hasher of fingerprints, also for maps of states.
pub(crate) type BuildFolding = BuildHasherDefault<Folding>;

/// Folds each word in by a multiplication to 128 bits whose halves are then put together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Folding(u64);

impl Folding {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    const OFFSET: u64 = 0xd1b5_4a32_d192_ed03;

    #[inline]
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ Self::OFFSET) * u128::from(Self::MULTIPLIER);
        // The rotation keeps a half of zero from wiping out what came before.
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.0.rotate_left(23));
    }
}

impl Hasher for Folding {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.fold(u64::from(word));
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.fold(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut last = *self;
        last.fold(Self::MULTIPLIER);
        last.0
    }
}

/// The fingerprint of a state: never zero.
#[inline]
pub(crate) fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = Folding::default();
    state.hash(&mut hasher);
    hasher.finish().max(1)
}

/// The fingerprints seen so far, shared by the threads of a search.
#[derive(Debug)]
pub(crate) struct Seen {
    shards: Vec<Mutex<Shard>>,
}

/// Open addressing over plain words; zero is a free slot.
#[derive(Debug)]
struct Shard {
    slots: Vec<u64>,
    count: usize,
}

const SHARD_BITS: u32 = 8;
const FIRST_SLOTS: usize = 16;

impl Seen {
    pub(crate) fn new() -> Self {
        let shard = || Mutex::new(Shard { slots: vec![0; FIRST_SLOTS], count: 0 });
        Self { shards: (0..1 << SHARD_BITS).map(|_| shard()).collect() }
    }

    /// Adds a fingerprint; false if it was there.
    #[inline]
    pub(crate) fn insert(&self, fingerprint: u64) -> bool {
        let shard = &self.shards[(fingerprint >> (u64::BITS - SHARD_BITS)) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint)
    }
}

impl Shard {
    fn insert(&mut self, fingerprint: u64) -> bool {
        let slot = self.slot_of(fingerprint);
        if self.slots[slot] == fingerprint {
            return false;
        }
        self.slots[slot] = fingerprint;
        self.count += 1;
        if self.count * 5 > self.slots.len() * 4 {
            self.grow();
        }
        true
    }

    /// The slot that holds the fingerprint, or the free one where it belongs.
    #[inline]
    fn slot_of(&self, fingerprint: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = fingerprint as usize & mask;
        while self.slots[slot] != 0 && self.slots[slot] != fingerprint {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.slots.len() * 2];
        for fingerprint in core::mem::replace(&mut self.slots, doubled).into_iter().filter(|slot| *slot != 0) {
            let slot = self.slot_of(fingerprint);
            self.slots[slot] = fingerprint;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_seen_and_nothing_else() {
        let seen = Seen::new();
        let fingerprints: Vec<u64> = (0..100_000_u64).map(|state| fingerprint(&state)).collect();
        assert!(fingerprints.iter().all(|it| seen.insert(*it)));
        assert!(fingerprints.iter().all(|it| !seen.insert(*it)));
        assert!(seen.insert(fingerprint(&100_000_u64)));
    }

    #[test]
    fn small_differences_spread_over_all_bits() {
        let pairs = (0..1_000_u64).map(|state| (fingerprint(&(state, 0_u8)), fingerprint(&(state, 1_u8))));
        let differing: u32 = pairs.map(|(one, other)| (one ^ other).count_ones()).sum();
        assert!((28_000..36_000).contains(&differing), "{differing} of 64,000 bits differ");
    }
}
