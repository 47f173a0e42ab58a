//! What is committed, and its application: sections 5.3 and 5.4.2 of the paper.

use super::alphabet::{Answer, Event, Load, Refusal, SteppedDown};
use super::application::Application;
use super::config::Config;
use super::entry::{Entry, Payload, Stamped};
use super::log::Slice;
use super::machine::{Raft, World};
use super::role::{Proposal, Role};
use crate::protocol::{Errands, Ticket};

impl<S: Application> Raft<S> {
    /// Commits what a quorum has, if it ends with an entry of the leader's own term: an older one may be on a majority and be
    /// replaced all the same (figure 8 of the paper).
    pub(super) fn advance_commit(&mut self, config: &Config, host: World<'_, S>) {
        let Role::Leader(leader) = &self.role else { return };
        let reached = leader.quorum.reached(|slot| leader.progress[slot].matched).min(self.image.log.last().index);
        if reached > self.commit && self.image.log.term(reached) == Some(self.image.term) {
            self.commit = reached;
            self.apply(config, host);
            self.after_commit(config, host);
        }
    }

    /// Whether anything of the leader's own term is committed, and what is then.
    pub(super) fn commit_of_own_term(&self) -> Option<u64> {
        match &self.role {
            Role::Leader(leader) if self.commit >= leader.since => Some(self.commit),
            _ => None,
        }
    }

    fn after_commit(&mut self, config: &Config, host: World<'_, S>) {
        self.flush_soon(config, host);
        self.follow_up_membership(config, host);
    }

    /// A joint membership that is committed is left; who is a voter no more leads no more, once everybody was told.
    fn follow_up_membership(&mut self, config: &Config, host: World<'_, S>) {
        let (membership, since) = (self.image.membership().clone(), self.image.membership_index());
        if !self.leads() || since > self.commit {
            return;
        }
        if membership.is_joint() {
            return if membership.auto_leave {
                self.leave_joint(config, host)
            };
        }
        if !membership.is_voter(config.me()) {
            self.flush(config, host);
            self.become_follower(config, SteppedDown::Removed, host);
        }
    }

    /// A follower hears what is committed, of entries that it has.
    pub(super) fn learn_commit(&mut self, config: &Config, commit: u64, host: World<'_, S>) {
        if commit > self.commit {
            self.commit = commit;
            self.apply(config, host);
        }
    }

    /// Applies what is committed. Entries that are not in memory are read back first.
    pub(super) fn apply(&mut self, config: &Config, host: World<'_, S>) {
        while self.applied < self.commit {
            let entries = self.image.log.piece(self.applied + 1, self.commit);
            if entries.is_empty() {
                return self.fetch_to_apply(config, host);
            }
            self.apply_entries(config, &entries, host);
        }
    }

    fn fetch_to_apply(&mut self, config: &Config, host: World<'_, S>) {
        let first = self.applied + 1;
        if self.fetching != Some(first) {
            self.fetching = Some(first);
            let last = self.commit.min(self.image.log.first_held() - 1);
            host.load(Load::Entries { first, last, bytes_max: config.settings().message_bytes_max as u64 });
        }
    }

    pub(super) fn apply_loaded(&mut self, config: &Config, entries: &Slice<S>, host: World<'_, S>) {
        let is_next = entries.first().is_some_and(|first| first.index == self.applied + 1);
        if is_next && entries.last().is_some_and(|last| last.index <= self.commit) {
            self.apply_entries(config, entries, host);
        }
        self.apply(config, host);
    }

    fn apply_entries(&mut self, config: &Config, entries: &Slice<S>, host: World<'_, S>) {
        for entry in entries.iter() {
            self.apply_entry(entry, host);
        }
        self.reads_after_applying(host);
        self.compact_if_due(config, host);
        self.image.log.evict(self.applied, config.settings().log_memory_bytes_max);
    }

    fn apply_entry(&mut self, entry: &Entry<S>, host: World<'_, S>) {
        self.applied = entry.index;
        let ticket = self.proposer_of(entry);
        let answer = self.applied_entry(entry, host);
        if let (Some(ticket), Some(answer)) = (ticket, answer) {
            host.answer(ticket, answer);
        }
    }

    /// Who waits for the entry; its bytes are no longer uncommitted.
    fn proposer_of(&mut self, entry: &Entry<S>) -> Option<Ticket> {
        let since = self.role.leader().map_or(0, |leader| leader.since);
        let leader = self.role.leader().filter(|_| entry.index >= since)?;
        leader.uncommitted_bytes = leader.uncommitted_bytes.saturating_sub(entry.payload.size());
        let Proposal { ticket, .. } = *leader.proposals.front().filter(|first| first.index == entry.index)?;
        leader.proposals.pop_front();
        Some(ticket)
    }

    fn applied_entry(&mut self, entry: &Entry<S>, host: World<'_, S>) -> Option<Answer<S>> {
        let index = entry.index;
        match &entry.payload {
            Payload::Empty => None,
            Payload::Command(command) => {
                let outcome = self.apply_command(index, command, host);
                Some(Answer::Applied { index, outcome })
            }
            Payload::Stamped(stamped) => Some(self.apply_stamped(index, stamped, host)),
            Payload::Session { sessions_max } => {
                self.state.sessions.begin(index, *sessions_max);
                Some(Answer::SessionOpened { session: index })
            }
            Payload::Membership(membership) => {
                let membership = membership.clone();
                self.announce(Event::MembersChanged { index, membership: membership.clone() }, host);
                Some(Answer::MembersChanged { index, membership })
            }
        }
    }

    fn apply_command(&mut self, index: u64, command: &S::Command, host: World<'_, S>) -> S::Outcome {
        self.state.state.apply(index, command, &mut |event| host.notify(Event::Application { index, event }))
    }

    /// A command that was applied before is answered as it was then.
    fn apply_stamped(&mut self, index: u64, stamped: &Stamped<S>, host: World<'_, S>) -> Answer<S> {
        match self.state.sessions.recall(stamped.stamp, index) {
            Err(error) => Answer::Refused(Refusal::Session(error)),
            Ok(Some(outcome)) => Answer::Applied { index, outcome },
            Ok(None) => {
                let outcome = self.apply_command(index, &stamped.command, host);
                self.state.sessions.remember(stamped.stamp, outcome.clone());
                Answer::Applied { index, outcome }
            }
        }
    }
}
