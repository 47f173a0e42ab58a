//! Goal: the claims about the lock are no empty words. Method: a world beyond its bounds, or a lock with one thing wrong,
//! breaks the claim that is there for it, and no other bound was needed.

mod faulty;

use faulty::{Faulty, HELD_FROM_THE_ANSWER, RENEWS_FOR_ANYBODY, UNFENCED_GRANT, UNFENCED_QUESTION};
use purlin::protocol::Protocol;
use purlin_lock::models::claims::{
    A_HOLD_ENDS_WITH_ITS_LEASE, NO_TOKEN_IS_GIVEN_TWICE, ONE_HOLDER_AT_A_TIME, WHAT_IS_GRANTED_IS_DURABLE,
};
use purlin_lock::models::{Case, Locklike, ticks};
use purlin_lock::{Lock, Request};
use purlin_models::cluster::Budgets;
use purlin_models::{Kind, Scope};

#[test]
fn clocks_beyond_the_margin_break_mutual_exclusion() {
    assert_eq!(broken(beyond_the_margin()), [ONE_HOLDER_AT_A_TIME]);
}

#[test]
fn clocks_beyond_the_margin_never_break_the_order_of_tokens() {
    assert_eq!(broken(beyond_the_margin().without(ONE_HOLDER_AT_A_TIME)), [""; 0]);
}

#[test]
fn a_question_that_does_not_wait_for_the_disk_breaks_mutual_exclusion() {
    assert_eq!(broken(asked_before_it_is_durable(1)), [ONE_HOLDER_AT_A_TIME]);
}

#[test]
fn a_question_that_does_not_wait_is_found_only_where_syncs_lag() {
    assert_eq!(broken(asked_before_it_is_durable(0)), [""; 0]);
}

#[test]
fn a_grant_that_does_not_wait_for_the_disk_is_forgotten() {
    assert_eq!(broken(granted_before_it_is_durable()), [WHAT_IS_GRANTED_IS_DURABLE]);
}

#[test]
fn a_grant_that_does_not_wait_for_the_disk_gives_a_token_to_two() {
    assert_eq!(
        broken(granted_before_it_is_durable().without(WHAT_IS_GRANTED_IS_DURABLE).without(ONE_HOLDER_AT_A_TIME)),
        [NO_TOKEN_IS_GIVEN_TWICE]
    );
}

#[test]
fn a_hold_counted_from_its_answer_breaks_mutual_exclusion() {
    let case = faulty::<HELD_FROM_THE_ANSWER>();
    assert_eq!(broken(case.befall(Budgets { requests: 2, ticks: 2, ..Budgets::CALM })), [ONE_HOLDER_AT_A_TIME]);
}

#[test]
fn a_lease_that_is_renewed_for_anybody_gives_a_token_to_two() {
    let case = with_lease::<RENEWS_FOR_ANYBODY>(2);
    assert_eq!(broken(case.befall(Budgets { requests: 3, ticks: 2, ..Budgets::CALM })), [NO_TOKEN_IS_GIVEN_TWICE]);
}

/// A tick ahead and then a tick behind are two ticks, and the margin is one.
fn beyond_the_margin() -> Case<Lock> {
    Case::new("clocks too far apart", Scope::Quick, 2, ticks(3, 1))
        .befall(Budgets { requests: 2, ticks: 8, ..Budgets::CALM })
        .skew(1)
}

/// A process has to die twice: once to begin a life that is not durable, and once to begin it again. Node 1 asks in its
/// second lives, node 2 once the lock was given.
fn asked_before_it_is_durable(stalls: u8) -> Case<Faulty<UNFENCED_QUESTION>> {
    faulty()
        .befall(Budgets { requests: 3, ticks: 1, crashes: 2, stalls, ..Budgets::CALM })
        .asks(|state, node, ask| {
            let lives = state.machine(node).map_or(0, |machine| machine.image().lives);
            if (node == 1 && lives == 2) || (node == 2 && state.ghost.given.0 == 1) {
                ask(Request::Acquire);
            }
        })
        .asymmetric()
}

fn granted_before_it_is_durable() -> Case<Faulty<UNFENCED_GRANT>> {
    faulty().befall(Budgets { requests: 2, ticks: 1, crashes: 1, ..Budgets::CALM })
}

fn faulty<const FAULT: u8>() -> Case<Faulty<FAULT>> {
    with_lease(1)
}

fn with_lease<const FAULT: u8>(lease: u64) -> Case<Faulty<FAULT>> {
    Case::new("a faulty lock", Scope::Quick, 2, ticks(lease, 0)).without(A_HOLD_ENDS_WITH_ITS_LEASE)
}

/// The claims that a search finds broken; it ends with the first.
fn broken<P: Locklike>(case: Case<P>) -> Vec<String> {
    let report = case.boxed().check(&|_| ());
    let claims = report.properties.into_iter().filter(|property| property.kind == Kind::Always);
    claims.filter(|claim| !claim.holds).map(|claim| claim.name).collect()
}
