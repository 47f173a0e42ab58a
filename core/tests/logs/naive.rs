//! What a log is, without disk and crashes: the reference that every story is held against.

use purlin::log::{Blocks, Boundary, Entry, HardState, Log, MutationError};

/// Everything that a log says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub boundary: Boundary,
    pub entries: Vec<Entry>,
    pub hard_state: HardState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Append(Vec<Entry>),
    TruncateSuffix(u64),
    TruncatePrefix(Boundary),
    HardState(HardState),
}

impl Content {
    pub fn of<B: Blocks>(log: &mut Log<B>) -> Self {
        let boundary = log.boundary();
        let entries = log.read(boundary.index + 1..log.last_index() + 1).expect("what a log has can be read");
        Self { boundary, entries, hard_state: log.hard_state() }
    }

    pub fn last(&self) -> u64 {
        self.boundary.index + self.entries.len() as u64
    }

    /// Takes a change that a log takes.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Append(entries) => self.entries.extend(entries.iter().cloned()),
            Change::TruncateSuffix(from) => self.entries.retain(|entry| entry.index < *from),
            Change::TruncatePrefix(through) if through.index > self.boundary.index => {
                self.entries.retain(|entry| entry.index > through.index);
                self.boundary = *through;
            }
            Change::TruncatePrefix(_) => {}
            Change::HardState(hard_state) => self.hard_state = *hard_state,
        }
    }

    pub fn after(&self, change: &Change) -> Self {
        let mut after = self.clone();
        after.apply(change);
        after
    }
}

pub fn change<B: Blocks>(log: &mut Log<B>, change: &Change) -> Result<(), MutationError> {
    match change {
        Change::Append(entries) => log.append(entries),
        Change::TruncateSuffix(from) => log.truncate_suffix(*from),
        Change::TruncatePrefix(through) => log.truncate_prefix(*through),
        Change::HardState(hard_state) => log.set_hard_state(*hard_state),
    }
}
