//! Opening: what is there, whether it fits together, and the image of it.

use crate::cabinet::{Cabinet, Sheet};
use crate::error::{Damage, Loss, OpenError, SheetError, StoreError};
use crate::folder::Folder;
use crate::identity::{Formats, Identity, Note};
use crate::journal::RaftJournal;
use crate::sheet::{self, Header, Origin};
use crate::store::{STRETCH, Shared, Shelf, Store, begin_behind, read_entries};
use purlin::log::{self, BlockError, Blocks, HardState, Log, MutationError};
use purlin::protocol::Protocol;
use purlin::raft::{Application, Image, Raft, Record, Snapshot};
use purlin_files::{Files, OpenFilesError};
use std::path::Path;
use std::sync::Arc;

/// A store, and the image of what is in it.
pub(crate) type Opened<S, B, C> = Result<(Store<S, B, C>, Image<S>), OpenError>;

/// How a journal is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether a replica is made where there is none. Without, a directory that was given wrongly, or was lost, is told. Default
    /// true.
    pub may_create: bool,
    /// The version of the application's commands and states as they are written. A directory with another one is refused: let
    /// it rise with every change of their meaning or shape. Default 1.
    pub application_format: u32,
    /// How many bytes of committed entries are held in memory when it is opened; older ones are read back when they are needed.
    /// [`Settings::log_memory_bytes_max`](purlin::raft::Settings::log_memory_bytes_max) is the bound from then on. Default 64 MiB.
    pub log_memory_bytes_max: usize,
    /// How large a segment of the log is: see [`log::Settings::segment_bytes`]. Default 64 MiB.
    pub segment_bytes: u64,
    /// How long an entry may be, encoded: see [`log::Settings::payload_bytes_max`]. An entry that is longer ends the driver, so
    /// longer commands are to be refused before they are proposed; and it must fit into a frame
    /// ([`Wire::frame_max`](purlin_tokio::Wire::frame_max)), with some bytes to spare. Default 8 MiB.
    pub payload_bytes_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            may_create: true,
            application_format: 1,
            log_memory_bytes_max: 64 << 20,
            segment_bytes: 64 << 20,
            payload_bytes_max: 8 << 20,
        }
    }
}

impl Options {
    const LAYOUT: u32 = 1;

    pub(crate) fn formats<S: Application>(&self) -> Formats {
        Formats { layout: Self::LAYOUT, records: Raft::<S>::FORMAT, application: self.application_format }
    }

    fn log(&self, identity: &Identity) -> Result<log::Config, OpenError> {
        let (segment_bytes, payload_bytes_max) = (self.segment_bytes, self.payload_bytes_max);
        let settings = log::Settings { segment_bytes, payload_bytes_max, ..log::Settings::new(identity.of_log()) };
        Ok(settings.validate()?)
    }
}

/// Opens the directory of a replica, and gives what it holds. It blocks for as long as reading takes.
///
/// # Errors
/// See [`OpenError`].
pub fn open<S: Application>(
    directory: impl AsRef<Path>,
    identity: &Identity,
    options: &Options,
) -> Result<(RaftJournal<S>, Image<S>), OpenError> {
    let (store, image) = open_store(directory.as_ref(), identity, options)?;
    Ok((RaftJournal::start(store)?, image))
}

/// As [`open`], on a disk of any kind.
///
/// # Errors
/// See [`OpenError`].
pub fn open_on<S: Application, B: Blocks + Send + 'static, C: Cabinet>(
    blocks: B,
    cabinet: C,
    identity: &Identity,
    options: &Options,
) -> Result<(RaftJournal<S>, Image<S>), OpenError> {
    let (store, image) = Opening::begin(cabinet, identity, options)?.store(blocks)?;
    Ok((RaftJournal::start(store)?, image))
}

pub(crate) fn open_store<S: Application>(
    directory: &Path,
    identity: &Identity,
    options: &Options,
) -> Opened<S, Files, Folder> {
    if !options.may_create && !directory.join(Folder::NOTE).exists() && !Folder::log_in(directory).exists() {
        return Err(OpenError::Missing { place: directory.display().to_string() });
    }
    let opening = Opening::begin(Folder::open(directory)?, identity, options)?;
    opening.store(log_files(directory)?)
}

fn log_files(directory: &Path) -> Result<Files, OpenError> {
    Files::open(Folder::log_in(directory)).map_err(|error| match error {
        OpenFilesError::InUse(path) => OpenError::InUse(path),
        OpenFilesError::Io { path, source } => OpenError::Io { path, source },
    })
}

