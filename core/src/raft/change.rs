//! Changes of members: section 6 of the paper.
//!
//! A membership counts from the moment when it is in the log. So there is one change at a time, none before the leader has
//! committed an entry of its own term ([Ongaro, 2015](https://groups.google.com/g/raft-dev/c/t4xj6dJTP6E)), and what is
//! cut off a log takes its memberships with it.

use super::alphabet::Refusal;
use super::application::Application;
use super::config::Config;
use super::entry::Payload;
use super::machine::{Raft, World};
use super::membership::{Change, Membership, Transition};
use crate::protocol::Ticket;
use std::sync::Arc;

impl<S: Application> Raft<S> {
    pub(super) fn change_members(
        &mut self,
        config: &Config,
        ticket: Ticket,
        transition: Transition,
        changes: &[Change],
        host: World<'_, S>,
    ) {
        match self.changed(transition, changes) {
            Err(refusal) => self.refuse(ticket, refusal, host),
            Ok(membership) => {
                self.append_for(config, ticket, Payload::Membership(Arc::new(membership)), host);
                self.flush(config, host);
            }
        }
    }

    fn changed(&mut self, transition: Transition, changes: &[Change]) -> Result<Membership, Refusal> {
        let not_leader = Refusal::NotLeader { leader: self.leader };
        let leader = self.role.leader().ok_or(not_leader)?;
        if leader.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        if self.commit_of_own_term().is_none_or(|commit| self.image.membership_index() > commit) {
            return Err(Refusal::ChangeInProgress);
        }
        self.image.membership().changed(transition, changes).map_err(Refusal::Change)
    }

    pub(super) fn leave_joint(&mut self, config: &Config, host: World<'_, S>) {
        if let Ok(membership) = self.image.membership().left() {
            self.push(Payload::Membership(Arc::new(membership)));
            self.flush(config, host);
        }
    }
}
