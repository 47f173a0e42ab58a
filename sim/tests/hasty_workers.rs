//! The queue among hasty workers in both tiers: it holds, it is deterministic, and its plans can be read and refused.

use purlin_sim::{Campaign, Fault, FaultKind, Plan, Scenario, Span, Summary, Tier, scenarios};
use std::collections::BTreeSet;
use std::process::Command;

fn scenario() -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name() == "hasty-workers").unwrap()
}

fn campaign(tier: Tier, seeds: u64) -> Summary {
    Campaign::new(tier, 0..seeds).run(&scenario(), &|_| {}).unwrap()
}

#[test]
fn two_hundred_swarm_seeds_hold_and_see_everything() {
    let summary = campaign(Tier::Swarm, Scenario::SEEDS_TO_SEE_EVERYTHING);
    assert_eq!(summary.failed, []);
    assert_eq!(summary.unseen, [""; 0]);
}

#[test]
fn full_stack_seeds_hold_although_the_power_goes_in_them() {
    let summary = campaign(Tier::Turmoil, 6);
    assert_eq!(summary.failed, []);
    for seen in ["the_power_went", "an_answer_stayed_unknown", "durable_records_were_read", "a_death_was_announced"] {
        assert!(!summary.unseen.contains(&seen.to_owned()), "{seen} was not seen");
    }
}

#[test]
fn a_plan_has_one_history_in_each_tier() {
    for (tier, seeds) in [(Tier::Swarm, 0..10), (Tier::Turmoil, 0..2)] {
        for seed in seeds {
            let plan = scenario().plan(seed);
            let [once, again] = [(); 2].map(|()| scenario().run_traced(tier, &plan).unwrap());
            assert_eq!(once.trace, again.trace, "{tier}, seed {seed}");
            assert_eq!(once.trace_hash, scenario().run(tier, &plan).unwrap().trace_hash, "a trace changes nothing");
        }
    }
}

fn hashes() -> String {
    format!("hashes {} {};", campaign(Tier::Swarm, 20).trace_hash, campaign(Tier::Turmoil, 2).trace_hash)
}

#[test]
#[allow(clippy::print_stdout, reason = "one process tells the other")]
fn every_process_has_the_same_histories() {
    if std::env::var_os("TELL_HASHES").is_some() {
        println!("{}", hashes());
        return;
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "every_process_has_the_same_histories", "--nocapture"];
    let output = Command::new(program).args(arguments).env("TELL_HASHES", "1").output().unwrap();
    let (told, own) = (String::from_utf8(output.stdout).unwrap(), hashes());
    assert!(told.contains(&own), "this process says {own:?}, the other {told}");
}

#[test]
fn every_kind_of_fault_of_a_single_node_is_drawn_and_no_other() {
    let kinds: BTreeSet<&str> =
        (0..100).flat_map(|seed| scenario().plan(seed).faults).map(|fault| fault.kind.name()).collect();
    let of_links = ["lose", "duplicate", "reorder", "delay", "partition", "bridge", "ring", "flap", "bandwidth"];
    assert_eq!(kinds.len(), 20, "{kinds:?}");
    assert!(of_links.iter().all(|kind| !kinds.contains(kind)), "{kinds:?}");
}

#[test]
fn drawn_plans_are_valid_and_survive_being_written_and_read() {
    for seed in 0..300 {
        let plan = scenario().plan(seed);
        assert_eq!(scenario().read(&plan.to_json()).unwrap(), plan, "seed {seed}");
    }
}

#[test]
fn a_plan_that_is_not_valid_is_refused_with_what_where_and_how_to_mend() {
    for (path, value, told) in BAD_FIELDS {
        let mut json: serde_json::Value = serde_json::from_str(&scenario().plan(3).to_json()).unwrap();
        *json.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
        let error = scenario().read(&json.to_string()).unwrap_err().to_string();
        assert!(told.iter().all(|part| error.contains(part)), "{path} = {value}: {error}");
    }
}

const BAD_FIELDS: &[(&str, &str, &[&str])] = &[
    ("/scenario", "\"flaky-bank\"", &["scenario is flaky-bank", "hasty-workers"]),
    ("/options/workload/producers", "0", &["options.workload.producers is 0", "give 1 to 1000"]),
    ("/options/workload/batch", "101", &["options.workload.batch is 101", "give 1 to 100"]),
    ("/options/workload/rest/least_ms", "0", &["options.workload.rest.least_ms is 0", "at least 1"]),
    ("/options/workload/mishaps", "[2, 1]", &["[2, 1] is no share"]),
    ("/options/workload/queue/max_attempts", "0", &["options.workload.queue.max_attempts is 0", "at least 1"]),
    ("/options/workload/queue/lease_ms", "320000000000", &["options.workload.queue.lease_ms is 320000000000"]),
    ("/options/workload/messages", "100000", &["options.environment.safety_ms", "a day"]),
    (
        "/faults/0/kind",
        r#"{"duplicate": {"share": [1, 2]}}"#,
        &["faults[0].kind is duplicate", "there is one node only"],
    ),
];

#[test]
fn each_kind_of_fault_alone_holds_in_both_tiers() {
    let node = 0;
    let kinds = [
        FaultKind::Kill { node },
        FaultKind::PowerLoss { node },
        FaultKind::Usurp { node },
        FaultKind::Pause { node },
        FaultKind::SlowDisk { node, extra: Span::new(20, 400) },
        FaultKind::ClockJump { node, forward_ms: 60_000 },
        FaultKind::ClockBack { node, back_ms: 2_000 },
        FaultKind::ClockFreeze { node },
        FaultKind::ClockDrift { node, drift_ppm: 10_000 },
        FaultKind::Restart { node },
        FaultKind::SlowNode { node, extra: Span::new(5, 20) },
        FaultKind::TornWrite { node },
        FaultKind::BitRot { node, bits: 4 },
        FaultKind::MisdirectedWrite { node },
        FaultKind::FsyncError { node },
        FaultKind::FullDisk { node },
        FaultKind::ReadError { node },
        FaultKind::LoadedDie { node, face: 1 },
        FaultKind::Spike { factor: 10 },
        FaultKind::Herd,
    ];
    for kind in kinds {
        let faults = (0..4).map(|number| Fault { start_ms: 200 + 900 * number, duration_ms: 400, kind }).collect();
        let plan = Plan { faults, ..scenario().plan(2) };
        for tier in Tier::ALL {
            let run = scenario().run(tier, &plan).unwrap();
            assert!(run.verdict.holds(), "{tier}, {kind:?}: {:?}", run.verdict);
        }
    }
}
