//! The log on real files beside its floor: the same bytes, written and synced by hand.
//!
//! `cargo bench -p purlin-files`; the log and both floors sync in turn, so a busy machine disturbs all of them alike.
//!
//! Medians of 1,000 syncs on 2 shared vCPUs whose disk was busy with other work (so read the ratios, not the microseconds):
//!
//! | one sync for | log / floor | extending / floor | bytes written per byte of payload |
//! |---|--:|--:|--:|
//! | 1 entry of 256 B | 1.11 | 1.11 | 2.00 |
//! | 10 entries of 256 B | 1.05 | 1.33 | 1.20 |
//! | 100 entries of 256 B | 1.00 | 1.09 | 1.18 |
//! | 100 entries of 4 KiB | 1.07 | 1.48 | 1.05 |
//!
//! Without a disk an entry of 256 B costs 103 ns (copying and checksumming its payload alone: 25 ns), one of 4 KiB 479 ns
//! (232 ns): the quickest of 2,000 batches.

#![allow(clippy::print_stdout)]

use purlin::log::{BlockError, Blocks, Boundary, Entry, Log, Settings};
use purlin_files::Files;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

struct Case {
    name: &'static str,
    entries: u64,
    payload: usize,
}

const CASES: [Case; 4] = [
    Case { name: "1 entry of 256 B", entries: 1, payload: 256 },
    Case { name: "10 entries of 256 B", entries: 10, payload: 256 },
    Case { name: "100 entries of 256 B", entries: 100, payload: 256 },
    Case { name: "100 entries of 4 KiB", entries: 100, payload: 4_096 },
];

const SYNCS: usize = 1_000;
const SEGMENT_BYTES: u64 = 64 << 20;

fn main() {
    println!(
        "{:<22}{:>10}{:>12}{:>12}{:>9}{:>12}{:>9}{:>8}",
        "one sync for", "log µs", "entries/s", "payload", "floor", "extending", "x floor", "bytes"
    );
    CASES.iter().for_each(beside_the_floor);
    println!("\nwithout a disk, per entry");
    CASES.iter().filter(|case| case.entries > 1).for_each(without_a_disk);
}

/// The medians of all syncs. The floor writes as many bytes as the log, into a file that is as long already.
fn beside_the_floor(case: &Case) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a folder for temporary files");
    let mut log = open(Files::open(folder.path().join("log")).expect("a fresh folder can be opened"));
    let bytes = bytes_of_a_batch(case);
    let (mut ready, mut extending) = (Floor::ready(folder.path()), Floor::extending(folder.path()));
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..SYNCS {
        rows[0].push(timed(|| batch(&mut log, case)));
        rows[1].push(timed(|| ready.write(bytes)));
        rows[2].push(timed(|| extending.write(bytes)));
    }
    let [log, ready, extending] = rows.map(median);
    let per_second = |amount: f64| amount / log.as_secs_f64();
    println!(
        "{:<22}{:>10.0}{:>12.0}{:>7.0} MB/s{:>9.0}{:>12.0}{:>9.2}{:>8.2}",
        case.name,
        micros(log),
        per_second(case.entries as f64),
        per_second((case.entries as usize * case.payload) as f64) / 1e6,
        micros(ready),
        micros(extending),
        micros(log) / micros(ready),
        bytes as f64 / (case.entries as usize * case.payload) as f64,
    );
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn open<B: Blocks>(blocks: B) -> Log<B> {
    let settings = Settings { segment_bytes: SEGMENT_BYTES, ..Settings::new(1) };
    Log::open(settings.validate().expect("the size fits"), blocks).expect("a fresh log can be opened")
}

/// One batch; a hundred batches are kept.
fn batch<B: Blocks>(log: &mut Log<B>, case: &Case) {
    let next = log.last_index() + 1;
    let payload = [0x5a; 4_096];
    let entries: Vec<Entry<&[u8]>> =
        (next..next + case.entries).map(|index| Entry { index, term: 1, payload: &payload[..case.payload] }).collect();
    log.append(&entries).expect("the disk works");
    let kept = case.entries * 100;
    if next > log.boundary().index + 2 * kept {
        log.truncate_prefix(Boundary { index: next - kept, term: 1 }).expect("the disk works");
    }
    log.sync().expect("the disk works");
}

/// What is to be written by hand.
struct Floor {
    file: File,
    at: u64,
    /// Where it begins again.
    end: u64,
}

impl Floor {
    fn ready(folder: &Path) -> Self {
        let floor = Self { end: SEGMENT_BYTES, ..Self::extending(&folder.join("ready")) };
        (0..SEGMENT_BYTES >> 16)
            .for_each(|nth| floor.file.write_all_at(&[0; 1 << 16], nth << 16).expect("there is room"));
        floor.file.sync_all().expect("the disk works");
        floor
    }

    fn extending(path: &Path) -> Self {
        let path = path.with_extension("floor");
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).expect("a file can be made");
        Self { file, at: 0, end: u64::MAX }
    }

    fn write(&mut self, bytes: usize) {
        let zeros = vec![0x5a; bytes];
        if self.at + bytes as u64 > self.end {
            self.at = 0;
        }
        self.file.write_all_at(&zeros, self.at).expect("there is room");
        self.file.sync_data().expect("the disk works");
        self.at += bytes as u64;
    }
}

/// Takes everything and keeps nothing.
#[derive(Default)]
struct Nowhere {
    bytes: usize,
}

impl Blocks for Nowhere {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        Ok(Vec::new())
    }

    fn create(&mut self, _segment: u64, _bytes: u64) -> Result<(), BlockError> {
        Ok(())
    }

    fn recycle(&mut self, _from: u64, _to: u64) -> Result<(), BlockError> {
        Ok(())
    }

    fn remove(&mut self, _segment: u64) -> Result<(), BlockError> {
        Ok(())
    }

    fn read(&mut self, _segment: u64, _offset: u64, _into: &mut [u8]) -> Result<(), BlockError> {
        Err(BlockError::Failed("nothing was kept".to_owned()))
    }

    fn write(&mut self, _segment: u64, _offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.bytes += bytes.len();
        Ok(())
    }

    fn sync(&mut self, _segment: u64) -> Result<(), BlockError> {
        Ok(())
    }
}

fn bytes_of_a_batch(case: &Case) -> usize {
    let mut log = open(Nowhere::default());
    batch(&mut log, case);
    let Nowhere { bytes } = log.abandon();
    // Opening writes a header and a record.
    bytes - 2 * 512
}

/// The quickest of many batches, beside copying and checksumming the payloads alone.
fn without_a_disk(case: &Case) {
    let mut log = open(Nowhere::default());
    let mut copy = Vec::new();
    let payload = vec![0x5a; case.payload];
    let (mut whole, mut floor) = (Duration::MAX, Duration::MAX);
    for _ in 0..2_000 {
        whole = whole.min(timed(|| batch(&mut log, case)));
        floor = floor.min(timed(|| {
            copy.clear();
            (0..case.entries).for_each(|_| {
                copy.extend_from_slice(&payload);
                std::hint::black_box(crc32c::crc32c(&payload));
            });
            std::hint::black_box(&copy);
        }));
    }
    let per_entry = |time: Duration| time.as_secs_f64() * 1e9 / case.entries as f64;
    println!(
        "{:<22}{:>8.0} ns, copying and checksumming alone {:>6.0} ns",
        case.name,
        per_entry(whole),
        per_entry(floor)
    );
}
