//! Models that take well below a second each.

use super::case::{Asks, Case, small};
use super::promises::{a_lease_ends_by_itself, what_is_ready_is_handed_out};
use super::witnesses::{
    absorbed, accepted_again, acknowledged_and_down, buried, clock_is_behind, enough_are_out, expires, extends,
    finished, full, journal_is_refused, last_attempt, lease_survives, redriven, refused, something_is_lost,
    waits_in_line,
};
use crate::cluster::{Budgets, NOW};
use crate::{Model, Scope};
use purlin::queue::{NewMessage, Request, Settings};

const QUICK: Scope = Scope::Quick;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [leasing(), crashing(), ordering(), bounding()].into_iter().flatten().collect()
}

fn crashes(crashes: u8) -> Budgets {
    Budgets { crashes, ..Budgets::CALM }
}

/// Leases and their ends.
fn leasing() -> Vec<Box<dyn Model>> {
    let extending = Asks { extend_ms: Some(3), ..Asks::of(&["a"]) };
    let delaying = Asks { nack_ms: Some(2), ..Asks::of(&["a"]) };
    let scheduled = NewMessage { id: "a".into(), not_before: Some(NOW + super::TICK), ..NewMessage::default() };
    let later = Asks { messages: vec![scheduled], ..Asks::of(&[]) };
    vec![
        Case::new("a lease", QUICK, small(), extending)
            .time(Some(1))
            .sometimes([finished(), last_attempt()])
            .some_step([buried(), refused(), expires(), extends()])
            .leads_to([what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("a lease that nobody extends", QUICK, small(), delaying)
            .time(None)
            .sometimes([finished(), last_attempt()])
            .some_step([buried(), refused(), expires()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("two messages", QUICK, small(), Asks { claim_max: 2, ..Asks::of(&["a", "b"]) })
            .time(Some(0))
            .sometimes([finished(), last_attempt()])
            .some_step([buried(), refused(), expires()])
            .boxed(),
        Case::new("a message for later", QUICK, small(), later)
            .time(Some(0))
            .sometimes([finished()])
            .some_step([expires()])
            .leads_to([what_is_ready_is_handed_out()])
            .boxed(),
        Case::new(
            "dead letters",
            QUICK,
            Settings { max_attempts: 1, ..small() },
            Asks { kill: true, redrive: true, ..Asks::of(&["a"]) },
        )
        .time(Some(0))
        .up_to_tokens::<3>()
        .sometimes([finished()])
        .some_step([buried(), redriven(), expires()])
        .boxed(),
    ]
}

/// Crashes, slow disks, journals taken over, clocks that are set.
fn crashing() -> Vec<Box<dyn Model>> {
    let slow = Budgets { crashes: 1, stalls: 1, ..Budgets::CALM };
    let refusing = Budgets { refusals: 1, stalls: 1, ..Budgets::CALM };
    let jumping = Budgets { crashes: 1, jumps: 1, ..Budgets::CALM };
    let questions = vec![Request::Status { id: "a".into() }, Request::Stats, Request::Expire];
    vec![
        Case::new("a lease and a crash", QUICK, small(), Asks { extend_ms: Some(3), ..Asks::of(&["a"]) })
            .time(Some(1))
            .budgets(crashes(1))
            .sometimes([finished(), acknowledged_and_down()])
            .some_step([buried(), refused(), expires(), lease_survives()])
            .leads_to([what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("a lease and two crashes", QUICK, small(), Asks { workers: vec!["w"], ..Asks::of(&["a"]) })
            .time(None)
            .budgets(crashes(2))
            .sometimes([finished(), acknowledged_and_down()])
            .some_step([buried(), expires(), lease_survives()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("a slow disk", QUICK, small(), Asks { workers: vec!["w"], ..Asks::of(&["a"]) })
            .time(Some(0))
            .budgets(slow)
            .open_requests(2)
            .sometimes([finished(), acknowledged_and_down()])
            .some_step([buried(), something_is_lost(), lease_survives(), expires()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("a journal that is taken over", QUICK, small(), Asks { workers: vec!["w"], ..Asks::of(&["a"]) })
            .time(Some(0))
            .budgets(refusing)
            .sometimes([finished()])
            .some_step([buried(), journal_is_refused(), lease_survives()])
            .boxed(),
        Case::new("a clock that is set while the queue is down", QUICK, small(), Asks::of(&["a"]))
            .time(Some(0))
            .budgets(jumping)
            .jumps(&[-3, 3])
            .sometimes([finished(), clock_is_behind()])
            .some_step([buried(), refused(), expires(), lease_survives()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        Case::new(
            "dead letters and a crash",
            QUICK,
            Settings { max_attempts: 1, ..small() },
            Asks { kill: true, redrive: true, workers: vec!["w"], nack_ms: None, ..Asks::of(&["a"]) },
        )
        .time(Some(0))
        .budgets(slow)
        .up_to_tokens::<2>()
        .sometimes([acknowledged_and_down()])
        .some_step([buried(), redriven(), expires()])
        .boxed(),
        Case::new("questions", QUICK, small(), Asks { others: questions, nack_ms: None, ..Asks::of(&["a"]) })
            .time(None)
            .budgets(crashes(1))
            .sometimes([finished()])
            .some_step([buried(), expires()])
            .boxed(),
    ]
}

/// Ordering keys.
fn ordering() -> Vec<Box<dyn Model>> {
    let dying = Settings { max_attempts: 1, ..small() };
    let blocking = Settings { dead_blocks_key: true, ..dying.clone() };
    let redriving = || Asks { redrive: true, workers: vec!["w"], claim_max: 2, ..Asks::of_key(&["a", "b"]) };
    vec![
        Case::new("one key", QUICK, small(), Asks { claim_max: 2, ..Asks::of_key(&["a", "b"]) })
            .time(Some(0))
            .sometimes([finished(), waits_in_line()])
            .some_step([buried(), refused(), expires()])
            .boxed(),
        Case::new("one key, redriven", QUICK, dying.clone(), redriving())
            .budgets(crashes(1))
            .up_to_tokens::<3>()
            .sometimes([finished(), waits_in_line()])
            .some_step([buried(), redriven()])
            .boxed(),
        Case::new("one key, blocked by the dead", QUICK, blocking, redriving())
            .budgets(crashes(1))
            .up_to_tokens::<3>()
            .sometimes([finished(), waits_in_line()])
            .some_step([buried(), redriven()])
            .boxed(),
    ]
}

/// Deduplication, and bounds on everything.
fn bounding() -> Vec<Box<dyn Model>> {
    let retention = Settings { dedup_retention_ms: 2, ..small() };
    let twins = ["a", "b"].map(|id| NewMessage { id: id.into(), dedup_id: Some("d".into()), ..NewMessage::default() });
    let twins = Asks { messages: twins.to_vec(), workers: vec![], ..Asks::of(&[]) };
    let tight = Settings {
        max_in_flight: Some(1),
        max_in_flight_per_worker: Some(1),
        max_messages: 2,
        max_done: 1,
        max_attempts: 1,
        ..small()
    };
    vec![
        Case::new("one deduplication id", QUICK, retention, twins)
            .time(Some(0))
            .budgets(Budgets { crashes: 1, stalls: 1, ..Budgets::CALM })
            .sometimes([acknowledged_and_down()])
            .some_step([absorbed(), accepted_again(), something_is_lost()])
            .boxed(),
        Case::new("little room", QUICK, tight, Asks { nack_ms: None, ..Asks::of(&["a", "b", "c"]) })
            .budgets(crashes(1))
            .up_to_tokens::<3>()
            .sometimes([finished()])
            .some_step([full(), enough_are_out()])
            .boxed(),
    ]
}
