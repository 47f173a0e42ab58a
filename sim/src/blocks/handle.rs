//! Several hands on one disk.

use super::FaultyDisk;
use purlin::log::{BlockError, Blocks};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A disk that outlives the log on it: a log takes one handle, whoever deals out faults keeps another.
#[derive(Debug, Default)]
pub struct DiskHandle<B>(Arc<Mutex<FaultyDisk<B>>>);

impl<B> Clone for DiskHandle<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Blocks> DiskHandle<B> {
    /// A handle to a disk without faults.
    pub fn new(inner: B) -> Self {
        Self(Arc::new(Mutex::new(FaultyDisk::new(inner))))
    }

    /// The disk itself.
    pub fn disk(&self) -> MutexGuard<'_, FaultyDisk<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Blocks> Blocks for DiskHandle<B> {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        self.disk().list()
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        self.disk().create(segment, bytes)
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        self.disk().recycle(from, to)
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk().remove(segment)
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk().read(segment, offset, into)
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.disk().write(segment, offset, bytes)
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk().sync(segment)
    }
}
