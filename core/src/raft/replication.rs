//! Replication: section 5.3 of the paper; pipelining and parallel writes: section 10.2 of the dissertation.

use super::alphabet::{Body, Event, Load, Refusal, Timer};
use super::application::Application;
use super::config::Config;
use super::entry::{Entry, Payload, Stamped};
use super::image::Record;
use super::log::Slice;
use super::machine::{Raft, World};
use super::member::Member;
use super::progress::{Pace, Progress};
use super::role::{Leader, Proposal};
use super::sessions::Stamp;
use crate::log::Boundary;
use crate::protocol::{Errands, Ticket};

/// A leader takes proposals.
impl<S: Application> Raft<S> {
    pub(super) fn propose(
        &mut self,
        config: &Config,
        ticket: Ticket,
        stamp: Option<Stamp>,
        command: S::Command,
        host: World<'_, S>,
    ) {
        let payload = match stamp {
            None => Payload::Command(command),
            Some(stamp) => Payload::Stamped(Box::new(Stamped { stamp, command })),
        };
        self.propose_payload(config, ticket, payload, host);
    }

    pub(super) fn open_session(&mut self, config: &Config, ticket: Ticket, host: World<'_, S>) {
        let sessions_max = config.settings().sessions_max;
        self.propose_payload(config, ticket, Payload::Session { sessions_max }, host);
    }

    fn propose_payload(&mut self, config: &Config, ticket: Ticket, payload: Payload<S>, host: World<'_, S>) {
        match self.admits(config, &payload) {
            Err(refusal) => self.refuse(ticket, refusal, host),
            Ok(()) => self.append_for(config, ticket, payload, host),
        }
    }

    fn admits(&mut self, config: &Config, payload: &Payload<S>) -> Result<(), Refusal> {
        let refusal = Refusal::NotLeader { leader: self.leader };
        let leader = self.role.leader().ok_or(refusal)?;
        if leader.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        let bytes = leader.uncommitted_bytes;
        let fits = bytes == 0 || bytes + payload.size() <= config.settings().uncommitted_bytes_max;
        if fits { Ok(()) } else { Err(Refusal::Busy) }
    }

    /// Appends an entry, whose proposer hears of it once it is applied.
    pub(super) fn append_for(&mut self, config: &Config, ticket: Ticket, payload: Payload<S>, host: World<'_, S>) {
        let index = self.push(payload);
        if let Some(leader) = self.role.leader() {
            leader.proposals.push_back(Proposal { index, ticket });
        }
        self.flush_soon(config, host);
    }

    /// Puts an entry into the batch, and gives its index.
    pub(super) fn push(&mut self, payload: Payload<S>) -> u64 {
        let (last, term) = (self.image.log.last().index, self.image.term);
        let Some(leader) = self.role.leader() else { return last };
        let index = last + leader.batch.len() as u64 + 1;
        leader.uncommitted_bytes += payload.size();
        leader.batch.push(Entry { index, term, payload });
        index
    }

    /// What is in no log is refused; the fate of what is in the log is not known.
    pub(super) fn leave_proposals(&self, leader: &Leader<S>, host: World<'_, S>) {
        let last = self.image.log.last().index;
        for Proposal { index, ticket } in &leader.proposals {
            if *index > last {
                self.refuse_not_leader(*ticket, host);
            } else {
                host.answer(*ticket, super::alphabet::Answer::Unknown);
            }
        }
    }
}

/// A leader sends.
impl<S: Application> Raft<S> {
    /// Flushes now, or once everything that waits has been taken in.
    pub(super) fn flush_soon(&mut self, config: &Config, host: World<'_, S>) {
        if !config.settings().batching {
            return self.flush(config, host);
        }
        let Some(leader) = self.role.leader() else { return };
        if !leader.is_flushing {
            leader.is_flushing = true;
            self.say_unfenced(host, config.me(), Body::Flush);
        }
    }

    /// Writes the batch and sends it: to the disk and to the followers at the same time.
    pub(super) fn flush(&mut self, config: &Config, host: World<'_, S>) {
        let Some(leader) = self.role.leader() else { return };
        leader.is_flushing = false;
        let wants_round = leader.confirmations.wants_round();
        self.write_batch(config, host);
        self.replicate_to_all(config, host);
        if wants_round && self.commit_of_own_term().is_some() {
            self.send_round(config, host);
        }
    }

