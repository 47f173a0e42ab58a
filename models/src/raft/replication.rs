//! Replication: sections 5.3 and 5.4.2 of the paper. Logs at the beginning are those of its figures 7 and 8, cut down to
//! three replicas.

use super::case::{Case, log, voted};
use super::claims::leads;
use super::witnesses::{
    answered_again, append_refused, applied, committed_everywhere, on_a_majority_and_not_committed, truncated,
    two_lead, unknown,
};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::raft::{Payload, Request, Stamp, Timer};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [from_nothing(), from_figures(), again(), thorough()].into_iter().flatten().collect()
}

fn quick(name: &'static str, founders: usize) -> Case {
    Case::new(name, Scope::Quick, founders)
}

fn from_nothing() -> Vec<Box<dyn Model>> {
    vec![
        quick("a command and another leader", 3)
            .elections([0, 1], 2)
            .proposals(1)
            .sometimes([committed_everywhere(), two_lead()])
            .some_step([applied(), unknown(), truncated(), append_refused()])
            .boxed(),
        quick("two commands, one at a time, and a heartbeat", 2)
            .elections([0], 1)
            .with(|it| it.message_bytes_max = 0)
            .hasty(Timer::Heartbeat, [0], 1)
            .proposals(2)
            .befall(Budgets { duplicates: 1, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([applied()])
            .boxed(),
        quick("two commands in a batch", 2)
            .elections([0], 1)
            .with(|it| it.batching = true)
            .world(|world| world.own_first = false)
            .proposals(2)
            .sometimes([committed_everywhere()])
            .some_step([applied()])
            .boxed(),
    ]
}

/// The leader of figure 7, and two of the followers that may await it.
fn figure_7(name: &'static str, followers: [&[u64]; 2]) -> Case {
    let leader: &[u64] = &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    quick(name, 3)
        .seeds([log(7, leader, 3), log(7, followers[0], 3), log(7, followers[1], 3)])
        .elections([0], 1)
        .befall(Budgets { duplicates: 1, ..Budgets::CALM })
        .sometimes([committed_everywhere()])
        .some_step([append_refused()])
}

fn from_figures() -> Vec<Box<dyn Model>> {
    let (a, b): (&[u64], &[u64]) = (&[1, 1, 1, 4, 4, 5, 5, 6, 6], &[1, 1, 1, 4]);
    let (c, d): (&[u64], &[u64]) = (&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]);
    let (e, f): (&[u64], &[u64]) = (&[1, 1, 1, 4, 4, 4, 4], &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]);
    vec![
        figure_7("figure 7: entries are missing", [a, b]).boxed(),
        figure_7("figure 7: entries are too many, or others", [c, e]).some_step([truncated()]).boxed(),
        figure_7("figure 7: entries of two terms are others", [d, f]).some_step([truncated()]).boxed(),
        quick("another entry at the same place", 3)
            .seeds([log(5, &[1, 1, 1, 3, 5], 3), log(4, &[1, 1, 1, 4], 3), log(4, &[1, 1, 1, 4], 3)])
            .elections([0], 1)
            .sometimes([committed_everywhere()])
            .some_step([truncated(), append_refused()])
            .boxed(),
        quick("figure 8: an older entry on a majority", 3)
            .seeds([log(3, &[1, 2], 1), voted(log(3, &[1], 1), 3, 2), voted(log(3, &[1, 3], 1), 3, 2)])
            .with(|it| it.message_bytes_max = 0)
            .elections([0, 2], 2)
            .sometimes([on_a_majority_and_not_committed(), committed_everywhere()])
            .some_step([truncated()])
            .boxed(),
    ]
}

/// The command of a session, tried again and again.
fn retries(name: &'static str, scope: Scope, founders: usize, tries: u8) -> Case {
    let session = |term| vec![(term, Payload::Session { sessions_max: 1 })];
    let command = Stamp { session: 1, sequence: 1, acknowledged: 0 };
    Case::new(name, scope, founders)
        .seeds((0..founders).map(|_| super::case::entries(1, session(1), 1)))
        .elections([0, 1], 2)
        .asks(tries, move |state, node, ask| {
            if leads(state, node) {
                ask(Request::Propose { stamp: Some(command), command: 1 });
            }
        })
}

/// Sessions: section 8 of the paper.
fn again() -> Vec<Box<dyn Model>> {
    vec![
        retries("a command that is tried again", Scope::Quick, 2, 2)
            .sometimes([committed_everywhere()])
            .some_step([applied(), answered_again()])
            .boxed(),
    ]
}

fn thorough() -> Vec<Box<dyn Model>> {
    vec![
        Case::new("two commands and another leader", Scope::Full, 3)
            .elections([0, 1], 2)
            .proposals(2)
            .sometimes([committed_everywhere(), two_lead()])
            .some_step([applied(), unknown(), truncated(), append_refused()])
            .boxed(),
        Case::new("figure 8 and a crash", Scope::Full, 3)
            .seeds([log(3, &[1, 2], 1), voted(log(3, &[1], 1), 3, 2), voted(log(3, &[1, 3], 1), 3, 2)])
            .with(|it| it.message_bytes_max = 0)
            .elections([0, 2], 2)
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .sometimes([on_a_majority_and_not_committed(), committed_everywhere()])
            .some_step([truncated()])
            .boxed(),
    ]
}
