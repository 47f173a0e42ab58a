//! A log and a cabinet on one disk, which fails as it is told.

use super::blocks::{DiskHandle, Memory};
use crate::cabinet::{Cabinet, Sheet};
use purlin::log::{BlockError, Blocks};

pub(super) type Disk = DiskHandle<Memory>;

/// Every second segment of a disk: those with even numbers are the log, the others are the cabinet.
#[derive(Clone)]
pub(super) struct Half {
    disk: Disk,
    odd: u64,
}

impl Half {
    fn at(&self, segment: u64) -> u64 {
        2 * segment + self.odd
    }
}

impl Blocks for Half {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        let all = self.disk.list()?;
        Ok(all.into_iter().filter(|segment| segment % 2 == self.odd).map(|segment| segment / 2).collect())
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        self.disk.create(self.at(segment), bytes)
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        self.disk.recycle(self.at(from), self.at(to))
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk.remove(self.at(segment))
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk.read(self.at(segment), offset, into)
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.disk.write(self.at(segment), offset, bytes)
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.disk.sync(self.at(segment))
    }
}

pub(super) fn log_on(disk: &Disk) -> Half {
    Half { disk: disk.clone(), odd: 0 }
}

pub(super) fn drawers_on(disk: &Disk) -> Drawers {
    Drawers(Half { disk: disk.clone(), odd: 1 })
}

/// Files as segments: each is made under the number of what is unfinished, synced, and given its own.
pub(super) struct Drawers(Half);

const UNFINISHED: u64 = 0;
const NOTE: u64 = 1;
const SNAPSHOTS: u64 = 2;

/// The segment of the disk in which a snapshot is.
pub(super) fn segment_of_snapshot(number: u64) -> u64 {
    2 * (SNAPSHOTS + number) + 1
}

pub(super) fn segment_of_note() -> u64 {
    2 * NOTE + 1
}

impl Drawers {
    fn put(&mut self, segment: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.0.create(UNFINISHED, bytes.len() as u64)?;
        self.0.write(UNFINISHED, 0, bytes)?;
        self.0.sync(UNFINISHED)?;
        self.0.recycle(UNFINISHED, segment)
    }

    fn read(&mut self, segment: u64) -> Result<Vec<u8>, BlockError> {
        let length = self.0.disk.disk().inner().segment(self.0.at(segment)).map_or(0, <[u8]>::len);
        let mut bytes = vec![0; length];
        self.0.read(segment, 0, &mut bytes)?;
        Ok(bytes)
    }
}

impl Cabinet for Drawers {
    type Sheet = Page;

    fn place(&self) -> String {
        "the drawers".into()
    }

    fn note(&mut self) -> Result<Option<Vec<u8>>, BlockError> {
        let is_there = self.0.list()?.contains(&NOTE);
        is_there.then(|| self.read(NOTE)).transpose()
    }

    fn set_note(&mut self, bytes: &[u8]) -> Result<(), BlockError> {
        self.put(NOTE, bytes)
    }

    fn snapshots(&mut self) -> Result<Vec<u64>, BlockError> {
        Ok(self.0.list()?.into_iter().filter_map(|segment| segment.checked_sub(SNAPSHOTS)).collect())
    }

    fn snapshot(&mut self, number: u64) -> Result<Page, BlockError> {
        self.read(SNAPSHOTS + number).map(Page)
    }

    fn put_snapshot(&mut self, number: u64, parts: &[&[u8]]) -> Result<Page, BlockError> {
        let bytes = parts.concat();
        self.put(SNAPSHOTS + number, &bytes)?;
        Ok(Page(bytes))
    }

    fn remove_snapshot(&mut self, number: u64) -> Result<(), BlockError> {
        self.0.remove(SNAPSHOTS + number)
    }
}

/// A snapshot in memory.
pub(super) struct Page(Vec<u8>);

impl Sheet for Page {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let from = offset as usize;
        into.copy_from_slice(&self.0[from..from + into.len()]);
        Ok(())
    }
}
