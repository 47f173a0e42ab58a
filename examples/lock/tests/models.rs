//! Goal: every model of the lock holds. Method: each is explored to its end.

use purlin_lock::models::models;
use purlin_models::{CheckReport, Scope};

#[test]
fn every_quick_model_holds() {
    all_hold(Scope::Quick);
}

#[test]
#[ignore = "takes minutes: `purlin check lock --scope full` does the same"]
fn every_full_model_holds() {
    all_hold(Scope::Full);
}

fn all_hold(scope: Scope) {
    let asked_for = models().into_iter().filter(|model| model.scope() == scope);
    let reports = asked_for.map(|model| model.check(&|_| ()));
    let failed: Vec<CheckReport> = reports.filter(|report| !report.holds()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
