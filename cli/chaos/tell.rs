//! A campaign in words.

use super::never_seen;
use crate::failure::Failure;
use crate::output::{Output, first_few, grouped, seconds};
use purlin_sim::{Campaign, Exemplar, FailureClass, Plan, Scenario, Summary};
use std::fs;
use std::path::Path;

/// So many seeds are few enough to tell beforehand what each of them has drawn.
const FEW: usize = 3;

/// Tells what a few seeds have drawn, before they are run.
pub(super) fn announce(campaign: &Campaign, scenario: &Scenario, output: Output) -> Result<(), Failure> {
    let seeds: Vec<u64> = campaign.seeds_here().take(FEW + 1).collect();
    if seeds.len() > FEW {
        return Ok(());
    }
    let mut drawn = seeds.into_iter().map(|seed| format!("seed {seed} draws {}", drawn(&scenario.plan(seed))));
    drawn.try_for_each(|line| output.line(format_args!("{}: {line}", scenario.name())))
}

/// What a seed has drawn, beside its faults.
fn drawn(plan: &Plan) -> String {
    let options = serde_json::to_string(&plan.options).expect("options hold only numbers, texts and lists");
    format!("noise {}, {} faults, options {options}", plan.noise, plan.faults.len())
}

/// The same of a plan that was kept; nothing if it cannot be read, since the failure itself has been told.
fn drawn_from(file: &Path) -> Option<String> {
    let plan = Plan::from_json(&fs::read_to_string(file).ok()?).ok()?;
    Some(drawn(&plan))
}

/// What a campaign found, failures by what they broke.
pub(crate) fn tell(summary: &Summary, output: Output) -> Result<(), Failure> {
    output.line(headline(summary))?;
    summary.classes.iter().try_for_each(|class| tell_class(summary, class, output))?;
    let never = never_seen(summary).iter();
    never.map(|what| format!("  never seen, so nothing is said of it: {what}")).try_for_each(|line| output.line(line))
}

fn headline(summary: &Summary) -> String {
    let [first, end] = summary.seeds;
    let verdict = match summary.violated() {
        0 => "all hold".to_owned(),
        count => format!("{} VIOLATED", grouped(count)),
    };
    format!(
        "{} / {} seeds {first}..{end}: {verdict} of {}{}, {} of them run again; {} events, {} simulated in {} of CPU; hash {}",
        summary.scenario,
        summary.tier,
        grouped(summary.judged()),
        if summary.complete { "" } else { " (not all of them)" },
        grouped(summary.rechecked),
        grouped(summary.events),
        seconds(summary.simulated_seconds),
        seconds(summary.cpu_seconds),
        summary.trace_hash,
    )
}

fn tell_class(summary: &Summary, class: &FailureClass, output: Output) -> Result<(), Failure> {
    output.line(format_args!("  {}: violated by {}", class.property, seeds_of(class)))?;
    let failed: Vec<&purlin_sim::Failure> =
        summary.failed.iter().filter(|failed| failed.property == class.property).collect();
    let told: Vec<String> = failed.iter().map(|failed| describe(summary, failed)).collect();
    first_few(&told).iter().try_for_each(|line| output.line(format_args!("    {line}")))?;
    // The first stands for the others: what it has drawn is told in full.
    let plan = failed.first().and_then(|first| Some((first.seed, drawn_from(first.plan.as_deref()?)?)));
    plan.map_or(Ok(()), |(seed, drawn)| output.line(format_args!("    seed {seed} drew {drawn}")))
}

/// How many seeds are of a class, and the best of them to begin with.
pub(super) fn seeds_of(class: &FailureClass) -> String {
    let FailureClass { fastest, smallest, .. } = class;
    let count = grouped(class.seeds);
    let of = |exemplar: &Exemplar| {
        format!("seed {} ({} faults, {} events)", exemplar.seed, exemplar.faults, grouped(exemplar.events))
    };
    match class.seeds {
        1 => of(fastest),
        _ => format!("{count} seeds; fastest {}, smallest {}", of(fastest), of(smallest)),
    }
}

/// What a failed seed has shown, and how to see it again.
pub(crate) fn describe(summary: &Summary, failed: &purlin_sim::Failure) -> String {
    let again = format!("purlin replay {} --tier {} --seed {}", summary.scenario, summary.tier, failed.seed);
    format!("{}; again: {again}", failed.detail)
}
