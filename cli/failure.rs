//! How a command ends: the exit codes, and the one line that explains a failure.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// What a command that ran to its end has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// Everything that was asked holds.
    Holds,
    /// At least one property is violated.
    Violated,
}

impl Verdict {
    pub(crate) fn holds_if(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Violated }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Holds => Self::SUCCESS,
            Verdict::Violated => Self::from(1),
        }
    }
}

/// Bad input or a broken environment: one line that says what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(crate) struct Failure {
    line: String,
}

impl Failure {
    /// The exit code of every failure.
    pub(crate) const EXIT: u8 = 2;

    /// Whatever is told becomes one line.
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        let lines = what.to_string();
        let words: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { line: words.join(" ") }
    }

    /// What went wrong with the file at `path`.
    pub(crate) fn in_file(path: &Path, what: impl fmt::Display) -> Self {
        Self::new(format_args!("{}: {what}", path.display()))
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::in_file(path, format_args!("this file cannot be read: {error}"))
    }

    pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::in_file(path, format_args!("this cannot be written: {error}"))
    }
}

/// Nobody reads on: that is no failure, and there is nobody to tell.
pub(crate) fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
