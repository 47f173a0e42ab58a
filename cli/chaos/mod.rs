//! `purlin chaos`: campaigns of seeded simulations.

mod asked;

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms;
pub(crate) use asked::parse_budget;
use asked::{AskedShard, Cluster};
use purlin_sim::{Campaign, Progress, Scenario, Shard, Summary, Tier, parse_seeds};
use serde::Serialize;
use std::collections::BTreeMap;
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
        let summary = run_campaign(&campaign, scenario, output)?;
        tell(&summary, output)?;
        runs.push(summary);
    }
    let holds = runs.iter().all(holds);
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
    for failed in summary.failed.iter_mut().filter(|failed| failed.plan.is_none()) {
        let file = Path::new(PLANS).join(format!("{}-{tier}-{}.json", scenario.name(), failed.seed));
        let plan = scenario.plan(failed.seed).to_json();
        let written = fs::create_dir_all(PLANS).and_then(|()| fs::write(&file, plan));
        written.map_err(|error| Failure::unwritable(&file, &error))?;
        failed.plan = Some(file);
    }
    Ok(())
}

/// No seed failed, and what should have been seen was seen. (In the full stack so few seeds need not see everything.)
pub(crate) fn holds(summary: &Summary) -> bool {
    summary.failed.is_empty() && never_seen(summary).is_empty()
}

/// What should have happened in so many seeds and never did.
pub(crate) fn never_seen(summary: &Summary) -> &[&'static str] {
    if summary.tier == Tier::Swarm && summary.is_vacuous() { &summary.unseen } else { &[] }
}

/// How many seeds were run.
pub(crate) fn seeds_run(summary: &Summary) -> u64 {
    summary.passed + summary.failed.len() as u64
}

/// The seeds that broke one property, in their order.
pub(crate) fn failed_by_property(summary: &Summary) -> BTreeMap<&str, Vec<&purlin_sim::Failure>> {
    let mut failed: BTreeMap<&str, Vec<&purlin_sim::Failure>> = BTreeMap::new();
    summary.failed.iter().for_each(|seed| failed.entry(&seed.property).or_default().push(seed));
    failed
}

/// What a failed seed has shown, and how to see it again.
pub(crate) fn describe(summary: &Summary, failed: &purlin_sim::Failure) -> String {
    let again = format!("purlin replay {} --tier {} --seed {}", summary.scenario, summary.tier, failed.seed);
    format!("{}; again: {again}", failed.detail)
}

fn tell(summary: &Summary, output: Output) -> Result<(), Failure> {
    let [first, end] = summary.seeds;
    let verdict = match summary.failed.len() {
        0 => "all hold".to_owned(),
        count => format!("{count} VIOLATED"),
    };
    output.line(format_args!(
        "{} / {} seeds {first}..{end}: {verdict} of {}{}; {} events, {} simulated in {} of CPU; hash {}",
        summary.scenario,
        summary.tier,
        output::grouped(seeds_run(summary)),
        if summary.complete { "" } else { " (time was over)" },
        output::grouped(summary.events),
        output::seconds(summary.simulated_seconds),
        output::seconds(summary.cpu_seconds),
        summary.trace_hash,
    ))?;
    for (property, seeds) in failed_by_property(summary) {
        output.line(format_args!("  {property}: violated by {} seeds", output::grouped(seeds.len() as u64)))?;
        let seeds: Vec<String> = seeds.into_iter().map(|failed| describe(summary, failed)).collect();
        output::first_few(&seeds).iter().try_for_each(|seed| output.line(format_args!("    {seed}")))?;
    }
    let never = never_seen(summary).iter();
    never.map(|what| format!("  never seen, so nothing is said of it: {what}")).try_for_each(|line| output.line(line))
}
