//! A durable job queue over HTTP, run by one command.
//!
//! Exit codes: 0 done; 1 something was lost or doubled; 2 bad arguments, or something in the way.

mod children;
mod demo;
mod jobs;
mod torture;

use clap::{Args, Parser, Subcommand};
use purlin::queue::Settings;
use purlin_worker::{Client, Server, ServerOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::sync::oneshot;

/// A durable job queue over HTTP.
///
/// Without a command it shows itself for some seconds: a server, producers and workers as processes of their own, some of
/// which are killed with SIGKILL while they work, and what became of the messages. All of it stays on this machine.
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
    /// Keep the queue in a file and serve it over HTTP until Ctrl-C.
    Serve(Serve),
    /// Take messages and finish them, until killed.
    Work(jobs::Work),
    /// Put messages in.
    Produce(jobs::Produce),
    /// Kill the server again and again under load, and check that nothing is lost or doubled.
    Torture(torture::Torture),
}

#[derive(Debug, Args)]
struct Serve {
    /// The file that holds the queue. It is made if there is none.
    #[arg(long)]
    db: PathBuf,
    /// Where to listen; port 0 is any that is free.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// How long a lease lasts unless the claim says otherwise, in milliseconds.
    #[arg(long, default_value = "30000")]
    lease_ms: u64,
    /// How often a message is handed out before it is dead.
    #[arg(long, default_value = "5")]
    max_attempts: u32,
    /// After how many records the file is compacted.
    #[arg(long, default_value = "100000")]
    compact_after: NonZeroUsize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "worker: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { command, attached } = arguments;
    match command {
        None => demo::run().await,
        Some(Command::Torture(torture)) => torture::run(torture).await,
        Some(Command::Serve(serve)) => self::serve(serve, attached).await.map(|()| true),
        Some(Command::Work(work)) => until_stopped(attached, jobs::work(work)).await,
        Some(Command::Produce(produce)) => until_stopped(attached, jobs::produce(produce)).await,
    }
}

async fn serve(serve: Serve, attached: bool) -> anyhow::Result<()> {
    let Serve { db, listen, lease_ms, max_attempts, compact_after } = serve;
    let queue = Settings { lease_ms, max_attempts, ..Settings::default() }.validate()?;
    let server = Server::start(ServerOptions { db, listen, queue, compact_after }).await?;
    say(format_args!("listening on http://{}", server.address()))?;
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

async fn until_stopped(attached: bool, job: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<bool> {
    tokio::select! {
        biased;
        () = stopped(attached) => Ok(true),
        done = job => done.map(|()| true),
    }
}

/// One line, at once: somebody may be reading along.
fn say(line: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A client, if the URL can be one.
fn client(server: &str) -> anyhow::Result<Client> {
    let uri: http::Uri = server.parse().map_err(|error| anyhow::anyhow!("--server {server} is no URL: {error}"))?;
    anyhow::ensure!(uri.scheme_str() == Some("http"), "--server {server} must begin with http://");
    Ok(Client::new(server.trim_end_matches('/')))
}
