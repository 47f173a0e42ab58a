//! Handing the leadership over: section 3.10 of the dissertation.

use super::alphabet::{Answer, Body, Refusal, Timer};
use super::application::Application;
use super::config::Config;
use super::machine::{Raft, World};
use super::member::Member;
use super::role::Transfer;
use crate::protocol::{Errands, Ticket};

impl<S: Application> Raft<S> {
    pub(super) fn transfer(&mut self, config: &Config, ticket: Ticket, to: Member, host: World<'_, S>) {
        if !self.leads() {
            return self.refuse_not_leader(ticket, host);
        }
        self.give_up_transfer(host);
        if to == config.me() {
            return host.answer(ticket, Answer::Transferred { to });
        }
        if !self.image.membership().is_voter(to) {
            return self.refuse(ticket, Refusal::NoVoter { to }, host);
        }
        self.begin_transfer(config, Transfer { to, ticket, is_told: false }, host);
    }

    fn begin_transfer(&mut self, config: &Config, transfer: Transfer, host: World<'_, S>) {
        self.flush(config, host);
        let Some(leader) = self.role.leader() else { return };
        leader.transfer = Some(transfer);
        host.arm(Timer::Transfer, config.election_timeout());
        self.continue_transfer(transfer.to, host);
    }

    /// Tells the one who is to lead to stand for election, once it has all entries. From then on voters are no longer true to
    /// this leader, so no lease holds.
    pub(super) fn continue_transfer(&mut self, from: Member, host: World<'_, S>) {
        let last = self.image.log.last().index;
        let Some(leader) = self.role.leader().filter(|leader| leader.transfer.is_some()) else { return };
        let has_all = leader.of(from).is_some_and(|progress| progress.matched == last);
        let Some(transfer) = leader.transfer.as_mut().filter(|transfer| transfer.to == from && !transfer.is_told)
        else {
            return;
        };
        if has_all {
            transfer.is_told = true;
            leader.confirmations.void_lease();
            self.say_unfenced(host, from, Body::TimeoutNow);
        }
    }

    /// The transfer takes too long, or somebody wants another one.
    pub(super) fn give_up_transfer(&mut self, host: World<'_, S>) {
        if let Some(transfer) = self.role.leader().and_then(|leader| leader.transfer.take()) {
            host.disarm(Timer::Transfer);
            self.refuse(transfer.ticket, Refusal::NotTransferred, host);
        } else if let Some((ticket, _)) = self.transferred.take() {
            host.answer(ticket, Answer::Unknown);
        }
    }

    pub(super) fn drop_transfer_to_non_voter(&mut self, host: World<'_, S>) {
        let membership = self.image.membership().clone();
        let transfer = self.role.leader().and_then(|leader| leader.transfer);
        if transfer.is_some_and(|transfer| !membership.is_voter(transfer.to)) {
            self.give_up_transfer(host);
        }
    }

    /// Somebody leads: whoever asked for the transfer hears whether it is the right one.
    pub(super) fn settle_transfer(&mut self, host: World<'_, S>) {
        let Some((ticket, to)) = self.transferred.take() else { return };
        host.disarm(Timer::Transfer);
        if self.leader == Some(to) {
            host.answer(ticket, Answer::Transferred { to });
        } else {
            self.refuse(ticket, Refusal::NotTransferred, host);
        }
    }
}
