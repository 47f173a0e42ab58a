//! Results of a campaign on disk: append-only JSON lines, so that a killed campaign loses one line at most.

use crate::checker::Coverage;
use crate::hash::Hash;
use crate::plan::Plan;
use crate::scenario::{Run, Tier, Verdict};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Results could not be read or written. Whatever was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The file system refused.
    #[error("{path} cannot be {what}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// A line is not a result.
    #[error("{path}, line {line} is no result ({error}): remove it, or give another directory")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ResultsError {
    let path = path.to_owned();
    move |error| ResultsError::Io { path, what, error }
}

/// What a result is of, beside the build, the scenario and the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) plan: Hash,
    pub(crate) seed: u64,
}

/// The result of one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) key: Key,
    pub(crate) verdict: Verdict,
    pub(crate) events: u64,
    pub(crate) simulated_ns: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) trace_hash: Hash,
    coverage: u64,
}

impl Record {
    pub(crate) fn new(key: Key, run: &Run) -> Self {
        Self {
            key,
            verdict: run.verdict.clone(),
            events: run.events,
            simulated_ns: nanos(run.simulated),
            cpu_ns: nanos(run.cpu),
            trace_hash: run.trace_hash,
            coverage: run.coverage.to_word(),
        }
    }

    pub(crate) fn coverage(&self) -> Coverage {
        Coverage::from_word(self.coverage)
    }
}

fn nanos(duration: Duration) -> u64 {
    purlin::time::nanos(duration)
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    build: String,
    scenario: String,
    tier: Tier,
    #[serde(flatten)]
    record: Record,
}

/// The results of one scenario and tier in a directory, by this build.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    build: String,
    scenario: &'static str,
    tier: Tier,
    known: BTreeMap<Key, Record>,
    unsynced: u32,
}

impl Store {
    const LINES_PER_SYNC: u32 = 64;

    /// Opens `directory`, which is made if need be, and reads what this build found there before.
    pub(crate) fn open(directory: &Path, scenario: &'static str, tier: Tier) -> Result<Self, ResultsError> {
        std::fs::create_dir_all(directory).map_err(failed(directory, "made"))?;
        let path = directory.join("results.jsonl");
        let build = build()?;
        let (known, torn) = read(&path, &build, scenario, tier)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path, "written"))?;
        let mut store = Self { directory: directory.to_owned(), path, file, build, scenario, tier, known, unsynced: 0 };
        if torn {
            store.write("\n")?;
        }
        Ok(store)
    }

    pub(crate) fn find(&self, key: Key) -> Option<Record> {
        self.known.get(&key).cloned()
    }

    /// Where the plan of a seed is written if it fails.
    pub(crate) fn plan_path(&self, seed: u64) -> PathBuf {
        self.directory.join(format!("{}-{}-{seed}.json", self.scenario, self.tier))
    }

    /// Appends a result, and writes the plan of a seed that failed beside it.
    pub(crate) fn append(&mut self, record: &Record, plan: &Plan) -> Result<(), ResultsError> {
        if !record.verdict.holds() {
            let path = self.plan_path(record.key.seed);
            std::fs::write(&path, plan.to_json()).map_err(failed(&path, "written"))?;
        }
        let (build, scenario) = (self.build.clone(), self.scenario.to_owned());
        let line = Line { build, scenario, tier: self.tier, record: record.clone() };
        let json = serde_json::to_string(&line).expect("a result holds only numbers, texts and lists");
        self.write(&(json + "\n"))?;
        self.unsynced += 1;
        if self.unsynced == Self::LINES_PER_SYNC { self.sync() } else { Ok(()) }
    }

    pub(crate) fn sync(&mut self) -> Result<(), ResultsError> {
        self.unsynced = 0;
        self.file.sync_data().map_err(failed(&self.path, "written"))
    }

    fn write(&mut self, text: &str) -> Result<(), ResultsError> {
        self.file.write_all(text.as_bytes()).map_err(failed(&self.path, "written"))
    }
}

/// The results in a file, and whether its last line was torn off. A torn line is passed over, here and ever after.
fn read(path: &Path, build: &str, scenario: &str, tier: Tier) -> Result<(BTreeMap<Key, Record>, bool), ResultsError> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(failed(path, "read"))?,
    };
    let mut known = BTreeMap::new();
    for (index, json) in text.lines().enumerate() {
        match serde_json::from_str::<Line>(json) {
            Ok(line) if line.build == build && line.scenario == scenario && line.tier == tier => {
                known.insert(line.record.key, line.record);
            }
            Ok(_) => {}
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(ResultsError::Line { path: path.to_owned(), line: index + 1, error }),
        }
    }
    Ok((known, !text.is_empty() && !text.ends_with('\n')))
}

/// Tells builds apart: the version, and the fingerprint of the running program.
fn build() -> Result<String, ResultsError> {
    let path = std::env::current_exe().map_err(failed(Path::new("the running program"), "found"))?;
    let program = std::fs::read(&path).map_err(failed(&path, "read"))?;
    Ok(format!("{}-{}", env!("CARGO_PKG_VERSION"), Hash::of(&program)))
}
