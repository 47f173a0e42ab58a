//! Servers as processes of this program, that it starts itself and ends by their own ids.

use anyhow::{Context, ensure};
use core::time::Duration;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, Command};
use tokio::time::timeout;

/// The longest that a server may take to open its directory.
const START_MAX: Duration = Duration::from_secs(30);
/// The longest that it may take to end when it is asked to.
const END_MAX: Duration = Duration::from_secs(20);

/// A server's process. It is killed when this is dropped, and ends by itself should this process be killed.
pub(crate) struct Child {
    process: Process,
}

impl Child {
    /// Starts a server and waits until it listens.
    pub(crate) async fn start(id: u32, peers: &str, folder: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe().context("this program cannot find itself")?)
            .args(["--attached", "serve", "--id", &id.to_string(), "--peers", peers, "--dir"])
            .arg(folder.join(format!("server-{id}")))
            .args(["--election-timeout-ms", "600", "--heartbeat-ms", "60"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("a process cannot be started")?;
        let stdout = process.stdout.take().context("a process has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(START_MAX, lines.next_line()).await.context("a server does not start")??;
        let line = line.context("a server has ended at once")?;
        ensure!(line.starts_with("listening on http://"), "a server says `{line}`");
        Ok(Self { process })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("a process cannot be killed")
    }

    /// Closes its standard input, which asks it to end as SIGTERM does, and waits until it has.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        drop(self.process.stdin.take());
        timeout(END_MAX, self.process.wait()).await.context("a server does not end")?.context("a server is lost")
    }
}

/// Places on this machine that are free now.
pub(crate) fn free_places(count: usize) -> anyhow::Result<Vec<String>> {
    let listen = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let taken: Vec<TcpListener> = (0..count).map(listen).collect::<Result<_, _>>().context("no port is free")?;
    let place = |listener: &TcpListener| Ok(listener.local_addr()?.to_string());
    taken.iter().map(place).collect()
}
