//! `purlin conform`: runs conformance vectors and tells every case that does not hold.

mod breaker;
mod compare;
mod log;
mod queue;
mod raft;
mod row;

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use compare::{Mismatch, Tolerance};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Run conformance vectors
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files of vectors, such as tests/vectors/breaker.json
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A format, and how one of its cases is judged.
struct Format {
    name: &'static str,
    judge: fn(&Case) -> Result<(), Mismatch>,
    /// What a case may require that is not there. Such a case is skipped.
    lacks: &'static [&'static str],
}

impl Format {
    const fn new(name: &'static str, judge: fn(&Case) -> Result<(), Mismatch>) -> Self {
        Self { name, judge, lacks: &[] }
    }
}

/// Every format that can be judged.
const FORMATS: [Format; 6] = [
    Format::new("breaker/1", breaker::judge),
    Format::new("queue/1", queue::judge),
    Format::new("raft_log/1", log::judge),
    Format::new("raft_quorum/1", raft::judge_quorum),
    Format::new("raft_confchange/1", raft::judge_confchange),
    Format { lacks: &raft::LACKS, ..Format::new("raft_scenario/1", raft::judge_scenario) },
];

#[derive(Deserialize)]
struct Vectors {
    format: String,
    cases: Vec<Case>,
}

/// One case. What its `kind` adds is read by the format's own judge.
#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    rows: Vec<Map<String, Value>>,
    /// What `rows` are called in some formats.
    #[serde(default)]
    ops: Vec<Map<String, Value>>,
    /// How what is tested is made, in some formats.
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    expected: Value,
    /// What an implementation must have to be judged by it.
    #[serde(default)]
    requires: Vec<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Case {
    /// What says where a case comes from, for people.
    const REMARKS: [&str; 5] = ["source", "tags", "note", "peer_checked", "peer_note"];

    /// A misspelt key would take what it says out of the judgement, so no key passes unread.
    fn check_keys(&self) -> Result<(), Mismatch> {
        let known = |key: &str| Self::REMARKS.contains(&key) || Tolerance::KEYS.contains(&key);
        match self.rest.keys().find(|key| !known(key)) {
            Some(key) => Err(Mismatch::unreadable(format_args!("the key `{key}` of a case is not known"))),
            None => Ok(()),
        }
    }

    /// All that it says but for remarks, in the shape of its format.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Mismatch> {
        let says = self.rest.iter().filter(|(key, _)| !Self::REMARKS.contains(&key.as_str()));
        let mut says: Map<String, Value> = says.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, given) in [("config", json!(self.config)), ("options", json!(self.options)), ("ops", json!(self.ops))]
        {
            if given != json!({}) && given != json!([]) {
                says.insert(key.to_owned(), given);
            }
        }
        serde_json::from_value(says.into()).map_err(Mismatch::unreadable)
    }
}

#[derive(Serialize)]
struct Document {
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    format: String,
    passed: usize,
    skipped: Vec<SkippedCase>,
    failed: Vec<FailedCase>,
}

/// A case that requires what is not there.
#[derive(Serialize)]
struct SkippedCase {
    id: String,
    requires: Vec<String>,
}

#[derive(Serialize)]
struct FailedCase {
    id: String,
    #[serde(flatten)]
    mismatch: Mismatch,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let files = arguments.files.iter().map(|file| judge_file(file)).collect::<Result<Vec<_>, _>>()?;
    for report in &files {
        tell(report, output)?;
    }
    let holds = files.iter().all(|report| report.failed.is_empty());
    output.document(&Document { files })?;
    Ok(Verdict::holds_if(holds))
}

fn judge_file(file: &Path) -> Result<FileReport, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    let vectors: Vectors = serde_json::from_str(&text)
        .map_err(|error| Failure::in_file(file, format_args!("these are no conformance vectors: {error}")))?;
    let format = format_of(&vectors.format).map_err(|mend| Failure::in_file(file, mend))?;
    let skipped = vectors.cases.iter().filter_map(|case| skipped_case(case, format)).collect::<Vec<_>>();
    let judged = vectors.cases.iter().filter(|case| skipped_case(case, format).is_none());
    let failed = judged.filter_map(|case| failed_case(case, format)).collect::<Vec<_>>();
    let passed = vectors.cases.len() - skipped.len() - failed.len();
    let file = file.to_string_lossy().into_owned();
    Ok(FileReport { file, format: vectors.format, passed, skipped, failed })
}

fn format_of(name: &str) -> Result<&'static Format, String> {
    FORMATS.iter().find(|format| format.name == name).ok_or_else(|| {
        let names = FORMATS.map(|format| format.name).join(", ");
        format!("the format `{name}` is not known: this version judges {names}")
    })
}

fn skipped_case(case: &Case, format: &Format) -> Option<SkippedCase> {
    let lacking = case.requires.iter().filter(|required| format.lacks.contains(&required.as_str()));
    let requires: Vec<String> = lacking.cloned().collect();
    (!requires.is_empty()).then(|| SkippedCase { id: case.id.clone(), requires })
}

fn failed_case(case: &Case, format: &Format) -> Option<FailedCase> {
    let mismatch = (format.judge)(case).err()?;
    Some(FailedCase { id: case.id.clone(), mismatch })
}

fn tell(report: &FileReport, output: Output) -> Result<(), Failure> {
    let total = report.passed + report.failed.len();
    output.line(format_args!("{}: {} of {total} {} cases pass", report.file, report.passed, report.format))?;
    report.skipped.iter().try_for_each(|skipped| {
        let requires = skipped.requires.join(", ");
        output.line(format_args!("  {}: skipped, for it requires {requires}", skipped.id))
    })?;
    report.failed.iter().try_for_each(|failed| {
        let Mismatch { expected, got } = &failed.mismatch;
        output.line(format_args!("  {}: expected {expected}, got {got}", failed.id))
    })
}
