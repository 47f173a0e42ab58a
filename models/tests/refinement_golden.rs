//! Code and specification, held against each other in every reachable state. Without Java: the specifications' graphs
//! are built in.

use purlin_models::spec::{Oracle, SpecReport, comparisons};

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
