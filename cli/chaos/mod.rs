//! `purlin chaos`: campaigns of seeded simulations.

mod asked;
mod junit;
mod tell;

pub(crate) use junit::write_junit;
pub(crate) use tell::{describe, tell};

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms;
pub(crate) use asked::parse_budget;
use asked::{AskedShard, Cluster};
use purlin_sim::{Campaign, Progress, Scenario, Shard, Summary, Tier, parse_seeds};
use serde::Serialize;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Where the plans of failed seeds go if nothing else is said.
const PLANS: &str = "target/purlin/chaos";

/// Run a campaign of seeded simulations
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The scenarios to run; all unless given
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Where they run: swarm or turmoil
    #[arg(long, default_value = "swarm")]
    tier: Tier,
    /// From seed A up to, and not including, B; 0..1000 in the swarm and 0..20 in turmoil unless given
    #[arg(long, value_name = "A..B", value_parser = parse_seeds, allow_hyphen_values = true)]
    seeds: Option<Range<u64>>,
    /// Run only the seeds whose remainder by N is I; N alone takes I from JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID
    #[arg(long, value_name = "I/N")]
    shard: Option<AskedShard>,
    /// Begin no seed after this much time, as in 45s, 30m or 2h; without --seeds there is no other end
    #[arg(long, value_name = "TIME", value_parser = parse_budget)]
    budget: Option<Duration>,
    /// Keep results and plans here; a campaign that was killed goes on where it was
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a report in JUnit's format here; junit.xml beside the results where they are kept
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    runs: Vec<Summary>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let scenarios = select(&arguments.scenarios)?;
    let shard = Cluster::of_environment()?.shard(arguments.shard)?;
    let began = Instant::now();
    let mut runs = Vec::new();
    for (index, scenario) in (1_u32..).zip(&scenarios) {
        // The budget is shared evenly; what one scenario leaves is the next one's.
        let until = arguments.budget.map(|budget| budget / scenarios.len() as u32 * index);
        let budget = until.map(|until| until.saturating_sub(began.elapsed()));
        let campaign = campaign(arguments, shard, budget);
        tell::announce(&campaign, scenario, output)?;
        let summary = run_campaign(&campaign, scenario, output)?;
        tell(&summary, output)?;
        runs.push(summary);
    }
    let holds = runs.iter().all(holds);
    let always = scenarios.iter().map(|scenario| scenario.always().collect::<Vec<_>>());
    let reports: Vec<_> = runs.iter().zip(always).collect();
    write_junit(arguments.junit.as_deref(), arguments.out.as_deref(), &reports)?;
    output.document(&Document { runs })?;
    Ok(Verdict::holds_if(holds))
}

fn select(names: &[String]) -> Result<Vec<Scenario>, Failure> {
    if names.is_empty() { Ok(rooms::scenarios()) } else { names.iter().map(|name| rooms::scenario(name)).collect() }
}

fn campaign(arguments: &Arguments, shard: Shard, budget: Option<Duration>) -> Campaign {
    let tier = arguments.tier;
    let seeds = arguments.seeds.clone().unwrap_or_else(|| default_seeds(tier, budget.is_some()));
    Campaign { shard, budget, out: arguments.out.clone(), threads: cores(), ..Campaign::new(tier, seeds) }
}

/// The seeds of a campaign that ends by its budget: every number that any JSON reader keeps exactly.
const SEEDS_MAX: u64 = 1 << 53;

fn default_seeds(tier: Tier, timed: bool) -> Range<u64> {
    match tier {
        _ if timed => 0..SEEDS_MAX,
        Tier::Swarm => 0..1_000,
        Tier::Turmoil => 0..20,
    }
}

fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Runs a campaign that is whole and keeps no results.
pub(crate) fn run_seeds(
    scenario: &Scenario,
    tier: Tier,
    seeds: Range<u64>,
    output: Output,
) -> Result<Summary, Failure> {
    run_campaign(&Campaign { threads: cores(), ..Campaign::new(tier, seeds) }, scenario, output)
}

/// Runs a campaign with a bar over its seeds, and keeps the plan of every seed that failed.
fn run_campaign(campaign: &Campaign, scenario: &Scenario, output: Output) -> Result<Summary, Failure> {
    // A campaign that ends by its budget has no share of its seeds to show.
    let length = u64::from(campaign.budget.is_none());
    let bar = output.progress(length, format!("{} / {}", scenario.name(), campaign.tier));
    let summary = campaign.run(scenario, &|progress| {
        if campaign.budget.is_none() {
            bar.set_length(progress.of);
        }
        bar.set_position(progress.done);
        bar.set_message(told(progress));
    });
    bar.finish_and_clear();
    let mut summary = summary.map_err(Failure::new)?;
    keep_plans(&mut summary, scenario)?;
    Ok(summary)
}

fn told(progress: Progress) -> String {
    let done = output::grouped(progress.done);
    if progress.failed == 0 { format!("{done} seeds") } else { format!("{done} seeds, {} failed", progress.failed) }
}

/// Where no results are kept, a failed seed still leaves its plan behind, so that anybody can run it again.
fn keep_plans(summary: &mut Summary, scenario: &Scenario) -> Result<(), Failure> {
    let tier = summary.tier;
    for (seed, plan) in summary.plans().filter(|(_, plan)| plan.is_none()) {
        let file = Path::new(PLANS).join(format!("{}-{tier}-{seed}.json", scenario.name()));
        let json = scenario.plan(seed).to_json();
        let written = fs::create_dir_all(PLANS).and_then(|()| fs::write(&file, json));
        written.map_err(|error| Failure::unwritable(&file, &error))?;
        *plan = Some(file);
    }
    Ok(())
}

/// No seed failed, and what should have been seen was seen. (In the full stack so few seeds need not see everything.)
pub(crate) fn holds(summary: &Summary) -> bool {
    summary.violated() == 0 && never_seen(summary).is_empty()
}

/// What should have happened in so many seeds and never did.
pub(crate) fn never_seen(summary: &Summary) -> &[String] {
    if summary.tier == Tier::Swarm && summary.is_vacuous() { &summary.unseen } else { &[] }
}
