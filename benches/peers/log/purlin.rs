//! Purlin's log on a folder of files.

use crate::{FILE_BYTES, Store};
use purlin::log::{Boundary, Entry, Log, Settings};
use purlin_files::Files;
use std::path::Path;

pub(crate) struct PurlinLog {
    log: Log<Files>,
}

impl PurlinLog {
    pub(crate) fn open(folder: &Path) -> Self {
        let settings = Settings { segment_bytes: FILE_BYTES, ..Settings::new(1) };
        let files = Files::open(folder).expect("a fresh folder can be opened");
        let log = Log::open(settings.validate().expect("the size fits"), files);
        Self { log: log.expect("a fresh log can be opened") }
    }
}

impl Store for PurlinLog {
    /// Of the batches, some hundred are kept.
    fn append(&mut self, payloads: &[Vec<u8>]) {
        let next = self.log.last_index() + 1;
        let entries: Vec<Entry<&[u8]>> = (next..)
            .zip(payloads)
            .map(|(index, payload)| Entry { index, term: 1, payload: payload.as_slice() })
            .collect();
        self.log.append(&entries).expect("the disk works");
        let kept = 100 * payloads.len() as u64;
        if next > self.log.boundary().index + 2 * kept {
            self.log.truncate_prefix(Boundary { index: next - kept, term: 1 }).expect("the disk works");
        }
        self.log.sync().expect("the disk works");
    }
}
