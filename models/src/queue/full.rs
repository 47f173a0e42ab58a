//! Models of up to ten million states.

use super::case::{Asks, Case, small};
use super::promises::{a_lease_ends_by_itself, what_is_ready_is_handed_out};
use super::witnesses::{
    absorbed, accepted_again, acknowledged_and_down, buried, clock_is_behind, enough_are_out, expires, extends,
    finished, full, last_attempt, lease_survives, redriven, refused, something_is_lost, waits_in_line,
};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::queue::{NewMessage, Settings};

const FULL: Scope = Scope::Full;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    let everything = Asks { extend_ms: Some(3), kill: true, ..Asks::of(&["a", "b"]) };
    let one_worker = Asks { workers: vec!["w"], ..Asks::of(&["a"]) };
    let slow = |crashes, stalls| Budgets { crashes, stalls, ..Budgets::CALM };
    vec![
        Case::new("two messages, extended and killed, noticed a tick late", FULL, small(), everything)
            .time(Some(1))
            .sometimes([finished(), last_attempt()])
            .some_step([buried(), refused(), expires(), extends()])
            .boxed(),
        Case::new("a slow disk, twice, and two crashes", FULL, small(), one_worker.clone())
            .time(None)
            .budgets(slow(2, 2))
            .open_requests(3)
            .sometimes([finished(), acknowledged_and_down()])
            .some_step([buried(), something_is_lost(), lease_survives(), expires()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        Case::new("two messages and a crash", FULL, small(), Asks { workers: vec!["w"], ..Asks::of(&["a", "b"]) })
            .time(Some(0))
            .budgets(slow(1, 0))
            .sometimes([finished(), acknowledged_and_down()])
            .some_step([buried(), lease_survives(), expires()])
            .boxed(),
        Case::new("a clock that is set twice", FULL, small(), one_worker)
            .time(Some(0))
            .budgets(Budgets { jumps: 2, ..slow(2, 0) })
            .jumps(&[-3, 3])
            .sometimes([finished(), clock_is_behind()])
            .some_step([buried(), expires(), lease_survives()])
            .leads_to([a_lease_ends_by_itself(), what_is_ready_is_handed_out()])
            .boxed(),
        keys(Settings { max_attempts: 1, ..small() }, "one key, redriven while time passes"),
        keys(
            Settings { max_attempts: 1, dead_blocks_key: true, ..small() },
            "one key, blocked by the dead while time passes",
        ),
        deduplication(),
        little_room(),
    ]
}

fn keys(settings: Settings, name: &'static str) -> Box<dyn Model> {
    let asks = Asks { redrive: true, workers: vec!["w"], claim_max: 2, ..Asks::of_key(&["a", "b"]) };
    Case::new(name, FULL, settings, asks)
        .time(Some(0))
        .budgets(Budgets { crashes: 1, ..Budgets::CALM })
        .up_to_tokens::<4>()
        .sometimes([finished(), waits_in_line()])
        .some_step([buried(), redriven(), expires()])
        .boxed()
}

fn deduplication() -> Box<dyn Model> {
    let twin = |id: &str| NewMessage { id: id.into(), dedup_id: Some("d".into()), ..NewMessage::default() };
    let asks = Asks { messages: vec![twin("a"), twin("b")], workers: vec!["w"], nack_ms: None, ..Asks::of(&[]) };
    Case::new("one deduplication id, and work", FULL, Settings { dedup_retention_ms: 2, ..small() }, asks)
        .time(Some(0))
        .budgets(Budgets { crashes: 1, stalls: 1, ..Budgets::CALM })
        .sometimes([finished(), acknowledged_and_down()])
        .some_step([absorbed(), accepted_again(), something_is_lost()])
        .boxed()
}

fn little_room() -> Box<dyn Model> {
    let tight = Settings {
        max_in_flight: Some(2),
        max_in_flight_per_worker: Some(1),
        max_messages: 2,
        max_done: 1,
        max_attempts: 1,
        ..small()
    };
    Case::new("little room, and time", FULL, tight, Asks { redrive: true, ..Asks::of(&["a", "b", "c"]) })
        .time(Some(0))
        .budgets(Budgets { crashes: 1, ..Budgets::CALM })
        .up_to_tokens::<3>()
        .sometimes([finished()])
        .some_step([buried(), full(), enough_are_out(), redriven()])
        .boxed()
}
