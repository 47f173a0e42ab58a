//! Elections: section 5.2 and 5.4.1 of the paper; pre-vote, quorum checks and true voters: sections 9.6 and 6.2 of the
//! dissertation.

use super::alphabet::{Body, Event, SteppedDown, Timer};
use super::application::Application;
use super::config::Config;
use super::entry::Payload;
use super::image::Record;
use super::machine::{Raft, World};
use super::member::Member;
use super::progress::{Pace, Progress};
use super::quorum::{Slots, Tally};
use super::reads::Confirmations;
use super::role::{Leader, Poll, Role};
use crate::log::Boundary;
use crate::protocol::{Errands, Fence};
use std::collections::VecDeque;

/// Standing for election.
impl<S: Application> Raft<S> {
    pub(super) fn stand_if_voter(&mut self, config: &Config, host: World<'_, S>) {
        if self.leads() {
            return;
        }
        self.await_leader(config, host);
        if !self.image.membership().is_voter(config.me()) {
            // It may have been sent off without a word: then it hears from nobody again, and knows of no leader.
            return self.know_leader(None, host);
        }
        self.is_sticky = false;
        if config.settings().pre_vote { self.ask_around(config, host) } else { self.stand(config, false, host) }
    }

    /// Asks who would vote, and changes nothing.
    fn ask_around(&mut self, config: &Config, host: World<'_, S>) {
        self.know_leader(None, host);
        let mut poll = Poll::among(self.image.membership());
        self.slot_of(config.me()).into_iter().for_each(|slot| poll.note(slot, true));
        let is_won = poll.tally() == Tally::Won;
        self.role = Role::PreCandidate(poll);
        if is_won {
            return self.stand(config, false, host);
        }
        let last = self.image.log.last();
        for member in self.other_voters(config) {
            self.say_in(self.image.term + 1, host, member, Body::PreVote { last }, Fence::None);
        }
    }

    /// Stands for election in the next term. One's own vote counts once it is durable, and others are asked no earlier.
    fn stand(&mut self, config: &Config, forced: bool, host: World<'_, S>) {
        self.know_leader(None, host);
        let Some(term) = self.image.term.checked_add(1) else { return };
        self.write(Record::Term { term, vote: Some(config.me()) }, host);
        self.role = Role::Candidate(Poll::among(self.image.membership()));
        self.say(host, config.me(), Body::Voted { granted: true });
        let last = self.image.log.last();
        for member in self.other_voters(config) {
            self.say(host, member, Body::Vote { last, forced });
        }
    }

    pub(super) fn on_timeout_now(&mut self, config: &Config, host: World<'_, S>) {
        if !self.leads() && self.image.membership().is_voter(config.me()) {
            self.await_leader(config, host);
            self.stand(config, true, host);
        }
    }

    pub(super) fn on_pre_voted(&mut self, config: &Config, from: Member, term: u64, granted: bool, host: World<'_, S>) {
        if !granted && term > self.image.term {
            return self.enter_term(config, term, host);
        }
        let (slot, own) = (self.slot_of(from), self.image.term);
        let Role::PreCandidate(poll) = &mut self.role else { return };
        let is_current = !granted || term == own + 1;
        slot.filter(|_| is_current).into_iter().for_each(|slot| poll.note(slot, granted));
        match poll.tally() {
            Tally::Won => self.stand(config, false, host),
            Tally::Lost => self.role = Role::Follower,
            Tally::Pending => {}
        }
    }

    pub(super) fn on_voted(&mut self, config: &Config, from: Member, granted: bool, host: World<'_, S>) {
        let slot = self.slot_of(from);
        let Role::Candidate(poll) = &mut self.role else { return };
        slot.into_iter().for_each(|slot| poll.note(slot, granted));
        match poll.tally() {
            Tally::Won => self.lead(config, host),
            // The vote of this term stays given: to oneself.
            Tally::Lost => self.role = Role::Follower,
            Tally::Pending => {}
        }
    }

    /// Begins to lead with an entry of the new term: only that tells, once it is committed, what else is.
    fn lead(&mut self, config: &Config, host: World<'_, S>) {
        let last = self.image.log.last().index;
        let mut leader = Leader {
            since: last + 1,
            progress: Vec::<Progress>::new(),
            quorum: self.image.membership().quorum(),
            round: 0,
            batch: Vec::new(),
            is_flushing: false,
            proposals: VecDeque::new(),
            uncommitted_bytes: 0,
            confirmations: Confirmations::default(),
            transfer: None,
            lagged_at: None,
        };
        leader.reseat(self.image.membership(), last + 1);
        self.role = Role::Leader(Box::new(leader));
        self.incoming = None;
        self.know_leader(Some(config.me()), host);
        host.disarm(Timer::Election);
        host.arm(Timer::CheckQuorum, config.election_timeout());
        host.arm(Timer::Heartbeat, config.heartbeat());
        self.begin_round(config, host);
        self.push(Payload::Empty);
        self.flush(config, host);
        self.settle_transfer(host);
    }
}

/// Voting.
impl<S: Application> Raft<S> {
    pub(super) fn on_pre_vote(&mut self, config: &Config, from: Member, term: u64, last: Boundary, host: World<'_, S>) {
        let granted = term > self.image.term && !self.is_true_to_leader(config) && self.is_up_to_date(last);
        if granted {
            self.say_in(term, host, from, Body::PreVoted { granted }, Fence::None);
        } else {
            self.say_unfenced(host, from, Body::PreVoted { granted });
        }
    }

