//! What can be shown of disks only by a mistake in the log itself, and a mistake that the engine once made.

use crate::table::Row;
use crate::{SEEDS_WITH, drawn, plan_of, run, scenario};
use purlin_sim::cluster::claims::WHAT_WAS_SYNCED_IS_FOUND_OR_REFUSED;
use purlin_sim::{Fault, FaultKind, Plan, Tier};
use serde_json::json;

/// Goal: a mistake of the log is found under one fault of disks, and under no other fault. Method: plant it (with
/// `git apply tests/mutants/log/<mistake>.patch`), name the fault in `FAULT` and run this test.
///
/// | fault | mistake |
/// |---|---|
/// | `bit_rot` | `reads_are_not_checked` |
/// | `misdirected_write` | `sectors_are_not_told_apart` |
#[test]
#[ignore = "wants a mistake planted in the log, and its fault named"]
fn a_mistake_of_the_log_shows_with_its_fault_and_with_no_other() {
    let fault = std::env::var("FAULT").expect("FAULT names a fault of disks");
    let row = crate::table::ROWS.iter().find(|row| row.kind == fault).expect("the fault has a row");
    let row = Row { also: &[], property: WHAT_WAS_SYNCED_IS_FOUND_OR_REFUSED, ..*row };
    let drawn = drawn();
    for each in &drawn {
        let without = run(Tier::Swarm, &plan_of(&row, each, None, false)).verdict;
        assert!(without.holds(), "without {fault}, seed {}: {without:?}", each.0);
    }
    let with = drawn.iter().take(SEEDS_WITH).map(|each| run(Tier::Swarm, &plan_of(&row, each, None, true)).verdict);
    let broken: Vec<_> = with.filter_map(|verdict| verdict.property().map(str::to_owned)).collect();
    assert!(broken.iter().any(|property| property == row.property), "{broken:?}");
}

/// Goal: a node that is told to stop while it opens its journal stays down. Method: the disk takes 300 ms, and an orderly
/// restart begins 50 ms after a kill is over.
#[test]
fn a_node_that_is_shut_down_while_it_opens_its_journal_stays_down() {
    let fault = |start_ms, duration_ms, kind| Fault { start_ms, duration_ms, kind };
    let faults =
        vec![fault(1_000, 100, FaultKind::Kill { node: 0 }), fault(1_150, 1_000, FaultKind::Restart { node: 0 })];
    let mut plan: serde_json::Value = serde_json::from_str(&scenario().plan(3).to_json()).unwrap();
    plan["options"]["environment"]["sync"] = json!({"least_ms": 300, "most_ms": 300});
    let plan = Plan { faults, ..scenario().read(&plan.to_string()).unwrap() };
    let run = scenario().run_traced(Tier::Swarm, &plan).unwrap();
    assert!(run.verdict.holds(), "{:?}", run.verdict);
    let after_stop = run.trace.iter().skip_while(|line| !line.contains("fault 1 begins"));
    let during: Vec<_> = after_stop.take_while(|line| !line.contains("fault 1 is over")).collect();
    assert!(!during.is_empty());
    assert!(!during.iter().any(|line| line.contains("node 0 begins")), "{during:#?}");
}
