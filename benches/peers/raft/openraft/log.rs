//! A log in memory, behind a lock that is never contended.

use super::Types;
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{Entry, LogId, LogState, OptionalSend, RaftLogReader, StorageError, Vote};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Stored<T = ()> = Result<T, StorageError<u64>>;

#[derive(Clone, Default)]
pub(super) struct Log {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry<Types>>,
    purged: Option<LogId<u64>>,
    committed: Option<LogId<u64>>,
    vote: Option<Vote<u64>>,
}

impl Log {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Where an index stands in the queue, or would stand.
    fn place(&self, index: u64) -> usize {
        let first = self.entries.front().map_or(index, |first| first.log_id.index);
        (index.saturating_sub(first) as usize).min(self.entries.len())
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<Range: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: Range,
    ) -> Stored<Vec<Entry<Types>>> {
        let kept = self.kept();
        let from = match range.start_bound() {
            Bound::Included(index) => kept.place(*index),
            Bound::Excluded(index) => kept.place(index + 1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => kept.place(index + 1),
            Bound::Excluded(index) => kept.place(*index),
            Bound::Unbounded => kept.entries.len(),
        };
        Ok(kept.entries.range(from..to).cloned().collect())
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Stored<LogState<Types>> {
        let kept = self.kept();
        let last = kept.entries.back().map(|last| last.log_id).or(kept.purged);
        Ok(LogState { last_purged_log_id: kept.purged, last_log_id: last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Stored {
        self.kept().vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Stored<Option<Vote<u64>>> {
        Ok(self.kept().vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId<u64>>) -> Stored {
        self.kept().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Stored<Option<LogId<u64>>> {
        Ok(self.kept().committed)
    }

    async fn append<Entries>(&mut self, entries: Entries, callback: LogFlushed<Types>) -> Stored
    where
        Entries: IntoIterator<Item = Entry<Types>> + OptionalSend,
        Entries::IntoIter: OptionalSend,
    {
        self.kept().entries.extend(entries);
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId<u64>) -> Stored {
        let mut kept = self.kept();
        let place = kept.place(from.index);
        kept.entries.truncate(place);
        Ok(())
    }

    async fn purge(&mut self, up_to: LogId<u64>) -> Stored {
        let mut kept = self.kept();
        let place = kept.place(up_to.index + 1);
        kept.entries.drain(..place);
        kept.purged = Some(up_to);
        Ok(())
    }
}
