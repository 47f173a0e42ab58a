//! Whether what was observed of one run is a behaviour of a specification, at scopes far beyond those of the comparison.
//!
//! The observations become a TLA+ module; a room's trace module explains them one by one with the steps of its
//! specification, and with whatever nobody observes in between. The goal is inverted: the invariant `NotAccepted` says that
//! something is left to explain, so the run is accepted if TLC finds it violated.

use super::Source;
use super::queue::QueueRun;
use crate::tlc::{Tlc, TlcError};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A run of some room, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "room", rename_all = "snake_case")]
pub enum Run {
    /// Of a queue.
    Queue(QueueRun),
}

impl Run {
    /// The room.
    pub fn room(&self) -> &'static str {
        match self {
            Self::Queue(_) => "queue",
        }
    }

    /// An observation in words.
    pub fn observation(&self, index: usize) -> String {
        match self {
            Self::Queue(run) => run.observations.get(index).map_or_else(String::new, |it| format!("{it:?}")),
        }
    }

    /// As modules for TLC.
    ///
    /// # Errors
    /// If the observations cannot have been made of one run.
    pub fn trace(&self) -> Result<Trace, RunError> {
        match self {
            Self::Queue(run) => run.trace(),
        }
    }
}

/// Observations that cannot have been made of one run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum RunError {
    #[error("there is no observation in it")]
    Empty,
    #[error("the configuration is refused: {0}")]
    Config(String),
    #[error(
        "observation {observation}: the clock shows an earlier instant than before; the specification knows no such time"
    )]
    ClockRanBack { observation: usize },
    #[error("observation {observation}: request {ask} was asked before; give each request a number of its own")]
    AskedTwice { observation: usize, ask: u64 },
    #[error("observation {observation}: request {ask} is answered, but was not asked or was answered before")]
    NotAsked { observation: usize, ask: u64 },
    #[error("observation {observation}: {number} is more than TLC can count")]
    TooLarge { observation: usize, number: u64 },
}

/// Observations as modules that TLC can read.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The room's trace module.
    pub module: &'static str,
    /// It, and all that it extends but the observations.
    pub sources: Vec<Source>,
    /// The module `TraceData`: the observations.
    pub data: String,
    /// What TLC is to check.
    pub configuration: String,
    /// How many observations there are.
    pub lines: usize,
}

/// Whether a run was explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceVerdict {
    /// The specification explains every observation.
    Accepted,
    /// It explains those before this one, counted from 0, and then no more.
    Refused {
        /// Which.
        observation: usize,
    },
}

impl Trace {
    /// Asks TLC.
    ///
    /// # Errors
    /// If TLC comes to no verdict. A run that is refused is a verdict.
    pub fn validate(&self, tlc: &Tlc) -> Result<TraceVerdict, TlcError> {
        let directory = tempfile::tempdir().map_err(|source| TlcError::File { path: std::env::temp_dir(), source })?;
        self.write(directory.path())?;
        let verdict = tlc.check(directory.path(), self.module)?;
        if verdict.violation.as_ref().is_some_and(|violation| !violation.claim.contains("NotAccepted")) {
            return Err(TlcError::NoVerdict { module: self.module.to_owned(), said: verdict.said });
        }
        let reached = verdict.said.lines().filter_map(reached).max().unwrap_or(1);
        let refused = TraceVerdict::Refused { observation: reached - 1 };
        Ok(if verdict.violation.is_some() { TraceVerdict::Accepted } else { refused })
    }

    fn write(&self, folder: &Path) -> Result<(), TlcError> {
        let sources = self.sources.iter().map(|source| (source.name.to_owned(), source.text));
        let made =
            [("TraceData.tla".to_owned(), self.data.as_str()), (format!("{}.cfg", self.module), &self.configuration)];
        sources.chain(made).try_for_each(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|source| TlcError::File { path, source })
        })
    }
}

/// The number in `<<"reached", 12>>`.
fn reached(line: &str) -> Option<usize> {
    line.trim().strip_prefix("<<\"reached\", ")?.strip_suffix(">>")?.parse().ok()
}