    fn write_batch(&mut self, config: &Config, host: World<'_, S>) {
        let Some(leader) = self.role.leader().filter(|leader| !leader.batch.is_empty()) else { return };
        // The batch keeps its room for the next one.
        let entries: Slice<S> = leader.batch.drain(..).collect();
        let changes_members = entries.iter().any(|entry| matches!(entry.payload, Payload::Membership(_)));
        self.write(Record::Append { entries, commit: self.commit }, host);
        self.say(host, config.me(), Body::Stored { at: self.image.log.last() });
        if changes_members {
            self.reseat(host);
        }
    }

    fn reseat(&mut self, host: World<'_, S>) {
        let next = self.image.log.last().index;
        let membership = self.image.membership().clone();
        if let Some(leader) = self.role.leader() {
            leader.reseat(&membership, next);
        }
        self.drop_transfer_to_non_voter(host);
    }

    /// One's own log is durable up to there: unless something else has taken the place of what was written.
    pub(super) fn on_stored(&mut self, config: &Config, at: Boundary, host: World<'_, S>) {
        if !self.image.log.matches(at) {
            return;
        }
        let Some(own) = self.role.leader().and_then(|leader| leader.of(config.me())) else { return };
        own.matched = own.matched.max(at.index);
        self.advance_commit(config, host);
    }

    pub(super) fn replicate_to_all(&mut self, config: &Config, host: World<'_, S>) {
        let count = self.role.leader().map_or(0, |leader| leader.progress.len());
        (0..count).for_each(|slot| self.replicate(config, slot, host));
    }

    /// Sends a member all that it lacks and may be sent, and word of what is committed.
    pub(super) fn replicate(&mut self, config: &Config, slot: usize, host: World<'_, S>) {
        while self.is_to_be_sent_more(config, slot) && self.send_entries(config, slot, host) {}
        self.tell_commit(config.me(), slot, host);
    }

    fn is_to_be_sent_more(&self, config: &Config, slot: usize) -> bool {
        let (settings, log) = (config.settings(), &self.image.log);
        let may_send = |one: &Progress| {
            one.may_send(settings.inflight_messages_max, settings.inflight_bytes_max)
                || one.needs_snapshot(log.boundary())
        };
        self.progress(slot).is_some_and(|one| {
            one.next <= log.last().index && one.member != config.me() && !one.has_regressed && may_send(one)
        })
    }

    pub(super) fn progress(&self, slot: usize) -> Option<&Progress> {
        match &self.role {
            super::role::Role::Leader(leader) => leader.progress.get(slot),
            _ => None,
        }
    }

    pub(super) fn progress_mut(&mut self, slot: usize) -> Option<&mut Progress> {
        self.role.leader().and_then(|leader| leader.progress.get_mut(slot))
    }

    /// Sends entries, or begins to read them back, or to send a snapshot. Whether entries went out.
    fn send_entries(&mut self, config: &Config, slot: usize, host: World<'_, S>) -> bool {
        let Some(next) = self.progress(slot).map(|progress| progress.next) else { return false };
        let log = &self.image.log;
        let Some(term) = log.term(next - 1) else {
            self.begin_snapshot(config, slot, host);
            return false;
        };
        if next < log.first_held() {
            self.fetch_for(config, slot, next, host);
            return false;
        }
        let entries = log.read(next, log.last().index, config.settings().message_bytes_max.max(1));
        self.send_append(slot, Boundary { index: next - 1, term }, entries, true, host);
        true
    }

    /// Older entries are on the disk only. They are asked for once.
    fn fetch_for(&mut self, config: &Config, slot: usize, first: u64, host: World<'_, S>) {
        let last = self.image.log.first_held() - 1;
        let bytes_max = config.settings().message_bytes_max as u64;
        let Some(progress) = self.progress_mut(slot).filter(|one| one.fetching != Some(first)) else { return };
        progress.fetching = Some(first);
        host.load(Load::Entries { first, last, bytes_max });
    }

    /// Entries were read back: for followers that lag, or to be applied. Where there are none, nothing is sent in their place
    /// ([openraft 1795](https://github.com/databendlabs/openraft/issues/1795)).
    pub(super) fn on_entries(&mut self, config: &Config, first: u64, entries: Slice<S>, host: World<'_, S>) {
        if self.fetching == Some(first) {
            self.fetching = None;
            self.apply_loaded(config, &entries, host);
        }
        let count = self.role.leader().map_or(0, |leader| leader.progress.len());
        for slot in 0..count {
            self.send_loaded(config, slot, first, &entries, host);
        }
    }

