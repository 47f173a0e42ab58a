//! `purlin plan`: what a seed draws, to be kept, edited and run; and what a plan may say.

use crate::failure::{Failure, Verdict};
use crate::output::print;
use crate::replay::read_plan;
use crate::rooms;
use std::path::PathBuf;

/// Print the plan that a seed draws, or the JSON Schema of a scenario's plans, or check a plan
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The scenario
    scenario: String,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Print the plan that this seed draws, as JSON
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Check the plan in this file, and print it as this command writes it
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Print the JSON Schema of the scenario's plans
    #[arg(long)]
    schema: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let scenario = rooms::scenario(&arguments.scenario)?;
    let text = match (&arguments.what.check, arguments.what.seed) {
        (Some(file), _) => {
            let text = read_plan(file)?;
            let plan = scenario.read(&text);
            plan.map_err(|error| Failure::in_file(file, format_args!("this is no plan: {error}")))?.to_json()
        }
        (None, Some(seed)) => scenario.plan(seed).to_json(),
        (None, None) => format!("{:#}\n", scenario.schema()),
    };
    // A plan is JSON for programs and for people alike.
    print(format_args!("{text}"))?;
    Ok(Verdict::Holds)
}
