//! The clock and the die of a driver.

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::{Clock, Instant};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::time::SystemTime;

/// What surrounds a machine beside its journal and its transport. The driver clamps the clock, so that it never runs back
/// within a process, and reads it at most once a step.
pub trait Surroundings: Clock + Send + 'static {
    /// A number in `0..bound`, each equally likely.
    fn choose(&mut self, bound: NonZeroU32) -> u32;

    /// How long tokio is to sleep for so long on this node's own clock. They differ where a simulated clock drifts.
    fn real(&self, local: Duration) -> Duration {
        local
    }
}

/// The system's clock, counted from the Unix epoch, and a ChaCha die.
///
/// The clock is the wall clock as it is set: instants in a journal mean the same after a restart and on another machine.
#[derive(Clone, Debug)]
pub struct Process {
    die: ChaCha12Rng,
}

impl Process {
    /// With a die that the operating system seeds.
    pub fn new() -> Self {
        Self { die: ChaCha12Rng::from_os_rng() }
    }

    /// With throws that follow from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self { die: ChaCha12Rng::seed_from_u64(seed) }
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Process {
    fn now(&self) -> Instant {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Instant::ORIGIN + since_epoch
    }
}

impl Surroundings for Process {
    /// Words past the last whole multiple of the bound would favour the low faces: they are thrown again.
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        let faces = 1_u64 << u32::BITS;
        let even = faces - faces % u64::from(bound.get());
        loop {
            let word = self.die.next_u32();
            if u64::from(word) < even {
                return word % bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_throws_for_ever() {
        let (mut process, hundred) = (Process::seeded(42), NonZeroU32::new(100).unwrap());
        let throws: Vec<u32> = (0..8).map(|_| process.choose(hundred)).collect();
        assert_eq!(throws, [26, 51, 97, 27, 89, 85, 62, 76]);
    }

    #[test]
    fn the_clock_counts_from_the_unix_epoch() {
        let years_2020 = Instant::ORIGIN + Duration::from_secs(50 * 365 * 24 * 3_600);
        assert!(Process::new().now() > years_2020);
    }
}
