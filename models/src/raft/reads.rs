//! Reads × changes of the leader: section 6.4 of the dissertation; leases with clocks at two rates: section 6.4.1.

use super::case::{Case, TICK, read, silent_first_and_third};
use super::claims::{READS_ARE_LINEARIZABLE, leads, reads_are_linearizable};
use super::witnesses::{applied, read_answered, read_by_lease, read_refused, two_lead};
use crate::cluster::{Budgets, SomeStep};
use crate::{Model, Scope};
use purlin::raft::{Lease, Request, RoleName, Timer};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [asking(), leasing(), thorough()].into_iter().flatten().collect()
}

/// Whoever leads is asked for a command once, and whoever knows a leader for reads.
fn reading(name: &'static str, scope: Scope, requests: u8) -> Case {
    Case::new(name, scope, 3).asks(requests, |state, node, ask| {
        let Some(replica) = state.machine(node) else { return };
        if leads(state, node) && !state.ghost.has_proposed {
            ask(Request::Propose { stamp: None, command: replica.term() as u8 });
        }
        if replica.leader().is_some() && node < 2 {
            ask(read());
        }
    })
}

fn asking() -> Vec<Box<dyn Model>> {
    vec![
        reading("a read and another leader", Scope::Quick, 2)
            .elections([0, 1], 2)
            .some_step([read_answered(), read_refused()])
            .boxed(),
        reading("reads of a leader and a follower, and duplicates", Scope::Quick, 3)
            .elections([0], 1)
            .befall(Budgets { duplicates: 1, requests: 2, ..Budgets::CALM })
            .some_step([read_answered(), applied()])
            .boxed(),
    ]
}

/// The first replica leads and hears only the second, which gives the third its vote once it is no longer true to the first.
/// Clocks lie so many ticks apart at most; a lease lasts a third of an election timeout, as if one clock ran at most twice as
/// fast as another.
fn lease(name: &'static str, skew: u32) -> Case {
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
        .ignores(silent_first_and_third)
        .befall(Budgets { ticks: 6, requests: 2, ..Budgets::CALM })
        .world(|world| {
            (world.tick, world.skew, world.lateness) = (TICK, skew, None);
        })
}

fn leasing() -> Vec<Box<dyn Model>> {
    let stale = SomeStep { name: "a read is stale", holds: |step| !reads_are_linearizable(step) };
    vec![
        lease("a lease, and clocks that keep within its bounds", 1)
            .sometimes([two_lead()])
            .some_step([read_by_lease(), applied()])
            .boxed(),
        lease("a lease, and clocks that break its bounds", 3)
            .without(READS_ARE_LINEARIZABLE)
            .sometimes([two_lead()])
            .some_step([stale, read_by_lease(), applied()])
            .boxed(),
    ]
}

fn thorough() -> Vec<Box<dyn Model>> {
    vec![
        reading("two reads, a command and another leader", Scope::Full, 3)
            .elections([0, 1], 2)
            .sometimes([two_lead()])
            .some_step([read_answered(), read_refused(), applied()])
            .boxed(),
        reading("reads, a heartbeat and another leader", Scope::Full, 2)
            .elections([0, 1], 2)
            .hasty(Timer::Heartbeat, [0], 1)
            .befall(Budgets { duplicates: 1, requests: 2, ..Budgets::CALM })
            .some_step([read_answered(), read_refused()])
            .boxed(),
    ]
}
