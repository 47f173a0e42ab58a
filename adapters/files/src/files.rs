//! A folder of segment files.

use purlin::log::{BlockError, Blocks};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The segments of one log in one folder, which no other process has open meanwhile.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// The folder itself: syncing it makes names durable. It also carries the lock.
    handle: File,
    open: BTreeMap<u64, File>,
}

/// Why a folder was not opened. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenFilesError {
    /// Somebody else has it open.
    #[error("{} is in use by another process: end that one, or give each log a folder of its own", .0.display())]
    InUse(PathBuf),
    /// The system does not allow it.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Files {
    /// What a segment is called until it is complete.
    const UNFINISHED: &str = "unfinished";
    const EXTENSION: &str = "segment";
    const ZEROS: [u8; 1 << 16] = [0; 1 << 16];

    /// Opens a folder, and makes it if there is none. The lock ends with the process, however it ends.
    ///
    /// # Errors
    /// Another process has it open, or the system does not allow it.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, OpenFilesError> {
        let folder = folder.into();
        let io = |source| OpenFilesError::Io { path: folder.clone(), source };
        make_folder(&folder).map_err(io)?;
        let handle = File::open(&folder).map_err(io)?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenFilesError::InUse(folder)),
            Err(error) => return Err(io(error.into())),
        }
        remove_if_there(&folder.join(Self::UNFINISHED)).map_err(io)?;
        Ok(Self { folder, handle, open: BTreeMap::new() })
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:016x}.{}", Self::EXTENSION))
    }

    fn file(&mut self, segment: u64) -> io::Result<&File> {
        let path = self.path(segment);
        match self.open.entry(segment) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                Ok(entry.insert(OpenOptions::new().read(true).write(true).open(path)?))
            }
        }
    }

    fn make(&mut self, segment: u64, bytes: u64) -> io::Result<()> {
        let unfinished = self.folder.join(Self::UNFINISHED);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
        let mut written = 0;
        while written < bytes {
            let chunk = usize::try_from(bytes - written).unwrap_or(usize::MAX).min(Self::ZEROS.len());
            file.write_all_at(&Self::ZEROS[..chunk], written)?;
            written += chunk as u64;
        }
        file.sync_all()?;
        fs::rename(&unfinished, self.path(segment))?;
        self.handle.sync_all()?;
        self.open.insert(segment, file);
        Ok(())
    }

    fn rename(&mut self, from: u64, to: u64) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))?;
        self.handle.sync_all()?;
        if let Some(file) = self.open.remove(&from) {
            self.open.insert(to, file);
        }
        Ok(())
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(number(&entry?.path())?);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The number that a file's name stands for; `None` for what is no segment.
fn number(path: &Path) -> io::Result<Option<u64>> {
    if path.extension().is_none_or(|extension| extension != Files::EXTENSION) {
        return Ok(None);
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| stem.len() == 16);
    let number = stem.and_then(|stem| u64::from_str_radix(stem, 16).ok());
    let strange = || io::Error::new(ErrorKind::InvalidData, "this is no segment's name: move the file away");
    number.map(Some).ok_or_else(strange)
}

/// Makes a folder and those around it, so that they are there after a crash.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn told(path: &Path, error: &io::Error) -> BlockError {
    let what = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            let what = format!("{} is shorter than it was made: restore it from a copy", path.display());
            BlockError::Failed(what)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlockError::Full(what),
        _ => BlockError::Failed(what),
    }
}

impl Blocks for Files {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        self.numbers().map_err(|error| told(&self.folder, &error))
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        self.make(segment, bytes).map_err(|error| told(&self.path(segment), &error))
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        self.rename(from, to).map_err(|error| told(&self.path(to), &error))
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.open.remove(&segment);
        let removed = fs::remove_file(self.path(segment)).and_then(|()| self.handle.sync_all());
        removed.map_err(|error| told(&self.path(segment), &error))
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let read = self.file(segment).and_then(|file| file.read_exact_at(into, offset));
        read.map_err(|error| told(&self.path(segment), &error))
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        let written = self.file(segment).and_then(|file| file.write_all_at(bytes, offset));
        written.map_err(|error| told(&self.path(segment), &error))
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        let synced = self.file(segment).and_then(File::sync_data);
        synced.map_err(|error| told(&self.path(segment), &error))
    }
}