    fn send_loaded(&mut self, config: &Config, slot: usize, first: u64, entries: &Slice<S>, host: World<'_, S>) {
        let prev_term = self.image.log.term(first - 1);
        let is_ours = entries.iter().all(|entry| self.image.log.term(entry.index) == Some(entry.term));
        let Some(progress) = self.progress_mut(slot).filter(|one| one.fetching == Some(first)) else { return };
        progress.fetching = None;
        let is_next = progress.next == first && !entries.is_empty() && !matches!(progress.pace, Pace::Snapshot(_));
        if let (true, true, Some(term)) = (is_next, is_ours, prev_term) {
            self.send_append(slot, Boundary { index: first - 1, term }, entries.clone(), true, host);
        }
        self.replicate(config, slot, host);
    }

    /// Tells a member what is committed, where no entries tell it by the way.
    fn tell_commit(&mut self, me: Member, slot: usize, host: World<'_, S>) {
        let commit = self.commit;
        let Some(progress) = self.progress(slot) else { return };
        let is_behind = progress.commit_told < commit.min(progress.next - 1);
        if progress.member == me || !is_behind || !matches!(progress.pace, Pace::Stream(_)) {
            return;
        }
        self.send_empty(slot, false, host);
    }

    /// Sends no entries: to be answered if `asks`, or else only if the member's log is not as it should be.
    fn send_empty(&mut self, slot: usize, asks: bool, host: World<'_, S>) {
        let Some(progress) = self.progress(slot) else { return };
        let index = progress.next - 1;
        // Of what was dropped nothing is known; before the first entry all logs are the same.
        let prev = self.image.log.term(index).map_or_else(Boundary::default, |term| Boundary { index, term });
        self.send_append(slot, prev, Slice::default(), asks, host);
    }

    fn send_append(&mut self, slot: usize, prev: Boundary, entries: Slice<S>, asks: bool, host: World<'_, S>) {
        let commit = self.commit;
        let Some(leader) = self.role.leader() else { return };
        let (round, progress) = (if asks { leader.round } else { 0 }, &mut leader.progress[slot]);
        if let Some(last) = entries.last() {
            progress.sent(last.index, entries.iter().map(super::entry::size).sum());
        }
        let end = prev.index + entries.len() as u64;
        if !matches!(progress.pace, Pace::Probe { .. }) {
            progress.commit_told = commit.min(end).max(progress.commit_told);
        }
        let to = progress.member;
        self.say_unfenced(host, to, Body::Append { round, prev, commit, entries });
    }

    pub(super) fn heartbeat(&mut self, config: &Config, host: World<'_, S>) {
        if self.leads() {
            host.arm(Timer::Heartbeat, config.heartbeat());
            self.send_round(config, host);
        }
    }

    /// Asks everybody whether it still hears this leader.
    pub(super) fn send_round(&mut self, config: &Config, host: World<'_, S>) {
        self.begin_round(config, host);
        let count = self.role.leader().map_or(0, |leader| leader.progress.len());
        for slot in 0..count {
            if self.progress(slot).is_some_and(|one| one.member != config.me()) {
                self.send_empty(slot, true, host);
                self.send_piece_again(config, slot, host);
            }
        }
        self.after_round(config, host);
    }

    /// Begins another heartbeat. Whatever is sent from now on is part of it, entries too.
    pub(super) fn begin_round(&mut self, config: &Config, host: World<'_, S>) {
        let committed = self.commit_of_own_term();
        let now = config.lease().map(|_| host.now());
        let Some(leader) = self.role.leader() else { return };
        leader.round += 1;
        leader.confirmations.ask(leader.round, committed);
        if let Some(now) = now {
            leader.confirmations.begin_lease(leader.round, now);
        }
    }
}

/// A leader hears of its followers.
impl<S: Application> Raft<S> {
    pub(super) fn on_appended(&mut self, config: &Config, from: Member, round: u64, matched: u64, host: World<'_, S>) {
        let last = self.image.log.last().index;
        let Some(leader) = self.role.leader() else { return };
        let (slot, now) = (leader.slot(from), leader.round);
        let Some(progress) = slot.and_then(|slot| leader.progress.get_mut(slot)).filter(|_| matched <= last) else {
            return;
        };
        if progress.acknowledge(matched) {
            progress.matched_round = now;
        }
        progress.round = progress.round.max(round.min(now));
        if matched > self.commit {
            self.advance_commit(config, host);
        }
        self.after_round(config, host);
        if let Some(slot) = slot {
            self.replicate_soon(config, slot, host);
        }
        self.continue_transfer(from, host);
    }

