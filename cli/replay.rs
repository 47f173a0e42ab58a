//! `purlin replay`: one run again, byte for byte.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use crate::rooms;
use purlin_sim::{Hash, Plan, Run, Scenario, Tier};
use serde::Serialize;
use std::fs;
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
    let run = play(&scenario, arguments, &plan)?;
    if let Some(file) = &arguments.trace {
        write_trace(file, &run)?;
    }
    tell(&scenario, &plan, &run, output)?;
    let verdict = if run.verdict.holds() { "holds" } else { "violated" };
    let property = run.verdict.property();
    output.document(&Document { scenario: scenario.name(), verdict, property, trace_hash: run.trace_hash })?;
    Ok(Verdict::holds_if(run.verdict.holds()))
}

impl From {
    /// The plan, if there is one, that it determines.
    pub(crate) fn plan(&self, scenario: &Scenario) -> Result<Plan, Failure> {
        match (&self.plan, self.seed) {
            (Some(file), _) => {
                let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
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
    let run = match arguments.trace {
        Some(_) => scenario.run_traced(arguments.tier, plan),
        None => scenario.run(arguments.tier, plan),
    };
    run.map_err(|error| match &arguments.from.plan {
        Some(file) => Failure::in_file(file, error),
        None => Failure::new(error),
    })
}

fn write_trace(file: &Path, run: &Run) -> Result<(), Failure> {
    let text: String = run.trace.iter().flat_map(|line| [line, "\n"]).collect();
    fs::write(file, text).map_err(|error| Failure::unwritable(file, &error))
}

fn tell(scenario: &Scenario, plan: &Plan, run: &Run, output: Output) -> Result<(), Failure> {
    let verdict = match &run.verdict {
        purlin_sim::Verdict::Holds => "every property holds".to_owned(),
        purlin_sim::Verdict::Violated { property, detail } => format!("{property} is VIOLATED: {detail}"),
    };
    let (name, faults, hash) = (scenario.name(), plan.faults.len(), run.trace_hash);
    output.line(format_args!("{name}: {verdict}; {faults} faults, {} events, hash {hash}", run.events))
}
