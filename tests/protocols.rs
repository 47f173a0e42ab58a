//! The laws of machines and of protocols (`purlin` and `purlin::protocol`), for every protocol: random scripts of requests,
//! messages, of time passing, and of crashes.
//!
//! A protocol joins by a [`Subject`] under `tests/protocols/`. Another seed: `PURLIN_SEED=7 cargo test --test protocols`.

#[path = "protocols/lock.rs"]
mod lock;
#[path = "protocols/queue.rs"]
mod queue;
#[path = "protocols/raft.rs"]
mod raft;
#[path = "protocols/script.rs"]
mod script;

use core::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use purlin::protocol::{Effect, Protocol};
use purlin::{Instant, Names};
use script::{Run, Script, Subject, Timers};
use std::collections::BTreeSet;

fn prove<S: Subject>(law: impl Fn(Script<S>) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config =
        Config { cases: 1_000, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    if let Err(broken) = TestRunner::new(config).run(&script::scripts::<S>(), law) {
        panic!("{broken}");
    }
}

/// Law 1 of machines: the same state, configuration, input and time give the same state and effects.
fn the_same_script_gives_the_same_run<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let (first, second) = (Run::of(&script, Timers::Prompt), Run::of(&script, Timers::Prompt));
    prop_assert_eq!(first.world.effects, second.world.effects);
    prop_assert_eq!(first.machine, second.machine);
    Ok(())
}

/// Law 4: the image equals the fold of all records persisted so far.
fn the_image_is_the_fold_of_what_was_persisted<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |run, _| {
        prop_assert_eq!(&run.folded(), run.machine.image());
        Ok(())
    })
}

/// Law 4: what recovers goes on from the image, and what it writes down at once is in its image too.
fn a_recovered_machine_goes_on_from_the_image<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |run, _| {
        let mut run = run.clone();
        run.crash();
        prop_assert_eq!(&run.folded(), run.machine.image());
        Ok(())
    })
}

/// Law 4: where a decision rests on the image alone, a recovered machine decides alike.
fn recovery_decides_durably_alike<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |steady, operation| {
        let Some(input) = steady.input_of(operation) else { return Ok(()) };
        if !S::rests_on_the_image(&steady.machine, &input) {
            return Ok(());
        }
        let (mut steady, mut shaken) = (steady.clone(), steady.clone());
        shaken.crash();
        prop_assert_eq!(durable::<S>(steady.step(input.clone())), durable::<S>(shaken.step(input)));
        Ok(())
    })
}

/// Timers are volatile, and so may be what is announced: of a role that was lost.
fn durable<S: Subject>(mut effects: Vec<Effect<S::Machine>>) -> Vec<Effect<S::Machine>> {
    effects.retain(|effect| !matches!(effect, Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_)));
    effects.retain(|effect| !S::takes_leave(effect));
    effects
}

/// Law 5: stale timers change nothing durable.
fn a_stale_timer_changes_nothing_durable<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |run, _| {
        for timer in S::timers().into_iter().filter(|timer| S::is_stale(&run.machine, timer)) {
            let mut run = run.clone();
            let before = run.machine.image().clone();
            run.fire(timer);
            prop_assert_eq!(&before, run.machine.image());
        }
        Ok(())
    })
}

/// Law 7: shifting all instants and the clock alike shifts the result.
fn shifting_time_shifts_the_result<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let shift = Duration::from_nanos(77_000_000_001);
    let mut later = Run::of(&script.shifted(shift), Timers::Prompt);
    later.machine.instants(&mut |instant| *instant = *instant - shift);
    for effect in &mut later.world.effects {
        effect.instants(&mut |instant| *instant = *instant - shift);
    }
    let run = Run::of(&script, Timers::Prompt);
    prop_assert_eq!(run.world.effects, later.world.effects);
    prop_assert_eq!(run.machine.image(), later.machine.image());
    Ok(())
}

/// Law 8: a host that fires each timer when it is due and one that never does end alike.
fn noticing_late_equals_ticking_on_time<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let (prompt, late) = (Run::of(&script, Timers::Prompt), Run::of(&script, Timers::Never));
    prop_assert_eq!(prompt.world.answers(), late.world.answers());
    prop_assert_eq!(prompt.world.journal(), late.world.journal());
    Ok(())
}

/// Law 9: what settling forgets, no later effect would have told.
fn settling_changes_no_later_answer<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |run, operation| {
        let (mut run, mut settled) = (run.clone(), run.clone());
        settled.settle();
        run.apply(operation, Timers::Prompt);
        settled.apply(operation, Timers::Prompt);
        prop_assert_eq!(run.world.effects, settled.world.effects);
        Ok(())
    })
}

/// Law 3 of hosts, as far as the machine goes: at most one answer a ticket, and none that nobody asked for.
fn no_request_is_answered_twice<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let run = Run::of(&script, Timers::Prompt);
    let mut answered = BTreeSet::new();
    for (ticket, _) in run.world.answers() {
        prop_assert!((1..=run.tickets).contains(&ticket.0), "{ticket:?} was never given");
        prop_assert!(answered.insert(ticket), "{ticket:?} is answered twice");
    }
    Ok(())
}

/// What a room claims of its machine holds after every step.
fn the_claims_of_the_room_hold<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, |run, _| {
        let broken = S::broken_claim(&run.machine, &run.config);
        prop_assert!(broken.is_none(), "{} in {:?}", broken.unwrap_or_default(), run.machine);
        Ok(())
    })
}

/// The clock counts from here in every script, far enough from the origin that subtracting never saturates.
const DAWN: Instant = Instant::from_nanos(1 << 60);

macro_rules! laws {
    ($room:ident: $subject:ty; $($law:ident),*) => {
        mod $room {
            $(#[test] fn $law() { super::prove::<$subject>(super::$law); })*
        }
    };
    ($($room:ident: $subject:ty),*) => {
        $(laws!($room: $subject; the_same_script_gives_the_same_run, the_image_is_the_fold_of_what_was_persisted,
            a_recovered_machine_goes_on_from_the_image, recovery_decides_durably_alike,
            a_stale_timer_changes_nothing_durable, shifting_time_shifts_the_result, noticing_late_equals_ticking_on_time,
            settling_changes_no_later_answer, no_request_is_answered_twice, the_claims_of_the_room_hold);)*
    };
}

laws!(queue_obeys: super::queue::Subject, lock_obeys: super::lock::Subject);

// That nobody was heard of for a while is told to a replica by its timers alone, so it does not notice late what they do not
// tell.
laws!(raft_obeys: super::raft::Subject; the_same_script_gives_the_same_run, the_image_is_the_fold_of_what_was_persisted,
    a_recovered_machine_goes_on_from_the_image, recovery_decides_durably_alike, a_stale_timer_changes_nothing_durable,
    shifting_time_shifts_the_result, settling_changes_no_later_answer, no_request_is_answered_twice,
    the_claims_of_the_room_hold);
