//! The application: it counts.

use super::Types;
use crate::workload::Applied;
use openraft::storage::RaftStateMachine;
use openraft::{
    BasicNode, Entry, EntryPayload, LogId, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageError,
    StoredMembership,
};
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Stored<T = ()> = Result<T, StorageError<u64>>;

/// A handle: clones share what was counted.
#[derive(Clone, Default)]
pub(crate) struct State {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Clone, Default)]
struct Shared {
    applied: Applied,
    last: Option<LogId<u64>>,
    membership: StoredMembership<u64, BasicNode>,
    snapshot: Option<(SnapshotMeta<u64, BasicNode>, Applied)>,
}

impl State {
    pub(crate) fn applied(&self) -> Applied {
        self.shared().applied
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn apply(&mut self, entry: &Entry<Types>) {
        self.last = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Normal(payload) => self.applied.add(payload.len()),
            EntryPayload::Membership(members) => {
                self.membership = StoredMembership::new(Some(entry.log_id), members.clone());
            }
            EntryPayload::Blank => {}
        }
    }

    fn current_snapshot(&self) -> Option<Snapshot<Types>> {
        let (meta, applied) = self.snapshot.clone()?;
        Some(Snapshot { meta, snapshot: Box::new(Cursor::new(encode(applied))) })
    }
}

fn encode(applied: Applied) -> Vec<u8> {
    [applied.proposals.to_le_bytes(), applied.bytes.to_le_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Applied {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a snapshot is two numbers"));
    let (proposals, bytes) = bytes.split_at(8);
    Applied { proposals: number(proposals), bytes: number(bytes) }
}

impl RaftSnapshotBuilder<Types> for State {
    async fn build_snapshot(&mut self) -> Stored<Snapshot<Types>> {
        let mut shared = self.shared();
        let meta = SnapshotMeta {
            last_log_id: shared.last,
            last_membership: shared.membership.clone(),
            snapshot_id: shared.applied.proposals.to_string(),
        };
        shared.snapshot = Some((meta, shared.applied));
        Ok(shared.current_snapshot().expect("it was made just now"))
    }
}

impl RaftStateMachine<Types> for State {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Stored<(Option<LogId<u64>>, StoredMembership<u64, BasicNode>)> {
        let shared = self.shared();
        Ok((shared.last, shared.membership.clone()))
    }

    async fn apply<Entries>(&mut self, entries: Entries) -> Stored<Vec<()>>
    where
        Entries: IntoIterator<Item = Entry<Types>> + OptionalSend,
        Entries::IntoIter: OptionalSend,
    {
        let mut shared = self.shared();
        Ok(entries.into_iter().map(|entry| shared.apply(&entry)).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Stored<Box<Cursor<Vec<u8>>>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, BasicNode>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Stored {
        let applied = decode(snapshot.get_ref());
        *self.shared() = Shared {
            applied,
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
            snapshot: Some((meta.clone(), applied)),
        };
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Stored<Option<Snapshot<Types>>> {
        Ok(self.shared().current_snapshot())
    }
}
