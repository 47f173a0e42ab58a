//! A directory of a replica.

use crate::cabinet::{Cabinet, Sheet};
use crate::error::OpenError;
use purlin::log::BlockError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The directory of one replica, which no other process has open meanwhile. The lock ends with the process, however it ends.
#[derive(Debug)]
pub struct Folder {
    directory: Named,
    snapshots: Named,
}

/// An open directory: syncing it makes names durable.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    handle: File,
}

/// A snapshot in a file.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Folder {
    pub(crate) const NOTE: &str = "replica.json";
    /// What a file is called until it is whole.
    const UNFINISHED: &str = "unfinished";
    const EXTENSION: &str = "snapshot";

    /// Opens a directory, and makes it if there is none.
    ///
    /// # Errors
    /// Another process has it open, or the system does not allow it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let directory = Named::open(directory.into())?;
        match flock(&directory.handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::InUse(directory.path)),
            Err(error) => return Err(OpenError::Io { path: directory.path, source: error.into() }),
        }
        let snapshots = Named::open(Self::snapshots_in(&directory.path))?;
        Ok(Self { directory, snapshots })
    }

    pub(crate) fn log_in(directory: &Path) -> PathBuf {
        directory.join("log")
    }

    pub(crate) fn snapshots_in(directory: &Path) -> PathBuf {
        directory.join("snapshots")
    }

    pub(crate) fn snapshot_in(snapshots: &Path, number: u64) -> PathBuf {
        snapshots.join(format!("{number:016x}.{}", Self::EXTENSION))
    }

    /// The numbers of the snapshots, ascending.
    pub(crate) fn numbers(snapshots: &Path) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(snapshots)? {
            numbers.extend(number(&entry?.path()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The number that a file's name stands for; `None` for what is no snapshot.
fn number(path: &Path) -> Option<u64> {
    let is_snapshot = path.extension()? == Folder::EXTENSION;
    let stem = path.file_stem()?.to_str().filter(|stem| is_snapshot && stem.len() == 16)?;
    u64::from_str_radix(stem, 16).ok()
}

impl Named {
    fn open(path: PathBuf) -> Result<Self, OpenError> {
        let opened = make(&path).and_then(|()| File::open(&path));
        match opened {
            Ok(handle) => Ok(Self { path, handle }),
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    /// Writes a whole file: it gets its name once all of it is durable.
    fn put(&self, name: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let unfinished = self.path.join(Folder::UNFINISHED);
        let mut file = File::create(&unfinished)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(&unfinished, name)?;
        self.handle.sync_all()
    }

    fn told(&self, error: &io::Error) -> BlockError {
        told(&self.path, error)
    }
}

/// Makes a directory and those around it, so that they are there after a crash.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), make)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

pub(crate) fn told(path: &Path, error: &io::Error) -> BlockError {
    let what = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlockError::Full(what),
        _ => BlockError::Failed(what),
    }
}

impl Cabinet for Folder {
    type Sheet = SnapshotFile;

    fn place(&self) -> String {
        self.directory.path.display().to_string()
    }

    fn note(&mut self) -> Result<Option<Vec<u8>>, BlockError> {
        let path = self.directory.path.join(Self::NOTE);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(&path, &error)),
        }
    }

    fn set_note(&mut self, bytes: &[u8]) -> Result<(), BlockError> {
        let path = self.directory.path.join(Self::NOTE);
        self.directory.put(&path, &[bytes]).map_err(|error| told(&path, &error))
    }

    fn snapshots(&mut self) -> Result<Vec<u64>, BlockError> {
        Self::numbers(&self.snapshots.path).map_err(|error| self.snapshots.told(&error))
    }

    fn snapshot(&mut self, number: u64) -> Result<SnapshotFile, BlockError> {
        SnapshotFile::open(Self::snapshot_in(&self.snapshots.path, number))
    }

    fn put_snapshot(&mut self, number: u64, parts: &[&[u8]]) -> Result<SnapshotFile, BlockError> {
        let path = Self::snapshot_in(&self.snapshots.path, number);
        self.snapshots.put(&path, parts).map_err(|error| told(&path, &error))?;
        SnapshotFile::open(path)
    }

    fn remove_snapshot(&mut self, number: u64) -> Result<(), BlockError> {
        let path = Self::snapshot_in(&self.snapshots.path, number);
        let removed = fs::remove_file(&path).and_then(|()| self.snapshots.handle.sync_all());
        removed.map_err(|error| told(&path, &error))
    }
}

impl SnapshotFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, BlockError> {
        Self::try_open(path.clone()).map_err(|error| told(&path, &error))
    }

    pub(crate) fn open_if_there(path: PathBuf) -> Result<Option<Self>, BlockError> {
        match Self::try_open(path.clone()) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(&path, &error)),
        }
    }

    fn try_open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length })
    }
}

impl Sheet for SnapshotFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.file.read_exact_at(into, offset).map_err(|error| told(&self.path, &error))
    }
}
