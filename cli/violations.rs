//! What does not hold, in words, and how to see it again.

use crate::chaos;
use crate::check::{kind_name, violated};
use crate::output::first_few;
use crate::spec::differences;
use crate::verify::RoomFindings;
use purlin_models::CheckReport;
use purlin_models::spec::SpecReport;
use purlin_sim::Summary;

/// One claim that does not hold.
pub(crate) struct Violation {
    pub(crate) claim: String,
    /// What was found instead, step by step or case by case.
    pub(crate) found: Vec<String>,
    /// The command that finds it again.
    pub(crate) command: String,
}

/// Every claim that does not hold in a room, once, however many states or seeds break it.
pub(crate) fn violations(room: &RoomFindings) -> Vec<Violation> {
    let models = room.models.iter().flat_map(broken_properties);
    let comparisons = room.comparisons.iter().flat_map(broken_comparison);
    let campaigns = room.campaigns.iter().flat_map(broken_campaign);
    models.chain(comparisons).chain(campaigns).collect()
}

fn broken_properties(report: &CheckReport) -> Vec<Violation> {
    let broken = violated(report).into_iter().map(|property| Violation {
        claim: format!("{}: {} {}", report.model, kind_name(property.kind), property.name),
        found: property.path.clone().unwrap_or_else(|| vec!["no state and no step shows it".to_owned()]),
        command: format!("purlin check {} --model '{}'", report.room, report.model),
    });
    let unfinished = Violation {
        claim: format!("{}: every reachable state is seen", report.model),
        found: vec!["the search did not come to its end".to_owned()],
        command: format!("purlin check {} --model '{}'", report.room, report.model),
    };
    let broken: Vec<Violation> = broken.collect();
    if broken.is_empty() && !report.complete { vec![unfinished] } else { broken }
}

fn broken_comparison(report: &SpecReport) -> Vec<Violation> {
    let broken = differences(report).into_iter().map(|difference| Violation {
        claim: format!("{}: {} {}", report.scope, difference.found.len(), difference.kind),
        found: first_few(&difference.found),
        command: format!("purlin spec {}", report.room),
    });
    broken.collect()
}

fn broken_campaign(summary: &Summary) -> Vec<Violation> {
    let (scenario, tier, [first, end]) = (&summary.scenario, summary.tier, summary.seeds);
    let command = format!("purlin chaos {scenario} --tier {tier} --seeds {first}..{end}");
    let failed = summary.classes.iter().map(|class| {
        let failed = summary.failed.iter().filter(|failed| failed.property == class.property);
        let found: Vec<String> = failed.map(|failed| chaos::describe(summary, failed)).collect();
        let claim = format!("{scenario} in {tier}: {}, {} seeds", class.property, class.seeds);
        Violation { claim, found: first_few(&found), command: command.clone() }
    });
    let unseen = chaos::never_seen(summary).iter().map(|what| Violation {
        claim: format!("{scenario} in {tier}: sometimes {what}"),
        found: vec!["no seed of the campaign has shown it".to_owned()],
        command: command.clone(),
    });
    failed.chain(unseen).collect()
}
