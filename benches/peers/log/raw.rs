//! What the disk allows.

use crate::{FILE_BYTES, Store};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file that knows nothing of entries.
pub(crate) struct RawFile {
    file: File,
    at: u64,
    /// Where it begins again.
    end: u64,
}

impl RawFile {
    /// One that is as long already as it will be.
    pub(crate) fn ready(path: &Path) -> Self {
        let raw = Self { end: FILE_BYTES, ..Self::growing(path) };
        (0..FILE_BYTES >> 16).for_each(|nth| raw.file.write_all_at(&[0; 1 << 16], nth << 16).expect("there is room"));
        raw.file.sync_all().expect("the disk works");
        raw
    }

    /// One that grows with each write.
    pub(crate) fn growing(path: &Path) -> Self {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        Self { file: file.expect("a file can be made"), at: 0, end: u64::MAX }
    }
}

impl Store for RawFile {
    fn append(&mut self, payloads: &[Vec<u8>]) {
        let bytes = payloads.concat();
        if self.at + bytes.len() as u64 > self.end {
            self.at = 0;
        }
        self.file.write_all_at(&bytes, self.at).expect("there is room");
        self.file.sync_data().expect("the disk works");
        self.at += bytes.len() as u64;
    }
}
