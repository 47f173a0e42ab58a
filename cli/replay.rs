//! `purlin replay`: one run again, byte for byte.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use crate::rooms;
use purlin_sim::report::{Effort, Origin, Report, Subject};
use purlin_sim::{Budget, Hash, InvalidPlan, Plan, Run, Scenario, Tier, Watch, sentence};
use serde::Serialize;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Run one simulation again, byte for byte
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The scenario
    scenario: String,
    #[command(flatten)]
    from: From,
    /// Where it runs: swarm or turmoil
    #[arg(long, default_value = "swarm")]
    tier: Tier,
    /// Write its history here, a line for each entry
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a report here: one page that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report into this directory, and beside it the trace, the plan and the clients' history as JSON, and the
    /// verdict as JUnit XML
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// What determines the run.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct From {
    /// The plan that this seed draws
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The plan in this file
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    scenario: &'a str,
    verdict: &'static str,
    property: Option<&'a str>,
    trace_hash: Hash,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let scenario = rooms::scenario(&arguments.scenario)?;
    let plan = arguments.from.plan(&scenario)?;
    check_outputs(arguments)?;
    tell_plan(&plan, output)?;
    let run = play(&scenario, arguments, &plan)?;
    if let Some(file) = &arguments.trace {
        write_trace(file, &run)?;
    }
    tell_run(&scenario, &plan, &run, output)?;
    Ok(Verdict::holds_if(run.verdict.holds()))
}

impl From {
    /// The plan, if there is one, that it determines.
    pub(crate) fn plan(&self, scenario: &Scenario) -> Result<Plan, Failure> {
        match (&self.plan, self.seed) {
            (Some(file), _) => {
                let text = read_plan(file)?;
                scenario.read(&text).map_err(|error| Failure::in_file(file, format_args!("this is no plan: {error}")))
            }
            (None, seed) => Ok(scenario.plan(seed.unwrap_or_default())),
        }
    }

    /// A plan in a file.
    #[cfg(test)]
    pub(crate) fn file_at(path: PathBuf) -> Self {
        Self { seed: None, plan: Some(path) }
    }

    /// The file that it was read from.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.plan.as_deref()
    }
}

fn play(scenario: &Scenario, arguments: &Arguments, plan: &Plan) -> Result<Run, Failure> {
    let tier = arguments.tier;
    let run = match (&arguments.html, &arguments.bundle, &arguments.trace) {
        (None, None, None) => scenario.run(tier, plan),
        (None, None, Some(_)) => scenario.run_traced(tier, plan),
        _ => return report(scenario, arguments, plan),
    };
    run.map_err(|error| blamed(arguments, error))
}

/// Runs the plan, explores its neighbourhood if it fails, and writes the report.
fn report(scenario: &Scenario, arguments: &Arguments, plan: &Plan) -> Result<Run, Failure> {
    let subject = Subject { scenario, tier: arguments.tier, plan, origin: origin(&arguments.from) };
    let report = Report::investigate(&subject, Effort::default()).map_err(|error| blamed(arguments, error))?;
    if let Some(file) = &arguments.html {
        write(file, &report.page())?;
    }
    if let Some(folder) = &arguments.bundle {
        fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error))?;
        report.bundle().iter().try_for_each(|(name, text)| write(&folder.join(name), text))?;
        write_test(scenario, arguments, plan, &folder.join("test.rs"))?;
    }
    Ok(report.into_run())
}

/// A run that broke a property leaves a test, whose plan holds every throw.
fn write_test(scenario: &Scenario, arguments: &Arguments, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let tier = arguments.tier;
    let watch = Watch { throws: true, ..Watch::default() };
    let run = scenario.run_watched(tier, plan, watch).map_err(|error| blamed(arguments, error))?;
    let Some(property) = run.verdict.property() else { return Ok(()) };
    let frozen = Plan { throws: run.throws.clone(), ..plan.clone() };
    write(file, &frozen.to_rust_test(property, &rooms::scenario_expression(scenario), tier))
}

