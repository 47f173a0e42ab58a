//! A replicated key-value service, run by one command.
//!
//! Exit codes: 0 done; 1 what was asked for is not so; 2 bad arguments, or something in the way.

mod ask;
mod children;
mod demo;
mod restore;
mod serve;

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// A replicated key-value service.
///
/// Without a command it shows itself for some seconds: three servers as processes of their own, clients that write all the
/// while, a leader that is killed with SIGKILL, a fourth server that joins, one that is sent off, and whether everything that
/// was acknowledged is still there. All of it stays on this machine.
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
    /// Be a server until Ctrl-C or SIGTERM.
    Serve(serve::Serve),
    /// Show the service for some seconds, as without a command.
    Demo,
    /// Begin a cluster with what a backup holds: once for each of its servers, before they are started.
    Restore(restore::Restore),
    /// Go on with one server alone, where the majority is lost for good.
    Recover(restore::Recover),
    #[command(flatten)]
    Ask(ask::Ask),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "kv: {}", one_line(&error));
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { command, attached } = arguments;
    match command {
        None | Some(Command::Demo) => demo::run().await,
        Some(Command::Serve(serve)) => serve.run(attached).await.map(|()| true),
        Some(Command::Restore(restore)) => restore.run().await.map(|()| true),
        Some(Command::Recover(recover)) => recover.run().map(|()| true),
        Some(Command::Ask(ask)) => ask.run().await,
    }
}

/// Errors that say the same as their cause say it once.
fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let separator = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{separator}{cause}");
        }
    }
    told.replace('\n', " ")
}

/// One line, at once: somebody may be reading along.
fn say(line: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
