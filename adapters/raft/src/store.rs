//! The store: where each record goes, and in which order.
//!
//! ```text
//!   Began    ─▶ (the first: a snapshot of the founders) ─▶ the note
//!   Term     ─▶ hard state          ┐
//!   Append   ─▶ truncate, append    ├─▶ one sync
//!   …commit  ─▶ hard state, last    ┘
//!   Compact  ─▶ a draft, written in the background ─▶ its file ─▶ truncate the log's beginning
//!   Install  ─▶ sync ─▶ its file ─▶ truncate the whole log ─▶ sync with the rest
//! ```

use crate::cabinet::{Cabinet, Sheet};
use crate::error::StoreError;
use crate::identity::Note;
use crate::postcards;
use crate::sheet::{HEADER, Header, Origin};
use bytes::Bytes;
use purlin::log::{Blocks, Boundary, Entry as LogEntry, HardState, Log, MutationError};
use purlin::raft::{Application, Entry, Load, Loaded, Membership, Payload, Record, Slice, Snapshot, size};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many entries are read from the log at once.
pub(crate) const STRETCH: u64 = 16;

/// A journal's log, and what is beside it.
pub(crate) struct Store<S: Application, B, C: Cabinet> {
    pub(crate) log: Log<B>,
    pub(crate) cabinet: Shared<C>,
    pub(crate) note: Note,
    /// The newest snapshot that is durable; none before the first record.
    pub(crate) shelf: Option<Shelf<C::Sheet>>,
    /// The number of the next snapshot.
    pub(crate) next: u64,
    /// Up to where the log is known to be committed. It is written with the next sync.
    pub(crate) commit: u64,
    /// A snapshot that is to be written once what came before it is durable.
    pub(crate) draft: Option<Draft<S>>,
    /// Payloads, encoded.
    pub(crate) scratch: Vec<u8>,
}

/// A snapshot that is durable.
pub(crate) struct Shelf<T> {
    pub(crate) number: u64,
    pub(crate) header: Header,
    pub(crate) sheet: T,
}

/// A cabinet that whoever writes in the background uses, too.
pub(crate) struct Shared<C>(Arc<Mutex<C>>);

impl<C> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Cabinet> Shared<C> {
    pub(crate) fn new(cabinet: C) -> Self {
        Self(Arc::new(Mutex::new(cabinet)))
    }

    /// A panic while it was locked left files as a crash would have.
    pub(crate) fn lock(&self) -> MutexGuard<'_, C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot that is to be written.
pub(crate) struct Draft<S: Application> {
    number: u64,
    origin: Origin,
    through: Boundary,
    snapshot: Arc<Snapshot<S>>,
}

impl<S: Application> Draft<S> {
    /// Writes it, and removes what it replaces. This takes as long as it takes: nothing of the store is locked but the cabinet.
    pub(crate) fn write<C: Cabinet>(self, cabinet: &Shared<C>) -> Result<Shelf<C::Sheet>, StoreError> {
        let Self { number, origin, through, snapshot } = self;
        let body = snapshot.encode();
        let header = Header { origin, at: snapshot.at, through, length: body.len() as u64 };
        drop(snapshot);
        let mut cabinet = cabinet.lock();
        let sheet = cabinet.put_snapshot(number, &[&header.to_bytes(), &body])?;
        for older in cabinet.snapshots()?.into_iter().filter(|other| *other < number) {
            cabinet.remove_snapshot(older)?;
        }
        Ok(Shelf { number, header, sheet })
    }
}

/// What is written.
impl<S: Application, B: Blocks, C: Cabinet> Store<S, B, C> {
    /// Takes records in. They are durable after [`sync`](Self::sync).
    pub(crate) fn take(&mut self, records: Vec<Record<S>>) -> Result<(), StoreError> {
        records.into_iter().try_for_each(|record| match record {
            Record::Began { founders } => self.begin(founders),
            Record::Term { term, vote } => {
                let vote = vote.map_or(0, purlin::raft::Member::to_word);
                self.set_hard_state(HardState { term, vote, commit: self.commit })
            }
            Record::Append { entries, commit } => self.append(&entries, commit),
            Record::Compact { snapshot, through } => {
                self.compact(snapshot, through);
                Ok(())
            }
            Record::Install { snapshot } => self.install(snapshot),
        })
    }

