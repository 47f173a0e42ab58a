//! How things stand, for people and metrics.

use super::member::Member;
use super::membership::Membership;
use crate::log::Boundary;
use crate::nameless;
use serde::{Deserialize, Serialize};

/// What a replica knows of itself and, if it leads, of the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// This replica.
    pub me: Member,
    /// What it does.
    pub role: RoleName,
    /// Its term.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<Member>,
    /// Up to which entry its log is committed.
    pub commit: u64,
    /// Up to which entry it is applied.
    pub applied: u64,
    /// The last entry that was dropped.
    pub first: Boundary,
    /// The last entry.
    pub last: Boundary,
    /// The last entry of its snapshot.
    pub snapshot: Boundary,
    /// Who is a member.
    pub membership: Membership,
    /// How far every member is; empty unless it leads.
    pub followers: Vec<FollowerStatus>,
}

/// How far a member is, as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FollowerStatus {
    /// Who.
    pub member: Member,
    /// Up to where its log is durable and the same.
    pub matched: u64,
    /// Whether it was heard of within an election timeout.
    pub is_active: bool,
    /// Whether a snapshot is on its way to it.
    pub is_sent_a_snapshot: bool,
    /// Whether it has lost what it had acknowledged.
    pub has_regressed: bool,
}

/// What a replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether it would be voted for.
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

nameless!(Status, FollowerStatus, RoleName);
