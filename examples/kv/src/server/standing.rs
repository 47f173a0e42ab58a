//! How the replica stands, kept up to date for everybody who waits or watches.

use crate::state::{Kv, Stats};
use purlin::protocol::Effect;
use purlin::raft::{Member, Raft, RoleName};
use purlin_tokio::Observer;
use tokio::sync::watch;

/// How a replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
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
    /// What all of them came to.
    pub stats: Stats,
}

impl Default for Standing {
    fn default() -> Self {
        let (role, stats) = (RoleName::Follower, Stats::default());
        Self { role, term: 0, leader: None, commit: 0, applied: 0, stats }
    }
}

impl Standing {
    fn of(raft: &Raft<Kv>) -> Self {
        let (role, term, leader) = (raft.role(), raft.term(), raft.leader());
        Self { role, term, leader, commit: raft.commit(), applied: raft.applied(), stats: raft.application().stats() }
    }

    /// Whether the replica leads.
    pub fn leads(&self) -> bool {
        self.role == RoleName::Leader
    }
}

/// Looks at the replica after every step.
pub(super) struct Lookout(pub(super) watch::Sender<Standing>);

impl Observer<Raft<Kv>> for Lookout {
    fn stepped(&mut self, machine: &Raft<Kv>, _effects: &[Effect<Raft<Kv>>]) {
        let standing = Standing::of(machine);
        self.0.send_if_modified(|known| core::mem::replace(known, standing) != standing);
    }
}
