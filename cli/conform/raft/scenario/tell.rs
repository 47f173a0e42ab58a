//! What a node shows of itself.

use super::super::membership::{Configuration, id};
use super::node::Node;
use super::payloads::Payloads;
use purlin::raft::{Entry, Payload, Raft, RoleName};
use serde_json::{Value, json};

/// The payload of an entry; none of one that is empty or changes members.
pub(super) fn payload_of(entry: &Entry<Payloads>) -> Option<String> {
    match &entry.payload {
        Payload::Command(command) => Some(command.clone()),
        Payload::Stamped(stamped) => Some(stamped.command.clone()),
        Payload::Empty | Payload::Session { .. } | Payload::Membership(_) => None,
    }
}

pub(super) fn role(node: &Node) -> &'static str {
    match node.replica.as_ref().map(Raft::role) {
        None => "down",
        Some(RoleName::Follower) => "follower",
        Some(RoleName::PreCandidate) => "pre_candidate",
        Some(RoleName::Candidate) => "candidate",
        Some(RoleName::Leader) => "leader",
    }
}

/// What scenarios call so of a node that runs; `None` for a name that they do not have.
pub(super) fn tell(replica: &Raft<Payloads>, name: &str) -> Option<Value> {
    let log = replica.log();
    let configuration = || json!(Configuration::from(replica.membership()));
    Some(match name {
        "term" => json!(replica.term()),
        "vote" => json!(replica.vote().map_or(0, id)),
        "leader" => json!(replica.leader().map(id)),
        "commit" => json!(replica.commit()),
        "applied" => json!(replica.applied()),
        "first_index" => json!(log.boundary().index + 1),
        "last_index" => json!(log.last().index),
        "last_term" => json!(log.last().term),
        "log_terms" => log.held_from(0).map(|entry| entry.term).collect(),
        "log_payloads" => log.held_from(0).map(payload_of).collect(),
        "applied_payloads" => json!(replica.application().0),
        "joint" => json!(replica.membership().is_joint()),
        "voters" | "voters_outgoing" | "learners" | "learners_next" | "auto_leave" => configuration()[name].clone(),
        _ => return None,
    })
}
