use super::slice::Slice;
use crate::raft::application::Application;
use crate::raft::entry::{Entry, size};
use core::hash::{Hash, Hasher};
use derive_where::derive_where;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Entries that lie together, at least one. What they take and how they hash is reckoned once.
#[derive_where(Clone, Debug)]
pub(super) struct Segment<S: Application> {
    entries: Slice<S>,
    bytes: usize,
    digest: OnceLock<Digest>,
}

impl<S: Application> Segment<S> {
    pub(super) fn new(entries: Slice<S>) -> Self {
        let bytes = entries.iter().map(size).sum();
        Self { entries, bytes, digest: OnceLock::new() }
    }

    pub(super) fn entries(&self) -> &[Entry<S>] {
        &self.entries
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn first_index(&self) -> u64 {
        self.entries[0].index
    }

    pub(super) fn last_index(&self) -> u64 {
        self.first_index() + self.len() - 1
    }

    /// The entries from `first` on, up to `last` and to so many bytes, but at least one; and how many bytes they take.
    pub(super) fn part(&self, first: u64, last: u64, bytes_max: usize) -> (Slice<S>, usize) {
        let from = (first - self.first_index()) as usize;
        let to = (last.min(self.last_index()) + 1 - self.first_index()) as usize;
        if from == 0 && to == self.entries.len() && self.bytes <= bytes_max {
            return (self.entries.clone(), self.bytes);
        }
        let (mut count, mut bytes) = (0, 0);
        for entry in &self.entries[from..to] {
            if count > 0 && bytes + size(entry) > bytes_max {
                break;
            }
            (count, bytes) = (count + 1, bytes + size(entry));
        }
        (self.entries.part(from..from + count), bytes)
    }

    /// What is before the entry at `first`, if anything is.
    pub(super) fn before(&self, first: u64) -> Option<Self> {
        let count = first.saturating_sub(self.first_index()).min(self.len()) as usize;
        (count > 0).then(|| Self::new(self.entries.part(0..count)))
    }

    /// What is behind the entry at `through`, if anything is.
    pub(super) fn behind(&self, through: u64) -> Option<Self> {
        let dropped = (through + 1).saturating_sub(self.first_index()).min(self.len()) as usize;
        (dropped < self.entries.len()).then(|| Self::new(self.entries.part(dropped..self.entries.len())))
    }

    pub(super) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.entries.iter().fold(Digest::default(), |digest, entry| digest.then(entry)))
    }
}

/// How entries hash: as the value of a polynomial, so that it does not matter how they are cut in segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Digest(u64);

impl Digest {
    const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

    /// The hash of one value.
    pub(super) fn of(value: &impl Hash) -> Self {
        let mut hasher = Fold(Self::BASE);
        value.hash(&mut hasher);
        Self(hasher.finish() | 1)
    }

    fn then(self, value: &impl Hash) -> Self {
        Self(self.0.wrapping_mul(Self::BASE).wrapping_add(Self::of(value).0))
    }

    /// The hash of what hashes as `self` and then of `count` entries that hash as `next`.
    pub(super) fn followed_by(self, next: Self, count: u64) -> Self {
        Self(self.0.wrapping_mul(power(Self::BASE, count)).wrapping_add(next.0))
    }
}

fn power(base: u64, exponent: u64) -> u64 {
    match exponent {
        0 => 1,
        _ => {
            let half = power(base, exponent / 2);
            let square = half.wrapping_mul(half);
            if exponent % 2 == 1 { square.wrapping_mul(base) } else { square }
        }
    }
}

/// The same on every platform and in every process, unlike the standard library's.
struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.0 = mixed ^ mixed >> 32;
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ mixed >> 32
    }
}
