//! Goal: every model of the lock holds. Method: each is explored to its end.

use purlin_lock::models::models;
use purlin_models::{CheckReport, Scope};

#[test]
fn every_quick_model_holds() {
    let quick = models().into_iter().filter(|model| model.scope() == Scope::Quick);
    let reports = quick.map(|model| model.check(&|_| ()));
    let failed: Vec<CheckReport> = reports.filter(|report| !report.holds()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
