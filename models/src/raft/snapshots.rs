//! Snapshots and compaction: section 7 of the paper. Membership × snapshot × truncation.

use super::Ledger;
use super::case::{Case, compacted, entries, log};
use super::claims::leads;
use super::member;
use super::witnesses::{committed_everywhere, installed, truncated};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::protocol::Protocol;
use purlin::raft::{Membership, Payload, Request, Timer};
use std::sync::Arc;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [sending(), changing(), compacting()].into_iter().flatten().collect()
}

/// The first replica has dropped what the third one lacks; a snapshot goes in two pieces.
fn lagging(name: &'static str, scope: Scope, third: &[u64]) -> Case {
    Case::new(name, scope, 3)
        .with(|it| it.chunk_bytes = 20)
        .seeds([compacted(log(2, &[1, 2, 2], 2), 2), log(2, &[1, 2], 2), log(1, third, 0)])
        .elections([0], 1)
}

fn sending() -> Vec<Box<dyn Model>> {
    vec![
        lagging("a snapshot for who has nothing, and a heartbeat", Scope::Full, &[])
            .hasty(Timer::Heartbeat, [0], 1)
            .sometimes([committed_everywhere()])
            .some_step([installed()])
            .boxed(),
        lagging("a snapshot for who has something else", Scope::Quick, &[1, 1, 1, 1])
            .befall(Budgets { duplicates: 1, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([installed(), truncated()])
            .boxed(),
        lagging("a snapshot and a crash", Scope::Quick, &[])
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([installed()])
            .boxed(),
    ]
}

/// What the first two have committed: three replicas, of whom the second is a learner since the third entry.
fn demoted() -> Vec<(u64, Payload<Ledger>)> {
    let mut membership = Membership::of_voters([member(0), member(2)]);
    membership.learners.insert(member(1));
    vec![(1, Payload::Empty), (2, Payload::Empty), (2, Payload::Membership(Arc::new(membership)))]
}

/// What the third one wrote while it led, and nobody else has: the first makes room.
fn never_committed() -> Vec<(u64, Payload<Ledger>)> {
    let membership = Membership::of_voters([member(1), member(2)]);
    vec![(1, Payload::Empty), (1, Payload::Membership(Arc::new(membership)))]
}

fn changing() -> Vec<Box<dyn Model>> {
    let case = |name, scope| {
        Case::new(name, scope, 3)
            .with(|it| it.chunk_bytes = 1_000)
            .seeds([compacted(entries(2, demoted(), 3), 3), entries(2, demoted(), 3), entries(1, never_committed(), 1)])
            .elections([0, 2], 2)
            .sometimes([committed_everywhere()])
            .some_step([installed()])
    };
    vec![
        case("a snapshot with a membership, for who has another", Scope::Quick)
            .befall(Budgets { duplicates: 1, ..Budgets::CALM })
            .boxed(),
        case("a snapshot with a membership, for who has another, and a crash", Scope::Full)
            .befall(Budgets { crashes: 1, duplicates: 1, ..Budgets::CALM })
            .boxed(),
    ]
}

/// The leader drops entries while others lag.
fn compactions(name: &'static str, scope: Scope, requests: u8) -> Case {
    Case::new(name, scope, 3).with(|it| it.chunk_bytes = 1_000).elections([0], 1).asks(requests, |state, node, ask| {
        let Some(replica) = state.machine(node).filter(|_| node == 0 && leads(state, node)) else { return };
        ask(Request::Propose { stamp: None, command: state.left.requests });
        if replica.image().log.boundary().index < replica.applied() {
            ask(Request::Compact { through: replica.applied() });
        }
    })
}

fn compacting() -> Vec<Box<dyn Model>> {
    vec![
        compactions("entries are dropped while others lag", Scope::Quick, 1)
            .seeds([log(1, &[1, 1], 1), log(1, &[1, 1], 1), log(1, &[], 0)])
            .befall(Budgets { duplicates: 1, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([installed()])
            .boxed(),
    ]
}
