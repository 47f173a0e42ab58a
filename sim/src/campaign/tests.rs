//! Campaigns: what they find, and what is left of them when they are killed.

use super::toy::Toy;
use super::*;
use crate::checker::Violation;
use crate::hash::Hash;
use crate::history::Watch;
use crate::plan::InvalidPlan;
use crate::simulation::Simulation;
use crate::{Merge, SAME_SEED_SAME_BYTES, scenarios};
use std::path::Path;

fn campaign(seeds: Range<u64>) -> Campaign {
    Campaign::new(Tier::Swarm, seeds)
}

fn run(campaign: &Campaign) -> Summary {
    let summary = campaign.run(&scenarios()[0], &|_| {}).unwrap();
    Summary { cpu_seconds: 0.0, ..summary }
}

#[test]
fn neither_threads_nor_their_order_change_what_is_found() {
    let alone = Campaign { threads: NonZeroUsize::MIN, ..campaign(0..24) };
    assert_eq!(run(&alone), run(&campaign(0..24)));
}

#[test]
fn the_hashes_of_shards_add_up_to_that_of_the_whole() {
    let shard = |index| Campaign { shard: Shard::new(index, 3).unwrap(), ..campaign(5..17) };
    let parts = (0..3).map(|index| run(&shard(index)));
    let merged = parts.fold(Hash::default(), |all, part| all.merged(part.trace_hash));
    assert_eq!(merged, run(&campaign(5..17)).trace_hash);
}

#[test]
fn a_failing_seed_is_told_with_its_property_and_its_plan_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = Scenario { swarm: |_, _| panic!("planted"), ..scenarios()[0] };
    let kept = Campaign { out: Some(directory.path().to_owned()), ..campaign(3..5) };
    let summary = kept.run(&scenario, &|_| {}).unwrap();
    assert_eq!((summary.passed, summary.failed.len()), (0, 2));
    let Failure { seed, property, plan, .. } = &summary.failed[0];
    assert_eq!((*seed, property.as_str()), (3, crate::NOTHING_PANICS));
    let json = std::fs::read_to_string(plan.as_ref().unwrap()).unwrap();
    assert_eq!(Plan::from_json(&json).unwrap(), scenario.plan(3));
}

/// A tier that is quick, and in which every third seed or so breaks one of two properties, told in words that are not all
/// letters.
fn quick(plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
    let broken = |property| Violation::new(property, "“it broke”\n\\ after {}…");
    let violation = match plan.noise % 6 {
        0 => Some(broken("nothing_is_a_sixth")),
        1 => Some(broken("nothing_is_more_than_a_sixth")),
        _ => None,
    };
    let trace = if watch.lines { vec![format!("noise {}", plan.noise)] } else { Vec::new() };
    Ok(Toy { violation, noise: plan.noise, events: plan.noise % 7, trace }.boxed())
}

fn quick_scenario() -> Scenario {
    Scenario { swarm: quick, ..scenarios()[0] }
}

/// The summary without what a campaign's time and place decide.
fn run_quick(campaign: &Campaign) -> Summary {
    let mut summary = campaign.run(&quick_scenario(), &|_| {}).unwrap();
    summary.plans().for_each(|(_, plan)| *plan = None);
    Summary { cpu_seconds: 0.0, ..summary }
}

fn kept_in(directory: &Path, seeds: Range<u64>) -> Campaign {
    Campaign { out: Some(directory.to_owned()), ..campaign(seeds) }
}

fn plans_of(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut plans: Vec<String> = files.filter(|name| name != "results.jsonl").collect();
    plans.sort_unstable();
    plans
}

#[test]
fn a_campaign_that_is_killed_at_any_byte_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path().join("results.jsonl");
    let unkilled = run_quick(&campaign(8..20));
    assert!(unkilled.classes.len() == 2 && unkilled.passed > 0, "some of everything");
    run_quick(&kept_in(directory.path(), 8..20));
    let (whole, plans) = (std::fs::read(&results).unwrap(), plans_of(directory.path()));
    assert!(plans.len() as u64 == unkilled.violated(), "{plans:?}");
    let lines: Vec<usize> = (0..whole.len()).filter(|byte| whole[*byte] == b'\n').collect();
    let (first, last) = (0..lines[0] + 20, lines[lines.len() - 3]..whole.len());
    for length in first.step_by(9).chain(last) {
        std::fs::write(&results, &whole[..length]).unwrap();
        assert_eq!(run_quick(&kept_in(directory.path(), 8..20)), unkilled, "torn off after {length} bytes");
    }
    assert_eq!(plans_of(directory.path()), plans);
}

#[test]
fn a_resumed_campaign_runs_only_what_was_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path().join("results.jsonl");
    run(&kept_in(directory.path(), 0..6));
    let text = std::fs::read_to_string(&results).unwrap();
    std::fs::write(&results, &text[..text.len() - 20]).unwrap();
    assert_eq!(run(&kept_in(directory.path(), 0..6)), run(&campaign(0..6)));
    let lines = std::fs::read_to_string(&results).unwrap();
    assert_eq!(lines.lines().count(), 1 + 5 + 1 + 1, "what was asked, five whole lines, the torn one, and one run");
    run(&kept_in(directory.path(), 0..6));
    assert_eq!(std::fs::read_to_string(&results).unwrap(), lines);
}

