//! Who is a member, and how that changes: section 6 of the paper, chapter 4 of the dissertation.

use super::member::Member;
use super::quorum::{Quorum, Slots};
use crate::nameless;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The members of a cluster. While a joint change is under way there are two halves of voters, and both decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Membership {
    /// Those who vote.
    pub voters: BTreeSet<Member>,
    /// Those who voted before; empty but during a joint change.
    pub outgoing: BTreeSet<Member>,
    /// Those who are sent everything and have no vote.
    pub learners: BTreeSet<Member>,
    /// Those of the outgoing half who become learners when it leaves.
    pub learners_next: BTreeSet<Member>,
    /// Whether the leader ends a joint change by itself.
    pub auto_leave: bool,
}

nameless!(Membership, Change, Transition);

/// One change of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Gives a vote: to somebody new, or to a learner.
    AddVoter(Member),
    /// Takes somebody in without a vote, or takes a vote away.
    AddLearner(Member),
    /// Sends somebody off.
    Remove(Member),
}

/// How changes come into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// At once where one voter differs at most, else through a joint membership that the leader leaves by itself.
    #[default]
    Auto,
    /// Through a joint membership that the leader leaves by itself.
    Implicit,
    /// Through a joint membership that stands until somebody leaves it, by a change without changes.
    Explicit,
}

/// Why a change is not admissible. Nothing was changed; whoever asked is to mend what is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeError {
    /// A joint change has to be left first.
    #[error("a joint change is under way: leave it first")]
    JointInProgress,
    /// A second joint change.
    #[error("a joint change is under way: leave it before another")]
    AlreadyJoint,
    /// There is nothing to leave.
    #[error("no joint change is under way: there is nothing to leave")]
    NotJoint,
    /// There are no members to begin with.
    #[error("the cluster has no voters: found it first")]
    EmptyConfig,
    /// Nobody would be left to vote.
    #[error("no voter would be left: keep at least one")]
    NoVotersLeft,
    /// More than one voter would differ.
    #[error("more than one voter would differ: use a joint change")]
    TooManyChanges,
    /// More members than there are slots.
    #[error("there would be more than {} members: remove some first", Slots::MAX)]
    TooManyMembers,
    /// Two incarnations of one node.
    #[error("{0} would be a member beside another incarnation of its own: remove that one in the same change")]
    TwoIncarnations(Member),
}

impl Membership {
    /// Voters and nobody else.
    pub fn of_voters(voters: impl IntoIterator<Item = Member>) -> Self {
        Self { voters: voters.into_iter().collect(), ..Self::default() }
    }

    /// Whether two halves decide.
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether the member votes in either half.
    pub fn is_voter(&self, member: Member) -> bool {
        self.voters.contains(&member) || self.outgoing.contains(&member)
    }

    /// Whether the member takes part at all.
    pub fn contains(&self, member: Member) -> bool {
        self.is_voter(member) || self.learners.contains(&member) || self.learners_next.contains(&member)
    }

    /// All members in their order: a member's place is its slot.
    pub fn everyone(&self) -> Vec<Member> {
        let sets = [&self.voters, &self.outgoing, &self.learners, &self.learners_next];
        let all: BTreeSet<Member> = sets.into_iter().flatten().copied().collect();
        all.into_iter().collect()
    }

    /// Who decides, in the slots of [`Membership::everyone`].
    pub fn quorum(&self) -> Quorum {
        let everyone = self.everyone();
        let slots = |half: &BTreeSet<Member>| half.iter().filter_map(|one| everyone.binary_search(one).ok()).collect();
        Quorum { incoming: slots(&self.voters), outgoing: slots(&self.outgoing) }
    }

    /// What a request for changes comes to.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn changed(&self, transition: Transition, changes: &[Change]) -> Result<Self, ChangeError> {
        match (transition, changes) {
            (Transition::Auto, []) => self.left(),
            (Transition::Explicit, []) if self.is_joint() => self.left(),
            (Transition::Auto, [_]) => self.simply(changes),
            (Transition::Auto | Transition::Implicit, _) => self.entered(changes, true),
            (Transition::Explicit, _) => self.entered(changes, false),
        }
    }

    /// Changes at once. One voter may differ at most, so that old and new majorities always meet.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn simply(&self, changes: &[Change]) -> Result<Self, ChangeError> {
        ensure(!self.is_joint(), ChangeError::JointInProgress)?;
        let next = self.applied(changes)?;
        ensure(self.voters.symmetric_difference(&next.voters).count() <= 1, ChangeError::TooManyChanges)?;
        next.checked()
    }

    /// Enters a joint change: from now on both halves decide.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn entered(&self, changes: &[Change], auto_leave: bool) -> Result<Self, ChangeError> {
        ensure(!self.is_joint(), ChangeError::AlreadyJoint)?;
        ensure(!self.voters.is_empty(), ChangeError::EmptyConfig)?;
        let joint = Self { outgoing: self.voters.clone(), auto_leave, ..self.clone() };
        joint.applied(changes)?.checked()
    }

    /// Leaves a joint change: the outgoing half decides no more.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn left(&self) -> Result<Self, ChangeError> {
        ensure(self.is_joint(), ChangeError::NotJoint)?;
        let learners = self.learners.union(&self.learners_next).copied().collect();
        Ok(Self { voters: self.voters.clone(), learners, ..Self::default() })
    }

    fn applied(&self, changes: &[Change]) -> Result<Self, ChangeError> {
        let mut next = self.clone();
        changes.iter().for_each(|change| next.apply(*change));
        ensure(!next.voters.is_empty(), ChangeError::NoVotersLeft)?;
        Ok(next)
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::AddVoter(member) => self.add_voter(member),
            Change::AddLearner(member) => self.add_learner(member),
            Change::Remove(member) => self.remove(member),
        }
    }

    fn add_voter(&mut self, member: Member) {
        self.remove(member);
        self.voters.insert(member);
    }

    fn add_learner(&mut self, member: Member) {
        if self.learners.contains(&member) || self.learners_next.contains(&member) {
            return;
        }
        self.voters.remove(&member);
        // Who still votes in the outgoing half cannot be a learner beside it.
        let learners = if self.outgoing.contains(&member) { &mut self.learners_next } else { &mut self.learners };
        learners.insert(member);
    }

    fn remove(&mut self, member: Member) {
        self.voters.remove(&member);
        self.learners.remove(&member);
        self.learners_next.remove(&member);
    }

    fn checked(self) -> Result<Self, ChangeError> {
        ensure(self.everyone().len() <= Slots::MAX, ChangeError::TooManyMembers)?;
        let staying: Vec<Member> = Self { outgoing: BTreeSet::new(), ..self.clone() }.everyone();
        let doubled = staying.windows(2).find(|pair| pair[0].id == pair[1].id);
        doubled.map_or(Ok(self), |pair| Err(ChangeError::TwoIncarnations(pair[1])))
    }
}

fn ensure(holds: bool, error: ChangeError) -> Result<(), ChangeError> {
    if holds { Ok(()) } else { Err(error) }
}
