//! The lines of a file of results.

use super::{ResultsError, failed};
use crate::checker::Coverage;
use crate::hash::Hash;
use crate::plan::Plan;
use crate::scenario::{Run, Scenario, Tier, Verdict};
use core::ops::Range;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// A line: what is said, and of what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    #[serde(flatten)]
    pub(crate) said: Said,
}

/// What results are of. Only those of the same build can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) build: String,
    pub(crate) scenario: String,
    pub(crate) tier: Tier,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Said {
    Campaign(Campaigned),
    Result(Record),
}

/// What a campaign was to run, all shards together, and what its judges look for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Campaigned {
    pub(crate) seeds: [u64; 2],
    pub(crate) always: Vec<String>,
    pub(crate) sometimes: Vec<String>,
}

/// The result of one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) finding: Finding,
    pub(crate) cpu_ns: u64,
}

/// What a seed has shown: the same whenever and wherever it is run. In order of seeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) seed: u64,
    pub(crate) plan: Hash,
    pub(crate) faults: u64,
    pub(crate) verdict: Verdict,
    pub(crate) events: u64,
    pub(crate) simulated_ns: u64,
    pub(crate) trace_hash: Hash,
    pub(crate) coverage: u64,
}

impl Campaigned {
    pub(crate) fn new(scenario: &Scenario, seeds: &Range<u64>) -> Self {
        let always = scenario.always().map(ToOwned::to_owned).collect();
        let sometimes = scenario.sometimes().iter().map(|name| (*name).to_owned()).collect();
        Self { seeds: [seeds.start, seeds.end], always, sometimes }
    }

    /// One campaign from the first seed of either to the last of either.
    pub(crate) fn merged(self, other: &Self) -> Self {
        let seeds = [self.seeds[0].min(other.seeds[0]), self.seeds[1].max(other.seeds[1])];
        // Both lists follow from the build, so either will do.
        Self { seeds, ..self }
    }
}

impl Record {
    pub(crate) fn new(seed: u64, plan: &Plan, hash: Hash, run: &Run) -> Self {
        let finding = Finding {
            seed,
            plan: hash,
            faults: plan.faults.len() as u64,
            verdict: run.verdict.clone(),
            events: run.events,
            simulated_ns: nanos(run.simulated),
            trace_hash: run.trace_hash,
            coverage: run.coverage.to_word(),
        };
        Self { finding, cpu_ns: nanos(run.cpu) }
    }
}

impl Finding {
    pub(crate) fn coverage(&self) -> Coverage {
        Coverage::from_word(self.coverage)
    }
}

fn nanos(duration: Duration) -> u64 {
    purlin::time::nanos(duration)
}

impl Line {
    /// The line as it stands in a file, with its end.
    pub(crate) fn text(&self) -> String {
        let json = serde_json::to_string(self).expect("a result holds only numbers, texts and lists");
        json + "\n"
    }
}

/// Reads a file line by line; where there is no file, there is no line. A torn line, which a killed campaign leaves
/// behind, is passed over, here and ever after. Says whether the file ends within a line.
pub(crate) fn read_lines(path: &Path, mut take: impl FnMut(Line)) -> Result<bool, ResultsError> {
    let mut reader = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => BufReader::new(file.map_err(failed(path, "read"))?),
    };
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        reader.read_until(b'\n', &mut bytes).map_err(failed(path, "read"))?;
        // Without its end: a line torn within a text would else be one with a control character, not one that ends early.
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        match serde_json::from_slice(text) {
            _ if bytes.is_empty() => break,
            Ok(read) => take(read),
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(ResultsError::Line { path: path.to_owned(), line, error }),
        }
        if !bytes.ends_with(b"\n") {
            return Ok(true);
        }
    }
    Ok(false)
}
