//! Fingerprints: what a run did, in one word that is the same in every process, profile and on every platform.

use serde::{Serialize, Serializer};
use std::fmt;
use std::hash::Hasher;

/// A fingerprint of whatever was written to it, word by word: multiply and rotate, with SplitMix64's finish.
///
/// It tells runs apart; it does not resist anyone who wants two to collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    state: u64,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Fingerprint {
    /// Adds a word.
    #[inline]
    pub fn word(&mut self, word: u64) {
        self.state = (self.state.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Adds words. How many they are must follow from the first.
    #[inline]
    pub fn words<const N: usize>(&mut self, words: [u64; N]) {
        words.into_iter().for_each(|word| self.word(word));
    }

    /// Adds a value, as it hashes itself. That is the same on every platform of one endianness.
    pub fn value(&mut self, value: &impl std::hash::Hash) {
        value.hash(self);
    }

    /// Adds bytes and their number.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// The fingerprint of everything added so far.
    pub fn finish(self) -> Hash {
        Hash(mix(self.state))
    }
}

/// Takes what a value says of itself. Integers go in as words, whatever their width here.
impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        mix(self.state)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.word(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    fn write_i8(&mut self, number: i8) {
        self.write_i64(number.into());
    }

    fn write_i16(&mut self, number: i16) {
        self.write_i64(number.into());
    }

    fn write_i32(&mut self, number: i32) {
        self.write_i64(number.into());
    }

    fn write_i64(&mut self, number: i64) {
        self.word(number.cast_unsigned());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }
}

/// A finished fingerprint. Prints, and is written to JSON, as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash(pub u64);

impl Hash {
    /// The fingerprint of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut fingerprint = Fingerprint::default();
        fingerprint.bytes(bytes);
        fingerprint.finish()
    }

    /// The hash of a campaign with one more seed in it. The order in which seeds are added does not matter.
    #[must_use]
    pub fn with_seed(self, seed: u64, hash: Self) -> Self {
        let mut fingerprint = Fingerprint::default();
        fingerprint.word(seed);
        fingerprint.word(hash.0);
        self.merged(fingerprint.finish())
    }

    /// The hash of two campaigns over different seeds, taken as one.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let word = u64::from_str_radix(&digits, 16);
        word.map(Self).map_err(|_| serde::de::Error::custom(format!("{digits:?} is no hash of 16 hexadecimal digits")))
    }
}

pub(crate) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_hashes_alike_in_any_order_of_its_seeds() {
        let hashes = [(1, Hash(10)), (2, Hash(20)), (3, Hash(30))];
        let forward = hashes.iter().fold(Hash::default(), |all, (seed, hash)| all.with_seed(*seed, *hash));
        let backward = hashes.iter().rev().fold(Hash::default(), |all, (seed, hash)| all.with_seed(*seed, *hash));
        assert_eq!(forward, backward);
        assert_ne!(forward, Hash::default().with_seed(1, Hash(20)).with_seed(2, Hash(10)).with_seed(3, Hash(30)));
    }

    #[test]
    fn the_order_and_the_length_of_what_is_written_matter() {
        assert_ne!(Hash::of(b"ab"), Hash::of(b"ba"));
        assert_ne!(Hash::of(b"a"), Hash::of(b"a\0"));
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(Hash::of(b"purlin").to_string(), "4b3419ab55c97dc2");
    }
}
