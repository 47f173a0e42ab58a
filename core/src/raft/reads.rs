//! Linearizable reads on any replica: section 6.4 of the dissertation.
//!
//! ```text
//!   client      follower              leader                            quorum
//!     ── read ──▶ ── ReadIndex{id} ──▶ (waits for an entry of its term)
//!                                      commit index, heartbeat r ──────▶
//!                                      ◀──────────────────── answers to r
//!                 ◀─ ReadIndexIs{id} ─
//!                 (waits until applied)
//!     ◀─ answer ─
//! ```
//!
//! Every attempt has an id of its own, and every heartbeat a number of its own: an answer to an earlier one confirms nothing
//! ([etcd 20418](https://github.com/etcd-io/etcd/issues/20418)).

use super::alphabet::{Answer, Body, Consistency, ReadId, Timer};
use super::application::Application;
use super::config::Config;
use super::machine::{Raft, World};
use super::member::Member;
use crate::protocol::{Errands, Ticket};
use crate::time::Instant;
use core::time::Duration;
use derive_where::derive_where;
use serde::Serialize;
use std::collections::VecDeque;

/// The reads of a replica's own clients.
#[derive_where(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Reads<S: Application> {
    /// How many ids this life has used.
    attempts: u64,
    /// The leader was asked.
    forwarded: Vec<(ReadId, Read<S>)>,
    /// Up to where must be applied is known, and it is not yet.
    waiting: Vec<(u64, Read<S>)>,
}

/// Somebody wants to read.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Read<S: Application> {
    ticket: Ticket,
    query: S::Query,
}

/// Who waits for the leader to be confirmed.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
enum Reader<S: Application> {
    Own(Read<S>),
    Other(Member, ReadId),
}

/// How a leader makes sure that it still leads.
#[derive_where(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct Confirmations<S: Application> {
    /// For the next heartbeat.
    waiting: Vec<Reader<S>>,
    /// For the answers to a heartbeat: which one, and what was committed when it was sent.
    asked: VecDeque<Asked<S>>,
    lease: LeaseState,
}

#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
struct Asked<S: Application> {
    round: u64,
    index: u64,
    readers: Vec<Reader<S>>,
}

/// What a leader may do by its clock alone. Kept only where leases are configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
struct LeaseState {
    /// When heartbeats were sent that are not confirmed.
    sent: VecDeque<(u64, Instant)>,
    until: Option<Instant>,
    /// Another replica was told to stand for election: voters are true no more, for the rest of the term.
    is_void: bool,
}

impl<S: Application> Confirmations<S> {
    pub(super) fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.lease.sent.iter_mut().for_each(|(_, sent)| each(sent));
        self.lease.until.iter_mut().for_each(each);
    }

    /// Somebody waits for a heartbeat.
    pub(super) fn wants_round(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Somebody waits for the answers to a heartbeat, or the lease does.
    fn is_awaited(&self) -> bool {
        !self.asked.is_empty() || !self.lease.sent.is_empty()
    }

    /// A heartbeat is sent now: who waits has its answers to wait for, if the leader knows what is committed.
    pub(super) fn ask(&mut self, round: u64, committed: Option<u64>) {
        if let (Some(index), false) = (committed, self.waiting.is_empty()) {
            let readers = core::mem::take(&mut self.waiting);
            self.asked.push_back(Asked { round, index, readers });
        }
    }

    pub(super) fn begin_lease(&mut self, round: u64, now: Instant) {
        self.lease.sent.push_back((round, now));
    }

    pub(super) fn void_lease(&mut self) {
        self.lease = LeaseState { is_void: true, ..LeaseState::default() };
    }

    /// A quorum has answered a heartbeat, and so all before it.
    fn extend_lease(&mut self, round: u64, duration: Duration) {
        while let Some((_, sent)) = self.lease.sent.front().copied().filter(|(asked, _)| *asked <= round) {
            self.lease.sent.pop_front();
            if !self.lease.is_void {
                self.lease.until = Some(sent + duration);
            }
        }
    }

    fn has_lease(&self, now: Instant) -> bool {
        self.lease.until.is_some_and(|until| now < until)
    }

    fn confirmed(&mut self, round: u64) -> Vec<Asked<S>> {
        let count = self.asked.iter().take_while(|asked| asked.round <= round).count();
        self.asked.drain(..count).collect()
    }

    fn abandoned(&mut self) -> Vec<Reader<S>> {
        let asked = self.asked.drain(..).flat_map(|asked| asked.readers);
        self.waiting.drain(..).chain(asked).collect()
    }
}

impl<S: Application> Raft<S> {
    pub(super) fn read(
        &mut self,
        config: &Config,
        ticket: Ticket,
        consistency: Consistency,
        query: S::Query,
        host: World<'_, S>,
    ) {
        let read = Read { ticket, query };
        match (consistency, self.leader) {
            (Consistency::Stale, _) => self.answer_read(read, host),
            (Consistency::Linearizable, Some(leader)) if leader == config.me() => {
                self.confirm(config, Reader::Own(read), host)
            }
            (Consistency::Linearizable, Some(leader)) => self.forward(config, leader, read, host),
            (Consistency::Linearizable, None) => self.refuse_not_leader(ticket, host),
        }
    }

