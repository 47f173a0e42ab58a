//! A protocol and a scenario written outside the crate, of several nodes: both tiers, and the faults of networks.

mod cluster;
mod machine;

use cluster::Gossiping;
use purlin_sim::{Campaign, Fault, FaultKind, Law, Link, Nodes, Plan, Ratio, Scenario, Span, Summary, Tier};
use std::process::Command;

fn scenario() -> Scenario {
    Scenario::of_protocol::<Gossiping>()
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
fn full_stack_seeds_hold() {
    let summary = campaign(Tier::Turmoil, 6);
    assert_eq!(summary.failed, []);
    assert!(!summary.unseen.contains(&"a_word_arrived_twice".to_owned()), "{:?}", summary.unseen);
}

/// The faults that a cluster of several nodes knows, each for two seconds.
fn faults() -> Vec<FaultKind> {
    let [half, all] = [Ratio::new(1, 2).unwrap(), Ratio::ALL];
    let link = Some(Link { from: 0, to: 1 });
    let groups = [Nodes::NONE.with(0), Nodes::NONE.with(1)];
    let extra = Span::new(10, 300);
    vec![
        FaultKind::Lose { share: half, link: None },
        FaultKind::Lose { share: all, link },
        FaultKind::Duplicate { share: all, link: None },
        FaultKind::Delay { extra, law: Law::Even, link },
        FaultKind::Delay { extra, law: Law::Halving, link: None },
        FaultKind::Reorder { share: half, extra, link: None },
        FaultKind::Bridge { node: 1 },
        FaultKind::Ring,
        FaultKind::Flap { groups, cut_ms: 100, free_ms: 50 },
        FaultKind::Bandwidth { bytes_per_second: 100, queue_bytes: 200, link: None },
        FaultKind::Partition { groups, one_way: false },
        FaultKind::Partition { groups, one_way: true },
        FaultKind::Kill { node: 0 },
        FaultKind::PowerLoss { node: 0 },
        FaultKind::Usurp { node: 1 },
        FaultKind::Pause { node: 1 },
        FaultKind::Restart { node: 0 },
        FaultKind::SlowNode { node: 0, extra },
        FaultKind::Upgrade { node: 1, version: 1 },
        FaultKind::SlowDisk { node: 0, extra },
        FaultKind::TornWrite { node: 0 },
        FaultKind::BitRot { node: 0, bits: 3 },
        FaultKind::BitRot { node: 1, bits: 1_000 },
        FaultKind::MisdirectedWrite { node: 0 },
        FaultKind::FsyncError { node: 0 },
        FaultKind::FullDisk { node: 1 },
        FaultKind::ReadError { node: 0 },
        FaultKind::ClockJump { node: 0, forward_ms: 60_000 },
        FaultKind::ClockBack { node: 0, back_ms: 1_000 },
        FaultKind::ClockFreeze { node: 0 },
        FaultKind::ClockDrift { node: 0, drift_ppm: -10_000 },
        FaultKind::LoadedDie { node: 0, face: 0 },
        FaultKind::Spike { factor: 10 },
        FaultKind::Herd,
    ]
}

fn plan_with(kind: FaultKind) -> Plan {
    let fault = Fault { start_ms: 300, duration_ms: 2_000, kind };
    Plan { faults: vec![fault], ..scenario().plan(5) }
}

#[test]
fn each_kind_of_fault_alone_holds_in_both_tiers() {
    for kind in faults() {
        for tier in Tier::ALL {
            let run = scenario().run(tier, &plan_with(kind)).unwrap();
            assert!(run.verdict.holds(), "{tier}, {kind:?}: {:?}", run.verdict);
        }
    }
}

/// Goal: each fault does what it says in either tier. Method: the lines of the histories while it is in force.
#[test]
fn each_fault_is_felt_in_both_tiers() {
    for tier in Tier::ALL {
        let during = |kind| lines_during_fault(tier, kind);
        let count = |lines: &[String], parts: [&str; 2]| {
            lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
        };
        let [half, all] = [Ratio::new(1, 2).unwrap(), Ratio::ALL];
        let lost = during(FaultKind::Lose { share: all, link: None });
        assert!(count(&lost, ["sends to", ""]) > 10, "{tier}");
        assert!(count(&lost[lost.len() / 2..], ["hears from", ""]) == 0, "{tier}: everything is lost");
        let lossy = during(FaultKind::Lose { share: half, link: None });
        assert!(count(&lossy, ["hears from", ""]) < count(&lossy, ["sends to", ""]) * 3 / 4, "{tier}");
        let doubled = during(FaultKind::Duplicate { share: all, link: None });
        assert!(count(&doubled, ["hears from", ""]) > count(&doubled, ["sends to", ""]) * 3 / 2, "{tier}");
        let groups = [Nodes::NONE.with(0), Nodes::NONE.with(1)];
        let cut = during(FaultKind::Partition { groups, one_way: false });
        assert!(count(&cut[cut.len() / 2..], ["node 1 hears from node 0", ""]) == 0, "{tier}");
        let one_way = during(FaultKind::Partition { groups, one_way: true });
        let later = &one_way[one_way.len() / 2..];
        assert!(count(later, ["node 1 hears from node 0", ""]) == 0, "{tier}");
        assert!(count(later, ["node 0 hears from node 1", ""]) > 0, "{tier}");
        for (kind, word) in [
            (FaultKind::Kill { node: 0 }, "is killed"),
            (FaultKind::PowerLoss { node: 0 }, "loses its power"),
            (FaultKind::Usurp { node: 0 }, "taken over"),
            (FaultKind::Restart { node: 0 }, "is shut down"),
            (FaultKind::Upgrade { node: 0, version: 1 }, "is shut down"),
            (FaultKind::TornWrite { node: 0 }, "loses its power while it writes"),
            (FaultKind::FsyncError { node: 0 }, "ends because its disk fails"),
            (FaultKind::FullDisk { node: 0 }, "ends because its disk fails"),
            (FaultKind::ReadError { node: 0 }, "does not begin"),
            (FaultKind::BitRot { node: 0, bits: 100 }, "does not begin"),
        ] {
            let down = during(kind);
            assert_eq!(count(&down, ["node 0", word]), 1, "{tier}, {kind:?}: {down:#?}");
            let end = down.iter().position(|line| line.contains(word)).unwrap();
            assert_eq!(count(&down[end + 1..], ["is answered by node 0", ""]), 0, "{tier}: it is down");
        }
        let paused = during(FaultKind::Pause { node: 0 });
        assert_eq!(count(&paused[3..], ["is answered by node 0", ""]), 0, "{tier}: it stands still");
    }
}

fn lines_during_fault(tier: Tier, kind: FaultKind) -> Vec<String> {
    let run = scenario().run_traced(tier, &plan_with(kind)).unwrap();
    let lines = run.trace.into_iter().skip_while(|line| !line.contains("fault 0 begins"));
    lines.take_while(|line| !line.contains("fault 0 is over")).collect()
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
fn drawn_plans_are_valid_and_survive_being_written_and_read() {
    for seed in 0..300 {
        let plan = scenario().plan(seed);
        assert_eq!(scenario().read(&plan.to_json()).unwrap(), plan, "seed {seed}");
    }
}

#[test]
fn a_plan_that_is_not_valid_is_refused_with_what_where_and_how_to_mend() {
    for (path, value, told) in BAD_FIELDS {
        let plan = plan_with(FaultKind::Kill { node: 0 });
        let mut json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
        *json.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
        let error = scenario().read(&json.to_string()).unwrap_err().to_string();
        assert!(told.iter().all(|part| error.contains(part)), "{path} = {value}: {error}");
    }
}

const BAD_FIELDS: &[(&str, &str, &[&str])] = &[
    ("/options/workload/nodes", "0", &["options.workload.nodes is 0", "give 1 to 9"]),
    ("/options/workload/words", "-1", &["invalid value", "-1"]),
    ("/options/environment/link", r#"{"least_ms": 9, "most_ms": 3}"#, &["options.environment.link is 9 to 3 ms"]),
    ("/options/environment/sync/most_ms", "10001", &["options.environment.sync.most_ms is 10001", "10000"]),
    ("/options/environment/grain_ns", "0", &["options.environment.grain_ns is 0"]),
    ("/options/environment/safety_ms", "0", &["options.environment.safety_ms is 0"]),
    ("/options/environment/safety_ms", "86400000", &["options.environment.safety_ms", "a day"]),
    ("/options/environment/clocks", "[]", &["options.environment.clocks is a list of 0", "one clock for each of the"]),
    ("/options/environment/clocks/0/drift_ppm", "10001", &["options.environment.clocks[0].drift_ppm is 10001"]),
    ("/options/environment/clocks/0/ahead_ms", "10001", &["options.environment.clocks[0].ahead_ms is 10001"]),
    ("/faults/0/kind", r#"{"kill": {"node": 9}}"#, &["faults[0].kind.kill.node is 9", "give a node from 0 to"]),
    (
        "/faults/0/kind",
        r#""crash""#,
        &["faults[0].kind is crash", "this scenario knows all faults but those of called services"],
    ),
    ("/faults/0/kind", r#"{"lose": {"share": [1, 2], "link": [1, 1]}}"#, &["faults[0].kind.lose.link is [1, 1]"]),
    (
        "/faults/0/kind",
        r#"{"clock_jump": {"node": 0, "forward_ms": 0}}"#,
        &["faults[0].kind.clock_jump.forward_ms is 0"],
    ),
    (
        "/faults/0/kind",
        r#"{"partition": {"groups": [[0], []], "one_way": false}}"#,
        &["faults[0].kind.partition.groups[1] is []"],
    ),
    (
        "/faults/0/kind",
        r#"{"partition": {"groups": [[0], [1, 0]], "one_way": false}}"#,
        &["faults[0].kind.partition.groups is both with node 0"],
    ),
    ("/faults/0/kind", r#"{"partition": {"groups": [[0], [64]], "one_way": true}}"#, &["64 is no node"]),
    ("/faults/0/duration_ms", "9999999", &["faults[0].duration_ms", "safety phase"]),
];