    /// Makes everything durable that was taken in, but for a draft.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        let hard_state = self.log.hard_state();
        if hard_state.commit < self.commit {
            self.set_hard_state(HardState { commit: self.commit, ..hard_state })?;
        }
        Ok(self.log.sync()?)
    }

    fn set_hard_state(&mut self, hard_state: HardState) -> Result<(), StoreError> {
        Ok(self.log.set_hard_state(hard_state)?)
    }

    /// The founders are the first snapshot, so that they are found where every later membership is.
    fn begin(&mut self, founders: Arc<Membership>) -> Result<(), StoreError> {
        self.sync()?;
        if self.note.lives == 0 {
            let snapshot = Snapshot { membership: Arc::clone(&founders), ..Snapshot::default() };
            let draft = self.drafted(Origin::Taken, Boundary::default(), Arc::new(snapshot));
            self.shelf = Some(draft.write(&self.cabinet)?);
        }
        let term = self.log.hard_state().term;
        let note = Note { lives: self.note.lives + 1, term, commit: self.commit, ..self.note.clone() };
        self.cabinet.lock().set_note(&note.to_bytes())?;
        self.note = note;
        Ok(())
    }

    fn drafted(&mut self, origin: Origin, through: Boundary, snapshot: Arc<Snapshot<S>>) -> Draft<S> {
        let number = self.next;
        self.next += 1;
        Draft { number, origin, through, snapshot }
    }

    /// Entries that do not follow change nothing, as in an image. Those that are there already are not written again. They were acknowledged, perhaps: a crash between truncating
    /// and appending must not take them.
    fn append(&mut self, entries: &Slice<S>, commit: u64) -> Result<(), StoreError> {
        let (boundary, last) = (self.log.boundary().index, self.log.last_index());
        let Some(first) = entries.first().filter(|first| first.index > boundary && first.index <= last + 1) else {
            return Ok(());
        };
        let is_there = |entry: &&Entry<S>| self.log.term(entry.index) == Ok(entry.term);
        let known = if first.index > last { 0 } else { entries.iter().take_while(is_there).count() };
        let end = first.index + entries.len() as u64;
        let new = &entries[known..];
        self.log.truncate_suffix(new.first().map_or(end, |first| first.index))?;
        self.append_new(new)?;
        self.commit = self.commit.max(commit);
        Ok(())
    }

    fn append_new(&mut self, entries: &[Entry<S>]) -> Result<(), StoreError> {
        let Self { log, scratch, .. } = self;
        scratch.clear();
        let mut ends = Vec::with_capacity(entries.len());
        for Entry { index, payload, .. } in entries {
            let encoded = postcards::append(payload, scratch);
            encoded.map_err(|error| StoreError::Encode { index: *index, why: error.to_string() })?;
            ends.push(scratch.len());
        }
        let starts = [0].into_iter().chain(ends.iter().copied());
        let payloads = starts.zip(&ends).map(|(start, end)| &scratch[start..*end]);
        let entries = entries.iter().zip(payloads);
        let encoded =
            entries.map(|(Entry { index, term, .. }, payload)| LogEntry { index: *index, term: *term, payload });
        Ok(log.append(&encoded.collect::<Vec<_>>())?)
    }

    /// A newer draft replaces one that was not begun: it drops as much and more.
    fn compact(&mut self, snapshot: Arc<Snapshot<S>>, through: Boundary) {
        self.commit = self.commit.max(snapshot.at.index);
        let draft = self.drafted(Origin::Taken, through, snapshot);
        self.draft = Some(draft);
    }

    fn install(&mut self, snapshot: Arc<Snapshot<S>>) -> Result<(), StoreError> {
        let (at, boundary) = (snapshot.at, self.log.boundary().index);
        if at.index <= boundary {
            return Err(StoreError::Backwards { at: at.index, boundary });
        }
        self.sync()?;
        self.draft = None;
        let draft = self.drafted(Origin::Installed, at, snapshot);
        self.shelf = Some(draft.write(&self.cabinet)?);
        self.commit = self.commit.max(at.index);
        Ok(begin_behind(&mut self.log, at)?)
    }

