//! The laws of machines (`purlin`'s crate documentation), for every machine: random scripts, the same for all laws.
//!
//! A machine joins by a [`Subject`] under `tests/laws/`. Another seed: `PURLIN_SEED=7 cargo test --test laws`.

#[path = "laws/breaker.rs"]
mod breaker;
#[path = "laws/script.rs"]
mod script;
#[path = "laws/turnstile.rs"]
mod turnstile;

use core::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use purlin::{Gate, Instant, Names, Packed, Policy};
use script::{Alarm, Line, Operation, Run, Script, Subject};

fn prove<S: Subject>(law: impl Fn(Script<S>) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config =
        Config { cases: 3_000, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    if let Err(broken) = TestRunner::new(config).run(&script::scripts::<S>(), law) {
        panic!("{broken}");
    }
}

/// Law 1: the same state, configuration, input, time and throws give the same state, reply and effects.
fn the_same_script_gives_the_same_run<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let (first, second) = (Run::of(&script, Alarm::Ignored), Run::of(&script, Alarm::Ignored));
    prop_assert_eq!(first.lines, second.lines);
    prop_assert_eq!(first.machine, second.machine);
    Ok(())
}

/// Law 2: a word stands for the state that was packed.
fn unpacking_undoes_packing<S: Subject<Machine: Packed>>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, Alarm::Ignored, |run, _| {
        prop_assert_eq!(&S::Machine::unpack(run.machine.pack()), &run.machine);
        Ok(())
    })
}

/// Law 3: a glance equals the step, which then changes nothing, emits nothing and throws no die.
fn a_glance_equals_the_step<S: Subject<Machine: Gate>>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, Alarm::Ignored, |run, operation| {
        let Some(input) = run.input_of(operation) else { return Ok(()) };
        let gate = run.machine.gate(run.config());
        let Some(glanced) = S::Machine::glance(gate, &input, &run.world) else { return Ok(()) };
        let mut stepped = run.clone();
        let line = stepped.step(input);
        prop_assert_eq!(&line.reply, &glanced);
        prop_assert!(line.effects.is_empty(), "the step emits {:?}", line.effects);
        prop_assert_eq!(&stepped.machine, &run.machine);
        prop_assert_eq!(&stepped.world.bounds, &run.world.bounds);
        Ok(())
    })
}

/// Law 3, where a word carries an allowance: what is spent on the word is what the step would have done.
fn a_spent_step_is_the_step<S: Subject<Machine: Gate>>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, Alarm::Ignored, |run, operation| {
        let Some(input) = run.input_of(operation) else { return Ok(()) };
        let gate = run.machine.gate(run.config());
        let Some((reply, left)) = S::Machine::spend(gate, &input) else { return Ok(()) };
        let (mut stepped, mut spent) = (run.clone(), run.machine.clone());
        spent.spent(gate, left);
        prop_assert_eq!(stepped.step(input), Line { reply, effects: Vec::new() });
        prop_assert_eq!(&stepped.machine, &spent);
        prop_assert_eq!(stepped.machine.gate(run.config()), left);
        Ok(())
    })
}

/// Law 6: the bounds of throws come from the configuration.
fn bounds_come_from_the_configuration<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let run = Run::of(&script, Alarm::Ignored);
    let known: Vec<u32> = script.configs.iter().flat_map(S::bounds).collect();
    prop_assert!(run.world.bounds.iter().all(|bound| known.contains(bound)), "{:?}", run.world.bounds);
    Ok(())
}

/// Law 7: shifting all instants and the clock alike shifts the result.
fn shifting_time_shifts_the_result<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let shift = Duration::from_nanos(123_456_789_000_001);
    let mut later = Run::of(&script.shifted(shift), Alarm::Ignored);
    later.machine.instants(&mut |instant| *instant = *instant - shift);
    for line in &mut later.lines {
        line.shift_back(shift);
    }
    let run = Run::of(&script, Alarm::Ignored);
    prop_assert_eq!(run.lines, later.lines);
    prop_assert_eq!(run.machine, later.machine);
    Ok(())
}

/// Law 8: a host that ticks at every wake and one that never does end alike.
fn noticing_late_equals_ticking_on_time<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let (prompt, late) = (Run::of(&script, Alarm::Heeded), Run::of(&script, Alarm::Ignored));
    prop_assert_eq!(replies(&prompt.lines), replies(&late.lines));
    prop_assert_eq!(prompt.machine, late.machine);
    Ok(())
}

fn replies<M: Policy>(lines: &[Line<M>]) -> Vec<&M::Reply> {
    lines.iter().map(|line| &line.reply).collect()
}

/// Law 9: what settling forgets, no later reply or effect would have told.
fn settling_changes_no_later_answer<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    let (begin, rest) = script.operations.split_at(script.cut());
    let mut run = Run::start(&script);
    begin.iter().for_each(|operation| run.apply(operation, Alarm::Ignored));
    let mut settled = run.clone();
    settled.settle();
    for operation in rest.iter().filter(|operation| !matches!(operation, Operation::Reconfigure)) {
        run.apply(operation, Alarm::Ignored);
        settled.apply(operation, Alarm::Ignored);
        prop_assert_eq!(run.lines.last(), settled.lines.last());
    }
    Ok(())
}

/// What a room claims of its machine holds after every step.
fn the_claims_of_the_room_hold<S: Subject>(script: Script<S>) -> Result<(), TestCaseError> {
    Run::watched(&script, Alarm::Ignored, |run, _| {
        let broken = S::broken_claim(&run.machine, run.config());
        prop_assert!(broken.is_none(), "{} in {:?}", broken.unwrap_or_default(), run.machine);
        Ok(())
    })
}

/// The clock counts from here in every script, far enough from the origin that subtracting never saturates.
const DAWN: Instant = Instant::from_nanos(1 << 62);

macro_rules! laws {
    ($room:ident: $subject:ty; $($law:ident),*) => {
        mod $room {
            $(#[test] fn $law() { super::prove::<$subject>(super::$law); })*
        }
    };
}

laws!(breaker_obeys: super::breaker::Subject;
    the_same_script_gives_the_same_run, a_glance_equals_the_step, a_spent_step_is_the_step, bounds_come_from_the_configuration,
    shifting_time_shifts_the_result, noticing_late_equals_ticking_on_time, settling_changes_no_later_answer,
    the_claims_of_the_room_hold);

laws!(turnstile_obeys: super::turnstile::Subject;
    the_same_script_gives_the_same_run, unpacking_undoes_packing, bounds_come_from_the_configuration,
    shifting_time_shifts_the_result, noticing_late_equals_ticking_on_time, settling_changes_no_later_answer,
    the_claims_of_the_room_hold);
