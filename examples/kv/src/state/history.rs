//! The latest changes, so that a watch can go on where it stopped.

use super::alphabet::{Change, Revision, Span};
use super::items::bytes;
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many revisions are remembered at most.
pub const HISTORY_REVISIONS_MAX: usize = 10_000;
/// How many bytes of changes are remembered at most, but for the last revision.
pub const HISTORY_BYTES_MAX: u64 = 16 << 20;

/// What changed since the last revision that is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct History {
    revisions: RedBlackTreeMapSync<Revision, Revised>,
    /// The last revision that is forgotten.
    compacted: Revision,
    bytes: u64,
}

/// What one revision changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Revised {
    changes: Arc<[Change]>,
    /// The hash of all items behind it.
    hash: u64,
}

impl History {
    /// The last revision that is forgotten.
    pub(super) fn compacted(&self) -> Revision {
        self.compacted
    }

    pub(super) fn add(&mut self, revision: Revision, changes: Arc<[Change]>, hash: u64) {
        self.bytes += weight(&changes);
        self.revisions.insert_mut(revision, Revised { changes, hash });
        while self.is_too_large() {
            self.forget_first();
        }
    }

    pub(super) fn compact(&mut self, through: Revision) {
        while self.revisions.first().is_some_and(|(first, _)| *first <= through) {
            self.forget_first();
        }
    }

    /// The changes of so many revisions, and the last revision that was looked at.
    pub(super) fn since(&self, from: Revision, span: &Span, limit: u32) -> (Option<Revision>, Vec<Change>) {
        let mut looked_at = None;
        let mut found = Vec::new();
        for (revision, revised) in self.revisions.range(from..).take(limit as usize) {
            looked_at = Some(*revision);
            found.extend(revised.changes.iter().filter(|change| span.contains(&change.key)).cloned());
        }
        (looked_at, found)
    }

    /// The hash of all items behind a revision that is remembered.
    pub(super) fn hash(&self, revision: Revision) -> Option<u64> {
        self.revisions.get(&revision).map(|revised| revised.hash)
    }

    fn is_too_large(&self) -> bool {
        let size = self.revisions.size();
        size > HISTORY_REVISIONS_MAX || (size > 1 && self.bytes > HISTORY_BYTES_MAX)
    }

    fn forget_first(&mut self) {
        let first = self.revisions.first().map(|(first, revised)| (*first, weight(&revised.changes)));
        if let Some((first, weight)) = first {
            self.revisions.remove_mut(&first);
            self.bytes -= weight;
            self.compacted = first;
        }
    }
}

fn weight(changes: &[Change]) -> u64 {
    changes.iter().map(|change| bytes(&change.key, change.item.as_ref().map_or("", |item| &item.value))).sum()
}
