//! The results of a running campaign.

use super::{Campaigned, Findings, Line, Origin, Record, ResultsError, Said, failed, read_lines};
use crate::build::build;
use crate::hash::Hash;
use crate::plan::Plan;
use crate::scenario::{Scenario, Tier};
use core::ops::Range;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The results of one scenario and tier in a directory, by this build.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    origin: Origin,
    known: Findings,
    unsynced: u32,
}

impl Store {
    const LINES_PER_SYNC: u32 = 64;

    /// Opens `directory`, which is made if need be, and reads what this build found there before.
    pub(crate) fn open(
        directory: &Path,
        scenario: &Scenario,
        tier: Tier,
        seeds: &Range<u64>,
    ) -> Result<Self, ResultsError> {
        std::fs::create_dir_all(directory).map_err(failed(directory, "made"))?;
        let path = results_path(directory);
        let origin = Origin { build: build()?, scenario: scenario.name().to_owned(), tier };
        let Earlier { known, campaigns, is_torn } = Earlier::read(&path, &origin)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path, "written"))?;
        let mut store = Self { directory: directory.to_owned(), path, file, origin, known, unsynced: 0 };
        if is_torn {
            store.write("\n")?;
        }
        let campaigned = Campaigned::new(scenario, seeds);
        if !campaigns.contains(&campaigned) {
            store.say(Said::Campaign(campaigned))?;
        }
        Ok(store)
    }

    /// What is known of a seed, unless this plan of it was never run.
    pub(crate) fn recall(&self, seed: u64, plan: Hash) -> Option<Record> {
        self.known.of_seed(seed).filter(|record| record.finding.plan == plan)
    }

    /// Where the plan of a seed is written if it fails.
    pub(crate) fn plan_path(&self, seed: u64) -> PathBuf {
        self.directory.join(plan_name(&self.origin.scenario, self.origin.tier, seed))
    }

    /// Keeps the plan of a seed that failed.
    pub(crate) fn keep_plan(&self, seed: u64, plan: &Plan) -> Result<(), ResultsError> {
        keep_plan(&self.plan_path(seed), plan.to_json().as_bytes())
    }

    /// Appends a result.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), ResultsError> {
        self.say(Said::Result(record.clone()))?;
        self.unsynced += 1;
        if self.unsynced == Self::LINES_PER_SYNC { self.sync() } else { Ok(()) }
    }

    pub(crate) fn sync(&mut self) -> Result<(), ResultsError> {
        self.unsynced = 0;
        self.file.sync_data().map_err(failed(&self.path, "written"))
    }

    fn say(&mut self, said: Said) -> Result<(), ResultsError> {
        self.write(&Line { origin: self.origin.clone(), said }.text())
    }

    fn write(&mut self, text: &str) -> Result<(), ResultsError> {
        self.file.write_all(text.as_bytes()).map_err(failed(&self.path, "written"))
    }
}

/// What was found in a file.
#[derive(Default)]
struct Earlier {
    known: Findings,
    campaigns: Vec<Campaigned>,
    is_torn: bool,
}

impl Earlier {
    fn read(path: &Path, origin: &Origin) -> Result<Self, ResultsError> {
        let mut earlier = Self::default();
        earlier.is_torn = read_lines(path, |line| match line.said {
            _ if line.origin != *origin => {}
            Said::Campaign(campaigned) => earlier.campaigns.push(campaigned),
            Said::Result(record) => earlier.known.add(record),
        })?;
        Ok(earlier)
    }
}

/// The file of results in a directory.
pub(crate) const RESULTS: &str = "results.jsonl";

pub(crate) fn results_path(directory: &Path) -> PathBuf {
    directory.join(RESULTS)
}

/// The file with the plan of a seed, beside the results.
pub(crate) fn plan_name(scenario: &str, tier: Tier, seed: u64) -> String {
    format!("{scenario}-{tier}-{seed}.json")
}

/// Writes a plan, unless it is there. It is there as a whole or not at all, wherever the process is killed.
pub(crate) fn keep_plan(path: &Path, json: &[u8]) -> Result<(), ResultsError> {
    if path.exists() {
        return Ok(());
    }
    let part = path.with_extension("part");
    let written = std::fs::write(&part, json).and_then(|()| std::fs::rename(&part, path));
    written.map_err(failed(path, "written"))
}
