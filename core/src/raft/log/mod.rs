//! The log in memory: section 5.3 of the paper.
//!
//! ```text
//!   boundary            evicted: on the disk only           held: shared with messages and records
//!   ───────▶│ 1..=90 dropped │ 91..=140: how they hash │ 141 142 │ 143 144 145 │ 146 │ ──▶ last
//! ```
//!
//! Entries lie in segments that never change and are shared: between the log, what is sent and what is written. Terms are
//! kept as runs, so the term of every entry since the boundary is known, held or not.

mod segment;
mod slice;
mod terms;

pub use slice::Slice;

use super::application::Application;
use super::entry::{Entry, size};
use crate::log::Boundary;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use derive_where::derive_where;
use segment::{Digest, Segment};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;
use terms::Terms;

/// Entries behind a boundary, of which the oldest may be evicted from memory.
///
/// Two logs are equal if they say the same, however it is cut in segments. What either has evicted is compared by its hashes.
#[derive_where(Clone, Debug, Default)]
pub struct Log<S: Application> {
    boundary: Boundary,
    terms: Terms,
    /// The hash of each entry just behind the boundary that is no longer in memory.
    evicted: VecDeque<Digest>,
    segments: VecDeque<Segment<S>>,
    bytes: usize,
}

impl<S: Application> Log<S> {
    /// An empty log behind a boundary.
    pub fn behind(boundary: Boundary) -> Self {
        Self { boundary, ..Self::default() }
    }

    /// What is no longer there: this entry and all before it.
    pub fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// The last entry, or the boundary where there is none.
    pub fn last(&self) -> Boundary {
        self.terms.last().unwrap_or(self.boundary)
    }

    /// The first entry that is in memory, or would be.
    pub fn first_held(&self) -> u64 {
        self.boundary.index + self.evicted.len() as u64 + 1
    }

