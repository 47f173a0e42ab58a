//! Memberships and their changes, as vectors write them.

use super::super::compare::Mismatch;
use purlin::raft::{Change, Member, Membership, Transition};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configuration {
    voters: BTreeSet<u64>,
    #[serde(default)]
    voters_outgoing: BTreeSet<u64>,
    #[serde(default)]
    learners: BTreeSet<u64>,
    #[serde(default)]
    learners_next: BTreeSet<u64>,
    #[serde(default)]
    auto_leave: bool,
}

impl Configuration {
    pub(super) fn to_membership(&self) -> Result<Membership, Mismatch> {
        Ok(Membership {
            voters: members(&self.voters)?,
            outgoing: members(&self.voters_outgoing)?,
            learners: members(&self.learners)?,
            learners_next: members(&self.learners_next)?,
            auto_leave: self.auto_leave,
        })
    }
}

impl From<&Membership> for Configuration {
    fn from(membership: &Membership) -> Self {
        Self {
            voters: ids(&membership.voters),
            voters_outgoing: ids(&membership.outgoing),
            learners: ids(&membership.learners),
            learners_next: ids(&membership.learners_next),
            auto_leave: membership.auto_leave,
        }
    }
}

pub(super) fn member(id: u64) -> Result<Member, Mismatch> {
    Member::try_from(id).map_err(Mismatch::unreadable)
}

pub(super) fn id(member: Member) -> u64 {
    member.id.get().into()
}

fn members(ids: &BTreeSet<u64>) -> Result<BTreeSet<Member>, Mismatch> {
    ids.iter().map(|id| member(*id)).collect()
}

fn ids(members: &BTreeSet<Member>) -> BTreeSet<u64> {
    members.iter().map(|member| id(*member)).collect()
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenChange {
    op: ChangeOperation,
    node: u64,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeOperation {
    AddVoter,
    AddLearner,
    Remove,
    Update,
}

/// The changes of a request to this membership. One that changes nothing still counts as one: in its place a voter becomes
/// what it is.
pub(super) fn changes(written: &[WrittenChange], of: &Membership) -> Result<Vec<Change>, Mismatch> {
    let is_named = |member: &Member| written.iter().any(|change| change.node == id(*member));
    let bystander = of.voters.iter().copied().find(|member| !is_named(member));
    let changes = written.iter().filter_map(|change| change.to_change(bystander).transpose());
    changes.collect()
}

impl WrittenChange {
    fn to_change(self, bystander: Option<Member>) -> Result<Option<Change>, Mismatch> {
        if self.node == 0 || self.op == ChangeOperation::Update {
            return Ok(bystander.map(Change::AddVoter));
        }
        let make = match self.op {
            ChangeOperation::AddLearner => Change::AddLearner,
            ChangeOperation::Remove => Change::Remove,
            ChangeOperation::AddVoter | ChangeOperation::Update => Change::AddVoter,
        };
        member(self.node).map(make).map(Some)
    }
}

/// [`Transition`], whose own way to be written is not the vectors' to lean on.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenTransition {
    Auto,
    Implicit,
    Explicit,
}

impl From<WrittenTransition> for Transition {
    fn from(written: WrittenTransition) -> Self {
        match written {
            WrittenTransition::Auto => Self::Auto,
            WrittenTransition::Implicit => Self::Implicit,
            WrittenTransition::Explicit => Self::Explicit,
        }
    }
}
