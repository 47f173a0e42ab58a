//! The lock, held against its specification in every reachable state. With TLC where `TLA2TOOLS_JAR` says where it is.

use purlin_lock::spec::comparisons;
use purlin_models::spec::{Oracle, SpecReport};
use std::collections::BTreeSet;
use std::path::Path;

const README: &str = include_str!("../spec/README.md");

fn reports(oracle: &Oracle) -> Vec<SpecReport> {
    comparisons().iter().map(|comparison| comparison.compare(oracle).unwrap()).collect()
}

#[test]
fn every_state_of_the_lock_does_what_its_specification_does() {
    let reports = reports(&Oracle::Golden);
    for report in &reports {
        assert!(report.holds() && report.refusals.is_empty(), "{report:#?}");
        let sizes = [report.spec_states, report.spec_steps, report.model_states, report.model_steps];
        let row = format!("| {} | {} | {} | {} | {} |", report.scope, sizes[0], sizes[1], sizes[2], sizes[3]);
        assert!(README.lines().any(|line| line == row), "the README's row should be\n{row}");
    }
    let occurring: BTreeSet<&str> =
        reports.iter().flat_map(|report| report.labels.keys().map(String::as_str)).collect();
    assert_eq!(occurring, actions());
}

/// The actions that `Lock.tla` names.
fn actions() -> BTreeSet<&'static str> {
    let lines = include_str!("../spec/Lock.tla").lines().skip_while(|line| *line != "Next ==").skip(1);
    let words = lines.take_while(|line| !line.is_empty()).flat_map(str::split_whitespace);
    words.filter(|word| *word != "\\/").collect()
}

#[test]
fn every_requirement_that_the_specification_cites_stands_in_its_readme() {
    let text = include_str!("../spec/Lock.tla");
    let ids: BTreeSet<&str> = text.match_indices("LCK-").filter_map(|(at, _)| text.get(at..at + 6)).collect();
    let stated = |id: &&str| README.lines().any(|line| line.starts_with(&format!("| {id} |")));
    let missing: Vec<&&str> = ids.iter().filter(|id| **id != "LCK-..").filter(|id| !stated(id)).collect();
    assert!(ids.len() > 10 && missing.is_empty(), "{missing:?}");
}

#[test]
fn tlc_still_finds_the_golden_graphs_of_the_lock() {
    let Some(jar) = std::env::var_os("TLA2TOOLS_JAR").filter(|jar| !jar.is_empty()) else { return };
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let oracle = Oracle::Tlc { jar: jar.into(), specs, update: false };
    reports(&oracle).iter().for_each(|report| assert!(report.holds(), "{report:#?}"));
}
