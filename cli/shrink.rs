//! `purlin shrink`: the simplest plan that fails in the same way, and a Rust test that holds it.

use crate::chaos::parse_budget;
use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::replay::From;
use crate::rooms;
use purlin_sim::{Likelihood, Plan, Scenario, ShrinkError, ShrinkProgress, Shrinker, Shrunk, Tier};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Shrink a plan that fails to the simplest one that fails in the same way
///
/// Exits with 0 once a simpler plan is written, and with 2 if the plan does not fail at all. What was broken off, by its
/// budget or otherwise, goes on from where it was when the same command is given again.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The scenario
    scenario: String,
    #[command(flatten)]
    from: From,
    /// Where it fails: swarm or turmoil
    #[arg(long, default_value = "swarm")]
    tier: Tier,
    /// Try nothing new after this much time, as in 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = parse_budget)]
    budget: Option<Duration>,
    /// Write the plan here, and beside it a Rust test that holds it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Document<'a> {
    faults_before: usize,
    faults_after: usize,
    runs: u64,
    seconds: f64,
    plan: &'a Path,
    test: &'a Path,
    property: &'a str,
    complete: bool,
    likelihood: Likelihood,
    without: &'a [Likelihood],
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let scenario = rooms::scenario(&arguments.scenario)?;
    let plan = arguments.from.plan(&scenario)?;
    let test = test_path(&arguments.out)?;
    let shrunk = shrink(arguments, &scenario, &plan, output)?;
    write(&arguments.out, &shrunk.plan.to_json())?;
    write(&test, &shrunk.to_rust_test(&rooms::scenario_expression(&scenario), arguments.tier))?;
    tell(arguments, &shrunk, &test, output)?;
    Ok(Verdict::Holds)
}

/// The test stands beside the plan.
fn test_path(out: &Path) -> Result<PathBuf, Failure> {
    let test = out.with_extension("rs");
    let mend = "that is where its test goes: name the plan otherwise, as in plan.json";
    if test == out { Err(Failure::in_file(out, mend)) } else { Ok(test) }
}

fn shrink(arguments: &Arguments, scenario: &Scenario, plan: &Plan, output: Output) -> Result<Shrunk, Failure> {
    let mut checkpoint = arguments.out.clone().into_os_string();
    checkpoint.push(".progress");
    let shrinker =
        Shrinker { budget: arguments.budget, checkpoint: Some(checkpoint.into()), ..Shrinker::new(arguments.tier) };
    let bar = output.progress(0, scenario.name());
    let shrunk = shrinker.shrink(scenario, plan, &|progress| bar.set_message(told(progress)));
    bar.finish_and_clear();
    shrunk.map_err(|error| match (&error, arguments.from.file()) {
        (ShrinkError::Plan(_) | ShrinkError::DoesNotFail, Some(file)) => Failure::in_file(file, error),
        _ => Failure::new(error),
    })
}

fn told(ShrinkProgress { stage, faults, runs, fails_at }: ShrinkProgress) -> String {
    let runs = output::grouped(runs);
    format!("{faults} faults, fails at {:.3} s, {runs} runs: {stage}", fails_at.as_secs_f64())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| Failure::unwritable(file, &error))
}

fn tell(arguments: &Arguments, shrunk: &Shrunk, test: &Path, output: Output) -> Result<(), Failure> {
    let Shrunk { plan, class, faults_before, runs, complete, likelihood, without, .. } = shrunk;
    let (faults_after, seconds) = (plan.faults.len(), shrunk.took.as_secs_f64());
    let (grouped, took) = (output::grouped(*runs), output::seconds(seconds));
    output.line(format_args!("{faults_before} faults shrunk to {faults_after} in {grouped} runs, {took}"))?;
    output.line(format_args!("breaks {}; without its written throws in {}", class.property, share(*likelihood)))?;
    let faults = shrunk.loose.lines().into_iter().skip(2).zip(without);
    faults.into_iter().try_for_each(|(line, without)| output.line(necessity(&line, *without)))?;
    output.line(format_args!("{} is the plan, {} a test that holds it", arguments.out.display(), test.display()))?;
    if !complete {
        output.line("The budget was spent before nothing was left to try: give the same command again to go on.")?;
    }
    let (property, plan) = (class.property.as_str(), arguments.out.as_path());
    let (runs, complete, likelihood) = (*runs, *complete, *likelihood);
    let faults_before = *faults_before;
    output.document(&Document {
        faults_before,
        faults_after,
        runs,
        seconds,
        plan,
        test,
        property,
        complete,
        likelihood,
        without,
    })
}

fn share(Likelihood { failed, of }: Likelihood) -> String {
    format!("{failed} of {of} runs under fresh noises")
}

fn necessity(line: &str, without: Likelihood) -> String {
    let verdict = if without.failed == 0 { "necessary" } else { "perhaps unnecessary" };
    format!("  {line}: {verdict}, without it {} fail", share(without))
}
