//! Changes of members: section 6 of the paper, chapter 4 of the dissertation. Membership × truncation, and the arithmetic of
//! quorums in joint memberships.

use super::case::{Case, entries, in_a_row};
use super::claims::leads;
use super::witnesses::{
    change_refused, committed_everywhere, compacted_on_the_way, dies_on_the_way, in_a_joint_membership,
    members_changed, steps_down, truncated, two_lead,
};
use super::{Ledger, member};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::raft::{Change, Membership, Payload, Request, SteppedDown, Transition};
use std::sync::Arc;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [joint(), simple(), thorough()].into_iter().flatten().collect()
}

fn change(transition: Transition, changes: &[Change]) -> Request<Ledger> {
    Request::ChangeMembers { transition, changes: changes.to_vec() }
}

/// Two replicas, of whom the second makes room for a third.
fn replacing(name: &'static str, scope: Scope) -> Case {
    Case::new(name, scope, 2).joiners(1).elections([0], 1).asks(1, |state, node, ask| {
        if leads(state, node) {
            ask(change(Transition::Implicit, &[Change::AddVoter(member(2)), Change::Remove(member(1))]));
        }
    })
}

fn joint() -> Vec<Box<dyn Model>> {
    vec![
        replacing("a joint change", Scope::Quick)
            .sometimes([in_a_joint_membership()])
            .some_step([members_changed()])
            .boxed(),
        replacing("a joint change and a crash", Scope::Quick)
            .befall(Budgets { crashes: 1, requests: 1, ..Budgets::CALM })
            .sometimes([in_a_joint_membership()])
            .some_step([members_changed(), dies_on_the_way()])
            .boxed(),
        joint_half_way("a joint change half way, and another leader", Scope::Quick)
            .sometimes([in_a_joint_membership(), committed_everywhere()])
            .boxed(),
        leaving("a leader that removes itself", Scope::Quick)
            .some_step([members_changed(), steps_down(SteppedDown::Removed)])
            .boxed(),
    ]
}

/// Two voters of four replicas make room for the two others, and only they know of it: a union of both halves would have two
/// majorities, one that knows and one that does not.
fn joint_half_way(name: &'static str, scope: Scope) -> Case {
    let joint = Membership { outgoing: [member(0), member(1)].into(), ..Membership::of_voters([member(2), member(3)]) };
    let with_joint = || vec![(1, Payload::Empty), (1, Payload::Membership(Arc::new(joint.clone())))];
    let without = || vec![(1, Payload::Empty)];
    Case::new(name, scope, 2)
        .joiners(2)
        .seeds([
            entries(1, with_joint(), 1),
            entries(1, without(), 1),
            entries(1, with_joint(), 1),
            entries(1, with_joint(), 1),
        ])
        .elections([1, 2], 2)
}

fn leaving(name: &'static str, scope: Scope) -> Case {
    Case::new(name, scope, 2).elections([0], 1).asks(1, |state, node, ask| {
        if leads(state, node) {
            ask(change(Transition::Auto, &[Change::Remove(member(0))]));
        }
    })
}

fn simple() -> Vec<Box<dyn Model>> {
    vec![
        Case::new("a learner is given a vote", Scope::Quick, 1)
            .joiners(1)
            .elections([0], 1)
            .asks(2, |state, node, ask| {
                if leads(state, node) {
                    ask(change(Transition::Auto, &[Change::AddLearner(member(1))]));
                    ask(change(Transition::Auto, &[Change::AddVoter(member(1))]));
                }
            })
            .befall(Budgets { crashes: 1, requests: 2, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([members_changed(), change_refused()])
            .boxed(),
        Case::new("a change that is taken back", Scope::Quick, 3)
            .joiners(1)
            .elections([0, 1], 2)
            .asks(1, |state, node, ask| {
                if node == 0 && leads(state, node) {
                    ask(change(Transition::Auto, &[Change::AddVoter(member(3))]));
                }
            })
            .ignores(in_a_row)
            .sometimes([two_lead()])
            .some_step([truncated()])
            .boxed(),
        Case::new("a snapshot while a change is under way", Scope::Quick, 2)
            .joiners(1)
            .elections([0], 1)
            .asks(2, |state, node, ask| {
                let Some(replica) = state.machine(node).filter(|_| leads(state, node)) else { return };
                if state.left.requests == 2 {
                    ask(change(Transition::Auto, &[Change::AddLearner(member(2))]));
                } else {
                    ask(Request::Compact { through: replica.applied() });
                }
            })
            .sometimes([committed_everywhere()])
            .some_step([members_changed(), compacted_on_the_way()])
            .boxed(),
    ]
}

fn thorough() -> Vec<Box<dyn Model>> {
    vec![
        replacing("a joint change, another leader and a crash", Scope::Full)
            .elections([1, 2], 1)
            .befall(Budgets { crashes: 1, requests: 1, ..Budgets::CALM })
            .sometimes([in_a_joint_membership(), two_lead()])
            .some_step([members_changed(), dies_on_the_way()])
            .boxed(),
        joint_half_way("a joint change half way, and two other leaders", Scope::Full)
            .elections([0], 1)
            .sometimes([in_a_joint_membership(), committed_everywhere()])
            .boxed(),
    ]
}
