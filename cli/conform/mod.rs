//! `purlin conform`: runs conformance vectors and tells every case that does not hold.

mod breaker;
mod compare;
mod log;
mod queue;
mod row;

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use compare::{Mismatch, Tolerance};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// Run conformance vectors
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files of vectors, such as tests/vectors/breaker.json
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Judges one case of a format.
type Judge = fn(&Case) -> Result<(), Mismatch>;

/// Every format that can be judged.
const FORMATS: [(&str, Judge); 3] =
    [("breaker/1", breaker::judge), ("queue/1", queue::judge), ("raft_log/1", log::judge)];

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
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Case {
    /// What says where a case comes from, for people.
    const REMARKS: [&str; 4] = ["source", "tags", "note", "requires"];

    /// A misspelt key would take what it says out of the judgement, so no key passes unread.
    fn check_keys(&self) -> Result<(), Mismatch> {
        let known = |key: &str| Self::REMARKS.contains(&key) || Tolerance::KEYS.contains(&key);
        match self.rest.keys().find(|key| !known(key)) {
            Some(key) => Err(Mismatch::unreadable(format_args!("the key `{key}` of a case is not known"))),
            None => Ok(()),
        }
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
    failed: Vec<FailedCase>,
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
    let judge = judge_of(&vectors.format).map_err(|mend| Failure::in_file(file, mend))?;
    let failed = vectors.cases.iter().filter_map(|case| failed_case(case, judge)).collect::<Vec<_>>();
    let passed = vectors.cases.len() - failed.len();
    Ok(FileReport { file: file.to_string_lossy().into_owned(), format: vectors.format, passed, failed })
}

fn judge_of(format: &str) -> Result<Judge, String> {
    let known = FORMATS.iter().find(|(name, _)| *name == format);
    known.map(|(_, judge)| *judge).ok_or_else(|| {
        let names = FORMATS.map(|(name, _)| name).join(", ");
        format!("the format `{format}` is not known: this version judges {names}")
    })
}

fn failed_case(case: &Case, judge: Judge) -> Option<FailedCase> {
    let mismatch = judge(case).err()?;
    Some(FailedCase { id: case.id.clone(), mismatch })
}

fn tell(report: &FileReport, output: Output) -> Result<(), Failure> {
    let total = report.passed + report.failed.len();
    output.line(format_args!("{}: {} of {total} {} cases pass", report.file, report.passed, report.format))?;
    report.failed.iter().try_for_each(|failed| {
        let Mismatch { expected, got } = &failed.mismatch;
        output.line(format_args!("  {}: expected {expected}, got {got}", failed.id))
    })
}
