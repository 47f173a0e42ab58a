//! Code and specification, held against each other in every reachable state. Without Java: the specifications' graphs
//! are built in.

use purlin_models::spec::{Oracle, SpecReport, comparisons};
use std::collections::BTreeSet;
use std::sync::LazyLock;

fn reports() -> &'static [SpecReport] {
    static REPORTS: LazyLock<Vec<SpecReport>> =
        LazyLock::new(|| comparisons().iter().map(|comparison| comparison.compare(&Oracle::Golden).unwrap()).collect());
    &REPORTS
}

#[test]
fn every_state_of_the_code_does_what_its_specification_does() {
    for report in reports() {
        let scope = (report.room, report.scope);
        assert_eq!(report.unexplained_code_steps, Vec::<String>::new(), "{scope:?}");
        assert_eq!(report.missing_spec_steps, Vec::<String>::new(), "{scope:?}");
        assert_eq!(report.unreached_spec_states, Vec::<String>::new(), "{scope:?}");
        assert!(report.holds(), "{scope:?}");
    }
}

#[test]
fn liveness_of_the_specification_is_liveness_of_the_code() {
    for report in reports() {
        assert_eq!(report.liveness_obstacles, Vec::<String>::new(), "{} {}", report.room, report.scope);
        assert!(report.refusals.is_empty(), "{} {}", report.room, report.scope);
    }
}

#[test]
fn every_action_of_a_specification_occurs_at_some_scope() {
    for (room, text) in [
        ("breaker", include_str!("../../specs/breaker/Breaker.tla")),
        ("queue", include_str!("../../specs/queue/Queue.tla")),
        ("raft", include_str!("../../specs/raft/Raft.tla")),
    ] {
        let of_room = reports().iter().filter(|report| report.room == room);
        let occurring: BTreeSet<&str> = of_room.flat_map(|report| report.labels.keys().map(String::as_str)).collect();
        let actions = actions(text);
        assert!(actions.len() > 10, "{actions:?}");
        assert_eq!(occurring, actions);
    }
}

/// The actions that a specification names, in the definition of its next step.
fn actions(text: &str) -> BTreeSet<&str> {
    let next = text.lines().skip_while(|line| *line != "Next ==").skip(1).take_while(|line| !line.is_empty());
    next.flat_map(str::split_whitespace).filter(|word| *word != "\\/").collect()
}
