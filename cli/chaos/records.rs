//! What a campaign has found so far, as JSON lines: a shard that was killed goes on where it was.

use crate::failure::Failure;
use purlin_sim::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// One seed's run. Build, plan and seed are its key: the same key always has the same result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) build: Hash,
    pub(super) plan: Hash,
    pub(super) seed: u64,
    pub(super) property: Option<String>,
    pub(super) events: u64,
    pub(super) simulated_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) trace_hash: Hash,
    pub(super) coverage: u64,
}

/// The records of one campaign's shard, in a file that only grows.
#[derive(Debug)]
pub(crate) struct Records {
    build: Hash,
    found: BTreeMap<u64, Record>,
    file: Mutex<File>,
    path: PathBuf,
}

impl Records {
    /// Opens the records at `path`, or begins them.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        let build = build()?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::unreadable(&path, &error)),
        };
        // A line that was cut off when its process was killed is no record; neither is one of another build.
        let records = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
        let found = records.filter(|record| record.build == build).map(|record| (record.seed, record)).collect();
        let mut file = append_to(&path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(|error| Failure::unwritable(&path, &error))?;
        }
        Ok(Self { build, found, file: Mutex::new(file), path })
    }

    /// Identifies the running command.
    pub(super) fn build(&self) -> Hash {
        self.build
    }

    /// What this seed's run has shown, if it was run with this plan.
    pub(super) fn find(&self, seed: u64, plan: Hash) -> Option<&Record> {
        self.found.get(&seed).filter(|record| record.plan == plan)
    }

    pub(super) fn append(&self, record: &Record) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(record).map_err(Failure::new)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(|error| Failure::unwritable(&self.path, &error))
    }
}

fn append_to(path: &Path) -> Result<File, Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let opened = fs::create_dir_all(folder).and_then(|()| OpenOptions::new().create(true).append(true).open(path));
    opened.map_err(|error| Failure::unwritable(path, &error))
}

/// Two builds of the same source may still differ in what they run, so the command itself is the identity.
fn build() -> Result<Hash, Failure> {
    let command = env::current_exe().and_then(fs::read);
    let bytes = command.map_err(|error| Failure::new(format_args!("this command cannot read itself: {error}")))?;
    Ok(Hash::of(&bytes))
}
