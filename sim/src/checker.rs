//! Judges: they read a history as it is written, and say which property it breaks.

use crate::history::Happening;
use purlin::Instant;
use serde::Serialize;
use std::fmt;

/// Reads a history entry by entry.
pub trait Judge {
    /// What it reads.
    type Event<'a>: Happening;

    /// Reads one entry.
    ///
    /// # Errors
    /// The property that this entry breaks.
    fn observe(&mut self, at: Instant, event: &Self::Event<'_>) -> Result<(), Violation>;

    /// Judges the history as a whole, at its end.
    ///
    /// # Errors
    /// The property that was never fulfilled.
    fn conclude(&mut self, end: Instant) -> Result<(), Violation>;

    /// What happened at least once.
    fn coverage(&self) -> Coverage;
}

/// A property that a history broke, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The property's name: a claim that turned out false.
    pub property: &'static str,
    /// What was seen instead.
    pub detail: String,
}

impl Violation {
    /// `property` is broken, as `detail` tells.
    pub fn new(property: &'static str, detail: impl fmt::Display) -> Self {
        Self { property, detail: detail.to_string() }
    }
}

/// Whether a claim held; `detail` is only made where it did not.
///
/// # Errors
/// The violation, if `holds` is false.
pub fn claim(property: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(property, detail())) }
}

/// What happened at least once: the other half of every claim that something always holds. A claim that was never put
/// to the test says nothing, so a campaign in which its `sometimes` never came is vacuous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    seen: u64,
}

impl Coverage {
    /// Notes the `index`-th thing of a scenario's list as seen.
    pub fn note(&mut self, index: u32) {
        self.seen |= 1 << index;
    }

    /// Everything seen in either.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self { seen: self.seen | other.seen }
    }

    /// The names of what was seen.
    pub fn seen(self, names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
        names.iter().enumerate().filter(move |(index, _)| self.seen & 1 << index != 0).map(|(_, name)| *name)
    }

    /// The names of what was not seen.
    pub fn missing<S: AsRef<str>>(self, names: &[S]) -> impl Iterator<Item = &str> {
        names.iter().enumerate().filter(move |(index, _)| self.seen & 1 << index == 0).map(|(_, name)| name.as_ref())
    }

    /// As a word, for storage.
    pub fn to_word(self) -> u64 {
        self.seen
    }

    /// From the word that [`Coverage::to_word`] gave.
    pub fn from_word(seen: u64) -> Self {
        Self { seen }
    }
}