    /// How many bytes the entries in memory take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The term of an entry; none before the boundary and behind the last.
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.boundary.index { Some(self.boundary.term) } else { self.terms.of(index) }
    }

    /// Whether the entry is there, with that term.
    pub fn matches(&self, at: Boundary) -> bool {
        self.term(at.index) == Some(at.term)
    }

    /// The last entry at or before `index` with a term of at most `term`, or the boundary.
    pub fn last_at_most(&self, index: u64, term: u64) -> Boundary {
        self.terms.last_at_most(index, term).unwrap_or(self.boundary)
    }

    /// The entries in memory from `first` on.
    pub fn held_from(&self, first: u64) -> impl Iterator<Item = &Entry<S>> {
        let begin = self.segments.partition_point(|segment| segment.last_index() < first);
        self.segments
            .iter()
            .skip(begin)
            .flat_map(|segment| segment.entries().iter())
            .skip_while(move |entry| entry.index < first)
    }

    /// The entries from `first` on, up to `last` and to so many bytes, but at least one; empty if the first is not in memory.
    /// Where they lie in one segment, nothing is copied.
    pub fn read(&self, first: u64, last: u64, bytes_max: usize) -> Slice<S> {
        let Some(segment) = self.segments.get(self.place_of(first)).filter(|segment| segment.first_index() <= first)
        else {
            return Slice::default();
        };
        let (part, bytes) = segment.part(first, last, bytes_max);
        let next = first + part.len() as u64;
        let goes_on = next <= last && next > segment.last_index() && bytes < bytes_max;
        if goes_on { self.gathered(part, bytes, last, bytes_max) } else { part }
    }

    /// The entries from `first` on, up to `last`, that lie in one segment; empty if the first is not in memory.
    pub fn piece(&self, first: u64, last: u64) -> Slice<S> {
        let segment = self.segments.get(self.place_of(first)).filter(|segment| segment.first_index() <= first);
        segment.map_or_else(Slice::default, |segment| segment.part(first, last, usize::MAX).0)
    }

    /// Entries of several segments, as one slice.
    fn gathered(&self, part: Slice<S>, mut bytes: usize, last: u64, bytes_max: usize) -> Slice<S> {
        let mut entries = part.to_vec();
        let from = entries.last().map_or(0, |entry| entry.index) + 1;
        for entry in self.held_from(from).take_while(|entry| entry.index <= last) {
            bytes += size(entry);
            if bytes > bytes_max {
                break;
            }
            entries.push(entry.clone());
        }
        if entries.len() == part.len() { part } else { Slice::from(entries) }
    }

    /// The first segment that ends at the entry or behind it. Mostly that is the last one.
    fn place_of(&self, index: u64) -> usize {
        match self.segments.back() {
            Some(last) if last.first_index() <= index && index <= last.last_index() => self.segments.len() - 1,
            _ => self.segments.partition_point(|segment| segment.last_index() < index),
        }
    }

    /// Appends entries. Those that do not begin behind the last one change nothing.
    pub fn append(&mut self, entries: Slice<S>) {
        if entries.first().is_none_or(|first| first.index != self.last().index + 1) {
            return;
        }
        self.terms.extend(&entries);
        let segment = Segment::new(entries);
        self.bytes += segment.bytes();
        self.segments.push_back(segment);
    }

    /// Drops the entries from `first` on, all of which are in memory.
    pub fn truncate_suffix(&mut self, first: u64) {
        self.terms.truncate_suffix(first);
        while let Some(segment) = self.segments.pop_back() {
            self.bytes -= segment.bytes();
            if let Some(rest) = segment.before(first) {
                self.bytes += rest.bytes();
                self.segments.push_back(rest);
                return;
            }
        }
    }

    /// Drops the entries up to and including `through`, which then is the boundary. Beyond the last entry it empties the log.
    pub fn truncate_prefix(&mut self, through: Boundary) {
        if through.index <= self.boundary.index {
            return;
        }
        if through.index >= self.last().index {
            *self = Self::behind(through);
            return;
        }
        let gone = (through.index - self.boundary.index).min(self.evicted.len() as u64);
        self.evicted.drain(..gone as usize);
        self.drop_held(through.index);
        self.terms.truncate_prefix(through.index);
        self.boundary = through;
    }

    fn drop_held(&mut self, through: u64) {
        while let Some(segment) = pop_front_if(&mut self.segments, |segment| segment.first_index() <= through) {
            self.bytes -= segment.bytes();
            if let Some(rest) = segment.behind(through) {
                self.bytes += rest.bytes();
                self.segments.push_front(rest);
                return;
            }
        }
    }

    /// Takes the oldest entries out of memory, segment by segment and up to `last`, until at most `bytes_max` are held.
    pub fn evict(&mut self, last: u64, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(segment) = pop_front_if(&mut self.segments, |segment| segment.last_index() <= last) else {
                return;
            };
            self.bytes -= segment.bytes();
            self.evicted.extend(segment.entries().iter().map(Digest::of));
        }
    }

    fn digest(&self) -> Digest {
        let evicted = self.evicted.iter().fold(Digest::default(), |digest, entry| digest.followed_by(*entry, 1));
        let fold = |digest: Digest, segment: &Segment<S>| digest.followed_by(segment.digest(), segment.len());
        self.segments.iter().fold(evicted, fold)
    }
}

fn pop_front_if<T>(queue: &mut VecDeque<T>, holds: impl FnOnce(&T) -> bool) -> Option<T> {
    queue.front().is_some_and(holds).then(|| queue.pop_front()).flatten()
}

impl<S: Application> PartialEq for Log<S> {
    fn eq(&self, other: &Self) -> bool {
        let same_ends = self.boundary == other.boundary && self.last() == other.last();
        same_ends && self.digest() == other.digest()
    }
}

impl<S: Application> Eq for Log<S> {}

impl<S: Application> Hash for Log<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.boundary, self.last(), self.digest()).hash(state);
    }
}

impl<S: Application> PartialOrd for Log<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: Application> Ord for Log<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.boundary, self.last(), self.digest()).cmp(&(other.boundary, other.last(), other.digest()))
    }
}

/// A log as it is written.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Written<S: Application> {
    boundary: Boundary,
    terms: Terms,
    evicted: VecDeque<Digest>,
    held: Slice<S>,
}

impl<S: Application> Serialize for Log<S> {
    fn serialize<W: Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        let held = self.held_from(0).cloned().collect::<Vec<_>>().into();
        Written::<S> { boundary: self.boundary, terms: self.terms.clone(), evicted: self.evicted.clone(), held }
            .serialize(serializer)
    }
}

impl<'de, S: Application> Deserialize<'de> for Log<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { boundary, terms, evicted, held } = Written::<S>::deserialize(deserializer)?;
        let segment = (!held.is_empty()).then(|| Segment::new(held));
        let bytes = segment.as_ref().map_or(0, Segment::bytes);
        Ok(Self { boundary, terms, evicted, segments: segment.into_iter().collect(), bytes })
    }
}
