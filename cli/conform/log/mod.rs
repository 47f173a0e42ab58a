//! The format `raft_log/1`: operations on one durable log, the crashes and the damage in between included, on a simulated
//! disk.

mod bench;

use super::Case;
use super::compare::Mismatch;
use bench::{Difference, Making, run};
use purlin_sim::blocks::{self, Memory};
use serde_json::Value;

pub(super) fn judge(case: &Case) -> Result<(), Mismatch> {
    if case.ops.is_empty() || !case.rows.is_empty() {
        return Err(Mismatch::unreadable("a case of raft_log/1 has `ops` and no `rows`"));
    }
    let making: Making = serde_json::from_value(case.options.clone().into()).map_err(Mismatch::unreadable)?;
    run(&making, &case.ops, Memory::default()).map_err(mismatch)
}

fn mismatch(difference: Difference) -> Mismatch {
    match difference {
        Difference::Unreadable { .. } => Mismatch::unreadable(difference),
        Difference::Answer { row, expected, got } => {
            let told = |answer: Value| serde_json::json!({ "answer": answer });
            Mismatch { expected: told(expected), got: told(got) }.at_row(row)
        }
    }
}
