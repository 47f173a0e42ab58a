//! A store beside the fold of the records that it took.

use super::blocks::Survival;
use super::drawers::{Disk, Drawers, Half, drawers_on, log_on};
use super::ledger::{Ledger, Line, holding};
use crate::error::{OpenError, StoreError};
use crate::identity::Identity;
use crate::open::{Opened, Opening, Options};
use crate::store::Store;
use purlin::log::{Boundary, HardState};
use purlin::raft::{Application, Entry, Image, Member, Membership, Payload, Record, Slice, Snapshot};
use std::sync::Arc;

pub(super) struct Stand {
    pub(super) disk: Disk,
    pub(super) store: Store<Ledger, Half, Drawers>,
    /// What the records come to after each one since the last sync, what was synced first.
    pub(super) history: Vec<Image<Ledger>>,
    /// Every snapshot so far.
    snapshots: Vec<Arc<Snapshot<Ledger>>>,
    options: Options,
}

pub(super) fn identity() -> Identity {
    Identity { cluster: "ledgers".into(), member: Member::new(1) }
}

pub(super) fn small() -> Options {
    Options { segment_bytes: 4_096, log_memory_bytes_max: 400, ..Options::default() }
}

pub(super) fn reopened(disk: &Disk, options: &Options) -> Opened<Ledger, Half, Drawers> {
    Opening::begin(drawers_on(disk), &identity(), options)?.store(log_on(disk))
}

pub(super) fn founders() -> Arc<Membership> {
    Arc::new(Membership::of_voters([1, 2, 3].map(Member::new)))
}

pub(super) fn entry(index: u64, term: u64, bytes: usize) -> Entry<Ledger> {
    Entry { index, term, payload: Payload::Command(Line(vec![index as u8; bytes].into())) }
}

pub(super) fn appending(first: u64, count: u64, term: u64, commit: u64) -> Record<Ledger> {
    let entries: Vec<_> = (first..first + count).map(|index| entry(index, term, 150)).collect();
    Record::Append { entries: entries.into(), commit }
}

/// What a replica that has applied up to there takes down.
pub(super) fn snapshot(image: &Image<Ledger>, index: u64, bytes: usize) -> Arc<Snapshot<Ledger>> {
    let at = Boundary { index, term: image.log.term(index).unwrap_or(0) };
    let (membership_index, membership) = image.membership_at(index);
    let membership = Arc::clone(membership);
    Arc::new(Snapshot { at, membership_index, membership, applied: holding(index, bytes) })
}

impl Stand {
    pub(super) fn new(options: Options) -> Self {
        let disk = Disk::default();
        let (store, image) = reopened(&disk, &options).unwrap();
        Self { disk, store, history: vec![image], snapshots: vec![Arc::default()], options }
    }

    /// With its first life, and so many entries of term 1, all but one committed.
    pub(super) fn with_entries(options: Options, count: u64) -> Self {
        let mut stand = Self::new(options);
        stand.take(Record::Began { founders: founders() }).unwrap();
        stand.take(Record::Term { term: 1, vote: Some(Member::new(2)) }).unwrap();
        stand.take(appending(1, count, 1, count - 1)).unwrap();
        stand.sync().unwrap();
        stand
    }

    pub(super) fn present(&self) -> &Image<Ledger> {
        self.history.last().expect("there is always an image")
    }

    /// What a record comes to may survive even if it was not taken whole.
    pub(super) fn take(&mut self, record: Record<Ledger>) -> Result<(), StoreError> {
        let before = self.present().clone();
        if let Record::Append { entries, .. } = &record {
            self.history.extend(cut(&before, entries));
        }
        let mut after = before;
        after.fold(record.clone());
        self.snapshots.push(Arc::clone(&after.snapshot));
        self.history.push(after);
        self.store.take(vec![record])
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.store.sync()?;
        self.history.drain(..self.history.len() - 1);
        Ok(())
    }

    /// Does what is done in the background.
    pub(super) fn write_draft(&mut self) -> Result<(), StoreError> {
        let Some(draft) = self.store.take_draft() else { return Ok(()) };
        let shelf = draft.write(&self.store.cabinet)?;
        self.store.keep(shelf)
    }

    /// A process ends when all is written, and the next one finds exactly what the records come to.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let written = self.sync().and_then(|()| self.write_draft()).and_then(|()| self.sync());
        written.map_err(|error| error.to_string())?;
        let found = self.reopen().map_err(|error| error.to_string())?;
        if found != *self.present() {
            return Err(format!("found {found:#?}\ninstead of {:#?}", self.present()));
        }
        self.history = vec![found];
        Ok(())
    }

    fn reopen(&mut self) -> Result<Image<Ledger>, OpenError> {
        let (store, image) = reopened(&self.disk, &self.options)?;
        self.store = store;
        Ok(image)
    }

    /// The power goes: what is found is as it was at some time since the last sync.
    pub(super) fn crash(&mut self, survival: Survival) -> Result<(), String> {
        self.disk.disk().crash(survival).unwrap();
        let found = self.reopen().map_err(|error| error.to_string())?;
        let synced = self.history[0].commit;
        let is_one = |state: &Image<Ledger>| found.commit >= synced && agree(&found, state);
        if !self.history.iter().any(is_one) || !self.snapshots.contains(&found.snapshot) {
            return Err(format!("found {found:#?}\nwhich is none of {:#?}", self.history));
        }
        self.history = vec![found];
        Ok(())
    }
}

/// What is between dropping old entries and appending others in their place.
fn cut(image: &Image<Ledger>, entries: &Slice<Ledger>) -> Option<Image<Ledger>> {
    let is_there = |entry: &&Entry<Ledger>| image.log.term(entry.index) == Some(entry.term);
    let first = entries.iter().find(|entry| !is_there(entry))?.index;
    if first > image.log.last().index {
        return None;
    }
    let hard_state = HardState { term: image.term, vote: image.vote.map_or(0, Member::to_word), commit: image.commit };
    let mut cut = Image::rebuilt(image.lives, hard_state, Arc::clone(&image.snapshot), image.log.boundary());
    let kept: Vec<_> = image.log.held_from(0).take_while(|entry| entry.index < first).cloned().collect();
    cut.fold(Record::Append { entries: kept.into(), commit: 0 });
    Some(cut)
}

/// Whether they mean the same to a replica: one of them may know less of what is committed, and may not have dropped what its
/// own snapshot stands for.
fn agree<S: Application>(found: &Image<S>, state: &Image<S>) -> bool {
    let promises = |image: &Image<S>| (image.lives, image.term, image.vote, image.log.last());
    let from = found.log.boundary().index.max(state.log.boundary().index);
    let same_terms = (from + 1..=state.log.last().index).all(|index| found.log.term(index) == state.log.term(index));
    let held = found.log.first_held().max(state.log.first_held());
    let has_no_gap = found.log.boundary().index <= found.snapshot.at.index;
    promises(found) == promises(state)
        && found.commit <= state.commit
        && same_terms
        && found.log.held_from(held).eq(state.log.held_from(held))
        && found.membership() == state.membership()
        && has_no_gap
}
