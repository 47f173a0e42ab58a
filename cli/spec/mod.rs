//! `purlin spec`: holds the code's graph against the specification's, state by state and both ways.

mod runs;
mod trace;

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms;
use purlin_models::spec::{Comparison, Oracle, SpecReport};
use purlin_models::tlc::Tlc;
use serde::Serialize;
use std::env;
use std::path::PathBuf;

/// The variable that says where TLC is.
const JAR: &str = "TLA2TOOLS_JAR";

/// Compare code and TLA+ specification, state by state
///
/// With TLA2TOOLS_JAR set to tla2tools.jar (TLC 2.15; Java 11 or newer) the specifications are checked afresh and their
/// graphs held against the golden ones. Without it the code is compared with the golden graphs alone; where CI=true
/// that is a failure.
///
/// With --runs or --trace, runs are explained by the room's specification instead, whatever their size.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The rooms that are compared; all unless given
    #[arg(value_name = "ROOM")]
    rooms: Vec<String>,
    /// Write the golden graphs afresh from what TLC finds
    #[arg(long)]
    update: bool,
    /// The folder of all rooms' specifications, for TLC; found above the present folder unless given
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
    /// Hold these seeds of the room's simulation against its specification instead, line by line; needs TLC
    #[arg(long, value_name = "A..B", conflicts_with = "update")]
    runs: Option<String>,
    /// Hold the run in this file, as JSON, against its room's specification instead; needs TLC
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rooms", "update", "specs", "runs"])]
    trace: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    runs: Vec<SpecReport>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    if let Some(seeds) = &arguments.runs {
        return validate_runs(&arguments.rooms, seeds, output);
    }
    if let Some(file) = &arguments.trace {
        return trace::run(file, output);
    }
    let comparisons: Vec<_> = rooms::select(&arguments.rooms)?.into_iter().flat_map(|room| room.comparisons).collect();
    let oracle = oracle(arguments)?;
    if oracle == Oracle::Golden {
        output.line(format_args!("TLC skipped: {JAR} is not set; comparing with the golden graphs"))?;
    }
    let mut runs = Vec::new();
    for comparison in &comparisons {
        let report = compare(comparison.as_ref(), &oracle, output)?;
        tell(&report, output)?;
        runs.push(report);
    }
    let holds = runs.iter().all(SpecReport::holds);
    output.document(&Document { runs })?;
    Ok(Verdict::holds_if(holds))
}

/// The only room, as yet, whose specification explains runs.
const ROOM_WITH_RUNS: &str = "queue";

fn validate_runs(rooms: &[String], seeds: &str, output: Output) -> Result<Verdict, Failure> {
    if let Some(other) = rooms.iter().find(|room| *room != ROOM_WITH_RUNS) {
        return Err(Failure::new(format_args!("`{other}` has no specification of runs: give {ROOM_WITH_RUNS}")));
    }
    let seeds = purlin_sim::parse_seeds(seeds).map_err(|error| Failure::new(format_args!("--runs: {error}")))?;
    let jar = env::var_os(JAR).filter(|jar| !jar.is_empty());
    let jar = jar.ok_or_else(|| Failure::new(format_args!("--runs needs TLC: set {JAR} to tla2tools.jar")))?;
    let tlc = Tlc::at(jar).map_err(Failure::new)?;
    runs::run(seeds, &tlc, output)
}

fn oracle(arguments: &Arguments) -> Result<Oracle, Failure> {
    let Some(jar) = env::var_os(JAR).filter(|jar| !jar.is_empty()) else { return without_tlc(arguments) };
    let specs = arguments.specs.clone().map_or_else(find_specs, Ok)?;
    if !specs.is_dir() {
        return Err(Failure::in_file(&specs, "there is no such folder of specifications"));
    }
    Ok(Oracle::Tlc { jar: jar.into(), specs, update: arguments.update })
}

fn without_tlc(arguments: &Arguments) -> Result<Oracle, Failure> {
    let mend = format!("set {JAR} to the path of tla2tools.jar");
    if arguments.update {
        return Err(Failure::new(format_args!("only TLC can write golden graphs: {mend}")));
    }
    if env::var("CI").is_ok_and(|ci| ci == "true") {
        return Err(Failure::new(format_args!("TLC would be skipped, which CI=true forbids: {mend}")));
    }
    if arguments.specs.is_some() {
        return Err(Failure::new(format_args!("only TLC reads the specifications in --specs: {mend}")));
    }
    Ok(Oracle::Golden)
}

/// The nearest folder `specs` at or above the present one.
fn find_specs() -> Result<PathBuf, Failure> {
    let here = env::current_dir().map_err(|error| Failure::new(format_args!("there is no present folder: {error}")))?;
    let found = here.ancestors().map(|folder| folder.join("specs")).find(|folder| folder.is_dir());
    found.ok_or_else(|| Failure::in_file(&here, "no folder `specs` at or above this one: give it with --specs"))
}

/// Compares at one scope, with a spinner.
pub(crate) fn compare(comparison: &dyn Comparison, oracle: &Oracle, output: Output) -> Result<SpecReport, Failure> {
    let spinner = output.progress(0, format!("{} / {}", comparison.room(), comparison.name()));
    let report = comparison.compare(oracle);
    spinner.finish_and_clear();
    report.map_err(Failure::new)
}

/// One way in which code and specification differ, and where.
pub(crate) struct Difference {
    pub(crate) kind: &'static str,
    pub(crate) found: Vec<String>,
}

/// All ways in which they differ.
pub(crate) fn differences(report: &SpecReport) -> Vec<Difference> {
    let violated = report.properties.iter().filter(|property| !property.holds).map(|property| property.name.clone());
    let kinds = [
        ("steps of the code that the specification does not know", report.unexplained_code_steps.clone()),
        ("steps of the specification that the code does not offer", report.missing_spec_steps.clone()),
        ("states of the specification that the code does not reach", report.unreached_spec_states.clone()),
        ("claims of the specification that TLC finds violated", violated.collect()),
    ];
    let differences = kinds.into_iter().map(|(kind, found)| Difference { kind, found });
    differences.filter(|difference| !difference.found.is_empty()).collect()
}

fn tell(report: &SpecReport, output: Output) -> Result<(), Failure> {
    let verdict = if report.holds() { "equal both ways" } else { "DIFFERENT" };
    let (model, spec) = (output::grouped(report.model_states), output::grouped(report.spec_states));
    output.line(format_args!(
        "{} / {}: {verdict}; {model} states of the code on {spec} of the specification, at most {} on one; fields {}; {}; {}",
        report.room,
        report.scope,
        report.widest_fibre,
        report.fields.join(" "),
        liveness(report),
        output::seconds(report.seconds),
    ))?;
    differences(report).iter().try_for_each(|difference| tell_difference(difference, output))
}

/// Whether the specification's claims of liveness hold of the code because both graphs are alike.
fn liveness(report: &SpecReport) -> &'static str {
    if report.liveness_carries_over { "liveness carries over" } else { "liveness is decided on the code's graph" }
}

fn tell_difference(difference: &Difference, output: Output) -> Result<(), Failure> {
    output.line(format_args!("  {}: {}", difference.found.len(), difference.kind))?;
    output::first_few(&difference.found).iter().try_for_each(|found| output.line(format_args!("    {found}")))
}