/// The log alone, for a replica that begins with something.
pub(crate) fn open_log(directory: &Path, identity: &Identity, options: &Options) -> Result<Log<Files>, OpenError> {
    let log = Log::open(options.log(identity)?, log_files(directory)?);
    log.map_err(|source| OpenError::Log { place: directory.display().to_string(), source })
}

/// A directory that is ours, of which the log is not open yet.
pub(crate) struct Opening<'a, C> {
    cabinet: C,
    place: String,
    identity: &'a Identity,
    options: &'a Options,
    bytes: Option<Vec<u8>>,
}

impl<'a, C: Cabinet> Opening<'a, C> {
    pub(crate) fn begin(mut cabinet: C, identity: &'a Identity, options: &'a Options) -> Result<Self, OpenError> {
        let place = cabinet.place();
        let bytes = cabinet.note().map_err(|source| OpenError::Disk { place: place.clone(), source })?;
        Ok(Self { cabinet, place, identity, options, bytes })
    }

    /// Looks at everything before anything is changed.
    pub(crate) fn store<S: Application, B: Blocks>(mut self, mut blocks: B) -> Opened<S, B, C> {
        let (config, segments) = (self.options.log(self.identity)?, blocks.list().map_err(|error| self.disk(error))?);
        let note = self.note::<S>(segments.is_empty())?;
        if note.lives > 0 && segments.is_empty() {
            return Err(self.lost(Loss::Log));
        }
        let found = self.newest::<S>(&note)?;
        let log = Log::open(config, blocks);
        let log = log.map_err(|source| OpenError::Log { place: self.place.clone(), source })?;
        self.join(note, log, found)
    }

    /// The note, which is made where there is nothing at all.
    fn note<S: Application>(&mut self, has_no_log: bool) -> Result<Note, OpenError> {
        let formats = self.options.formats::<S>();
        if let Some(bytes) = &self.bytes {
            return Note::read(&self.place, bytes, (self.identity, formats));
        }
        if !has_no_log || !self.numbers()?.is_empty() {
            return Err(self.lost(Loss::Note));
        }
        if !self.options.may_create {
            return Err(OpenError::Missing { place: self.place.clone() });
        }
        let note = Note { formats, identity: self.identity.clone(), lives: 0, term: 0, commit: 0 };
        self.cabinet.set_note(&note.to_bytes()).map_err(|error| self.disk(error))?;
        Ok(note)
    }

    fn numbers(&mut self) -> Result<Vec<u64>, OpenError> {
        self.cabinet.snapshots().map_err(|error| self.disk(error))
    }

    /// The newest snapshot; none before the first life, whatever a crash in the midst of its begin has left.
    fn newest<S: Application>(&mut self, note: &Note) -> Result<Option<Found<S, C::Sheet>>, OpenError> {
        let newest = self.numbers()?.last().copied();
        let Some(number) = newest.filter(|_| note.lives > 0) else { return Ok(None) };
        let mut sheet = self.cabinet.snapshot(number).map_err(|error| self.disk(error))?;
        let (header, snapshot) = sheet::read::<S>(&mut sheet).map_err(|error| self.damaged_sheet(number, error))?;
        Ok(Some(Found { shelf: Shelf { number, header, sheet }, snapshot: Arc::new(snapshot) }))
    }

    fn join<S: Application, B: Blocks>(
        mut self,
        note: Note,
        mut log: Log<B>,
        found: Option<Found<S, C::Sheet>>,
    ) -> Opened<S, B, C> {
        if note.lives == 0 {
            let is_blank = log.last_index() == 0 && log.hard_state() == HardState::default();
            if !is_blank {
                return Err(self.lost(Loss::NoteIsOld));
            }
        }
        let Some(Found { shelf, snapshot }) = found else {
            if note.lives > 0 {
                return Err(self.lost(Loss::Snapshot { boundary: log.boundary() }));
            }
            let next = self.clear_up(0)?;
            return Ok((self.assembled(note, log, None, next, 0), Image::default()));
        };
        self.check_fit(&log, &shelf.header)?;
        self.check_not_older(&note, &log, &shelf.header)?;
        self.go_on(&mut log, &shelf.header).map_err(|source| self.mutation(source))?;
        let image = self.image(&note, &mut log, snapshot)?;
        let next = self.clear_up(shelf.number)?;
        let commit = image.commit;
        Ok((self.assembled(note, log, Some(shelf), next, commit), image))
    }

    /// Removes what a crash has left beside the newest snapshot, and gives the number of the next.
    fn clear_up(&mut self, newest: u64) -> Result<u64, OpenError> {
        for number in self.numbers()?.into_iter().filter(|number| *number != newest) {
            self.cabinet.remove_snapshot(number).map_err(|error| self.disk(error))?;
        }
        Ok(newest + 1)
    }

