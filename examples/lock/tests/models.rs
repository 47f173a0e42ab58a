//! Goal: every quick model of the lock holds. Method: each is explored to its end.

use purlin_lock::models::models;
use purlin_models::{CheckReport, Model, Scope};

#[test]
fn every_quick_model_holds() {
    let quick = models().into_iter().filter(|model| model.scope() == Scope::Quick);
    let failed: Vec<CheckReport> = quick.map(|model| checked(&*model)).filter(|report| !report.holds()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn checked(model: &dyn Model) -> CheckReport {
    let report = model.check(&|_| ());
    report
}
