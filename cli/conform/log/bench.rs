//! The bench on which a case is run, over any disk: `purlin conform` takes a simulated one, the tests of `purlin-files`
//! take real files.

use super::blocks::{DiskFault, DiskHandle, FaultyDisk, Rest, Survival};
use purlin::log::{
    BlockError, Blocks, Boundary, Config, Entry, HardState, Log, MutationError, OpenError, ReadError, Settings,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::ops::Range;

/// How the log is made.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Making {
    segment_bytes: Option<u64>,
}

/// What does not hold.
#[derive(Debug)]
pub(super) enum Difference {
    /// The case cannot be run as it is written.
    Unreadable { row: usize, problem: String },
    /// An operation has another outcome.
    Answer { row: usize, expected: Value, got: Value },
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { row, problem } => write!(formatter, "row {row}: {problem}"),
            Self::Answer { row, expected, got } => write!(formatter, "row {row}: expected {expected}, got {got}"),
        }
    }
}

/// Runs all operations.
pub(super) fn run(making: &Making, operations: &[Map<String, Value>], disk: impl Blocks) -> Result<(), Difference> {
    let unreadable = |row, problem: String| Difference::Unreadable { row, problem };
    let mut bench = Bench::new(making, disk).map_err(|problem| unreadable(0, problem))?;
    for (row, operation) in operations.iter().enumerate() {
        let mut operation = operation.clone();
        let expected = operation.remove("expect").unwrap_or(Value::Null);
        let read = serde_json::from_value(operation.into());
        let read = read.map_err(|error| unreadable(row, error.to_string()))?;
        let got = bench.take(read).map_err(|problem| unreadable(row, problem))?;
        if !matches(&expected, &got) {
            return Err(Difference::Answer { row, expected, got });
        }
    }
    Ok(())
}

