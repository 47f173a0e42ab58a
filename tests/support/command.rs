//! Runs the `purlin` command as a user would, and looks at what it says.

#![allow(dead_code, reason = "each test file uses its own part")]

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What one run has said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The one JSON document on the standard output.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One line on the standard error that names each of `named`, nothing on the standard output, and exit code 2.
    pub(crate) fn is_bad_input(&self, named: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        for name in named {
            assert!(self.stderr.contains(name), "`{name}` is not named: {self:?}");
        }
    }
}

/// Runs `purlin` with these arguments and nothing on its standard input.
pub(crate) fn purlin(arguments: &[&str]) -> Run {
    purlin_fed(arguments, "")
}

/// Runs `purlin` with these arguments and this standard input.
pub(crate) fn purlin_fed(arguments: &[&str], input: &str) -> Run {
    let mut command = command();
    command.args(arguments);
    feed(command, input)
}

/// The command itself, in an environment that says nothing of TLC, of CI or of a cluster.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purlin"));
    for name in ["TLA2TOOLS_JAR", "CI", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn feed(mut command: Command, input: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command that cargo has just built");
    // A command that refuses its arguments may be gone before it has read anything.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Writes a file into a temporary folder and returns its path.
pub(crate) fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a writable temporary folder");
    path.to_string_lossy().into_owned()
}