    pub(super) fn on_vote(&mut self, config: &Config, from: Member, last: Boundary, host: World<'_, S>) {
        let is_free = match self.image.vote {
            Some(voted_for) => voted_for == from,
            None => self.leader.is_none(),
        };
        let granted = is_free && self.is_up_to_date(last);
        if granted {
            self.give_vote(config, from, host);
            self.say(host, from, Body::Voted { granted });
        } else {
            self.say_unfenced(host, from, Body::Voted { granted });
        }
    }

    fn give_vote(&mut self, config: &Config, to: Member, host: World<'_, S>) {
        if self.image.vote.is_none() {
            self.write(Record::Term { term: self.image.term, vote: Some(to) }, host);
        }
        self.await_leader(config, host);
    }

    fn is_up_to_date(&self, last: Boundary) -> bool {
        let own = self.image.log.last();
        (last.term, last.index) >= (own.term, own.index)
    }

    /// Whether a leader is alive as far as this voter knows, so that nobody else is helped to its place.
    pub(super) fn is_true_to_leader(&self, config: &Config) -> bool {
        config.settings().check_quorum && (self.is_sticky || self.leads())
    }

    pub(super) fn be_true_to_leader(&mut self, config: &Config, host: World<'_, S>) {
        if config.settings().check_quorum {
            self.is_sticky = true;
            host.arm(Timer::Stickiness, config.election_timeout());
        }
    }
}

/// Terms and who leads in them.
impl<S: Application> Raft<S> {
    /// Enters a later term, of which no vote is given yet.
    pub(super) fn enter_term(&mut self, config: &Config, term: u64, host: World<'_, S>) {
        self.write(Record::Term { term, vote: None }, host);
        self.become_follower(config, SteppedDown::LaterTerm, host);
    }

    /// Hears of the leader of this term.
    pub(super) fn follow(&mut self, config: &Config, leader: Member, host: World<'_, S>) {
        self.role = Role::Follower;
        self.know_leader(Some(leader), host);
        self.be_true_to_leader(config, host);
        self.await_leader(config, host);
        self.settle_transfer(host);
    }

    /// Leads no more, or stands no more. Who waits for an entry hears that its fate is not known; what is in no log was not
    /// done.
    pub(super) fn become_follower(&mut self, config: &Config, why: SteppedDown, host: World<'_, S>) {
        self.know_leader(None, host);
        let Role::Leader(mut leader) = core::mem::replace(&mut self.role, Role::Follower) else { return };
        self.announce(Event::SteppedDown { term: self.image.term, why }, host);
        self.refuse_readers(&mut leader.confirmations, host);
        self.leave_proposals(&leader, host);
        self.transferred = leader.transfer.map(|transfer| (transfer.ticket, transfer.to)).or(self.transferred);
        host.disarm(Timer::Heartbeat);
        host.disarm(Timer::CheckQuorum);
        self.is_sticky = false;
        self.await_leader(config, host);
    }

    pub(super) fn know_leader(&mut self, leader: Option<Member>, host: World<'_, S>) {
        if self.leader != leader {
            self.leader = leader;
            self.announce(Event::LeaderKnown { term: self.image.term, leader }, host);
            self.refuse_reads(host);
        }
    }

    /// Waits a drawn while for word of a leader, and stands for election after it.
    pub(super) fn await_leader(&mut self, config: &Config, host: World<'_, S>) {
        let throw = host.choose(config.settings().election_spread);
        host.arm(Timer::Election, config.election_timeout() + config.election_step() * throw);
    }

    /// A leader that no quorum hears, or whose disk writes no more, makes room.
    pub(super) fn check_quorum(&mut self, config: &Config, host: World<'_, S>) {
        let last = self.image.log.last().index;
        let Some(leader) = self.role.leader() else { return };
        host.arm(Timer::CheckQuorum, config.election_timeout());
        let has_stalled = leader.disk_has_stalled(config.me(), last);
        let is_heard = leader.is_heard(config.me());
        if !config.settings().check_quorum {
            return;
        }
        if has_stalled {
            self.become_follower(config, SteppedDown::DiskStalled, host);
        } else if !is_heard {
            self.become_follower(config, SteppedDown::NoQuorum, host);
        }
    }

    pub(super) fn leads(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    fn slot_of(&self, member: Member) -> Option<usize> {
        self.image.membership().everyone().binary_search(&member).ok()
    }

    fn other_voters(&self, config: &Config) -> Vec<Member> {
        let membership = self.image.membership();
        membership.voters.union(&membership.outgoing).copied().filter(|member| *member != config.me()).collect()
    }
}

impl<S: Application> Leader<S> {
    /// Whether its own disk lags and is where it was when this was asked last.
    fn disk_has_stalled(&mut self, me: Member, last: u64) -> bool {
        let stored = self.slot(me).map_or(last, |slot| self.progress[slot].matched);
        let lags_at = (stored < last).then_some(stored);
        let has_stalled = lags_at.is_some() && lags_at == self.lagged_at;
        self.lagged_at = lags_at;
        has_stalled
    }

    /// Whether a quorum was heard of since this was asked last.
    fn is_heard(&mut self, me: Member) -> bool {
        let active = self.progress.iter().enumerate().filter(|(_, one)| one.is_active || one.member == me);
        let active: Slots = active.map(|(slot, _)| slot).collect();
        for progress in &mut self.progress {
            progress.is_active = false;
            if let Pace::Snapshot(sending) = &mut progress.pace {
                sending.look();
            }
        }
        self.quorum.is_reached_by(active)
    }
}
