//! What must hold of all replicas at every moment.

use crate::claims;
use purlin::raft::{Application, Raft, RoleName};
use purlin_kv::{Kv, Query};
use purlin_sim::checker::{Violation, claim};
use purlin_sim::cluster::View;

/// After how many steps all that replicas hold is compared: that costs more than a step.
const STEPS_BETWEEN_LOOKS: u64 = 64;

type Replica = Raft<Kv>;

/// Holds the replica that has just stepped against all others.
pub(crate) fn inspect(view: &View<'_, Replica>) -> Result<(), Violation> {
    let (node, Some(replica)) = (view.stepped(), view.machine(view.stepped())) else { return Ok(()) };
    let others = (0..view.nodes()).filter(|other| *other != node);
    for (other, peer) in others.filter_map(|other| Some((other, view.machine(other)?))) {
        leads_alone(replica, peer, [node, other])?;
        agrees(replica, peer, [node, other])?;
        has_all(replica, peer, [node, other])?;
        has_all(peer, replica, [other, node])?;
        holds_the_same(replica, peer, [node, other], view.steps().is_multiple_of(STEPS_BETWEEN_LOOKS))?;
    }
    Ok(())
}

fn leads(replica: &Replica) -> bool {
    replica.role() == RoleName::Leader
}

fn leads_alone(one: &Replica, other: &Replica, nodes: [u32; 2]) -> Result<(), Violation> {
    let holds = !(leads(one) && leads(other) && one.term() == other.term());
    claim(claims::ONE_LEADER_A_TERM, holds, || format!("nodes {nodes:?} lead in term {}", one.term()))
}

/// Terms never fall along a log and each has one leader, so the same term at one place says that all before it is the same.
fn agrees(one: &Replica, other: &Replica, nodes: [u32; 2]) -> Result<(), Violation> {
    let both = one.commit().min(other.commit());
    let terms = [one, other].map(|replica| replica.log().term(both));
    let holds = terms.contains(&None) || terms[0] == terms[1];
    claim(claims::COMMITTED_PREFIXES_AGREE, holds, || {
        format!("nodes {nodes:?} know entry {both} to be committed, and it is of the terms {terms:?}")
    })
}

fn has_all(leader: &Replica, other: &Replica, nodes: [u32; 2]) -> Result<(), Violation> {
    if !leads(leader) || other.term() > leader.term() {
        return Ok(());
    }
    let committed = other.commit();
    let (has, own) = (leader.log().term(committed), other.log().term(committed));
    let is_there = leader.log().last().index >= committed;
    let is_same = has.is_none() || own.is_none() || has == own;
    claim(claims::LEADERS_HAVE_WHAT_IS_COMMITTED, is_there && is_same, || {
        format!("node {} leads without the entry {committed} that node {} knows to be committed", nodes[0], nodes[1])
    })
}

/// The hash of all items is at hand; that everything is the same is looked at less often.
fn holds_the_same(one: &Replica, other: &Replica, nodes: [u32; 2], all: bool) -> Result<(), Violation> {
    let told = |replica: &Replica| replica.application().read(&Query::Hash { revision: None });
    let is_same = || told(one) == told(other) && (!all || one.application() == other.application());
    let holds = one.applied() != other.applied() || is_same();
    claim(claims::EQUAL_INDEXES_EQUAL_STATES, holds, || {
        let (applied, states) = (one.applied(), [one.application(), other.application()]);
        format!("nodes {nodes:?} have applied all up to {applied}, and hold {states:?}")
    })
}
