//! The `purlin` command: checks, compares, simulates and reports on every room.
//!
//! Exit codes: 0 everything holds, 1 a property is violated, 2 bad input or a broken environment, with one line on the
//! standard error that says what, where and how to mend it.

mod chaos;
mod check;
mod completions;
mod conform;
mod drive;
mod failure;
mod list;
mod merge;
mod mutants;
mod output;
mod plan;
mod replay;
mod report;
mod rooms;
mod shrink;
mod spec;
mod verify;
mod violations;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use failure::{Failure, Verdict};
use output::{Output, while_read};
use std::io::{self, Write};
use std::process::ExitCode;

/// Checks, compares, simulates and reports on every room of Purlin
#[derive(Parser)]
#[command(name = "purlin", version, about)]
struct Purlin {
    /// Print one JSON document on the standard output and nothing else (`drive` answers in JSON lines and `completions`
    /// prints its script, with or without this)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Arguments),
    List(list::Arguments),
    Check(check::Arguments),
    Spec(spec::Arguments),
    Chaos(chaos::Arguments),
    Plan(plan::Arguments),
    Replay(replay::Arguments),
    Shrink(shrink::Arguments),
    Merge(merge::Arguments),
    Conform(conform::Arguments),
    Drive(drive::Arguments),
    Mutants(mutants::Arguments),
    Completions(completions::Arguments),
}

fn main() -> ExitCode {
    let purlin = match Purlin::try_parse() {
        Ok(purlin) => purlin,
        Err(answer) => return answer_usage(&answer),
    };
    match run(&purlin) {
        Ok(verdict) => verdict.into(),
        Err(failure) => fail(&failure),
    }
}

fn run(purlin: &Purlin) -> Result<Verdict, Failure> {
    let output = Output::new(purlin.json);
    match &purlin.command {
        None => verify::run(&verify::Arguments::default(), output),
        Some(command) => run_command(command, output),
    }
}

fn run_command(command: &Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::Verify(arguments) => verify::run(arguments, output),
        Command::List(arguments) => list::run(arguments, output),
        Command::Check(arguments) => check::run(arguments, output),
        Command::Spec(arguments) => spec::run(arguments, output),
        Command::Chaos(arguments) => chaos::run(arguments, output),
        Command::Plan(arguments) => plan::run(arguments),
        Command::Replay(arguments) => replay::run(arguments, output),
        Command::Shrink(arguments) => shrink::run(arguments, output),
        Command::Merge(arguments) => merge::run(arguments, output),
        Command::Conform(arguments) => conform::run(arguments, output),
        Command::Drive(arguments) => drive::run(arguments),
        Command::Mutants(arguments) => mutants::run(arguments, output),
        Command::Completions(arguments) => completions::run::<Purlin>(arguments),
    }
}

/// Help and version were asked for; everything else that the parser says is bad input, told in one line.
fn answer_usage(answer: &clap::Error) -> ExitCode {
    if matches!(answer.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let printed = while_read(answer.print().and_then(|()| io::stdout().flush()));
        return printed.map_or_else(|failure| fail(&failure), |_| ExitCode::SUCCESS);
    }
    let text = answer.to_string();
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let problem = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let tip = paragraphs.find(|paragraph| paragraph.starts_with("tip: ")).unwrap_or("see `purlin --help`");
    fail(&Failure::new(format_args!("{problem} ({tip})")))
}

fn fail(failure: &Failure) -> ExitCode {
    // Where nobody can be told, the exit code still tells.
    let _ = writeln!(io::stderr(), "purlin: {failure}");
    ExitCode::from(Failure::EXIT)
}
