//! What a person does by hand: copies of a replica, another cluster from one, and going on when a majority is lost for good.

use crate::cabinet::{Cabinet, Sheet};
use crate::error::{OpenError, RecoveryError, SheetError};
use crate::folder::{Folder, SnapshotFile, told};
use crate::identity::{Identity, Note};
use crate::open::{Options, open_log, open_store};
use crate::sheet::{self, Header, Origin};
use crate::store::begin_behind;
use purlin::log::{BlockError, Boundary, HardState};
use purlin::raft::{Application, Image, Membership, force_new_cluster as forced, found_anew};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Makes the replica in this directory, which nobody runs, the only member of its cluster: for the day on which a majority of the
/// others is lost for good. What they had committed and this one lacks is lost; compare where the survivors' logs end, and
/// choose the one that has the latest.
///
/// The others must never be started again: they would be a second cluster of the same name. New replicas join with new
/// directories and higher incarnations.
///
/// It gives the term that begins and the entry that says so.
///
/// # Errors
/// The directory is not opened, or the replica cannot go on. Nothing was changed then, unless the disk failed.
pub fn force_new_cluster<S: Application>(
    directory: impl AsRef<Path>,
    identity: &Identity,
    options: &Options,
) -> Result<Boundary, RecoveryError> {
    let options = Options { may_create: false, ..options.clone() };
    let (mut store, mut image) = open_store::<S>(directory.as_ref(), identity, &options)?;
    let records = forced(&image, identity.member)?;
    records.iter().cloned().for_each(|record| image.fold(record));
    store.take(records).and_then(|()| store.sync())?;
    Ok(image.log.last())
}

/// Copies the newest snapshot of a replica, which may be running, into a file that is not there yet, and tells the last entry
/// that is in it. To have all in it that was applied, ask the replica for a [`Compact`](purlin::raft::Request::Compact) first,
/// and try again until that entry is reached: it is written in the background.
///
/// # Errors
/// There is no snapshot, or it is damaged, or the disk is full or fails.
pub fn backup<S: Application>(directory: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Boundary, RecoveryError> {
    let (directory, to) = (directory.as_ref(), to.as_ref());
    if to.exists() {
        return Err(RecoveryError::Exists(to.to_owned()));
    }
    let (mut sheet, path) = newest(directory)?;
    let (header, _) = read_file::<S>(&mut sheet, &path)?;
    copy(&mut sheet, to).map_err(|error| RecoveryError::Disk(told(to, &error)))?;
    Ok(header.at)
}

/// Begins a replica of another cluster with what a [`backup`] holds, in a directory that is empty or not there yet. Each of the
/// founders begins so, with the same backup and the same founders; those who join later begin with nothing.
///
/// # Errors
/// The directory holds something, the backup is damaged, or the disk is full or fails.
pub fn restore<S: Application>(
    backup: impl AsRef<Path>,
    directory: impl AsRef<Path>,
    identity: &Identity,
    founders: Membership,
    options: &Options,
) -> Result<Boundary, RecoveryError> {
    let (backup, directory) = (backup.as_ref(), directory.as_ref());
    if !founders.contains(identity.member) {
        return Err(RecoveryError::NoFounder(identity.clone()));
    }
    check_empty(directory)?;
    let mut sheet = SnapshotFile::open(backup.to_owned())?;
    let (_, snapshot) = read_file::<S>(&mut sheet, backup)?;
    write_anew(directory, identity, &found_anew(snapshot, founders), options)
}

/// The note comes last: until then there is nothing that could be taken for a replica.
fn write_anew<S: Application>(
    directory: &Path,
    identity: &Identity,
    image: &Image<S>,
    options: &Options,
) -> Result<Boundary, RecoveryError> {
    let (at, mut folder) = (image.snapshot.at, Folder::open(directory)?);
    let body = image.snapshot.encode();
    let header = Header { origin: Origin::Taken, at, through: at, length: body.len() as u64 };
    folder.put_snapshot(1, &[&header.to_bytes(), &body])?;
    let mut log = open_log(directory, identity, options)?;
    begin_behind(&mut log, at)?;
    log.set_hard_state(HardState { term: image.term, vote: 0, commit: image.commit })?;
    log.close()?;
    let (identity, formats) = (identity.clone(), options.formats::<S>());
    let note = Note { formats, identity, lives: image.lives, term: image.term, commit: image.commit };
    folder.set_note(&note.to_bytes())?;
    Ok(at)
}

fn check_empty(directory: &Path) -> Result<(), RecoveryError> {
    match fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(RecoveryError::Exists(directory.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RecoveryError::Disk(told(directory, &error))),
    }
}

/// The newest snapshot. One that is removed meanwhile was replaced by a newer one.
fn newest(directory: &Path) -> Result<(SnapshotFile, PathBuf), RecoveryError> {
    let snapshots = Folder::snapshots_in(directory);
    let none = || RecoveryError::NoSnapshot(directory.to_owned());
    loop {
        let numbers = Folder::numbers(&snapshots).map_err(|_| none())?;
        let path = Folder::snapshot_in(&snapshots, *numbers.last().ok_or_else(none)?);
        if let Some(sheet) = SnapshotFile::open_if_there(path.clone())? {
            return Ok((sheet, path));
        }
    }
}

fn read_file<S: Application>(
    sheet: &mut SnapshotFile,
    path: &Path,
) -> Result<(Header, purlin::raft::Snapshot<S>), RecoveryError> {
    sheet::read::<S>(sheet).map_err(|error| match error {
        SheetError::Disk(error) => RecoveryError::Disk(error),
        error => RecoveryError::Damaged { path: path.to_owned(), error },
    })
}

/// Under another name until all of it is durable.
fn copy(sheet: &mut SnapshotFile, to: &Path) -> io::Result<()> {
    const PIECE: u64 = 1 << 20;
    let mut name = to.as_os_str().to_owned();
    name.push(".unfinished");
    let unfinished = PathBuf::from(name);
    let mut file = File::create(&unfinished)?;
    let mut offset = 0;
    while offset < sheet.length() {
        let mut piece = vec![0; PIECE.min(sheet.length() - offset) as usize];
        sheet.read(offset, &mut piece).map_err(io::Error::other)?;
        io::Write::write_all(&mut file, &piece)?;
        offset += piece.len() as u64;
    }
    file.sync_all()?;
    fs::rename(&unfinished, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

impl From<BlockError> for RecoveryError {
    fn from(error: BlockError) -> Self {
        Self::Disk(error)
    }
}

impl From<OpenError> for RecoveryError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}
