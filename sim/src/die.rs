//! The die of a simulation: a named, portable generator, so that a seed means the same throws everywhere and for ever.

use core::num::NonZeroU32;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of throws: ChaCha8 keyed with a seed and the stream's name.
///
/// Streams of different names are independent, so one more throw by a client shifts none of the server's. Everything is
/// integer arithmetic.
///
/// ```
/// use purlin_sim::Die;
///
/// let mut die = Die::new(7, "links");
/// let mut same = Die::new(7, "links");
/// assert_eq!(die.word(), same.word());
/// assert_ne!(die.word(), Die::new(7, "bank").word());
/// ```
#[derive(Clone, Debug)]
pub struct Die {
    generator: ChaCha8Rng,
}

impl Die {
    /// The stream `name` of `seed`: the key is the seed, then the name's length, then up to 16 bytes of the name.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(name.len() as u64).to_le_bytes());
        key[16..].iter_mut().zip(name.bytes()).for_each(|(slot, byte)| *slot = byte);
        Self { generator: ChaCha8Rng::from_seed(key) }
    }

    /// Any word.
    pub fn word(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> u64::BITS) as u64
    }

    /// A number in `least..=most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        match most.saturating_sub(least).checked_add(1) {
            Some(width) => least + self.below(width),
            None => self.word(),
        }
    }

    /// A number in `0..bound`, as machines throw it.
    pub fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.below(u64::from(bound.get())) as u32
    }

    /// Whether an event of this share comes to pass.
    pub fn strikes(&mut self, share: crate::plan::Ratio) -> bool {
        self.below(u64::from(share.denominator())) < u64::from(share.numerator())
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Die;

    #[test]
    fn a_seed_means_the_same_throws_in_every_version() {
        let mut die = Die::new(42, "plan");
        let thrown: Vec<u64> = (0..4).map(|_| die.below(1_000_000)).collect();
        assert_eq!(thrown, PINNED);
    }

    const PINNED: [u64; 4] = [190_844, 795_703, 391_228, 758_362];

    #[test]
    fn throws_stay_within_their_bounds_and_reach_both_ends() {
        let mut die = Die::new(1, "bounds");
        let thrown: Vec<u64> = (0..1_000).map(|_| die.between(3, 5)).collect();
        assert!(thrown.iter().all(|throw| (3..=5).contains(throw)));
        assert!(thrown.contains(&3) && thrown.contains(&5));
    }
}