fn origin(from: &From) -> Origin {
    match &from.plan {
        Some(file) => Origin::File(file.display().to_string()),
        None => Origin::Seed(from.seed.unwrap_or_default()),
    }
}

fn blamed(arguments: &Arguments, error: InvalidPlan) -> Failure {
    match &arguments.from.plan {
        Some(file) => Failure::in_file(file, error),
        None => Failure::new(error),
    }
}

fn write_trace(file: &Path, run: &Run) -> Result<(), Failure> {
    write(file, &run.trace.iter().flat_map(|line| [line, "\n"]).collect::<String>())
}

/// The longest file that is read as a plan, in bytes.
const PLAN_BYTES_MAX: u64 = 64 << 20;

/// The text of a plan, unless it is longer than any.
pub(crate) fn read_plan(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let opened = fs::File::open(file).and_then(|opened| opened.take(PLAN_BYTES_MAX + 1).read_to_string(&mut text));
    opened.map_err(|error| Failure::unreadable(file, &error))?;
    let mend = "this is no plan: it is longer than 64 MiB";
    if text.len() as u64 > PLAN_BYTES_MAX { Err(Failure::in_file(file, mend)) } else { Ok(text) }
}

/// A run is not begun whose results could not be kept, or would take the place of something else.
fn check_outputs(arguments: &Arguments) -> Result<(), Failure> {
    let outputs: Vec<&PathBuf> = [&arguments.trace, &arguments.html].into_iter().flatten().collect();
    let mut taken: Vec<PathBuf> = arguments.from.file().and_then(|plan| plan.canonicalize().ok()).into_iter().collect();
    for file in outputs {
        check_writable(file)?;
        let place = file.canonicalize().map_err(|error| Failure::unwritable(file, &error))?;
        if taken.contains(&place) {
            let mend = "this file would be written over: give each of the plan, the trace and the page its own";
            return Err(Failure::in_file(file, mend));
        }
        taken.push(place);
    }
    let mut folder = arguments.bundle.iter();
    folder.try_for_each(|folder| fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error)))
}

fn check_writable(file: &Path) -> Result<(), Failure> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    opened.map(drop).map_err(|error| Failure::unwritable(file, &error))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| Failure::unwritable(file, &error))
}

/// The plan comes first, so that whatever happens afterwards, it is known what ran.
fn tell_plan(plan: &Plan, output: Output) -> Result<(), Failure> {
    output.line(format_args!("noise {}", plan.noise))?;
    let options = sentence::of_options(plan).into_iter().map(|choice| vec![choice.name, choice.value]);
    output.table(&["option", "value"], options.collect())?;
    output.line(budget(&plan.budget))?;
    let faults = plan.faults.iter().enumerate();
    faults
        .map(|(number, fault)| format!("fault {number}: {}", sentence::of_fault(fault)))
        .try_for_each(|line| output.line(line))
}

fn budget(budget: &Budget) -> String {
    let Budget { down_at_once, destroyed, liveness } = budget;
    let recovers = if *liveness { "recovery is asserted" } else { "recovery is not asserted" };
    format!("budget: at most {down_at_once} nodes down at once, {destroyed} destroyed; {recovers}")
}

fn tell_run(scenario: &Scenario, plan: &Plan, run: &Run, output: Output) -> Result<(), Failure> {
    let (verdict, detail) = match &run.verdict {
        purlin_sim::Verdict::Holds => ("holds", None),
        purlin_sim::Verdict::Violated { detail, .. } => ("violated", Some(detail.as_str())),
    };
    let (name, property) = (scenario.name(), run.verdict.property());
    let told = match (property, detail) {
        (Some(property), Some(detail)) => format!("{property} is VIOLATED: {detail}"),
        _ => "every property holds".to_owned(),
    };
    let (faults, trace_hash) = (plan.faults.len(), run.trace_hash);
    output.line(format_args!("{name}: {told}; {faults} faults, {} events, hash {trace_hash}", run.events))?;
    output.document(&Document { scenario: name, verdict, property, trace_hash })
}
