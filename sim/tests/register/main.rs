//! A historian as the judge of a scenario: it holds a register to be one that does one operation at a time.

mod cluster;
mod machine;

use cluster::{Keeping, Registers, THE_REGISTER_IS_LINEARIZABLE};
use machine::{Answer, Keeper, Request};
use purlin::Instant;
use purlin_sim::checker::Judge;
use purlin_sim::cluster::{Ask, Event, Unanswered};
use purlin_sim::linearizability::{Checker, Historian, Register};
use purlin_sim::{Campaign, Scenario, Tier, Verdict};

fn sound() -> Scenario {
    Scenario::of_protocol::<Keeping<false>>()
}

fn with_bug() -> Scenario {
    Scenario::of_protocol::<Keeping<true>>()
}

#[test]
fn a_register_that_dies_and_comes_back_is_linearizable_in_both_tiers() {
    let summary = Campaign::new(Tier::Swarm, 0..Scenario::SEEDS_TO_SEE_EVERYTHING).run(&sound(), &|_| {}).unwrap();
    assert_eq!(summary.failed, []);
    assert_eq!(summary.unseen, [""; 0]);
    let summary = Campaign::new(Tier::Turmoil, 0..4).run(&sound(), &|_| {}).unwrap();
    assert_eq!(summary.failed, []);
    assert!(!summary.unseen.contains(&"a_history_was_decided".to_owned()));
}

/// Goal: a stale read is found, and shown by few operations. Method: the bug in the protocol, and plans as drawn.
#[test]
fn reads_from_a_copy_that_is_behind_are_found_and_shown_by_the_few_operations_that_matter() {
    for seed in 0..20 {
        let run = with_bug().run(Tier::Swarm, &with_bug().plan(seed)).unwrap();
        let Verdict::Violated { property, detail } = &run.verdict else {
            panic!("seed {seed}: {:?}", run.verdict);
        };
        assert_eq!(*property, THE_REGISTER_IS_LINEARIZABLE);
        assert!(
            detail.contains("read of") && (detail.contains("write of") || detail.contains("swap of")),
            "{}",
            detail
        );
        assert!(detail.lines().count() <= 6, "{}", detail);
    }
}

type Register64 = Historian<Registers>;

fn historian() -> Register64 {
    Historian::new(THE_REGISTER_IS_LINEARIZABLE, Registers, Checker::new(Register::new(0)))
}

/// Asks client by client, ask by ask; each hears what is told, at the same instant as the next asks.
fn hear(historian: &mut Register64, ask: u64, request: &Request, heard: Result<&Answer, Unanswered>) {
    let (client, node, clock) = (ask as u32, 0, Instant::ORIGIN);
    let asked = Event::Asked { client, node, ask: Ask(ask), clock, request };
    let ended = match heard {
        Ok(answer) => Event::Answered { client, node, ask: Ask(ask), clock, answer },
        Err(why) => Event::Unanswered { client, node, ask: Ask(ask), why },
    };
    let events: [Event<'_, Keeper>; 2] = [asked, ended];
    events.iter().for_each(|event| historian.observe(Instant::ORIGIN, event).unwrap());
}

#[test]
fn what_was_turned_away_was_not_done_and_what_stayed_unknown_may_have_been() {
    for (heard, is_linearizable) in [
        (Ok(&Answer::Done), true),
        (Err(Unanswered::Unknown), true),
        (Err(Unanswered::Busy), false),
        (Err(Unanswered::ShutDown), false),
    ] {
        let mut historian = historian();
        hear(&mut historian, 0, &Request::Write(7), heard);
        hear(&mut historian, 1, &Request::Read, Ok(&Answer::Value(7)));
        assert_eq!(historian.conclude(Instant::ORIGIN).is_ok(), is_linearizable, "{heard:?}");
    }
}

#[test]
fn events_of_one_instant_happen_in_the_order_of_the_history() {
    let mut historian = historian();
    hear(&mut historian, 0, &Request::Write(7), Ok(&Answer::Done));
    hear(&mut historian, 1, &Request::Read, Ok(&Answer::Value(0)));
    let violation = historian.conclude(Instant::ORIGIN).unwrap_err();
    assert!(violation.detail.contains("client 1's read of 0"), "{}", violation.detail);
}

/// A request that waits may have been done already; a copy of the judge goes on by itself.
#[test]
fn what_is_still_open_may_have_been_done_and_a_fork_goes_on_by_itself() {
    let mut historian = historian();
    let (client, node, clock, request) = (9, 0, Instant::ORIGIN, &Request::Write(7));
    historian.observe(clock, &Event::Asked { client, node, ask: Ask(9), clock, request }).unwrap();
    hear(&mut historian, 1, &Request::Read, Ok(&Answer::Value(7)));
    assert!(historian.judge().is_ok());
    let mut fork = historian.clone();
    fork.observe(clock, &Event::Unanswered { client, node, ask: Ask(9), why: Unanswered::Busy }).unwrap();
    assert!(fork.judge().is_err());
    assert!(historian.judge().is_ok());
}

#[test]
fn a_historian_that_judges_every_so_many_answers_finds_what_is_broken_at_once() {
    let mut historian = historian().judging_every(2);
    hear(&mut historian, 0, &Request::Read, Ok(&Answer::Value(0)));
    let (client, node, clock) = (1, 0, Instant::ORIGIN);
    let asked = Event::Asked { client, node, ask: Ask(1), clock, request: &Request::Read };
    historian.observe(clock, &asked).unwrap();
    let answered = Event::Answered { client, node, ask: Ask(1), clock, answer: &Answer::Value(7) };
    assert!(historian.observe(clock, &answered).is_err());
}
