//! The journal on real files beside its floor: the same payloads, written into a file that is as long already, and synced by hand.
//!
//! `cargo bench -p purlin-raft`; the journal and the floor take turns, so a busy machine disturbs both alike.
//!
//! Medians of 2,000 appends on 2 shared vCPUs whose disk was busy with other work, so read the ratios, each of an append beside the
//! floor's next to it. Whoever waits for every append pays for two wake-ups of a thread; the driver does not wait, and goes ahead:
//!
//! | one append of | journal, entries/s | floor, entries/s | ratio | appends per sync |
//! |---|--:|--:|--:|--:|
//! | 1 entry of 256 B | 10,590 | 13,448 | 0.84 | 1.00 |
//! | 10 entries of 256 B | 118,842 | 143,361 | 0.83 | 1.00 |
//! | 100 entries of 256 B | 939,514 | 1,316,257 | 0.71 | 1.00 |
//! | 100 entries of 256 B, 2 ahead | 66,637 | 31,048 | 1.97 | 1.62 |
//! | 100 entries of 4 KiB | 333,695 | 423,207 | 0.77 | 1.00 |
//!
//! The disk was many times slower while the fourth row ran; in another run, in which it was not, that row was 1,064,628 beside
//! 1,070,606 with 1.76 appends per sync.
//!
//! On the wire an entry of 256 B costs 7 ns to write and 18 ns to read in version 2 (version 1: 15 and 50), one of 4 KiB 64 and 18 ns
//! (57 and 136): the quickest of 2,000 messages of 100 entries.

#![allow(clippy::print_stdout)]

use core::hint::black_box;
use purlin::log::Boundary;
use purlin::raft::{Application, Body, Entry, Member, Membership, Message, Payload, Record};
use purlin_raft::wire::{Opaque, decode, encode};
use purlin_raft::{Identity, Options, RaftJournal, StoreError, open};
use purlin_tokio::{Appending, Journal, Pipeline};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Nothing;

purlin::nameless!(Nothing);

impl Application for Nothing {
    type Command = Opaque;
    type Outcome = ();
    type Query = ();
    type View = ();
    type Event = ();

    fn apply(&mut self, _index: u64, _command: &Opaque, _announce: &mut dyn FnMut(())) {}

    fn read(&self, (): &()) {}

    fn size(command: &Opaque) -> usize {
        command.0.len()
    }
}

struct Case {
    name: &'static str,
    entries: u64,
    payload: usize,
    /// How many appends are under way at once.
    ahead: usize,
    /// How many there are before it is the floor's turn.
    appends: usize,
}

const CASES: [Case; 5] = [
    Case { name: "1 entry of 256 B", entries: 1, payload: 256, ahead: 1, appends: 1 },
    Case { name: "10 entries of 256 B", entries: 10, payload: 256, ahead: 1, appends: 1 },
    Case { name: "100 entries of 256 B", entries: 100, payload: 256, ahead: 1, appends: 1 },
    Case { name: "100 entries of 256 B, 2 ahead", entries: 100, payload: 256, ahead: 2, appends: 8 },
    Case { name: "100 entries of 4 KiB", entries: 100, payload: 4_096, ahead: 1, appends: 1 },
];

/// How many appends there are in all, for each case.
const APPENDS: usize = 2_000;
const SEGMENT_BYTES: u64 = 64 << 20;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
    println!("{:<32}{:>14}{:>14}{:>10}{:>14}", "one append of", "journal, e/s", "floor, e/s", "ratio", "appends/sync");
    CASES.iter().for_each(|case| runtime.block_on(beside_the_floor(case)));
    println!("\none append of 100 entries, on the wire, per entry");
    [16, 256, 4_096].into_iter().for_each(on_the_wire);
}

async fn beside_the_floor(case: &Case) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a folder for temporary files");
    let mut subject = Subject::open(folder.path()).await;
    let mut floor = Floor::ready(folder.path());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..APPENDS / case.appends {
        let began = Instant::now();
        subject.round(case).await;
        ours.push(began.elapsed());
        let began = Instant::now();
        (0..case.appends).for_each(|_| floor.write(case.entries as usize * case.payload));
        theirs.push(began.elapsed());
    }
    let syncs = subject.journal.syncs() as f64;
    // Each round beside the floor's next to it: a disk that is slow for a while is slow for both.
    let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| theirs.as_secs_f64() / ours.as_secs_f64()));
    let per_second = |times: Vec<Duration>| {
        (case.entries as usize * case.appends) as f64 / median(times.iter().map(Duration::as_secs_f64))
    };
    let (ours, theirs) = (per_second(ours), per_second(theirs));
    let appends = APPENDS as f64 / syncs;
    println!("{:<32}{ours:>14.0}{theirs:>14.0}{ratio:>10.2}{appends:>14.2}", case.name);
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The journal, as a driver uses it.
struct Subject {
    journal: RaftJournal<Nothing>,
    pipeline: Box<dyn Pipeline<purlin::raft::Raft<Nothing>, StoreError>>,
    next: u64,
    snapshot: Arc<purlin::raft::Snapshot<Nothing>>,
}

