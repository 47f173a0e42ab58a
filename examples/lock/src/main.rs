//! A lock whose nodes are processes, run by one command.
//!
//! Exit codes: 0 done; 1 the demonstration did not show what it should; 2 bad arguments, or something in the way.

mod children;
mod demo;

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};
use purlin_lock::serve::{Meets, Server, ServerOptions};
use purlin_lock::{Node, Settings};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::sync::oneshot;

/// A fenced lease lock.
///
/// Without a command it shows itself for some seconds: a keeper and two nodes as processes of their own. One gets the lock
/// and is killed with SIGKILL, the other gets it after the lease, and a resource refuses what the first one writes too
/// late. All of it stays on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// End when the standard input is closed: so that no process outlives the one that started it.
    #[arg(long, global = true, hide = true)]
    attached: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be a node, and serve it over HTTP until Ctrl-C.
    Serve(Serve),
}

#[derive(Debug, Args)]
struct Serve {
    /// Which node this is.
    #[arg(long)]
    node: u8,
    /// The file that holds its journal. It is made if there is none.
    #[arg(long)]
    db: PathBuf,
    /// Where to listen for HTTP; port 0 is any that is free.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The node that keeps the lock.
    #[arg(long, default_value = "0")]
    keeper: u8,
    /// The keeper only: where to listen for the other nodes. [default: 127.0.0.1:4000]
    #[arg(long)]
    meet: Option<SocketAddr>,
    /// All others: where the keeper listens for them. [default: 127.0.0.1:4000]
    #[arg(long)]
    keeper_at: Option<SocketAddr>,
    /// How long a lease lasts, in milliseconds.
    #[arg(long, default_value = "10000")]
    lease_ms: u64,
    /// How much less the holder counts, in milliseconds: at least by how much two clocks may come apart in a lease.
    #[arg(long, default_value = "500")]
    margin_ms: u64,
    /// After how long an unanswered question is asked again, in milliseconds.
    #[arg(long, default_value = "200")]
    retry_ms: u64,
}

impl Serve {
    fn options(self) -> anyhow::Result<ServerOptions> {
        let meets = self.meets()?;
        let Self { node, db, listen, keeper, lease_ms, margin_ms, retry_ms, .. } = self;
        let lock = Settings { keeper: Node(keeper), lease_ms, margin_ms, retry_ms }.validate()?;
        Ok(ServerOptions { node: Node(node), db, listen, meets, lock })
    }

    fn meets(&self) -> anyhow::Result<Meets> {
        let usual = SocketAddr::from(([127, 0, 0, 1], 4_000));
        let &Self { node, keeper, meet, keeper_at, .. } = self;
        if node == keeper {
            ensure!(keeper_at.is_none(), "--keeper-at is for other nodes, and node {node} is the keeper: leave it out");
            return Ok(Meets::At(meet.unwrap_or(usual).to_string()));
        }
        ensure!(meet.is_none(), "--meet is for the keeper, and that is node {keeper}: leave it out");
        Ok(Meets::TheKeeperAt(keeper_at.unwrap_or(usual).to_string()))
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "lock: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { command, attached } = arguments;
    match command {
        None => demo::run().await,
        Some(Command::Serve(serve)) => self::serve(serve, attached).await.map(|()| true),
    }
}

async fn serve(serve: Serve, attached: bool) -> anyhow::Result<()> {
    let server = Server::start(serve.options()?).await?;
    say(format_args!("listening on http://{}", server.address()))?;
    if let Some(place) = server.place() {
        say(format_args!("meeting other nodes at {place}"))?;
    }
    Ok(server.run(stopped(attached)).await?)
}

/// Ctrl-C, or the end of whoever started this process.
async fn stopped(attached: bool) {
    let (sender, closed) = oneshot::channel::<()>();
    if attached {
        // A thread of its own: reading blocks, and nothing waits for it when the process ends.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(sender);
        });
    }
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => {}
        _ = closed, if attached => {}
    }
}

/// One line, at once: somebody may be reading along.
fn say(line: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