#[test]
fn a_plan_that_is_gone_is_written_again_when_a_campaign_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    run_quick(&kept_in(directory.path(), 8..20));
    let plans = plans_of(directory.path());
    std::fs::remove_file(directory.path().join(&plans[0])).unwrap();
    run_quick(&kept_in(directory.path(), 8..20));
    assert_eq!(plans_of(directory.path()), plans);
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// A tier in which each run depends on how many there were before it.
fn leaky(plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
    quick(&Plan { noise: RUNS.fetch_add(6, Ordering::Relaxed) + 2, ..plan.clone() }, watch)
}

#[test]
fn a_campaign_of_one_seed_finds_what_is_left_over_from_an_earlier_run() {
    let scenario = Scenario { swarm: leaky, ..scenarios()[0] };
    let summary = campaign(5..6).run(&scenario, &|_| {}).unwrap();
    assert_eq!((summary.failed[0].property.as_str(), summary.rechecked), (SAME_SEED_SAME_BYTES, 1));
    assert!(summary.failed[0].detail.contains("noise"), "{}", summary.failed[0].detail);
}

#[test]
fn shards_run_again_what_the_whole_runs_again() {
    let rechecked = |shard| run_quick(&Campaign { shard, ..campaign(3..300) }).rechecked;
    let shards = (0..7).map(|index| rechecked(Shard::new(index, 7).unwrap()));
    assert_eq!(shards.sum::<u64>(), rechecked(Shard::WHOLE));
    assert_eq!(rechecked(Shard::WHOLE), 1 + 15, "the first, and the multiples of 19");
}

/// The summary with the names of its plans, wherever they are.
fn placeless(mut summary: Summary) -> Summary {
    summary.plans().for_each(|(_, plan)| *plan = Some(plan.as_ref().unwrap().file_name().unwrap().into()));
    Summary { cpu_seconds: 0.0, ..summary }
}

#[test]
fn shards_of_any_split_and_on_any_threads_merge_to_the_whole() {
    let whole = tempfile::tempdir().unwrap();
    let whole = placeless(kept_in(whole.path(), 3..120).run(&quick_scenario(), &|_| {}).unwrap());
    assert!(whole.classes.len() == 2 && whole.failed.len() > 20 && !whole.unseen.is_empty(), "some of everything");
    for count in [1, 2, 3, 7] {
        let shards: Vec<_> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        for (index, directory) in (0..count).zip(&shards) {
            let (shard, threads) = (Shard::new(index, count).unwrap(), NonZeroUsize::new(1 + index as usize).unwrap());
            let part = Campaign { shard, threads, ..kept_in(directory.path(), 3..120) };
            assert!(part.run(&quick_scenario(), &|_| {}).unwrap().complete);
        }
        let out = tempfile::tempdir().unwrap();
        let mut merge = Merge::read(shards.iter().map(tempfile::TempDir::path)).unwrap();
        merge.keep(out.path()).unwrap();
        let merged = merge.campaigns().unwrap().remove(0);
        assert!(merged.missing.is_none());
        assert_eq!(placeless(merged.summary), whole, "{count} shards");
    }
}

#[test]
fn of_a_class_the_fastest_and_the_smallest_stand_out() {
    let summary = run_quick(&campaign(0..60));
    for class in &summary.classes {
        let all = summary.failed.iter().filter(|failed| failed.property == class.property);
        let plans: Vec<Plan> = all.map(|failed| quick_scenario().plan(failed.seed)).collect();
        assert_eq!(plans.len() as u64, class.seeds);
        let fastest = plans.iter().map(|plan| plan.noise % 7).min();
        let smallest = plans.iter().map(|plan| plan.faults.len() as u64).min();
        assert_eq!((Some(class.fastest.events), Some(class.smallest.faults)), (fastest, smallest));
    }
}

#[test]
fn only_so_many_failures_are_told_and_kept_but_all_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = Scenario { swarm: |_, _| panic!("planted"), ..scenarios()[0] };
    let most = Summary::FAILED_KEPT_MAX as u64;
    let alone = Campaign { threads: NonZeroUsize::MIN, ..kept_in(directory.path(), 0..most + 40) };
    let mut summary = alone.run(&scenario, &|_| {}).unwrap();
    assert_eq!((summary.failed.len() as u64, summary.violated()), (most, most + 40));
    assert_eq!(summary.failed.last().unwrap().seed, most - 1);
    assert!(summary.plans().all(|(_, plan)| plan.as_ref().is_some_and(|plan| plan.exists())));
    assert!(plans_of(directory.path()).len() as u64 <= most + 40);
}

#[test]
fn results_that_are_no_results_are_named_with_their_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("results.jsonl"), "{}\n").unwrap();
    let kept = Campaign { out: Some(directory.path().to_owned()), ..campaign(0..1) };
    let error = kept.run(&scenarios()[0], &|_| {}).unwrap_err().to_string();
    assert!(error.contains("results.jsonl") && error.contains("line 1"), "{error}");
}

#[test]
fn a_budget_that_is_over_leaves_the_campaign_incomplete() {
    let hurried = Campaign { budget: Some(Duration::ZERO), ..campaign(0..4) };
    let summary = run(&hurried);
    assert!(!summary.complete);
    assert_eq!(summary.passed, 0);
}
