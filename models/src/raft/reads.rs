//! Reads × changes of the leader: section 6.4 of the dissertation; leases with clocks at two rates: section 6.4.1.

use super::case::{Case, TICK, read, second_decides, silent_first_and_third, unheard_third};
use super::claims::{READS_ARE_LINEARIZABLE, leads, reads_are_linearizable};
use super::member;
use super::witnesses::{
    applied, handed_over, not_handed_over, read_answered, read_by_lease, read_refused, true_to_the_leader, two_lead,
};
use crate::cluster::{Budgets, SomeStep};
use crate::{Model, Scope};
use purlin::raft::{Lease, Request, RoleName, Timer};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [asking(), leasing(), guarding()].into_iter().flatten().collect()
}

/// One command of a leader among the first nodes given, and reads of those among the second that know a leader.
fn reading(case: Case, requests: u8, commands: &'static [usize], reads: &'static [usize]) -> Case {
    case.asks(requests, |state, node, ask| {
        let Some(replica) = state.machine(node) else { return };
        if commands.contains(&node) && leads(state, node) && !state.ghost.has_proposed {
            ask(Request::Propose { stamp: None, command: 1 });
        }
        if reads.contains(&node) && replica.leader().is_some() {
            ask(read());
        }
    })
}

/// What is asked, and of which node.
#[derive(Clone, Copy)]
enum Ask {
    Command(usize),
    Read(usize),
}

/// Requests one after the other. The first replica and the third hear nothing of each other.
fn in_turn(case: Case, asks: &'static [Ask]) -> Case {
    case.ignores(silent_first_and_third).asks(asks.len() as u8, |state, node, ask| {
        let next = asks[asks.len() - usize::from(state.left.requests)];
        match next {
            Ask::Command(of) if of == node && leads(state, node) => ask(Request::Propose { stamp: None, command: 1 }),
            Ask::Read(of) if of == node && leads(state, node) => ask(read()),
            _ => {}
        }
    })
}

fn asking() -> Vec<Box<dyn Model>> {
    let quick = |name, founders| Case::new(name, Scope::Quick, founders).elections([0], 1);
    vec![
        in_turn(quick("reads of an old leader", 3).elections([1], 1), &[Ask::Read(0), Ask::Command(1), Ask::Read(0)])
            .sometimes([two_lead()])
            .some_step([read_answered(), read_refused(), applied()])
            .boxed(),
        in_turn(quick("a read of a new leader", 3).elections([1], 1), &[Ask::Command(0), Ask::Read(1)])
            .sometimes([two_lead()])
            .some_step([read_answered(), applied()])
            .boxed(),
        reading(quick("reads of a leader and a follower, and duplicates", 2), 3, &[0], &[0, 1])
            .befall(Budgets { duplicates: 1, ..Budgets::CALM })
            .some_step([read_answered(), applied()])
            .boxed(),
        reading(quick("reads of a follower that dies", 2), 3, &[0], &[1])
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .some_step([read_answered(), applied()])
            .boxed(),
    ]
}

/// The first replica leads and hears only the second, which gives the third its vote once it is no longer true to the first.
/// Clocks lie so many ticks apart at most; a lease lasts a third of an election timeout, as if one clock ran at most twice as
/// fast as another.
fn lease(name: &'static str, skew: u32, ticks: u8) -> Case {
    let slow_and_fast = Lease { max_drift_ppm: 500_000, max_pause_ms: 0 };
    Case::new(name, Scope::Quick, 3)
        .with(|it| {
            (it.check_quorum, it.lease) = (true, Some(slow_and_fast));
            it.election_timeout_ms = 3;
            it.heartbeat_ms = 2;
        })
        .elections([0, 2], 2)
        .asks(2, |state, node, ask| {
            if leads(state, node) && node == 2 && !state.ghost.has_proposed {
                ask(Request::Propose { stamp: None, command: 1 });
            }
            if state.machine(node).is_some_and(|it| it.role() == RoleName::Leader) && node == 0 {
                ask(read());
            }
        })
        .ignores(second_decides)
        .befall(Budgets { ticks, ..Budgets::CALM })
        .world(|world| {
            (world.tick, world.skew, world.lateness) = (TICK, skew, None);
            world.unset = vec![Timer::Heartbeat, Timer::CheckQuorum, Timer::RetryReads];
        })
}

/// The first replica leads by a lease while time stands still; the second or the third leads after it.
fn lease_and(name: &'static str, scope: Scope) -> Case {
    let exact = Lease { max_drift_ppm: 0, max_pause_ms: 0 };
    Case::new(name, scope, 3)
        .with(|it| (it.check_quorum, it.lease) = (true, Some(exact)))
        .elections([0], 1)
        .ignores(unheard_third)
        .world(|world| world.unset = vec![Timer::Heartbeat, Timer::CheckQuorum, Timer::RetryReads])
}

fn guarding() -> Vec<Box<dyn Model>> {
    vec![
        lease_and("a lease and a transfer", Scope::Quick)
            .hasty(Timer::Transfer, [0], 1)
            .asks(3, |state, node, ask| {
                if leads(state, node) && node == 1 && !state.ghost.has_proposed {
                    ask(Request::Propose { stamp: None, command: 1 });
                }
                if leads(state, node) && node == 0 {
                    ask(read());
                    ask(Request::Transfer { to: member(1) });
                }
            })
            .some_step([read_by_lease(), handed_over(), not_handed_over()])
            .boxed(),
        lease_and("a lease and a voter that dies", Scope::Quick)
            .elections([2], 1)
            .asks(2, |state, node, ask| {
                if leads(state, node) && node == 2 && !state.ghost.has_proposed {
                    ask(Request::Propose { stamp: None, command: 1 });
                }
                if leads(state, node) && node == 0 {
                    ask(read());
                }
            })
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .some_step([read_by_lease(), true_to_the_leader()])
            .boxed(),
    ]
}

fn leasing() -> Vec<Box<dyn Model>> {
    let stale = SomeStep { name: "a read is stale", holds: |step| !reads_are_linearizable(step) };
    vec![
        lease("a lease, and clocks that keep within its bounds", 1, 7)
            .sometimes([two_lead()])
            .some_step([read_by_lease(), applied()])
            .boxed(),
        lease("a lease, and clocks that break its bounds", 3, 3)
            .without(READS_ARE_LINEARIZABLE)
            .sometimes([two_lead()])
            .some_step([stale, read_by_lease(), applied()])
            .boxed(),
    ]
}
