//! Looking at a replica from outside.

use super::application::Application;
use super::config::Config;
use super::log::Log;
use super::machine::Raft;
use super::member::Member;
use super::membership::Membership;
use super::progress::Pace;
use super::role::Role;
use super::status::{FollowerStatus, RoleName, Status};

impl<S: Application> Raft<S> {
    /// What it does.
    pub fn role(&self) -> RoleName {
        self.role.name()
    }

    /// Its term.
    pub fn term(&self) -> u64 {
        self.image.term
    }

    /// Whom it voted for in its term.
    pub fn vote(&self) -> Option<Member> {
        self.image.vote
    }

    /// Who leads in its term, as far as it knows.
    pub fn leader(&self) -> Option<Member> {
        self.leader
    }

    /// Up to which entry its log is committed.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// Up to which entry it is applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// What all applied entries have come to.
    pub fn application(&self) -> &S {
        &self.state.state
    }

    /// Its log.
    pub fn log(&self) -> &Log<S> {
        &self.image.log
    }

    /// The membership that counts for it.
    pub fn membership(&self) -> &Membership {
        self.image.membership()
    }

    /// How things stand.
    pub fn status(&self, config: &Config) -> Status {
        Status {
            me: config.me(),
            role: self.role(),
            term: self.term(),
            leader: self.leader,
            commit: self.commit,
            applied: self.applied,
            first: self.image.log.boundary(),
            last: self.image.log.last(),
            snapshot: self.image.snapshot.at,
            membership: self.membership().clone(),
            followers: self.followers(),
        }
    }

    fn followers(&self) -> Vec<FollowerStatus> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        let status = |one: &super::progress::Progress| FollowerStatus {
            member: one.member,
            matched: one.matched,
            is_active: one.is_active,
            is_sent_a_snapshot: matches!(one.pace, Pace::Snapshot(_)),
            has_regressed: one.has_regressed,
        };
        leader.progress.iter().map(status).collect()
    }
}
