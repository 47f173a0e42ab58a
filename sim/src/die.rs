//! The die of a simulation: a named, portable generator, so that a seed means the same throws everywhere and for ever.

use core::num::NonZeroU32;
use core::ops::Range;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    source: Source,
    copied: Option<Copied>,
}

#[derive(Clone, Debug)]
enum Source {
    Drawn(Box<ChaCha8Rng>),
    Written { throws: Arc<[u64]>, next: usize },
}

/// Where a die's throws are written down.
#[derive(Clone, Debug)]
struct Copied {
    name: String,
    book: Book,
}

type Book = Arc<Mutex<Throws>>;

impl Die {
    /// The stream `name` of `seed`: the key is the seed, then the name's length, then up to 16 bytes of the name.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(name.len() as u64).to_le_bytes());
        key[16..].iter_mut().zip(name.bytes()).for_each(|(slot, byte)| *slot = byte);
        Self { source: Source::Drawn(Box::new(ChaCha8Rng::from_seed(key))), copied: None }
    }

    /// A number in `0..bound`.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        let thrown = match &mut self.source {
            Source::Drawn(generator) => ((u128::from(generator.next_u64()) * u128::from(bound)) >> u64::BITS) as u64,
            Source::Written { throws, next } => {
                let written = throws.get(*next).copied().unwrap_or(0);
                *next += 1;
                written.min(bound.saturating_sub(1))
            }
        };
        self.copy(thrown)
    }

    /// Any word.
    pub fn word(&mut self) -> u64 {
        let word = match &mut self.source {
            Source::Drawn(generator) => generator.next_u64(),
            Source::Written { .. } => return self.below(u64::MAX),
        };
        self.copy(word)
    }

    #[inline]
    fn copy(&self, thrown: u64) -> u64 {
        if let Some(Copied { name, book }) = &self.copied {
            book.lock().unwrap_or_else(PoisonError::into_inner).add(name, thrown);
        }
        thrown
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

/// What every die of a run has thrown. A plan that holds them needs no generator: beyond the last throw, and for a die
/// that is not among them, every throw is 0.
///
/// In JSON the throws of each die are one text, so that any reader keeps them exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, String>")]
pub struct Throws {
    by_die: BTreeMap<String, Vec<u64>>,
}

impl Throws {
    /// How many throws there are.
    pub fn count(&self) -> usize {
        self.by_die.values().map(Vec::len).sum()
    }

    /// The dice by name, and how often each was thrown.
    pub(crate) fn lengths(&self) -> Vec<(String, usize)> {
        self.by_die.iter().map(|(name, throws)| (name.clone(), throws.len())).collect()
    }

    /// The same, but only so many throws of one die.
    pub(crate) fn cut(&self, name: &str, count: usize) -> Self {
        let mut cut = self.clone();
        cut.by_die.entry(name.to_owned()).or_default().truncate(count);
        cut.by_die.retain(|_, throws| !throws.is_empty());
        cut
    }

    /// The same, but some throws of one die are zero.
    pub(crate) fn zeroed(&self, name: &str, range: Range<usize>) -> Self {
        let mut zeroed = self.clone();
        let throws = zeroed.by_die.get_mut(name).map(Vec::as_mut_slice).unwrap_or_default();
        throws.iter_mut().take(range.end).skip(range.start).for_each(|thrown| *thrown = 0);
        zeroed
    }

    fn add(&mut self, name: &str, thrown: u64) {
        match self.by_die.get_mut(name) {
            Some(throws) => throws.push(thrown),
            None => drop(self.by_die.insert(name.to_owned(), vec![thrown])),
        }
    }
}

impl From<Throws> for BTreeMap<String, String> {
    fn from(throws: Throws) -> Self {
        let written = |throws: Vec<u64>| throws.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        throws.by_die.into_iter().map(|(name, throws)| (name, written(throws))).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Throws {
    type Error = String;

    fn try_from(written: BTreeMap<String, String>) -> Result<Self, String> {
        let read = |(name, text): (String, String)| match text.split_whitespace().map(str::parse).collect() {
            Ok(throws) => Ok((name, throws)),
            Err(_) => Err(format!("the throws of {name:?} are not all numbers: separate whole numbers by spaces")),
        };
        written.into_iter().map(read).collect::<Result<_, _>>().map(|by_die| Self { by_die })
    }
}

/// All dice of one run, by their names.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    noise: u64,
    written: Option<Arc<Throws>>,
    book: Option<Book>,
}

impl Dice {
    /// Dice that are thrown; or that show what is `written`.
    pub(crate) fn new(noise: u64, written: Option<&Throws>, copied: bool) -> Self {
        Self { noise, written: written.cloned().map(Arc::new), book: copied.then(Book::default) }
    }

    /// The die of that name.
    pub(crate) fn die(&self, name: &str) -> Die {
        let mut die = match &self.written {
            None => Die::new(self.noise, name),
            Some(written) => {
                let throws = written.by_die.get(name).map(Vec::as_slice).unwrap_or_default();
                Die { source: Source::Written { throws: throws.into(), next: 0 }, copied: None }
            }
        };
        die.copied = self.book.clone().map(|book| Copied { name: name.to_owned(), book });
        die
    }

    /// What was thrown so far, if it was to be written down.
    pub(crate) fn thrown(&self) -> Option<Throws> {
        self.book.as_ref().map(|book| book.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn throws_that_were_written_down_come_up_again_and_then_zeros() {
        let dice = Dice::new(7, None, true);
        let (mut links, mut bank) = (dice.die("links"), dice.die("bank"));
        let thrown = [links.below(10), links.between(3, 9), bank.word(), links.below(1)];
        let throws = dice.thrown().unwrap();
        let json = serde_json::to_string(&throws).unwrap();
        let again = Dice::new(8, Some(&serde_json::from_str(&json).unwrap()), false);
        let (mut links, mut bank) = (again.die("links"), again.die("bank"));
        assert_eq!([links.below(10), links.between(3, 9), bank.word(), links.below(1)], thrown);
        assert_eq!([links.below(10), again.die("stranger").below(5)], [0, 0]);
    }
}
