//! The format `raft_confchange/1`: the arithmetic of memberships.

use super::super::Case;
use super::super::compare::Mismatch;
use super::membership::{Configuration, WrittenChange, WrittenTransition, changes};
use purlin::raft::{ChangeError, Member, Membership};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) fn judge(case: &Case) -> Result<(), Mismatch> {
    match case.kind.as_str() {
        "sequence" | "random_sequence" => judge_sequence(&case.read()?),
        "plan" => judge_plan(&case.read()?),
        kind => Err(Mismatch::unreadable(format_args!("the kind `{kind}` of raft_confchange/1 is not known"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    start: Configuration,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    op: Operation,
    #[serde(default)]
    changes: Vec<WrittenChange>,
    #[serde(default)]
    auto_leave: bool,
    expect: Value,
    #[serde(rename = "line")]
    _line: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Simple,
    EnterJoint,
    LeaveJoint,
}

fn judge_sequence(sequence: &Sequence) -> Result<(), Mismatch> {
    let mut membership = sequence.start.to_membership()?;
    for (row, step) in sequence.steps.iter().enumerate() {
        let outcome = step.run(&membership).map_err(|mismatch| mismatch.at_row(row))?;
        hold(&step.expect, told(&outcome)).map_err(|mismatch| mismatch.at_row(row))?;
        membership = outcome.unwrap_or(membership);
    }
    Ok(())
}

impl Step {
    fn run(&self, membership: &Membership) -> Result<Result<Membership, ChangeError>, Mismatch> {
        let changes = changes(&self.changes, membership)?;
        Ok(match self.op {
            Operation::Simple => membership.simply(&changes),
            Operation::EnterJoint => membership.entered(&changes, self.auto_leave),
            Operation::LeaveJoint => membership.left(),
        })
    }
}

fn told(outcome: &Result<Membership, ChangeError>) -> Value {
    match outcome {
        Ok(membership) => json!({ "config": Configuration::from(membership) }),
        Err(error) => json!({ "error": error }),
    }
}

/// The order in which members are listed carries no meaning.
fn hold(expected: &Value, got: Value) -> Result<(), Mismatch> {
    let read = |value: &Value| serde_json::from_value::<Configuration>(value["config"].clone()).ok();
    let holds = *expected == got || (read(expected).is_some() && read(expected) == read(&got));
    if holds { Ok(()) } else { Err(Mismatch { expected: expected.clone(), got }) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    transition: WrittenTransition,
    changes: Vec<WrittenChange>,
    expect: Value,
}

/// What a request becomes shows in what it makes of members whom it does not name.
fn judge_plan(plan: &Plan) -> Result<(), Mismatch> {
    let bystanders = Membership::of_voters([u32::MAX, u32::MAX - 1].map(Member::new));
    let changes = changes(&plan.changes, &bystanders)?;
    let got = match bystanders.changed(plan.transition.into(), &changes) {
        Err(ChangeError::NotJoint) => json!({ "op": "leave_joint" }),
        Err(error) => json!({ "error": error }),
        Ok(next) if next.is_joint() => json!({ "op": "enter_joint", "auto_leave": next.auto_leave }),
        Ok(_) => json!({ "op": "simple" }),
    };
    if plan.expect == got { Ok(()) } else { Err(Mismatch { expected: plan.expect.clone(), got }) }
}
