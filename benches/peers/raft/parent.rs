//! Rounds over all cases, each measurement in a child process.

use crate::cases::{Case, Program};
use crate::child::MEASURE;
use crate::drive::Figures;
use crate::options::Options;
use crate::workload::Load;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one case came to.
pub(crate) struct Row {
    pub(crate) case: Case,
    /// One for each round.
    pub(crate) figures: Vec<Figures>,
    /// A proposal.
    pub(crate) instructions: Option<f64>,
}

/// Measures all cases whose program can be had here.
pub(crate) fn measure(mut cases: Vec<Case>, options: &Options) -> Result<Vec<Row>, String> {
    for codec in ["prost-codec", "protobuf-codec"] {
        let is_of_codec = |case: &Case| case.program == Program::RaftRs(codec);
        if cases.iter().any(is_of_codec) && !build_raft_rs(codec) {
            eprintln!("raft-rs with {codec} is left out: it cannot be built here. Mostly `protoc` is missing.");
            cases.retain(|case| !is_of_codec(case));
        }
    }
    let mut rows: Vec<Row> =
        cases.into_iter().map(|case| Row { case, figures: Vec::new(), instructions: None }).collect();
    for round in 1..=options.rounds {
        for row in &mut rows {
            eprintln!("round {round} of {}: {}", options.rounds, row.case.name);
            row.figures.push(figures(&row.case)?);
        }
    }
    if options.counts_instructions {
        for row in &mut rows {
            eprintln!("instructions: {}", row.case.name);
            row.instructions = Some(instructions_each(&row.case)?);
        }
    }
    Ok(rows)
}

fn build_raft_rs(codec: &str) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("raft-rs/Cargo.toml");
    let built = Command::new(cargo)
        .args(["build", "--locked", "--release", "--features", codec, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(raft_rs_target(codec))
        .status();
    built.is_ok_and(|status| status.success())
}

fn raft_rs_target(codec: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(codec)
}

/// The program, and what to tell it.
fn command(case: &Case, load: Load) -> Result<Vec<String>, String> {
    let program = match case.program {
        Program::Own => std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?,
        Program::RaftRs(codec) => raft_rs_target(codec).join("release/raft-rs"),
    };
    let words = [MEASURE.to_owned(), case.engine.to_owned()];
    let numbers = [load.window, load.payload as u64, load.proposals].map(|number| number.to_string());
    Ok([program.display().to_string()].into_iter().chain(words).chain(numbers).collect())
}

fn figures(case: &Case) -> Result<Figures, String> {
    let (printed, _) = run(&command(case, case.load)?)?;
    printed.trim().parse().map_err(|error| format!("{} printed {printed:?}: {error}", case.name))
}

/// Runs of these many proposals: past the first compaction, and two compactions apart. Whole windows, for an engine that waits
/// until its batches are full.
const PROPOSALS: [u64; 2] = [20_000, 45_000];

fn instructions_each(case: &Case) -> Result<f64, String> {
    let [few, many] = PROPOSALS;
    let more = instructions(case, many)?.saturating_sub(instructions(case, few)?);
    Ok(more as f64 / (many - few) as f64)
}

fn instructions(case: &Case, proposals: u64) -> Result<u64, String> {
    let valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"].map(str::to_owned);
    let command = [valgrind.to_vec(), command(case, Load { proposals, ..case.load })?].concat();
    let (_, told) =
        run(&command).map_err(|why| format!("{why}\nInstructions are counted by valgrind: is it installed?"))?;
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, instructions)| instructions.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind tells no instructions: {told}"))
}

/// What a program prints, and what it tells besides.
fn run(command: &[String]) -> Result<(String, String), String> {
    let failed = |why: String| format!("`{}` failed: {why}", command.join(" "));
    let output = Command::new(&command[0]).args(&command[1..]).output().map_err(|error| failed(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        return Err(failed(text(&output.stderr)));
    }
    Ok((text(&output.stdout), text(&output.stderr)))
}