    fn assembled<S: Application, B: Blocks>(
        self,
        note: Note,
        log: Log<B>,
        shelf: Option<Shelf<C::Sheet>>,
        next: u64,
        commit: u64,
    ) -> Store<S, B, C> {
        let cabinet = Shared::new(self.cabinet);
        Store { log, cabinet, note, shelf, next, commit, draft: None, scratch: Vec::new() }
    }

    fn check_fit<B: Blocks>(&self, log: &Log<B>, header: &Header) -> Result<(), OpenError> {
        let (boundary, at) = (log.boundary(), header.at);
        if boundary.index > at.index {
            return Err(self.lost(Loss::Snapshot { boundary }));
        }
        if is_cut_short(log, header) || log.term(at.index) == Ok(at.term) {
            return Ok(());
        }
        if log.last_index() < at.index {
            return Err(self.lost_end(log, 0, at.index));
        }
        Err(self.lost(Loss::Fit { at }))
    }

    /// What a crash has cut short: the log begins behind a leader's snapshot, or where our own said.
    fn go_on<B: Blocks>(&self, log: &mut Log<B>, header: &Header) -> Result<(), MutationError> {
        if is_cut_short(log, header) {
            begin_behind(log, header.at)?;
        } else {
            log.truncate_prefix(header.through)?;
        }
        let hard_state = log.hard_state();
        let commit = hard_state.commit.max(header.at.index);
        if commit > hard_state.commit {
            log.set_hard_state(HardState { commit, ..hard_state })?;
        }
        log.sync()
    }

    fn check_not_older<B: Blocks>(&self, note: &Note, log: &Log<B>, header: &Header) -> Result<(), OpenError> {
        let HardState { term, commit, .. } = log.hard_state();
        let known = note.commit.max(commit);
        let last = if is_cut_short(log, header) { header.at.index } else { log.last_index() };
        let is_older = term < note.term || last < known;
        if is_older { Err(self.lost_end(log, note.term, known)) } else { Ok(()) }
    }

    fn image<S: Application, B: Blocks>(
        &self,
        note: &Note,
        log: &mut Log<B>,
        snapshot: Arc<Snapshot<S>>,
    ) -> Result<Image<S>, OpenError> {
        let mut image = Image::rebuilt(note.lives, log.hard_state(), snapshot, log.boundary());
        let (mut next, last) = (log.boundary().index + 1, log.last_index());
        while next <= last {
            let entries = read_entries::<S, B>(log, next, last.min(next + STRETCH - 1));
            let entries = entries.map_err(|error| self.unreadable(error))?;
            next += entries.len() as u64;
            image.fold(Record::Append { entries: entries.into(), commit: 0 });
            image.log.evict(image.commit, self.options.log_memory_bytes_max);
        }
        Ok(image)
    }

    fn unreadable(&self, error: StoreError) -> OpenError {
        let damage = match error {
            StoreError::Entry { index } => Damage::Entry { index },
            StoreError::Read(error) => Damage::Log(error),
            other => return self.disk(BlockError::Failed(other.to_string())),
        };
        OpenError::Damaged { place: self.place.clone(), damage }
    }

    fn damaged_sheet(&self, number: u64, error: SheetError) -> OpenError {
        match error {
            SheetError::Disk(error) => self.disk(error),
            error => OpenError::Damaged { place: self.place.clone(), damage: Damage::Snapshot { number, error } },
        }
    }

    fn mutation(&self, error: MutationError) -> OpenError {
        match error {
            MutationError::Io(error) => self.disk(error),
            other => self.disk(BlockError::Failed(other.to_string())),
        }
    }

    fn disk(&self, source: BlockError) -> OpenError {
        OpenError::Disk { place: self.place.clone(), source }
    }

    fn lost(&self, loss: Loss) -> OpenError {
        OpenError::Lost { place: self.place.clone(), loss }
    }

    fn lost_end<B: Blocks>(&self, log: &Log<B>, known_term: u64, known: u64) -> OpenError {
        self.lost(Loss::EndOfLog { term: log.hard_state().term, last: log.last_index(), known_term, known })
    }
}

/// The newest snapshot, and where it is.
struct Found<S: Application, T: Sheet> {
    shelf: Shelf<T>,
    snapshot: Arc<Snapshot<S>>,
}

/// Whether a leader's snapshot is there, and the log not yet as it is to be.
fn is_cut_short<B: Blocks>(log: &Log<B>, header: &Header) -> bool {
    header.origin == Origin::Installed && log.boundary().index < header.at.index
}
