//! What a claim remembers of a cluster of replicas: what the disks and the processes of one moment cannot tell.

use super::Replica;
use crate::cluster::{Cluster, Ghost, Seen};
use purlin::protocol::{Protocol, Ticket};
use purlin::raft::{Answer, Body, Consistency, Log, Member, Message, Request, RoleName};
use smallvec::SmallVec;

/// The past of a cluster, as far as claims need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// Who was elected, by term. Forgotten once every disk has a later term.
    pub elected: SmallVec<[(u64, usize); 2]>,
    /// Whom each node has told that it has its vote, by term. Forgotten alike.
    pub voted: SmallVec<[(usize, u64, Member); 4]>,
    /// Every entry that anybody has committed, from the first: its term, and that of whoever committed it first.
    pub chosen: SmallVec<[Chosen; 4]>,
    /// The last entry that a client knows to be applied.
    pub told: u64,
    /// Somebody was asked for a command.
    pub has_proposed: bool,
    /// What was told when a linearizable read was asked that is not answered yet.
    pub reading: SmallVec<[(usize, Ticket, u64); 1]>,
    /// What commands of sessions were answered, by their numbers.
    pub outcomes: SmallVec<[(u64, u64); 1]>,
    /// Commands of sessions that wait for their answer, by their numbers.
    pub trying: SmallVec<[(usize, Ticket, u64); 1]>,
}

/// An entry that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chosen {
    /// Its term.
    pub term: u64,
    /// In which term it was committed.
    pub by: u64,
}

purlin::nameless!(History);

impl Ghost<Replica> for History {
    fn observe(&mut self, seen: &Seen<Replica>, _after: &Cluster<Replica, Self>) {
        match seen {
            Seen::Asked { node, ticket, request } => self.asked(*node, *ticket, request),
            Seen::Answered { node, ticket, answer } => self.answered(*node, *ticket, answer),
            Seen::Sent { node, to, message, .. } => self.sent(*node, *to, message),
            Seen::Crashed { node, .. } | Seen::Refused { node } => {
                self.reading.retain(|(of, ..)| of != node);
                self.trying.retain(|(of, ..)| of != node);
            }
            _ => {}
        }
    }

    fn conclude(&mut self, after: &Cluster<Replica, Self>) {
        self.note_leaders(after);
        self.note_commits(after);
        let oldest = after.nodes.iter().map(|node| node.disk.term).min().unwrap_or(0);
        self.elected.retain(|(term, _)| *term >= oldest);
        self.voted.retain(|(_, term, _)| *term >= oldest);
    }
}

impl History {
    fn asked(&mut self, node: usize, ticket: Ticket, request: &Request<super::Ledger>) {
        self.has_proposed |= matches!(request, Request::Propose { .. });
        match request {
            Request::Read { consistency: Consistency::Linearizable, .. } => {
                self.reading.push((node, ticket, self.told));
                self.reading.sort_unstable();
            }
            Request::Propose { stamp: Some(stamp), .. } => {
                self.trying.push((node, ticket, stamp.sequence));
                self.trying.sort_unstable();
            }
            _ => {}
        }
    }

    fn answered(&mut self, node: usize, ticket: Ticket, answer: &Answer<super::Ledger>) {
        if let Answer::Applied { index, .. } | Answer::Read { index, .. } = answer {
            self.told = self.told.max(*index);
        }
        if let (Answer::Applied { outcome, .. }, Some(sequence)) = (answer, self.sequence(node, ticket))
            && self.outcome(sequence).is_none()
        {
            self.outcomes.push((sequence, *outcome));
            self.outcomes.sort_unstable();
        }
        self.reading.retain(|(of, with, _)| (*of, *with) != (node, ticket));
        self.trying.retain(|(of, with, _)| (*of, *with) != (node, ticket));
    }

    fn sent(&mut self, node: usize, to: Member, message: &Message<super::Ledger>) {
        let is_new = self.vote(node, message.term).is_none();
        if matches!(message.body, Body::Voted { granted: true }) && is_new {
            self.voted.push((node, message.term, to));
            self.voted.sort_unstable();
        }
    }

    fn note_leaders(&mut self, after: &Cluster<Replica, Self>) {
        for (node, replica) in replicas(after) {
            if replica.role() == RoleName::Leader && self.leader(replica.term()).is_none() {
                self.elected.push((replica.term(), node));
                self.elected.sort_unstable();
            }
        }
    }

    fn note_commits(&mut self, after: &Cluster<Replica, Self>) {
        for (_, replica) in replicas(after) {
            let first = self.chosen.len() as u64 + 1;
            let log: &Log<_> = replica.log();
            // What is not there to be read is not chosen, and the claims find that it is committed all the same.
            let terms = (first..=replica.commit()).map_while(|index| log.term(index));
            let by = replica.term();
            self.chosen.extend(terms.map(|term| Chosen { term, by }));
        }
    }

    /// Who was elected in a term.
    pub fn leader(&self, term: u64) -> Option<usize> {
        self.elected.iter().find(|(of, _)| *of == term).map(|(_, node)| *node)
    }

    /// Whom a node has told that it has its vote.
    pub fn vote(&self, node: usize, term: u64) -> Option<Member> {
        self.voted.iter().find(|(of, at, _)| (*of, *at) == (node, term)).map(|(_, _, to)| *to)
    }

    /// What was told when the read was asked.
    pub fn told_before(&self, node: usize, ticket: Ticket) -> Option<u64> {
        self.reading.iter().find(|(of, with, _)| (*of, *with) == (node, ticket)).map(|(_, _, told)| *told)
    }

    /// The number of a command that waits for its answer.
    pub fn sequence(&self, node: usize, ticket: Ticket) -> Option<u64> {
        self.trying.iter().find(|(of, with, _)| (*of, *with) == (node, ticket)).map(|(_, _, sequence)| *sequence)
    }

    /// What a command of a session was answered first.
    pub fn outcome(&self, sequence: u64) -> Option<u64> {
        self.outcomes.iter().find(|(of, _)| *of == sequence).map(|(_, outcome)| *outcome)
    }
}

/// The replicas that are up, with their nodes.
pub(super) fn replicas(state: &Cluster<Replica, History>) -> impl Iterator<Item = (usize, &Replica)> {
    (0..state.nodes.len()).filter_map(|node| Some((node, state.machine(node)?)))
}

/// The log of a node: in memory, or on its disk while it is down.
pub(super) fn log_of(state: &Cluster<Replica, History>, node: usize) -> &Log<super::Ledger> {
    state.machine(node).map_or(&state.nodes[node].disk.log, |replica| &replica.image().log)
}