    fn forward(&mut self, config: &Config, leader: Member, read: Read<S>, host: World<'_, S>) {
        if self.reads.forwarded.is_empty() {
            // Armed anew with each read, it would never fire where reads follow each other closely.
            host.arm(Timer::RetryReads, config.heartbeat() * 2);
        }
        let id = self.next_read_id();
        self.reads.forwarded.push((id, read));
        self.say(host, leader, Body::ReadIndex { id });
    }

    /// An answer to an id of an earlier life would confirm what that life asked. So the number of the life is in it, and it
    /// is durable before the question leaves.
    fn next_read_id(&mut self) -> ReadId {
        self.reads.attempts += 1;
        ReadId { life: self.image.lives, attempt: self.reads.attempts }
    }

    pub(super) fn retry_reads(&mut self, config: &Config, host: World<'_, S>) {
        let Some(leader) = self.leader.filter(|leader| *leader != config.me()) else { return };
        for (_, read) in core::mem::take(&mut self.reads.forwarded) {
            self.forward(config, leader, read, host);
        }
    }

    pub(super) fn on_read_index(&mut self, config: &Config, from: Member, id: ReadId, host: World<'_, S>) {
        if self.leads() {
            self.confirm(config, Reader::Other(from, id), host);
        } else {
            self.say_unfenced(host, from, Body::ReadIndexIs { id, index: None });
        }
    }

    /// Answers a reader once it is sure that this replica still leads, and that it knows what is committed: not before an entry
    /// of its own term is ([etcd 7331](https://github.com/etcd-io/etcd/issues/7331)).
    fn confirm(&mut self, config: &Config, reader: Reader<S>, host: World<'_, S>) {
        if self.reads_by_lease(config, host.now()) {
            return self.release(self.commit, reader, host);
        }
        if let Some(leader) = self.role.leader() {
            leader.confirmations.waiting.push(reader);
            self.flush_soon(config, host);
        }
    }

    fn reads_by_lease(&mut self, config: &Config, now: Instant) -> bool {
        let knows_what_is_committed = self.commit_of_own_term().is_some();
        let Some(leader) = self.role.leader().filter(|_| config.lease().is_some()) else { return false };
        knows_what_is_committed && leader.transfer.is_none() && leader.confirmations.has_lease(now)
    }

    /// A member has answered a heartbeat; perhaps it was the one that makes a quorum.
    pub(super) fn after_round(&mut self, config: &Config, host: World<'_, S>) {
        let Some(leader) = self.role.leader().filter(|leader| leader.confirmations.is_awaited()) else { return };
        let (own, round) = (leader.slot(config.me()), leader.round);
        let answered = |slot: usize| if Some(slot) == own { round } else { leader.progress[slot].round };
        let confirmed = leader.quorum.reached(answered).min(round);
        if let Some(duration) = config.lease() {
            leader.confirmations.extend_lease(confirmed, duration);
        }
        for Asked { index, readers, .. } in leader.confirmations.confirmed(confirmed) {
            readers.into_iter().for_each(|reader| self.release(index, reader, host));
        }
    }

    fn release(&mut self, index: u64, reader: Reader<S>, host: World<'_, S>) {
        match reader {
            Reader::Own(read) => self.wait_until_applied(index, read, host),
            Reader::Other(member, id) => self.say_unfenced(host, member, Body::ReadIndexIs { id, index: Some(index) }),
        }
    }

    pub(super) fn on_read_index_is(&mut self, id: ReadId, index: Option<u64>, host: World<'_, S>) {
        let Some(place) = self.reads.forwarded.iter().position(|(asked, _)| *asked == id) else { return };
        let (_, read) = self.reads.forwarded.remove(place);
        match index {
            Some(index) => self.wait_until_applied(index, read, host),
            None => self.refuse_not_leader(read.ticket, host),
        }
    }

    fn wait_until_applied(&mut self, index: u64, read: Read<S>, host: World<'_, S>) {
        if index <= self.applied {
            self.answer_read(read, host);
        } else {
            self.reads.waiting.push((index, read));
        }
    }

    pub(super) fn reads_after_applying(&mut self, host: World<'_, S>) {
        let ready = self.reads.waiting.extract_if(.., |(index, _)| *index <= self.applied).collect::<Vec<_>>();
        ready.into_iter().for_each(|(_, read)| self.answer_read(read, host));
    }

    fn answer_read(&self, read: Read<S>, host: World<'_, S>) {
        let view = self.state.state.read(&read.query);
        host.answer(read.ticket, Answer::Read { index: self.applied, view });
    }

    /// The leader is another: whoever waits will ask again, for a read that is refused has done nothing. A replica that hears of
    /// no leader any more would else leave it without an answer.
    pub(super) fn refuse_reads(&mut self, host: World<'_, S>) {
        let forwarded = core::mem::take(&mut self.reads.forwarded).into_iter().map(|(_, read)| read);
        let waiting = core::mem::take(&mut self.reads.waiting).into_iter().map(|(_, read)| read);
        forwarded.chain(waiting).for_each(|read| self.refuse_not_leader(read.ticket, host));
    }

    pub(super) fn refuse_readers(&self, confirmations: &mut Confirmations<S>, host: World<'_, S>) {
        for reader in confirmations.abandoned() {
            match reader {
                Reader::Own(read) => self.refuse_not_leader(read.ticket, host),
                Reader::Other(member, id) => self.say_unfenced(host, member, Body::ReadIndexIs { id, index: None }),
            }
        }
    }
}
