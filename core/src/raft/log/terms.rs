use crate::log::Boundary;
use crate::raft::application::Application;
use crate::raft::entry::Entry;
use serde::{Deserialize, Serialize};

/// The terms of entries that follow each other, as runs: a cluster has few elections and many entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Terms {
    /// Where each term begins.
    runs: Vec<Boundary>,
    /// The last entry; meaningless where there are no runs.
    last: u64,
}

impl Terms {
    pub(super) fn last(&self) -> Option<Boundary> {
        self.runs.last().map(|run| Boundary { index: self.last, term: run.term })
    }

    pub(super) fn of(&self, index: u64) -> Option<u64> {
        if index > self.last {
            return None;
        }
        if let Some(run) = self.runs.last().filter(|run| run.index <= index) {
            return Some(run.term);
        }
        let behind = self.runs.partition_point(|run| run.index <= index);
        behind.checked_sub(1).map(|place| self.runs[place].term)
    }

    /// The last entry at or before `index` whose term is at most `term`.
    pub(super) fn last_at_most(&self, index: u64, term: u64) -> Option<Boundary> {
        let fitting = self.runs.partition_point(|run| run.term <= term && run.index <= index);
        let run = self.runs[..fitting].last()?;
        let end = self.runs.get(fitting).map_or(self.last, |next| next.index - 1);
        Some(Boundary { index: end.min(index), term: run.term })
    }

    pub(super) fn extend<S: Application>(&mut self, entries: &[Entry<S>]) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        // Terms never fall along a log, so equal ends mean that all are equal.
        let is_one_run = self.runs.last().is_some_and(|run| run.term == last.term) && first.term == last.term;
        if !is_one_run {
            entries.iter().for_each(|entry| self.note(entry.index, entry.term));
        }
        self.last = last.index;
    }

    fn note(&mut self, index: u64, term: u64) {
        if self.runs.last().is_none_or(|run| run.term != term) {
            self.runs.push(Boundary { index, term });
        }
    }

    pub(super) fn truncate_suffix(&mut self, first: u64) {
        self.runs.retain(|run| run.index < first);
        self.last = self.last.min(first - 1);
    }

    pub(super) fn truncate_prefix(&mut self, through: u64) {
        let Some(term) = self.of(through + 1) else { return *self = Self::default() };
        self.runs.retain(|run| run.index > through + 1);
        self.runs.insert(0, Boundary { index: through + 1, term });
    }
}
