//! Nodes as processes of this program, that it starts itself and kills by their own ids.

use anyhow::{Context, ensure};
use core::time::Duration;
use purlin_lock::serve::Client;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child as Process, ChildStdout, Command};
use tokio::time::timeout;

/// The longest that a node may take to open its file.
const START_MAX: Duration = Duration::from_secs(30);

/// A node's process. It is killed when this is dropped, and ends by itself should this process be killed.
pub(crate) struct Child {
    process: Process,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts a node and waits until it listens.
    pub(crate) async fn start(node: &str, folder: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let db = folder.join(format!("node-{node}.db"));
        let mut process = Command::new(std::env::current_exe().context("this program cannot find itself")?)
            .args(["--attached", "serve", "--listen", "127.0.0.1:0", "--node", node, "--db"])
            .arg(db)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("a process cannot be started")?;
        let stdout = process.stdout.take().context("a process has no output")?;
        let mut output = BufReader::new(stdout).lines();
        let address = said(&mut output, "listening on http://").await?.parse().context("a node says no address")?;
        Ok(Self { process, output, client: Client::new(address), address })
    }

    /// Where it meets other nodes: its second line.
    pub(crate) async fn place(&mut self) -> anyhow::Result<String> {
        said(&mut self.output, "meeting other nodes at ").await
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("a process cannot be killed")
    }
}

/// What the next line says after these words.
async fn said(output: &mut Lines<BufReader<ChildStdout>>, words: &str) -> anyhow::Result<String> {
    let line = timeout(START_MAX, output.next_line()).await.context("a node does not start")??;
    let line = line.context("a node has ended at once")?;
    let rest = line.strip_prefix(words);
    ensure!(rest.is_some(), "a node says `{line}`");
    Ok(rest.unwrap_or_default().to_owned())
}
