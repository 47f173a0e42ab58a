//! What a replica does, and what it needs to know only for that.

use super::application::Application;
use super::entry::Entry;
use super::member::Member;
use super::membership::Membership;
use super::progress::Progress;
use super::quorum::{Quorum, Slots, Tally};
use super::reads::Confirmations;
use super::status::RoleName;
use crate::machine::{Epoch, Names};
use crate::protocol::Ticket;
use crate::time::Instant;
use derive_where::derive_where;
use serde::Serialize;
use std::collections::VecDeque;

/// What a replica does.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) enum Role<S: Application> {
    Follower,
    PreCandidate(Poll),
    Candidate(Poll),
    Leader(Box<Leader<S>>),
}

/// A vote that is under way among the members of the candidate's log, which do not change meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Poll {
    quorum: Quorum,
    granted: Slots,
    refused: Slots,
}

/// What only a leader knows.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Leader<S: Application> {
    /// The entry with which its term began.
    pub(super) since: u64,
    /// How far each member is, in the order of their slots, itself included.
    pub(super) progress: Vec<Progress>,
    pub(super) quorum: Quorum,
    /// The last heartbeat that was sent.
    pub(super) round: u64,
    /// What was proposed and is not in the log yet.
    pub(super) batch: Vec<Entry<S>>,
    /// A flush is on its way to oneself.
    pub(super) is_flushing: bool,
    /// Who waits for which entry, in their order.
    pub(super) proposals: VecDeque<Proposal>,
    /// How many bytes of entries are not committed, those of the batch included.
    pub(super) uncommitted_bytes: usize,
    pub(super) confirmations: Confirmations<S>,
    pub(super) transfer: Option<Transfer>,
    /// Where its own disk stood when the quorum was checked last, if it lagged.
    pub(super) lagged_at: Option<u64>,
}

/// Somebody waits for an entry to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Proposal {
    pub(super) index: u64,
    pub(super) ticket: Ticket,
}

/// The leadership is being handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Transfer {
    pub(super) to: Member,
    pub(super) ticket: Ticket,
    pub(super) is_told: bool,
}

impl Poll {
    pub(super) fn among(membership: &Membership) -> Self {
        Self { quorum: membership.quorum(), granted: Slots::default(), refused: Slots::default() }
    }

    /// Takes a voter's word. A vote that was given stays so; a refusal may be the answer to a request of an earlier term.
    pub(super) fn note(&mut self, slot: usize, granted: bool) {
        let side = if granted { &mut self.granted } else { &mut self.refused };
        side.insert(slot);
    }

    pub(super) fn tally(&self) -> Tally {
        self.quorum.tally(self.granted, self.refused)
    }
}

impl<S: Application> Leader<S> {
    pub(super) fn slot(&self, member: Member) -> Option<usize> {
        self.progress.binary_search_by_key(&member, |progress| progress.member).ok()
    }

    pub(super) fn of(&mut self, member: Member) -> Option<&mut Progress> {
        let slot = self.slot(member)?;
        Some(&mut self.progress[slot])
    }

    /// The members change: who stays keeps what is known of it.
    pub(super) fn reseat(&mut self, membership: &Membership, next: u64) {
        let members = membership.everyone();
        let known = core::mem::take(&mut self.progress);
        let seat = |member: Member| {
            let place = known.binary_search_by_key(&member, |progress| progress.member);
            place.map_or_else(|_| Progress::new(member, next), |place| known[place].clone())
        };
        self.progress = members.into_iter().map(seat).collect();
        self.quorum = membership.quorum();
    }
}

impl<S: Application> Role<S> {
    pub(super) fn name(&self) -> RoleName {
        match self {
            Self::Follower => RoleName::Follower,
            Self::PreCandidate(_) => RoleName::PreCandidate,
            Self::Candidate(_) => RoleName::Candidate,
            Self::Leader(_) => RoleName::Leader,
        }
    }

    pub(super) fn leader(&mut self) -> Option<&mut Leader<S>> {
        match self {
            Self::Leader(leader) => Some(leader),
            _ => None,
        }
    }
}

impl<S: Application> Names for Role<S> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        if let Self::Leader(leader) = self {
            leader.confirmations.instants(each);
        }
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}