    /// The draft that is to be written, once what came before it is durable.
    pub(crate) fn take_draft(&mut self) -> Option<Draft<S>> {
        self.draft.take()
    }

    /// A draft is durable: the entries that it stands for are dropped with the next sync. One that was overtaken by a leader's
    /// snapshot is removed.
    pub(crate) fn keep(&mut self, shelf: Shelf<C::Sheet>) -> Result<(), StoreError> {
        if self.shelf.as_ref().is_some_and(|newest| newest.number > shelf.number) {
            return Ok(self.cabinet.lock().remove_snapshot(shelf.number)?);
        }
        let through = shelf.header.through;
        self.shelf = Some(shelf);
        Ok(self.log.truncate_prefix(through)?)
    }
}

/// Drops the whole log, which goes on behind `at`.
pub(crate) fn begin_behind<B: Blocks>(log: &mut Log<B>, at: Boundary) -> Result<(), MutationError> {
    log.truncate_suffix(log.boundary().index + 1)?;
    log.truncate_prefix(at)
}

/// What is read back.
impl<S: Application, B: Blocks, C: Cabinet> Store<S, B, C> {
    pub(crate) fn load(&mut self, load: Load) -> Result<Loaded<S>, StoreError> {
        match load {
            Load::Entries { first, last, bytes_max } => {
                let entries = self.load_entries(first, last, usize::try_from(bytes_max).unwrap_or(usize::MAX))?;
                Ok(Loaded::Entries { first, entries })
            }
            Load::Chunk { at, offset, bytes_max } => {
                let (total, bytes) = self.load_chunk(at, offset, bytes_max)?;
                Ok(Loaded::Chunk { at, offset, total, bytes })
            }
        }
    }

    fn load_entries(&mut self, first: u64, last: u64, bytes_max: usize) -> Result<Slice<S>, StoreError> {
        let last = last.min(self.log.last_index());
        if first <= self.log.boundary().index || first > last {
            return Ok(Slice::default());
        }
        let (mut entries, mut bytes, mut next) = (Vec::new(), 0, first);
        while next <= last && (bytes < bytes_max || entries.is_empty()) {
            let stretch = read_entries::<S, B>(&mut self.log, next, last.min(next + STRETCH - 1))?;
            next += stretch.len() as u64;
            for entry in stretch {
                bytes += size(&entry);
                if bytes > bytes_max && !entries.is_empty() {
                    break;
                }
                entries.push(entry);
            }
        }
        Ok(Slice::from(entries))
    }

    /// A piece of the snapshot; empty, if it is not, or not yet, the one that was asked for.
    fn load_chunk(&mut self, at: Boundary, offset: u64, bytes_max: u64) -> Result<(u64, Bytes), StoreError> {
        let shelf = self.shelf.as_mut().filter(|shelf| shelf.header.at == at);
        let Some(Shelf { header, sheet, .. }) = shelf else { return Ok((0, Bytes::new())) };
        let left = header.length.saturating_sub(offset).min(bytes_max);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(0)];
        if !bytes.is_empty() {
            sheet.read(HEADER as u64 + offset, &mut bytes)?;
        }
        Ok((header.length, bytes.into()))
    }
}

/// The entries from `first` to `last`, both of which are there.
pub(crate) fn read_entries<S: Application, B: Blocks>(
    log: &mut Log<B>,
    first: u64,
    last: u64,
) -> Result<Vec<Entry<S>>, StoreError> {
    let raw = log.read(first..last + 1)?;
    let decode = |LogEntry { index, term, payload }: LogEntry| match postcard::from_bytes::<Payload<S>>(&payload) {
        Ok(payload) => Ok(Entry { index, term, payload }),
        Err(_) => Err(StoreError::Entry { index }),
    };
    raw.into_iter().map(decode).collect()
}
