//! What holds after every step of every scenario.

use super::node::Node;
use super::payloads::Payloads;
use super::tell::payload_of;
use purlin::raft::{Raft, RoleName, invariants};
use std::collections::BTreeMap;

/// What was seen so far.
#[derive(Default)]
pub(super) struct Witness {
    leaders: BTreeMap<u64, u64>,
    /// The entries that were applied, wherever it was first.
    applied: BTreeMap<u64, (u64, Option<String>)>,
    /// What the entries up to an index have come to.
    outcomes: BTreeMap<u64, Vec<String>>,
    seen: BTreeMap<u64, Seen>,
}

/// What a node has shown last. While it is down, what its disk has.
#[derive(Clone, Copy)]
struct Seen {
    term: u64,
    vote: Option<u64>,
    commit: u64,
    applied: u64,
}

type Replica = Raft<Payloads>;
type Claim = Result<(), String>;

impl Witness {
    /// Looks at a node that has just done something.
    pub(super) fn look(&mut self, id: u64, node: &Node) -> Claim {
        let Some(replica) = &node.replica else {
            self.remember_disk(id, node);
            return Ok(());
        };
        self.at_most_one_leads_in_a_term(id, replica)?;
        self.nothing_goes_back(id, replica)?;
        what_the_room_claims(id, node, replica)?;
        self.all_apply_the_same(id, replica)
    }

    fn at_most_one_leads_in_a_term(&mut self, id: u64, replica: &Replica) -> Claim {
        if replica.role() != RoleName::Leader {
            return Ok(());
        }
        match *self.leaders.entry(replica.term()).or_insert(id) {
            first if first == id => Ok(()),
            first => Err(format!("{first} and {id} both lead in term {}", replica.term())),
        }
    }

    fn nothing_goes_back(&mut self, id: u64, replica: &Replica) -> Claim {
        let vote = replica.vote().map(super::super::membership::id);
        let now = Seen { term: replica.term(), vote, commit: replica.commit(), applied: replica.applied() };
        let Some(was) = self.seen.insert(id, now) else { return Ok(()) };
        let is_other_vote = was.term == now.term && was.vote.is_some() && was.vote != now.vote;
        hold(now.term >= was.term, || format!("the term of {id} falls from {} to {}", was.term, now.term))?;
        hold(!is_other_vote, || format!("{id} votes for {:?} and {:?} in term {}", was.vote, now.vote, now.term))?;
        hold(now.commit >= was.commit, || format!("the commit of {id} falls from {} to {}", was.commit, now.commit))?;
        hold(now.applied >= was.applied, || format!("{id} has applied {} and then {}", was.applied, now.applied))
    }

    /// What was applied is forgotten with the process, and perhaps what was committed: not what was promised.
    fn remember_disk(&mut self, id: u64, node: &Node) {
        let vote = node.disk.vote.map(super::super::membership::id);
        self.seen.insert(id, Seen { term: node.disk.term, vote, commit: 0, applied: 0 });
    }

    fn all_apply_the_same(&mut self, id: u64, replica: &Replica) -> Claim {
        for entry in replica.log().held_from(0).take_while(|entry| entry.index <= replica.applied()) {
            let now = (entry.term, payload_of(entry));
            let first = self.applied.entry(entry.index).or_insert_with(|| now.clone());
            hold(*first == now, || format!("{id} applies {now:?} at {}, where {first:?} was applied", entry.index))?;
        }
        let now = &replica.application().0;
        let first = self.outcomes.entry(replica.applied()).or_insert_with(|| now.clone());
        hold(first == now, || format!("{id} has come to {now:?} by {}, another to {first:?}", replica.applied()))
    }
}

/// What the room claims of one replica. That what is applied is committed, and what is committed is there, is among it.
fn what_the_room_claims(id: u64, node: &Node, replica: &Replica) -> Claim {
    invariants::broken(replica, node.config()).map_or(Ok(()), |claim| Err(format!("of {id} it does not hold: {claim}")))
}

/// What the room claims of any two replicas: that their logs match, and that they agree on what is committed.
pub(super) fn all_agree(nodes: &BTreeMap<u64, Node>) -> Claim {
    let running = nodes.iter().filter_map(|(id, node)| Some((*id, node.replica.as_ref()?)));
    let running: Vec<(u64, &Replica)> = running.collect();
    for (place, one) in running.iter().enumerate() {
        running[place + 1..].iter().try_for_each(|other| agree(*one, *other))?;
    }
    Ok(())
}

fn agree((one, left): (u64, &Replica), (other, right): (u64, &Replica)) -> Claim {
    hold(invariants::logs_match(left.log(), right.log()), || format!("the logs of {one} and {other} do not match"))?;
    let agree = invariants::committed_prefixes_agree(left, right);
    hold(agree, || format!("{one} and {other} do not agree on what is committed"))
}

fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(otherwise()) }
}
