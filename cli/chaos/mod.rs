//! `purlin chaos`: campaigns of seeded simulations.

mod campaign;
mod ranges;
mod records;

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms;
pub(crate) use campaign::{Campaign, CampaignReport};
use purlin_sim::{Scenario, Tier, scenarios};
use ranges::{AskedShard, Cluster, parse_budget};
pub(crate) use ranges::{Seeds, Shard};
use records::Records;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where plans of failed seeds go if nothing else is said.
pub(crate) const OUT: &str = "target/purlin/chaos";

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
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    seeds: Option<Seeds>,
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
    runs: Vec<CampaignReport>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let scenarios = select(&arguments.scenarios)?;
    let shard = Cluster::of_environment()?.shard(arguments.shard)?;
    let began = Instant::now();
    let mut runs = Vec::new();
    for (index, scenario) in (1_u32..).zip(&scenarios) {
        // The budget is shared evenly; what one scenario leaves is the next one's.
        let deadline = arguments.budget.map(|budget| began + budget / scenarios.len() as u32 * index);
        let report = run_scenario(scenario, arguments, shard, deadline, output)?;
        tell(&report, output)?;
        runs.push(report);
    }
    let holds = runs.iter().all(CampaignReport::holds);
    output.document(&Document { runs })?;
    Ok(Verdict::holds_if(holds))
}

fn select(names: &[String]) -> Result<Vec<Scenario>, Failure> {
    if names.is_empty() { Ok(scenarios()) } else { names.iter().map(|name| rooms::scenario(name)).collect() }
}

fn run_scenario(
    scenario: &Scenario,
    arguments: &Arguments,
    shard: Shard,
    deadline: Option<Instant>,
    output: Output,
) -> Result<CampaignReport, Failure> {
    let tier = arguments.tier;
    let records = arguments.out.as_deref().map(|out| Records::open(records_file(out, scenario, tier, shard)));
    let records = records.transpose()?;
    let campaign = Campaign {
        scenario,
        tier,
        seeds: arguments.seeds.unwrap_or_else(|| default_seeds(tier, deadline.is_some())),
        shard,
        deadline,
        out: arguments.out.as_deref().unwrap_or(Path::new(OUT)),
        records: records.as_ref(),
    };
    run_campaign(&campaign, output)
}

fn records_file(out: &Path, scenario: &Scenario, tier: Tier, shard: Shard) -> PathBuf {
    out.join(format!("{}-{tier}-{}-of-{}.jsonl", scenario.name(), shard.index, shard.count))
}

fn default_seeds(tier: Tier, timed: bool) -> Seeds {
    match tier {
        _ if timed => Seeds(0, u64::MAX),
        Tier::Swarm => Seeds(0, 1_000),
        Tier::Turmoil => Seeds(0, 20),
    }
}

/// Runs a campaign with a bar over its seeds.
pub(crate) fn run_campaign(campaign: &Campaign<'_>, output: Output) -> Result<CampaignReport, Failure> {
    let endless = campaign.seeds.1 == u64::MAX;
    let seeds = (campaign.seeds.1 - campaign.seeds.0) / campaign.shard.count;
    let progress = output.progress(if endless { 0 } else { seeds }, campaign.scenario.name());
    let report = campaign.run(&progress);
    progress.finish_and_clear();
    report
}

/// The most failed seeds that are told one by one.
const TOLD_MAX: usize = 10;

fn tell(report: &CampaignReport, output: Output) -> Result<(), Failure> {
    let Seeds(first, end) = report.seeds;
    let verdict =
        if report.failed.is_empty() { "all hold".to_owned() } else { format!("{} VIOLATED", report.failed.len()) };
    output.line(format_args!(
        "{} / {} seeds {first}..{end}: {verdict} of {}; {} events, {} simulated in {} of CPU; hash {}",
        report.scenario,
        report.tier,
        report.seeds_run(),
        output::grouped(report.events),
        output::seconds(report.simulated_seconds),
        output::seconds(report.cpu_seconds),
        report.trace_hash,
    ))?;
    for failed in report.failed.iter().take(TOLD_MAX) {
        let again = format!("purlin replay {} --tier {} --seed {}", report.scenario, report.tier, failed.seed);
        output.line(format_args!("  {}: {again} (plan: {})", failed.property, failed.plan.display()))?;
    }
    if report.failed.len() > TOLD_MAX {
        output.line(format_args!("  … and {} more", report.failed.len() - TOLD_MAX))?;
    }
    let never = report.never_seen.iter();
    never.map(|what| format!("  never seen, so nothing is said of it: {what}")).try_for_each(|line| output.line(line))
}
