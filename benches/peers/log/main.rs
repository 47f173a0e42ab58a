//! The log on real files, beside raft-engine and beside what the disk allows: `cargo bench --bench log` here prints the table
//! of `benches/README.md`.
//!
//! ```text
//!   cargo bench --bench log                       # 1,000 syncs of each kind
//!   cargo bench --bench log -- --syncs 200
//! ```
//! The contenders take turns, sync by sync, so that a busy disk disturbs all of them alike. The floor is one write and one
//! `fdatasync` of the payloads alone, without index, term or checksum, into a file that was written full before. Payloads are
//! random: nothing can be won by compressing them.

mod purlin;
mod raft_engine;
mod raw;

use purlin::PurlinLog;
use raft_engine::RaftEngine;
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use raw::RawFile;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Something that makes entries durable.
trait Store {
    /// Appends entries, which follow those before, and returns once they are durable.
    fn append(&mut self, payloads: &[Vec<u8>]);
}

struct Case {
    name: &'static str,
    entries: usize,
    payload: usize,
}

const CASES: [Case; 3] = [
    Case { name: "1 × 256 B", entries: 1, payload: 256 },
    Case { name: "100 × 256 B", entries: 100, payload: 256 },
    Case { name: "100 × 4 KiB", entries: 100, payload: 4_096 },
];

const CONTENDERS: [&str; 5] = [
    "floor: raw file, written before",
    "floor: raw file that grows",
    "purlin::log on purlin-files",
    "raft-engine 0.4.2, default",
    "raft-engine 0.4.2, files prefilled, no compression",
];

/// Segments and files of all of them, and the whole of the floor.
const FILE_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    let Some(syncs) = syncs(std::env::args().skip(1).filter(|argument| argument != "--bench").collect()) else {
        eprintln!("usage: cargo bench --bench log -- [--syncs N]");
        return ExitCode::from(2);
    };
    println!("| one sync for | | µs, median | 99 of 100 | entries/s | of the floor |");
    println!("|---|---|--:|--:|--:|--:|");
    CASES.iter().for_each(|case| compare(case, syncs));
    ExitCode::SUCCESS
}

fn syncs(arguments: Vec<String>) -> Option<usize> {
    match arguments.as_slice() {
        [] => Some(1_000),
        [option, number] if option == "--syncs" => number.parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

fn compare(case: &Case, syncs: usize) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a folder for temporary files");
    let mut stores = stores(folder.path());
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); stores.len()];
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..syncs {
        let payloads = payloads(case, &mut random);
        for (store, times) in stores.iter_mut().zip(&mut times) {
            let began = Instant::now();
            store.append(&payloads);
            times.push(began.elapsed());
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    let floor = quantile(&times[0], 50);
    for (name, times) in CONTENDERS.iter().zip(&times) {
        let median = quantile(times, 50);
        println!(
            "| {} | {name} | {:.0} | {:.0} | {:.0} | {:.0} % |",
            case.name,
            median * 1e6,
            quantile(times, 99) * 1e6,
            case.entries as f64 / median,
            100.0 * floor / median,
        );
    }
}

/// As [`CONTENDERS`] names them.
fn stores(folder: &Path) -> [Box<dyn Store>; CONTENDERS.len()] {
    [
        Box::new(RawFile::ready(&folder.join("ready"))),
        Box::new(RawFile::growing(&folder.join("growing"))),
        Box::new(PurlinLog::open(&folder.join("purlin"))),
        Box::new(RaftEngine::by_default(&folder.join("default"))),
        Box::new(RaftEngine::prefilled(&folder.join("prefilled"))),
    ]
}

fn payloads(case: &Case, random: &mut SmallRng) -> Vec<Vec<u8>> {
    let mut payload = || {
        let mut payload = vec![0; case.payload];
        random.fill_bytes(&mut payload);
        payload
    };
    (0..case.entries).map(|_| payload()).collect()
}

/// In seconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64()
}
