//! The models of Raft: a matrix of small worlds, each of which is explored to its end.
//!
//! Every model claims the same of every state and step (`claims`), and adds the witnesses that it is there for. Four products
//! cause most of the bugs of others, and stand in the bounds by name: membership × snapshot × truncation, persist ×
//! acknowledge, the arithmetic of quorums, reads × changes of the leader.
//!
//! Bounds are kept small by hand. Only some nodes stand for election, so that none of them is the mirror of another; time
//! stands still where clocks do not matter, and timers fire when they like; what a node says to itself comes first; messages
//! that can mean nothing any more are dropped.

mod case;
mod claims;
mod disks;
mod elections;
mod history;
mod ledger;
mod members;
mod reads;
mod replication;
mod snapshots;
mod witnesses;

pub use case::{Case, TICK, ignores_what_is_over, log, means_nothing, named, read, says_as_much, small};
pub use history::{Chosen, History};
pub use ledger::Ledger;

use crate::Model;
use purlin::raft::{Member, Raft};

/// A replica as the models have it.
pub type Replica = Raft<Ledger>;

/// All of them.
pub(crate) fn models() -> Vec<Box<dyn Model>> {
    let [elections, replication, disks] = [elections::models(), replication::models(), disks::models()];
    let [snapshots, members, reads] = [snapshots::models(), members::models(), reads::models()];
    [elections, replication, disks, snapshots, members, reads].into_iter().flatten().collect()
}

/// The member that runs on a node.
fn member(node: usize) -> Member {
    Member::new(node as u32 + 1)
}
