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

/// Under how many noises the plan that is left is run in the other tier.
const ELSEWHERE: u32 = 4;

/// How many lines of a plan come before its faults.
const PLAN_HEAD: usize = 3;

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
    elsewhere: Likelihood,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let scenario = rooms::scenario(&arguments.scenario)?;
    run_on(&scenario, &rooms::scenario_expression(&scenario), arguments, output)
}

/// `expression` is what the written test says for the scenario.
fn run_on(scenario: &Scenario, expression: &str, arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let test = test_path(&arguments.out)?;
    check_out(arguments)?;
    let plan = arguments.from.plan(scenario)?;
    let shrunk = shrink(arguments, scenario, &plan, output)?;
    write(&arguments.out, &shrunk.plan.to_json())?;
    write(&test, &shrunk.to_rust_test(expression, arguments.tier))?;
    tell(arguments, &shrunk, &test, output)?;
    Ok(Verdict::Holds)
}

/// The plan that is shrunk stays as it is.
fn check_out(arguments: &Arguments) -> Result<(), Failure> {
    let (from, out) = (arguments.from.file().map(Path::canonicalize), arguments.out.canonicalize());
    let same = matches!((from, out), (Some(Ok(from)), Ok(out)) if from == out);
    let mend = "this is the plan itself, which would be written over: give another file";
    if same { Err(Failure::in_file(&arguments.out, mend)) } else { Ok(()) }
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
    let (budget, checkpoint) = (arguments.budget, Some(checkpoint.into()));
    let shrinker = Shrinker { elsewhere: ELSEWHERE, budget, checkpoint, ..Shrinker::new(arguments.tier) };
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
    let document = Document::of(arguments, shrunk, test);
    let Document { faults_before, faults_after, runs, seconds, property, .. } = document;
    let (runs, took) = (output::grouped(runs), output::seconds(seconds));
    output.line(format_args!("{faults_before} faults shrunk to {faults_after} in {runs} runs, {took}"))?;
    let likelihood = share(shrunk.likelihood);
    output.line(format_args!("breaks {property}; without its written throws in {likelihood}"))?;
    let faults = shrunk.loose.lines().into_iter().skip(PLAN_HEAD).zip(&shrunk.without);
    faults.into_iter().try_for_each(|(line, without)| output.line(necessity(&line, *without)))?;
    output.line(format_args!("in the other tier it breaks the same property in {}", share(shrunk.elsewhere)))?;
    output.line(format_args!("{} is the plan, {} a test that holds it", arguments.out.display(), test.display()))?;
    if !shrunk.complete {
        output.line("the budget was spent before nothing was left to try: give the same command again to go on")?;
    }
    output.document(&document)
}

impl<'a> Document<'a> {
    fn of(arguments: &'a Arguments, shrunk: &'a Shrunk, test: &'a Path) -> Self {
        Self {
            faults_before: shrunk.faults_before,
            faults_after: shrunk.plan.faults.len(),
            runs: shrunk.runs,
            seconds: shrunk.took.as_secs_f64(),
            plan: &arguments.out,
            test,
            property: &shrunk.symptom.property,
            complete: shrunk.complete,
            likelihood: shrunk.likelihood,
            without: &shrunk.without,
            elsewhere: shrunk.elsewhere,
        }
    }
}

fn share(Likelihood { failed, of }: Likelihood) -> String {
    format!("{failed} of {of} runs under fresh noises")
}

fn necessity(line: &str, without: Likelihood) -> String {
    let verdict = match without {
        Likelihood { of: 0, .. } => "not tried without it",
        Likelihood { failed: 0, .. } => "necessary",
        _ => "perhaps unnecessary",
    };
    format!("  {line}: {verdict}; without it {} fail", share(without))
}

#[cfg(test)]
#[path = "../sim/tests/election/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "../sim/tests/election/machine.rs"]
mod machine;
#[cfg(test)]
#[path = "../sim/tests/election/storm.rs"]
mod storm;

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::{Mended, VotesAreNotSynced};

    fn arguments(folder: &Path) -> Arguments {
        let from = From::file_at(folder.join("storm.json"));
        let (tier, out) = (Tier::Swarm, folder.join("least.json"));
        Arguments { scenario: "electing".to_owned(), from, tier, budget: Some(Duration::from_secs(60)), out }
    }

    #[test]
    fn a_plan_that_fails_is_written_down_smaller_with_a_test_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let scenario = cluster::scenario::<VotesAreNotSynced>();
        let fails = |plan: &Plan| !scenario.run(Tier::Swarm, plan).unwrap().verdict.holds();
        let plan = (1_893..).map(storm::storm).find(fails).unwrap();
        let arguments = arguments(folder.path());
        fs::write(folder.path().join("storm.json"), plan.to_json()).unwrap();
        assert_eq!(run_on(&scenario, "electing()", &arguments, Output::new(true)).unwrap(), Verdict::Holds);
        let shrunk = scenario.read(&fs::read_to_string(&arguments.out).unwrap()).unwrap();
        assert!(fails(&shrunk) && shrunk.faults.len() <= 7);
        let test = fs::read_to_string(folder.path().join("least.rs")).unwrap();
        assert!(test.contains("let scenario = electing();") && test.contains(cluster::AT_MOST_ONE_LEADER_A_TERM));
        assert!(!folder.path().join("least.json.progress").exists());
        let mended = cluster::scenario::<Mended>();
        let refused = run_on(&mended, "electing()", &arguments, Output::new(true)).unwrap_err().to_string();
        assert!(refused.contains("storm.json") && refused.contains("nothing to shrink"), "{refused}");
    }
}