impl Subject {
    async fn open(folder: &Path) -> Self {
        let identity = Identity { cluster: "bench".into(), member: Member::new(1) };
        let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
        let (mut journal, _) = open::<Nothing>(folder.join("replica"), &identity, &options).expect("it can be made");
        let founders = Arc::new(Membership::of_voters([identity.member]));
        journal.append(vec![Record::Began { founders }]).await.expect("the disk works");
        let pipeline = journal.pipeline().expect("it has one");
        Self { journal, pipeline, next: 1, snapshot: Arc::default() }
    }

    async fn round(&mut self, case: &Case) {
        let mut under_way: VecDeque<Appending<StoreError>> = VecDeque::new();
        for _ in 0..case.appends {
            let record = appending(self.next, case);
            self.next += case.entries;
            under_way.push_back(self.pipeline.append(vec![record]));
            if under_way.len() >= case.ahead {
                under_way.pop_front().expect("one is there").await.expect("the disk works");
            }
        }
        for append in under_way {
            append.await.expect("the disk works");
        }
        self.drop_old(case).await;
    }

    /// As a replica that takes snapshots does, so that segments are used again.
    async fn drop_old(&mut self, case: &Case) {
        let index = self.next - 1;
        if index > self.snapshot.at.index + 200 * case.entries {
            let at = Boundary { index, term: 1 };
            self.snapshot = Arc::new(purlin::raft::Snapshot { at, ..Default::default() });
            let compact = Record::Compact { snapshot: Arc::clone(&self.snapshot), through: at };
            self.pipeline.append(vec![compact]).await.expect("the disk works");
        }
    }
}

fn entries(first: u64, count: u64, payload: usize) -> Vec<Entry<Nothing>> {
    let command = Opaque(vec![0x5a; payload].into());
    let entry = |index| Entry { index, term: 1, payload: Payload::Command(command.clone()) };
    (first..first + count).map(entry).collect()
}

fn appending(first: u64, case: &Case) -> Record<Nothing> {
    Record::Append { entries: entries(first, case.entries, case.payload).into(), commit: first - 1 }
}

/// What is written by hand.
struct Floor {
    file: File,
    at: u64,
}

impl Floor {
    fn ready(folder: &Path) -> Self {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(folder.join("floor")).expect("there is room");
        (0..SEGMENT_BYTES >> 16).for_each(|nth| file.write_all_at(&[0; 1 << 16], nth << 16).expect("there is room"));
        file.sync_all().expect("the disk works");
        Self { file, at: 0 }
    }

    fn write(&mut self, bytes: usize) {
        let payload = vec![0x5a; bytes];
        if self.at + bytes as u64 > SEGMENT_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&payload, self.at).expect("there is room");
        self.file.sync_data().expect("the disk works");
        self.at += bytes as u64;
    }
}

/// The quickest of many.
fn on_the_wire(payload: usize) {
    let entries = entries(1, 100, payload).into();
    let message = Message { term: 1, body: Body::Append { round: 1, prev: Boundary::default(), commit: 0, entries } };
    for version in [1, 2] {
        let mut out = Vec::new();
        let written = quickest(|| {
            out.clear();
            encode(version, &message, &mut out).expect("it can be written");
        });
        let bytes = bytes::Bytes::from(out.clone());
        let read = quickest(|| drop(black_box(decode::<Nothing>(version, bytes.clone()))));
        let per_entry = |time: Duration| time.as_secs_f64() * 1e9 / 100.0;
        let (written, read) = (per_entry(written), per_entry(read));
        println!("{payload:>6} B, version {version}: {written:>7.1} ns to write, {read:>7.1} ns to read");
    }
}

fn quickest(mut work: impl FnMut()) -> Duration {
    let times = (0..2_000).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    times.min().unwrap_or_default()
}
