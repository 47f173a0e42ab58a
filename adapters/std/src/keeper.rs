//! The process clock and the die.

use core::num::NonZeroU32;
use purlin::{Clock, Instant, Keeper, Machine};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// Keeps the time by the process clock, counted from its own creation, and throws a ChaCha die.
///
/// The die is ChaCha with twelve rounds, reduced to its bound by rejection: a seed means the same throws in every
/// process and on every platform. It is thrown rarely (a breaker throws it once an incident), so a lock around it will do.
#[derive(Debug)]
pub struct Standard {
    created: std::time::Instant,
    die: Mutex<ChaCha12Rng>,
}

impl Standard {
    /// A keeper whose die is seeded by the operating system.
    pub fn new() -> Self {
        Self::with_die(ChaCha12Rng::from_os_rng())
    }

    /// A keeper whose throws follow from `seed`.
    ///
    /// ```
    /// use core::num::NonZeroU32;
    /// use purlin::Keeper;
    /// use purlin::breaker::Breaker;
    /// use purlin_std::Standard;
    ///
    /// let bound = NonZeroU32::new(1_000).unwrap();
    /// let throw = |keeper: &Standard| Keeper::<Breaker>::choose(keeper, bound);
    /// let (one, other) = (Standard::seeded(7), Standard::seeded(7));
    /// assert!((0..100).all(|_| throw(&one) == throw(&other)));
    /// ```
    pub fn seeded(seed: u64) -> Self {
        Self::with_die(ChaCha12Rng::seed_from_u64(seed))
    }

    fn with_die(die: ChaCha12Rng) -> Self {
        Self { created: std::time::Instant::now(), die: Mutex::new(die) }
    }
}

impl Default for Standard {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Standard {
    #[inline]
    fn now(&self) -> Instant {
        Instant::ORIGIN + self.created.elapsed()
    }
}

impl<M: Machine> Keeper<M> for Standard {
    fn choose(&self, bound: NonZeroU32) -> u32 {
        let mut die = self.die.lock().unwrap_or_else(PoisonError::into_inner);
        throw(&mut *die, bound)
    }
}

/// A number below `bound`, each equally likely: words past the last whole multiple of the bound are thrown again.
fn throw(die: &mut impl RngCore, bound: NonZeroU32) -> u32 {
    let faces = 1_u64 << u32::BITS;
    let even = faces - faces % u64::from(bound.get());
    loop {
        let word = die.next_u32();
        if u64::from(word) < even {
            return word % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays back words.
    struct Loaded(Vec<u32>);

    impl RngCore for Loaded {
        fn next_u32(&mut self) -> u32 {
            self.0.remove(0)
        }

        fn next_u64(&mut self) -> u64 {
            unreachable!("a throw takes one word")
        }

        fn fill_bytes(&mut self, _bytes: &mut [u8]) {
            unreachable!("a throw takes one word")
        }
    }

    #[test]
    fn a_word_past_the_last_whole_multiple_is_thrown_again() {
        // 2³² leaves 1 when divided by 3, so only the very last word would favour a face.
        let three = NonZeroU32::new(3).unwrap();
        assert_eq!(throw(&mut Loaded(vec![u32::MAX, 5]), three), 2);
        assert_eq!(throw(&mut Loaded(vec![u32::MAX - 1, 5]), three), 2);
        assert_eq!(throw(&mut Loaded(vec![u32::MAX - 2, 5]), three), 1);
    }

    #[test]
    fn a_seed_means_the_same_throws_for_ever() {
        let keeper = Standard::seeded(42);
        let hundred = NonZeroU32::new(100).unwrap();
        let throws: Vec<u32> = (0..8).map(|_| Keeper::<purlin::breaker::Breaker>::choose(&keeper, hundred)).collect();
        assert_eq!(throws, [26, 51, 97, 27, 89, 85, 62, 76]);
    }

    #[test]
    fn the_clock_starts_at_its_origin_and_moves_on() {
        let keeper = Standard::new();
        let earlier = keeper.now();
        std::thread::sleep(core::time::Duration::from_millis(2));
        let passed = keeper.now().saturating_since(earlier);
        assert!(passed >= core::time::Duration::from_millis(2));
        assert!(earlier < Instant::from_millis(60_000), "counted from creation, not from boot");
    }
}
