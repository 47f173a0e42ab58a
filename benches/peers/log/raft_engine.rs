//! raft-engine, the log of TiKV: one region of it.

use crate::{FILE_BYTES, Store};
use protobuf::well_known_types::BytesValue;
use raft_engine::env::DefaultFileSystem;
use raft_engine::{Command, Config, Engine, LogBatch, MessageExt, ReadableSize};
use std::path::Path;

const REGION: u64 = 1;

/// An entry whose first eight bytes are its index: raft-engine wants messages of protobuf, and this is the least of them.
struct Indexed;

impl MessageExt for Indexed {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        let (index, _) = entry.value.split_first_chunk().expect("every entry begins with its index");
        u64::from_le_bytes(*index)
    }
}

pub(crate) struct RaftEngine {
    engine: Engine<DefaultFileSystem>,
    next: u64,
}

impl RaftEngine {
    /// As it comes.
    pub(crate) fn by_default(folder: &Path) -> Self {
        Self::open(folder, Config::default())
    }

    /// As it is quickest here: it has files ready that were written before, and is past its first, which never is.
    pub(crate) fn prefilled(folder: &Path) -> Self {
        let files = |number: u64| ReadableSize(number * FILE_BYTES);
        let mut store = Self::open(
            folder,
            Config {
                target_file_size: files(1),
                purge_threshold: files(4),
                prefill_for_recycle: true,
                prefill_limit: Some(files(4)),
                batch_compression_threshold: ReadableSize(0),
                ..Config::default()
            },
        );
        let first_file: Vec<Vec<u8>> = vec![vec![0; 1 << 20]; 1 + (FILE_BYTES >> 20) as usize];
        first_file.chunks(1).for_each(|payloads| store.write(payloads, false));
        store.append(&[vec![0]]);
        store
    }

    fn open(folder: &Path, config: Config) -> Self {
        let config = Config { dir: folder.display().to_string(), ..config };
        Self { engine: Engine::open(config).expect("a fresh engine can be opened"), next: 1 }
    }

    fn write(&mut self, payloads: &[Vec<u8>], is_synced: bool) {
        let mut batch = LogBatch::default();
        let entries: Vec<BytesValue> =
            (self.next..).zip(payloads).map(|(index, payload)| entry(index, payload)).collect();
        self.next += payloads.len() as u64;
        batch.add_entries::<Indexed>(REGION, &entries).expect("the entries fit");
        let kept = 100 * payloads.len() as u64;
        if self.next.is_multiple_of(kept) {
            batch.add_command(REGION, Command::Compact { index: self.next.saturating_sub(kept) });
        }
        self.engine.write(&mut batch, is_synced).expect("the disk works");
    }
}

impl Store for RaftEngine {
    fn append(&mut self, payloads: &[Vec<u8>]) {
        self.write(payloads, true);
    }
}

fn entry(index: u64, payload: &[u8]) -> BytesValue {
    let mut entry = BytesValue::new();
    entry.value.reserve_exact(8 + payload.len());
    entry.value.extend_from_slice(&index.to_le_bytes());
    entry.value.extend_from_slice(payload);
    entry
}
