//! The lock as models that are explored to their end.
//!
//! ```text
//!    node 0 keeps the lock; nodes 1 and 2 ask.   A tick is a millisecond.
//!
//!    requests ── Acquire, Release ──▶ clients ◀── messages: late, twice, never ──▶ keeper
//!    clocks   ── within a stated distance         processes: die between any two effects; disks lag
//! ```
//!
//! Every model claims the same of every state and step ([`claims`]) and adds the witnesses and promises that it is there
//! for. [`Case`] is open to machines that only behave like a lock ([`Locklike`]): tests try the claims on faulty ones.

mod case;
pub mod claims;
mod locklike;
mod memory;
mod promises;
mod witnesses;

pub use case::{Case, TICK, ticks};
pub use locklike::Locklike;
pub use memory::Memory;

use crate::{Lock, Request, Settings};
use promises::{asked_in_time_and_alone_it_is_given, every_question_is_answered, the_lease_of_the_dead_ends};
use purlin_models::cluster::Budgets;
use purlin_models::{Model, Scope};
use witnesses::{
    a_grant_comes_too_late, a_grant_is_given_back, a_late_grant_is_ignored, a_lost_lease_is_given_again, given_back,
    held_after_the_keeper_died, held_by_the_keeper, passed_on, refused, renewed,
};

const QUICK: Scope = Scope::Quick;
const FULL: Scope = Scope::Full;

/// Every model of the lock.
pub fn models() -> Vec<Box<dyn Model>> {
    [sharing(), dying(), drifting(), promising(), thorough()].into_iter().flatten().collect()
}

/// Whoever asks while nobody dies.
fn sharing() -> Vec<Box<dyn Model>> {
    vec![
        case("two clients", 2, ticks(2, 0))
            .befall(Budgets { requests: 2, ticks: 3, ..Budgets::CALM })
            .sometimes([passed_on(), refused(), given_back(), a_grant_comes_too_late()])
            .boxed(),
        case("two clients, timers late", 2, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 2, ..Budgets::CALM })
            .late_timers()
            .sometimes([passed_on(), refused()])
            .boxed(),
        case("two clients, losses and duplicates", 2, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 2, duplicates: 1, losses: 1, ..Budgets::CALM })
            .sometimes([passed_on(), refused()])
            .boxed(),
        case("a client that renews and releases", 1, ticks(2, 0))
            .befall(Budgets { requests: 3, ticks: 2, duplicates: 1, ..Budgets::CALM })
            .open_requests(2)
            .sometimes([renewed(), given_back(), a_grant_is_given_back()])
            .boxed(),
        case("the keeper asks too", 1, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 2, ..Budgets::CALM })
            .asked_of([0, 1])
            .sometimes([passed_on(), held_by_the_keeper()])
            .boxed(),
    ]
}

/// Processes die, and disks lag.
fn dying() -> Vec<Box<dyn Model>> {
    vec![
        case("the keeper dies", 2, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 2, crashes: 1, ..Budgets::CALM })
            .sometimes([held_after_the_keeper_died(), passed_on()])
            .boxed(),
        case("the keeper's disk lags", 2, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 1, crashes: 1, stalls: 1, ..Budgets::CALM })
            .sometimes([held_after_the_keeper_died(), a_lost_lease_is_given_again()])
            .boxed(),
        case("a client dies twice, and its disk lags", 1, ticks(2, 0))
            .befall(Budgets { requests: 2, ticks: 2, crashes: 2, stalls: 1, ..Budgets::CALM })
            .sometimes([a_late_grant_is_ignored(), a_grant_is_given_back()])
            .boxed(),
    ]
}

/// Clocks lie apart, and are set while their process is down.
fn drifting() -> Vec<Box<dyn Model>> {
    vec![
        case("clocks a tick apart", 2, ticks(3, 2))
            .befall(Budgets { requests: 2, ticks: 8, ..Budgets::CALM })
            .skew(1)
            .sometimes([passed_on(), refused()])
            .boxed(),
        case("clocks set by a tick", 2, ticks(2, 1))
            .befall(Budgets { requests: 2, ticks: 2, crashes: 1, jumps: 1, ..Budgets::CALM })
            .jumps([-1, 1])
            .sometimes([passed_on(), held_after_the_keeper_died()])
            .boxed(),
    ]
}

/// What comes sooner or later.
fn promising() -> Vec<Box<dyn Model>> {
    vec![
        case("a question is answered sooner or later", 1, ticks(1, 0))
            .befall(Budgets { requests: 1, crashes: 1, losses: 1, ..Budgets::CALM })
            .up_to_token::<2>()
            .leads_to([every_question_is_answered::<Lock, 2>(), the_lease_of_the_dead_ends::<Lock, 2>()])
            .boxed(),
        case("after a holder that died comes another", 2, ticks(1, 0))
            .befall(Budgets { requests: 2, ticks: 2, crashes: 1, ..Budgets::CALM })
            .asks(|state, node, ask| {
                let is_first = state.ghost.given.0 == 0;
                if is_first == (node == 1) {
                    ask(Request::Acquire);
                }
            })
            .asymmetric()
            .sometimes([passed_on()])
            .leads_to([asked_in_time_and_alone_it_is_given()])
            .boxed(),
    ]
}

/// More of everything.
fn thorough() -> Vec<Box<dyn Model>> {
    let full = |name, clients, settings| Case::<Lock>::new(name, FULL, clients, settings);
    vec![
        full("two clients that release, everything may die", 2, ticks(2, 0))
            .befall(Budgets { requests: 2, ticks: 3, crashes: 1, duplicates: 1, ..Budgets::CALM })
            .open_requests(2)
            .sometimes([passed_on(), refused(), given_back(), held_after_the_keeper_died()])
            .boxed(),
        full("clocks a tick apart, everything may die", 2, ticks(3, 2))
            .befall(Budgets { requests: 2, ticks: 8, crashes: 1, stalls: 1, ..Budgets::CALM })
            .skew(1)
            .sometimes([passed_on(), refused(), held_after_the_keeper_died()])
            .boxed(),
    ]
}

fn case(name: &'static str, clients: u8, settings: Settings) -> Case<Lock> {
    Case::new(name, QUICK, clients, settings)
}
