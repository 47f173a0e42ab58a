//! A hash of all items that does not depend on the order in which they came to be: a sum over them.
//!
//! It finds replicas that have come apart; it is no defence against somebody who makes collisions.

use super::alphabet::Item;

/// The 64-bit FNV-1a hash of what the item is, mixed once more: sums of plain FNV hashes would be alike too often.
pub(super) fn digest(key: &str, item: &Item) -> u64 {
    let Item { value, created, modified, version, lease } = item;
    let mut fold = Fold(0xCBF2_9CE4_8422_2325);
    // Lengths go first, so that no text can pass for the end of one and the beginning of another.
    for text in [key, value] {
        fold.bytes(&(text.len() as u64).to_le_bytes());
        fold.bytes(text.as_bytes());
    }
    for word in [*created, *modified, *version, lease.unwrap_or(0)] {
        fold.bytes(&word.to_le_bytes());
    }
    fold.mixed()
}

struct Fold(u64);

impl Fold {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    /// The finalizer of SplitMix64.
    fn mixed(self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}
