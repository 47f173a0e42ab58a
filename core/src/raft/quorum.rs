//! Majorities, single and joint: sections 5.2, 5.3 and 6 of the paper.
//!
//! Members stand in slots; a set of them is a word. A joint decision needs a majority of **each** half, never of their
//! union ([CCF 3948](https://github.com/microsoft/CCF/issues/3948)).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A set of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(u64);

impl Slots {
    /// How many slots there are.
    pub const MAX: usize = 64;

    /// Puts a slot in. A slot beyond the last is nobody's, and stays out.
    pub fn insert(&mut self, slot: usize) {
        if slot < Self::MAX {
            self.0 |= 1 << slot;
        }
    }

    /// Whether the slot is in.
    pub fn contains(self, slot: usize) -> bool {
        slot < Self::MAX && self.0 >> slot & 1 == 1
    }

    /// How many are in.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether none is in.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in this one only.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        let without_lowest = |left: &u64| Some(left & (left - 1)).filter(|left| *left > 0);
        let lowest_first = core::iter::successors(Some(self.0).filter(|left| *left > 0), without_lowest);
        lowest_first.map(|left| left.trailing_zeros() as usize)
    }
}

impl FromIterator<usize> for Slots {
    fn from_iter<I: IntoIterator<Item = usize>>(slots: I) -> Self {
        let mut set = Self::default();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

/// How a vote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Every half has a majority for it.
    Won,
    /// Some half can no longer have one.
    Lost,
    /// Neither yet.
    Pending,
}

/// Who decides: the voters, and while a change is under way those of before besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quorum {
    /// The voters.
    pub incoming: Slots,
    /// Those that a joint change takes leave of; empty outside of one.
    pub outgoing: Slots,
}

impl Quorum {
    /// Whether the slot has a vote in either half.
    pub fn contains(self, slot: usize) -> bool {
        self.incoming.or(self.outgoing).contains(slot)
    }

    /// How a vote stands. Nobody to ask is nobody against, and who is in both sets is for it.
    pub fn tally(self, granted: Slots, refused: Slots) -> Tally {
        let refused = refused.without(granted);
        let halves = [self.incoming, self.outgoing].map(|half| tally(half, granted, refused));
        if halves.contains(&Tally::Lost) {
            Tally::Lost
        } else if halves.contains(&Tally::Pending) {
            Tally::Pending
        } else {
            Tally::Won
        }
    }

    /// Whether these are a majority of every half.
    pub fn is_reached_by(self, slots: Slots) -> bool {
        self.tally(slots, Slots::default()) == Tally::Won
    }

    /// The highest number that a majority of every half has reached; `u64::MAX` if nobody is asked.
    pub fn reached(self, of_slot: impl Fn(usize) -> u64) -> u64 {
        reached(self.incoming, &of_slot).min(reached(self.outgoing, &of_slot))
    }
}

fn tally(half: Slots, granted: Slots, refused: Slots) -> Tally {
    let (all, majority) = (half.len(), half.len() / 2 + 1);
    if half.is_empty() || half.and(granted).len() >= majority {
        Tally::Won
    } else if all - half.and(refused).len() < majority {
        Tally::Lost
    } else {
        Tally::Pending
    }
}

fn reached(half: Slots, of_slot: impl Fn(usize) -> u64) -> u64 {
    if half.is_empty() {
        return u64::MAX;
    }
    let mut numbers: SmallVec<[u64; 8]> = half.iter().map(of_slot).collect();
    numbers.sort_unstable();
    // Of 2n+1 numbers in ascending order, n+1 are at least the one in the middle; of 2n, the one before the middle.
    numbers[(numbers.len() - 1) / 2]
}
