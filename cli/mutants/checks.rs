//! The checks that may catch a planted bug.

use super::scratch::{Builds, last_line};
use crate::failure::Failure;
use crate::rooms;
use serde::Serialize;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

/// A kind of check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    /// The quick models.
    Model,
    /// The comparison with the specification's golden graphs.
    Spec,
    /// The laws of machines.
    Law,
    /// The laws of hosts.
    Host,
    /// The simulation of machines.
    Swarm,
    /// The simulation of the full stack.
    Turmoil,
    /// Every interleaving of threads.
    Loom,
    /// The laws of the log.
    Log,
    /// The laws of stock stacks in a simulation.
    Stack,
    /// The laws of those who judge histories.
    Judge,
    /// The laws of shrinking.
    Shrink,
    /// What reports of runs claim.
    Report,
    /// The laws of connections.
    Wire,
    /// The laws of encrypted connections.
    Tls,
    /// The laws of a replica's directory, and of what replicas say to each other.
    Replica,
    /// The key-value service, by itself and as processes.
    Kv,
}

/// Laws with a build of their own. No machine has to do with them, so what they are to catch is for no other check to find.
struct Apart {
    package: &'static str,
    /// All of the package, where none is named.
    tests: &'static [&'static str],
    folder: &'static str,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Bug,
    /// It did not come to an end in time. That catches nothing: nobody was told of a bug.
    NoEnd,
}

impl Check {
    const ALL: [Self; 16] = [
        Self::Model,
        Self::Spec,
        Self::Law,
        Self::Host,
        Self::Swarm,
        Self::Turmoil,
        Self::Loom,
        Self::Log,
        Self::Stack,
        Self::Judge,
        Self::Shrink,
        Self::Report,
        Self::Wire,
        Self::Tls,
        Self::Replica,
        Self::Kv,
    ];
    /// Quick enough to be tried on every mutant.
    pub(super) const ALWAYS: [Self; 4] = [Self::Model, Self::Spec, Self::Law, Self::Swarm];

    const SWARM_SEEDS: &str = "0..200";
    const TURMOIL_SEEDS: &str = "0..8";

    /// The longest that it may take: many times what it takes without a bug. A world without an end fills memory until then.
    pub(super) const fn time_limit(self) -> Duration {
        match self {
            Self::Loom => Duration::from_secs(600),
            Self::Model | Self::Spec | Self::Swarm | Self::Turmoil => Duration::from_secs(90),
            _ => Duration::from_secs(180),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Spec => "spec",
            Self::Law => "law",
            Self::Host => "host",
            Self::Swarm => "swarm",
            Self::Turmoil => "turmoil",
            Self::Loom => "loom",
            Self::Log => "log",
            Self::Stack => "stack",
            Self::Judge => "judge",
            Self::Shrink => "shrink",
            Self::Report => "report",
            Self::Wire => "wire",
            Self::Tls => "tls",
            Self::Replica => "replica",
            Self::Kv => "kv",
        }
    }

    /// Tries it. `room` may also be a folder of mutants that is no room, as the shells are: then every room is checked.
    pub(super) fn run(self, builds: &Builds<'_>, room: &str) -> Result<Found, Failure> {
        let room = rooms::names().into_iter().find(|name| *name == room);
        let tree = builds.scratch.tree();
        if let Some(Apart { package, tests, folder }) = self.apart() {
            return self.run_tests(&builds.scratch.build_tests(package, tests)?, &tree.join(folder));
        }
        match self {
            Self::Model => self.run_purlin(builds, &["check", "--scope", "quick"], room),
            Self::Spec => self.run_purlin(builds, &["spec"], room),
            Self::Law => self.run_tests(&builds.machines()?.laws, &tree),
            Self::Host => self.run_tests(&builds.machines()?.hosts, &tree),
            Self::Turmoil => self.run_chaos(builds, Self::TURMOIL_SEEDS, room),
            Self::Loom => self.run_tests(&builds.scratch.build_loom()?, &tree.join("core")),
            _ => self.run_chaos(builds, Self::SWARM_SEEDS, room),
        }
    }

