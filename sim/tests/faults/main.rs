//! Each kind of fault is proven by a planted mistake that survives every campaign until that fault is switched on.

mod bugs;
mod cluster;
mod engine;
mod machine;
mod table;

use bugs::Bug;
use cluster::Teamwork;
use purlin_sim::{Die, Fault, FaultKind, Plan, Run, Scenario, Tier, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::{OF_SERVICES, ROWS, Row, Scene};

/// Seeds of the campaigns without the fault, and of those with it.
const SEEDS_WITHOUT: usize = 100;
const SEEDS_WITH: usize = 20;
/// Short plans, so that there can be many.
const SAFETY_MS_MAX: u64 = 5_000;

fn scenario() -> Scenario {
    Scenario::of_protocol::<Teamwork>()
}

fn drawn() -> Vec<(u64, Value)> {
    let plans = (0..).map(|seed| (seed, serde_json::from_str::<Value>(&scenario().plan(seed).to_json()).unwrap()));
    let is_short = |plan: &Value| plan["options"]["environment"]["safety_ms"].as_u64().unwrap() <= SAFETY_MS_MAX;
    plans.filter(|(_, plan)| is_short(plan)).take(SEEDS_WITHOUT).collect()
}

/// A drawn plan in which nothing of these kinds is left, and to which these faults are added.
fn plan(drawn: &Value, bug: Option<Bug>, without: &[&str], with: Vec<Fault>) -> Plan {
    let mut plan = drawn.clone();
    plan["options"]["workload"]["bug"] = json!(bug);
    plan["budget"] = json!({"down_at_once": 4, "destroyed": 1, "liveness": true});
    for clock in plan["options"]["environment"]["clocks"].as_array_mut().unwrap() {
        *clock = json!({"ahead_ms": 10_000, "drift_ppm": 0});
    }
    let mut plan = scenario().read(&plan.to_string()).unwrap();
    plan.faults.retain(|fault| !without.contains(&fault.kind.name()));
    plan.faults.extend(with);
    plan
}

/// The plan of a row, with its fault or without.
fn plan_of(row: &Row, (seed, drawn): &(u64, Value), bug: Option<Bug>, with_fault: bool) -> Plan {
    let safety_ms = drawn["options"]["environment"]["safety_ms"].as_u64().unwrap();
    let die = &mut Die::new(*seed, "faults");
    let mut scene = Scene { die, safety_ms };
    let mut faults = (row.occasion)(&mut scene);
    if with_fault {
        faults.extend(scene.faults(row));
        // One node may be destroyed, and it is this one.
        faults.retain(|fault| row.kind == "destroy" || !matches!(fault.kind, FaultKind::Destroy { .. }));
    }
    let without = [&[row.kind], row.also].concat();
    plan(drawn, bug, &without, faults)
}

fn run(tier: Tier, plan: &Plan) -> Run {
    scenario().run(tier, plan).unwrap_or_else(|error| panic!("{error}: {}", plan.to_json()))
}

/// What is wrong with a row, if anything is.
fn disproof(row: &Row, drawn: &[(u64, Value)]) -> Option<String> {
    let Row { kind, bug, .. } = row;
    let verdict = |plan: &Plan| run(Tier::Swarm, plan).verdict;
    for each in drawn {
        let without = verdict(&plan_of(row, each, Some(*bug), false));
        if !without.holds() {
            return Some(format!("{bug:?} shows without {kind} at seed {}: {without:?}", each.0));
        }
    }
    for each in &drawn[..SEEDS_WITH] {
        let correct = verdict(&plan_of(row, each, None, true));
        if !correct.holds() {
            return Some(format!("without {bug:?} {kind} breaks something at seed {}: {correct:?}", each.0));
        }
    }
    let kinds = [&[*kind], row.also].concat();
    let missed = kinds.into_iter().find(|kind| !is_found(&Row { kind, ..*row }, drawn));
    missed.map(|kind| format!("{kind} does not bring {bug:?} to light"))
}

/// Whether the fault brings the mistake to light.
fn is_found(row: &Row, drawn: &[(u64, Value)]) -> bool {
    let plans = drawn.iter().take(SEEDS_WITH).map(|each| plan_of(row, each, Some(row.bug), true));
    plans.into_iter().any(|plan| run(Tier::Swarm, &plan).verdict.property() == Some(row.property))
}

#[test]
fn each_kind_of_fault_brings_a_mistake_to_light_that_nothing_else_does() {
    let (drawn, next) = (drawn(), AtomicUsize::new(0));
    let work = || {
        let rows = std::iter::from_fn(|| ROWS.get(next.fetch_add(1, Ordering::Relaxed)));
        rows.filter_map(|row| disproof(row, &drawn)).collect::<Vec<_>>()
    };
    let disproofs = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(disproofs.is_empty(), "{disproofs:#?}");
}

/// Every kind there is, as the schema of plans has it.
fn kinds() -> BTreeSet<String> {
    let schema = scenario().schema();
    let variants = schema["$defs"]["FaultKind"]["oneOf"].as_array().unwrap().clone();
    variants.iter().flat_map(names).collect()
}

fn names(variant: &Value) -> Vec<String> {
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let constant = variant["const"].as_str().map(str::to_owned);
    strings(&variant["enum"]).into_iter().chain(strings(&variant["required"])).chain(constant).collect()
}

#[test]
fn each_kind_of_fault_has_a_row() {
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.kind).chain(OF_SERVICES).map(str::to_owned).collect();
    assert_eq!(rows, kinds());
}

/// The mistakes are there in the full stack as well, and the same faults bring them to light.
#[test]
fn some_mistakes_are_found_in_the_full_stack_as_well() {
    let drawn = drawn();
    for kind in ["duplicate", "partition", "pause", "destroy", "upgrade", "loaded_die"] {
        let row = ROWS.iter().find(|row| row.kind == kind).unwrap();
        let plans = drawn.iter().take(SEEDS_WITH).map(|each| plan_of(row, each, Some(row.bug), true));
        let is_found = |plan: &Plan, tier| run(tier, plan).verdict.property() == Some(row.property);
        let plan = plans.filter(|plan| is_found(plan, Tier::Swarm)).take(3).find(|plan| is_found(plan, Tier::Turmoil));
        let plan = plan.unwrap_or_else(|| panic!("{kind} does not bring {:?} to light", row.bug));
        let correct = scenario().read(&plan.to_json().replace(&json!(row.bug).to_string(), "null")).unwrap();
        assert_eq!(run(Tier::Turmoil, &correct).verdict, Verdict::Holds, "{kind}");
    }
}
