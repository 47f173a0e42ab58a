//! A mistake that the engine once made.

use crate::scenario;
use purlin_sim::{Fault, FaultKind, Plan, Tier};
use serde_json::json;

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