    /// A member that lacks entries is sent them at once; what is only news can wait for the end of the batch.
    fn replicate_soon(&mut self, config: &Config, slot: usize, host: World<'_, S>) {
        let last = self.image.log.last().index;
        let Some((lacks, told)) = self.progress(slot).map(|one| (one.next <= last, one.commit_told)) else { return };
        if lacks {
            self.replicate(config, slot, host);
        } else if told < self.commit {
            self.flush_soon(config, host);
        }
    }

    pub(super) fn on_not_appended(
        &mut self,
        config: &Config,
        from: Member,
        round: u64,
        prev: u64,
        hint: Boundary,
        host: World<'_, S>,
    ) {
        // The follower's last entry whose term is no later than that of the one it lacks: of ours, none behind the last one
        // whose term is no later than that can be the same.
        let possible = self.image.log.last_at_most(hint.index, hint.term).index.min(hint.index);
        let Some(leader) = self.role.leader() else { return };
        let Some(slot) = leader.slot(from) else { return };
        let progress = &mut leader.progress[slot];
        if hint.index < progress.matched && round > progress.matched_round && !progress.has_regressed {
            progress.has_regressed = true;
            let acknowledged = progress.matched;
            return self.announce(Event::StorageRegressed { member: from, acknowledged, has: hint.index }, host);
        }
        progress.round = progress.round.max(round.min(leader.round));
        progress.refuse(prev, possible);
        self.after_round(config, host);
        self.replicate(config, slot, host);
    }
}

/// A follower takes entries.
impl<S: Application> Raft<S> {
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one message")]
    pub(super) fn on_append(
        &mut self,
        config: &Config,
        from: Member,
        round: u64,
        prev: Boundary,
        commit: u64,
        entries: Slice<S>,
        host: World<'_, S>,
    ) {
        let asks = round > 0 || !entries.is_empty();
        if prev.index < self.commit {
            return self.on_append_of_the_past(config, from, round, prev, commit, entries, host);
        }
        if !self.image.log.matches(prev) {
            return self.refuse_append(from, round, prev, host);
        }
        let matched = prev.index + entries.len() as u64;
        self.take(entries, host);
        self.learn_commit(config, commit.min(matched), host);
        if asks {
            self.say(host, from, Body::Appended { round, matched });
        }
    }

    /// Entries up to the commit index are there already, as every leader of this term or a later one has them. Only what is
    /// behind them is looked at.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one message")]
    fn on_append_of_the_past(
        &mut self,
        config: &Config,
        from: Member,
        round: u64,
        prev: Boundary,
        commit: u64,
        entries: Slice<S>,
        host: World<'_, S>,
    ) {
        let known = ((self.commit - prev.index) as usize).min(entries.len());
        let matched = (prev.index + entries.len() as u64).max(self.commit);
        self.take(entries.part(known..entries.len()), host);
        self.learn_commit(config, commit.min(matched), host);
        if round > 0 || !entries.is_empty() {
            self.say(host, from, Body::Appended { round, matched });
        }
    }

    /// Takes entries that follow one that matches. Only from a real conflict on is anything replaced.
    fn take(&mut self, entries: Slice<S>, host: World<'_, S>) {
        let log = &self.image.log;
        let is_there = |entry: &Entry<S>| log.matches(Boundary { index: entry.index, term: entry.term });
        let known = match entries.first() {
            Some(first) if first.index > log.last().index => 0,
            _ => entries.iter().take_while(|entry| is_there(entry)).count(),
        };
        if known < entries.len() {
            let entries = entries.part(known..entries.len());
            self.write(Record::Append { entries, commit: self.commit }, host);
        }
    }

    /// Says where the log may agree instead: at its last entry, or before a term that is later than the leader's.
    pub(super) fn refuse_append(&self, from: Member, round: u64, prev: Boundary, host: World<'_, S>) {
        let hint = self.image.log.last_at_most(prev.index, prev.term);
        self.say_unfenced(host, from, Body::NotAppended { round, prev: prev.index, hint });
    }
}
