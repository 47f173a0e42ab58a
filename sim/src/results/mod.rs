//! Results of a campaign on disk: append-only JSON lines, so that a killed campaign loses one line at most.
//!
//! ```text
//! {"build":"…","scenario":"…","tier":"swarm","kind":"campaign","seeds":[0,1000],…}   what was asked for
//! {"build":"…","scenario":"…","tier":"swarm","kind":"result","seed":7,"plan":"…",…}  what a seed has shown
//! ```
//!
//! Lines are a set: their order says nothing, and a line that is there twice says what it says once. So the results of
//! shards are merged by taking all their lines.

mod findings;
mod lines;
mod store;

pub(crate) use findings::Findings;
pub(crate) use lines::{Campaigned, Finding, Line, Origin, Record, Said, read_lines};
pub(crate) use store::{RESULTS, Store, keep_plan, plan_name, results_path};

use std::io;
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

pub(crate) fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ResultsError {
    let path = path.to_owned();
    move |error| ResultsError::Io { path, what, error }
}
