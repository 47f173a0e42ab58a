//! Processes of this program that it starts itself, and kills by their own ids.

use anyhow::{Context, ensure};
use core::time::Duration;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child as Process, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest that a server may take to open its file.
const START_MAX: Duration = Duration::from_secs(30);

/// A process. It is killed when this is dropped, and ends by itself should this process be killed.
pub(crate) struct Child {
    process: Process,
}

impl Child {
    fn start(arguments: &[String]) -> anyhow::Result<(Self, Lines<BufReader<ChildStdout>>)> {
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let mut process = Command::new(program)
            .arg("--attached")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("a process cannot be started")?;
        let stdout = process.stdout.take().context("a process has no output")?;
        Ok((Self { process }, BufReader::new(stdout).lines()))
    }

    /// Starts a process whose lines go to `lines`.
    pub(crate) fn telling(arguments: &[String], lines: mpsc::UnboundedSender<String>) -> anyhow::Result<Self> {
        let (child, mut output) = Self::start(arguments)?;
        tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                let _ = lines.send(line);
            }
        });
        Ok(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("a process cannot be killed")
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

/// A server process.
pub(crate) struct ServerChild {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerChild {
    /// Starts a server and waits until it listens.
    pub(crate) async fn start(db: &Path, listen: SocketAddr, more: &[&str]) -> anyhow::Result<Self> {
        let db = db.to_str().context("the path of the file is no text")?;
        let listen_at = listen.to_string();
        let arguments = ["serve", "--db", db, "--listen", &listen_at].into_iter().chain(more.iter().copied());
        let (child, mut output) = Child::start(&arguments.map(str::to_owned).collect::<Vec<_>>())?;
        let said = timeout(START_MAX, output.next_line()).await.context("the server does not start")??;
        let said = said.context("the server has ended at once")?;
        let address = said.strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        ensure!(address.is_some(), "the server says `{said}`");
        Ok(Self { child, address: address.unwrap_or(listen) })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
