//! What a log holds, as far as it is kept in memory: everything but payloads.

use super::header::Snapshot;
use super::record::Record;
use super::sector::Position;
use super::{Boundary, HardState};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) boundary: Boundary,
    pub(super) hard_state: HardState,
    /// The index of the first of `slots`: the one after the boundary, except while a log is read whose older segments
    /// were dropped.
    first: u64,
    slots: VecDeque<Slot>,
}

/// Where an entry lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    byte: u64,
    pub(super) term: u64,
    pub(super) payload: u32,
}

impl Slot {
    pub(super) const fn position(&self) -> Position {
        Position::of_byte(self.byte)
    }
}

impl State {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let Snapshot { boundary, last, hard_state, .. } = *snapshot;
        Self { boundary, hard_state, first: last.saturating_add(1), slots: VecDeque::new() }
    }

    pub(super) fn last(&self) -> u64 {
        self.first - 1 + self.slots.len() as u64
    }

    pub(super) fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Where the oldest entry lies.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.slots.front().map(Slot::position)
    }

    /// Whether entries after the boundary were not found.
    pub(super) const fn is_incomplete(&self) -> bool {
        self.first > self.boundary.index + 1
    }

    pub(super) fn snapshot(&self, chain: u32) -> Snapshot {
        Snapshot { boundary: self.boundary, last: self.last(), hard_state: self.hard_state, chain }
    }

    /// Takes a record that lies at `position`. `None` if it does not follow from what was before.
    pub(super) fn apply(&mut self, record: &Record<'_>, position: Position) -> Option<()> {
        match *record {
            Record::Opened => Some(()),
            Record::Entry { at, payload, .. } => self.push(at, payload.len(), position),
            Record::HardState(hard_state) => {
                self.hard_state = hard_state;
                Some(())
            }
            Record::TruncateSuffix { from } => self.truncate_suffix(from),
            Record::TruncatePrefix(boundary) => self.truncate_prefix(boundary),
        }
    }

    /// Takes back the last entries.
    pub(super) fn take_back(&mut self, entries: usize) {
        self.slots.truncate(self.slots.len().saturating_sub(entries));
    }

    fn push(&mut self, at: Boundary, payload: usize, position: Position) -> Option<()> {
        let payload = u32::try_from(payload).ok()?;
        let follows = self.last().checked_add(1) == Some(at.index);
        follows.then(|| self.slots.push_back(Slot { byte: position.byte(), term: at.term, payload }))
    }

    fn truncate_suffix(&mut self, from: u64) -> Option<()> {
        if from <= self.boundary.index {
            return None;
        }
        self.slots.truncate(usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX));
        self.first = self.first.min(from);
        Some(())
    }

    fn truncate_prefix(&mut self, boundary: Boundary) -> Option<()> {
        if boundary.index <= self.boundary.index || boundary.index == u64::MAX {
            return None;
        }
        let kept_from = boundary.index + 1;
        let dropped = usize::try_from(kept_from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.slots.drain(..dropped.min(self.slots.len()));
        self.first = self.first.max(kept_from);
        self.boundary = boundary;
        Some(())
    }
}