/// Payloads are compared as bytes, in whichever way they are written.
fn matches(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(keys), _) if keys.contains_key("one_of") => {
            keys["one_of"].as_array().is_some_and(|any| any.iter().any(|one| matches(one, got)))
        }
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected.iter().all(|(key, expected)| got.get(key).is_some_and(|got| matches(expected, got)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| matches(expected, got))
        }
        (Value::Object(_), _) | (_, Value::Object(_)) => {
            let bytes = |value: &Value| serde_json::from_value(value.clone()).map(Payload::into_bytes).ok();
            bytes(expected).is_some() && bytes(expected) == bytes(got)
        }
        (expected, got) => expected == got,
    }
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Operation {
    Append { entries: Vec<(u64, u64, Payload)> },
    TruncateSuffix { from: u64 },
    TruncatePrefix { through: u64, term: u64 },
    SetHardState { term: u64, vote: u64, commit: u64 },
    Sync,
    Check,
    Read { lo: u64, hi: u64 },
    Term { index: u64 },
    Crash { unsynced: Unsynced },
    FlipByte { of_op: usize, part: Part },
    DeleteSegment { which: Which },
    Reopen,
    FailNextSync,
    FailNextWrite,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Payload {
    Text(String),
    Repeated { byte: u8, len: usize },
}

impl Payload {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Repeated { byte, len } => vec![byte; len],
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unsynced {
    Lost,
    Kept,
    TornCut,
    TornZeros,
    TornGarbage,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Payload,
    Header,
    Checksum,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Middle,
}

struct Bench<B> {
    config: Config,
    disk: DiskHandle<B>,
    log: Option<Log<DiskHandle<B>>>,
    /// What each operation wrote.
    written: Vec<Vec<Byte>>,
}

/// One byte of a record, and where it lies.
#[derive(Clone, Copy)]
struct Byte {
    segment: u64,
    offset: u64,
    /// How many bytes that are not durable were written before it.
    before: u64,
    value: u8,
}

/// How records lie in sectors; see `core/src/log`.
const SECTOR: usize = 512;
const STAMP: usize = 22;
const HEAD: usize = 13;
const HEADER_MAGIC: &[u8] = b"PurlnLog";

/// The bytes of records in the writes that are not durable, the first `skip` of them left out.
fn bytes_of<B: Blocks>(disk: &FaultyDisk<B>, skip: usize) -> Vec<Byte> {
    let (mut bytes, mut before) = (Vec::new(), 0);
    for (nth, (segment, offset, written)) in disk.pending().enumerate() {
        for (at, value) in written.iter().copied().enumerate().filter(|_| nth >= skip) {
            let sector = &written[at / SECTOR * SECTOR..];
            if at % SECTOR >= STAMP && !sector[STAMP..].starts_with(HEADER_MAGIC) {
                bytes.push(Byte { segment, offset: offset + at as u64, before: before + at as u64, value });
            }
        }
        before += written.len() as u64;
    }
    bytes
}

/// Where each record begins and ends.
fn records(bytes: &[Byte]) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let mut at = 0;
    while at + HEAD <= bytes.len() && bytes[at].value != 0 {
        let length = (1..5).rev().fold(0, |length, nth| length << 8 | usize::from(bytes[at + nth].value));
        records.push(at..at + HEAD + length);
        at += HEAD + length;
    }
    records
}

impl<B: Blocks> Bench<B> {
    fn new(making: &Making, disk: B) -> Result<Self, String> {
        let mut settings = Settings::new(1);
        settings.segment_bytes = making.segment_bytes.map_or(1 << 20, |bytes| {
            bytes.next_multiple_of(SECTOR as u64).clamp(Settings::SEGMENT_BYTES_MIN, Settings::SEGMENT_BYTES_MAX)
        });
        let config = settings.validate().map_err(|error| error.to_string())?;
        let disk = DiskHandle::new(disk);
        let log = Log::open(config.clone(), disk.clone()).map_err(|error| error.to_string())?;
        Ok(Self { config, disk, log: Some(log), written: Vec::new() })
    }

    fn take(&mut self, operation: Operation) -> Result<Value, String> {
        self.written.push(Vec::new());
        match operation {
            Operation::Append { entries } => {
                let entry =
                    |(index, term, payload): (u64, u64, Payload)| Entry { index, term, payload: payload.into_bytes() };
                let entries: Vec<Entry> = entries.into_iter().map(entry).collect();
                self.change(|log| log.append(&entries))
            }
            Operation::TruncateSuffix { from } => self.change(|log| log.truncate_suffix(from)),
            Operation::TruncatePrefix { through: index, term } => {
                self.change(|log| log.truncate_prefix(Boundary { index, term }))
            }
            Operation::SetHardState { term, vote, commit } => {
                self.change(|log| log.set_hard_state(HardState { term, vote, commit }))
            }
            Operation::Sync => Ok(told(self.log()?.sync())),
            Operation::Check => content(self.log()?),
            Operation::Read { lo, hi } => Ok(read(self.log()?, lo, hi)),
            Operation::Term { index } => Ok(match self.log()?.term(index) {
                Ok(term) => json!({ "term": term }),
                Err(error) => refused(class_of_read(&error)),
            }),
            Operation::Crash { unsynced } => self.crash(unsynced),
            Operation::FlipByte { of_op, part } => self.flip(of_op, part),
            Operation::DeleteSegment { which: Which::Middle } => self.delete_middle(),
            Operation::Reopen => self.reopen(),
            Operation::FailNextSync => self.arm(DiskFault::SyncError),
            Operation::FailNextWrite => self.arm(DiskFault::WriteError),
        }
    }

    fn log(&mut self) -> Result<&mut Log<DiskHandle<B>>, String> {
        self.log.as_mut().ok_or_else(|| "the log is not open".to_owned())
    }

    /// Every change is written at once, so that a crash can tear each of them.
    fn change(
        &mut self,
        change: impl FnOnce(&mut Log<DiskHandle<B>>) -> Result<(), MutationError>,
    ) -> Result<Value, String> {
        let before = self.disk.disk().pending().count();
        let log = self.log()?;
        let changed = change(log).and_then(|()| log.write());
        let bytes = bytes_of(&self.disk.disk(), before);
        self.written.pop();
        self.written.push(bytes);
        Ok(told(changed))
    }

    fn arm(&mut self, fault: DiskFault) -> Result<Value, String> {
        self.disk.disk().arm(fault);
        Ok(Value::Null)
    }

    fn crash(&mut self, unsynced: Unsynced) -> Result<Value, String> {
        self.log = None;
        let mut disk = self.disk.disk();
        let torn = |rest| Survival::Prefix { bytes: self.middle_of_the_last(), rest };
        let survival = match unsynced {
            Unsynced::Lost => Survival::Lost,
            Unsynced::Kept => Survival::Kept,
            Unsynced::TornCut => torn(Rest::Old),
            Unsynced::TornZeros => torn(Rest::Zeros),
            Unsynced::TornGarbage => torn(Rest::Garbage),
        };
        disk.crash(survival).map_err(|error| error.to_string())?;
        Ok(Value::Null)
    }

    fn reopen(&mut self) -> Result<Value, String> {
        if let Some(log) = self.log.take() {
            log.close().map_err(|error| error.to_string())?;
        }
        match Log::open(self.config.clone(), self.disk.clone()) {
            Ok(log) => content(self.log.insert(log)),
            Err(OpenError::Corrupt(_)) => Ok(refused("corrupt")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// How many bytes are written when the last change is half written.
    fn middle_of_the_last(&self) -> u64 {
        let last = self.written.iter().rev().find(|bytes| !bytes.is_empty());
        let used = last.and_then(|bytes| Some((bytes, records(bytes).last()?.end)));
        used.map_or(0, |(bytes, end)| bytes[end / 2].before)
    }

    /// Flips bits in the last record that an operation wrote.
    fn flip(&mut self, operation: usize, part: Part) -> Result<Value, String> {
        let bytes = self.written.get(operation).map(Vec::as_slice).unwrap_or_default();
        let record = records(bytes).pop().ok_or_else(|| format!("operation {operation} wrote nothing"))?;
        let at = match part {
            Part::Payload => (record.start + HEAD + record.end) / 2,
            Part::Header => record.start + 1,
            Part::Checksum => record.start + 9,
        };
        let Byte { segment, offset, .. } = bytes[at.min(record.end - 1)];
        self.disk.disk().rot(segment, offset, 0x41).map_err(|error| error.to_string())?;
        Ok(Value::Null)
    }

    fn delete_middle(&mut self) -> Result<Value, String> {
        let told = |error: BlockError| error.to_string();
        let segments = self.disk.list().map_err(told)?;
        if segments.len() < 3 {
            return Err("there is no segment in the middle".to_owned());
        }
        self.disk.remove(segments[segments.len() / 2]).map_err(told)?;
        Ok(Value::Null)
    }
}

fn told(done: Result<(), MutationError>) -> Value {
    match done {
        Ok(()) => json!({ "ok": true }),
        Err(error) => refused(match error {
            MutationError::Gap { .. } => "gap",
            MutationError::Overlap { .. } => "overlap",
            MutationError::Compacted { .. } => "compacted",
            MutationError::TooLong { .. } => "too_long",
            MutationError::LastIndex => "last_index",
            MutationError::Io(_) => "io",
            MutationError::Poisoned => "poisoned",
        }),
    }
}

fn refused(class: &str) -> Value {
    json!({ "error": class })
}

fn class_of_read(error: &ReadError) -> &'static str {
    match error {
        ReadError::Compacted { .. } => "compacted",
        ReadError::Unavailable { .. } => "unavailable",
        ReadError::Corrupt(_) => "corrupt",
        ReadError::Io(_) => "io",
    }
}

fn read<B: Blocks>(log: &mut Log<B>, lo: u64, hi: u64) -> Value {
    match log.read(lo..hi) {
        Ok(entries) => json!({ "entries": listed(&entries) }),
        Err(error) => refused(class_of_read(&error)),
    }
}

fn content<B: Blocks>(log: &mut Log<B>) -> Result<Value, String> {
    let (boundary, hard_state) = (log.boundary(), log.hard_state());
    let entries = log.read(boundary.index + 1..log.last_index() + 1).map_err(|error| error.to_string())?;
    let boundary = [boundary.index, boundary.term];
    Ok(json!({ "boundary": boundary, "entries": listed(&entries), "hard_state": hard_state }))
}

/// Entries as vectors write them: a long row of equal bytes by its length.
fn listed(entries: &[Entry]) -> Value {
    entries.iter().map(|entry| json!([entry.index, entry.term, payload(&entry.payload)])).collect()
}

fn payload(bytes: &[u8]) -> Value {
    match (bytes.first(), std::str::from_utf8(bytes)) {
        (Some(byte), _) if bytes.len() > 63 && bytes.iter().all(|other| other == byte) => {
            json!({ "byte": byte, "len": bytes.len() })
        }
        (_, Ok(text)) => json!(text),
        (_, Err(_)) => json!(bytes),
    }
}