    const fn apart(self) -> Option<Apart> {
        let (package, tests, folder): (_, &[_], _) = match self {
            Self::Log => ("purlin", &["logs"], "core"),
            Self::Stack => ("purlin-sim", &["stock_stacks"], "sim"),
            Self::Judge => ("purlin-sim", &["linearizability", "register"], "sim"),
            Self::Shrink => ("purlin-sim", &["shrinking"], "sim"),
            Self::Report => ("purlin-sim", &["report"], "sim"),
            Self::Wire => ("purlin-tokio", &["framed"], "adapters/tokio"),
            Self::Tls => ("purlin-rustls", &["mutual_tls"], "adapters/rustls"),
            Self::Replica => ("purlin-raft", &[], "adapters/raft"),
            Self::Kv => ("purlin-kv", &[], "examples/kv"),
            _ => return None,
        };
        Some(Apart { package, tests, folder })
    }

    /// Whether a patch that only this is to catch is left to it.
    pub(super) const fn is_alone(self) -> bool {
        self.apart().is_some()
    }

    fn run_purlin(
        self,
        builds: &Builds<'_>,
        arguments: &[&str],
        names: impl IntoIterator<Item = &'static str>,
    ) -> Result<Found, Failure> {
        let mut command = Command::new(&builds.machines()?.purlin);
        command.args(arguments).args(names).current_dir(builds.scratch.tree());
        // The golden graphs are the oracle here: a mutant may not be excused by what TLC would say of it, nor wait for it.
        command.env_remove("TLA2TOOLS_JAR").env_remove("CI");
        self.judge(command)
    }

    fn run_chaos(self, builds: &Builds<'_>, seeds: &str, room: Option<&'static str>) -> Result<Found, Failure> {
        let scenarios = room.map(rooms::scenarios_of).unwrap_or_default();
        let scenarios = scenarios.iter().map(|scenario| scenario.name());
        self.run_purlin(builds, &["chaos", "--tier", self.name(), "--seeds", seeds], scenarios)
    }

    fn run_tests(self, tests: &[PathBuf], folder: &Path) -> Result<Found, Failure> {
        for test in tests {
            let mut command = Command::new(test);
            command.current_dir(folder);
            let found = self.judge(command)?;
            if found != Found::Nothing {
                return Ok(found);
            }
        }
        Ok(Found::Nothing)
    }

    /// Success found nothing; bad input or a broken environment is nobody's catch; every other end is one.
    fn judge(self, mut command: Command) -> Result<Found, Failure> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let spawned = command.spawn();
        let child = spawned.map_err(|error| Failure::new(format_args!("`{self}` cannot be run: {error}")))?;
        let (status, told) = wait(child, self.time_limit()).map_err(Failure::new)?;
        match status {
            None => Ok(Found::NoEnd),
            Some(status) if status.success() => Ok(Found::Nothing),
            Some(status) if status.code() == Some(Failure::EXIT.into()) => {
                Err(Failure::new(format_args!("`{self}` cannot be tried: {}", last_line(&told))))
            }
            Some(_) => Ok(Found::Bug),
        }
    }
}

/// Waits for the end; `None` if the time limit was not enough and the process had to be ended.
fn wait(mut child: Child, time_limit: Duration) -> std::io::Result<(Option<ExitStatus>, Vec<u8>)> {
    let mut errors = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut told = Vec::new();
        // What cannot be read is only missing from an explanation.
        let _ = errors.as_mut().map(|errors| errors.read_to_end(&mut told));
        told
    });
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if began.elapsed() > time_limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    Ok((status, reader.join().unwrap_or_default()))
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Check {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|check| check.name() == name);
        known.ok_or_else(|| format!("`{name}` is no check: write {}", Self::ALL.map(Self::name).join(", ")))
    }
}
