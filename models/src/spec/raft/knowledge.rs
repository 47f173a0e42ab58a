//! What a replica knows and does not write down, as it serialises: it shows that to nobody else.

use super::Tape;
use purlin::raft::{Member, Raft, Slots};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A replica's memory, as far as the specification speaks of it.
#[derive(Debug, Deserialize)]
pub(super) struct Knowledge {
    pub(super) commit: u64,
    pub(super) applied: u64,
    pub(super) leader: Option<Member>,
    pub(super) role: Role,
}

#[derive(Debug, Deserialize)]
pub(super) enum Role {
    Follower,
    PreCandidate(Poll),
    Candidate(Poll),
    Leader(Leader),
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    pub(super) granted: Slots,
    pub(super) refused: Slots,
}

#[derive(Debug, Deserialize)]
pub(super) struct Leader {
    pub(super) round: u64,
    pub(super) progress: Vec<Progress>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    pub(super) member: Member,
    pub(super) matched: u64,
    pub(super) next: u64,
    pub(super) commit_told: u64,
    pub(super) has_regressed: bool,
    pub(super) pace: Pace,
}

#[derive(Debug, Deserialize)]
pub(super) enum Pace {
    Probe { is_sent: bool },
    Stream(IgnoredAny),
    Snapshot(IgnoredAny),
}

impl Knowledge {
    /// # Errors
    /// If a replica no longer serialises like this.
    pub(super) fn of(raft: &Raft<Tape>) -> Result<Self, String> {
        let written = serde_json::to_vec(raft).map_err(|error| format!("a replica does not serialise: {error}"))?;
        serde_json::from_slice(&written).map_err(|error| format!("a replica serialises otherwise: {error}"))
    }

    /// How many heartbeats it has sent as the leader.
    pub(super) fn round(&self) -> u64 {
        if let Role::Leader(leader) = &self.role { leader.round } else { 0 }
    }
}
