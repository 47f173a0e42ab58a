//! Code and specification, held against each other in every reachable state. Without Java: the specifications' graphs
//! are built in.

use purlin_models::spec::{Oracle, SpecReport, comparisons};
use std::collections::BTreeSet;

fn reports() -> Vec<SpecReport> {
    comparisons().iter().map(|comparison| comparison.compare(&Oracle::Golden).unwrap()).collect()
}

#[test]
fn every_state_of_the_code_does_what_its_specification_does() {
    for report in reports() {
        let scope = report.scope;
        assert_eq!(report.unexplained_code_steps, Vec::<String>::new(), "{scope}");
        assert_eq!(report.missing_spec_steps, Vec::<String>::new(), "{scope}");
        assert_eq!(report.unreached_spec_states, Vec::<String>::new(), "{scope}");
        assert!(report.holds(), "{scope}");
    }
}

#[test]
fn liveness_of_the_specification_is_liveness_of_the_code() {
    for report in reports() {
        assert_eq!(report.liveness_obstacles, Vec::<String>::new(), "{}", report.scope);
        assert!(report.refusals.is_empty(), "{}", report.scope);
    }
}

#[test]
fn every_action_of_a_specification_occurs_at_some_scope() {
    let occurring: BTreeSet<String> = reports().into_iter().flat_map(|report| report.labels.into_keys()).collect();
    let text = include_str!("../../specs/breaker/Breaker.tla");
    let next = text.lines().skip_while(|line| *line != "Next ==").skip(1).take_while(|line| !line.is_empty());
    let actions: BTreeSet<String> =
        next.flat_map(|line| line.split_whitespace().filter(|word| *word != "\\/")).map(str::to_owned).collect();
    assert!(actions.len() > 10, "{actions:?}");
    assert_eq!(occurring, actions);
}
