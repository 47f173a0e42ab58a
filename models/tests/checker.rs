//! The checker is checked: policies with a planted fault are caught, and their counterexamples are short and replay.

mod faulty;

use core::num::NonZeroU32;
use faulty::{Bulkhead, Fault, Outcome, Setup, TICK, setup};
use purlin_models::caller::{ActionOf, Always, Claims, EveryStep, Kind as Do, LeadsTo, SomeStep, Sometimes};
use purlin_models::{CallerModel, CallerScope, Callers, Kind, Model, PolicyModel, Scope, Verdict, replay};
use purlin_models::{CheckReport, counterexample};

const BUSY_SLOTS_ARE_HELD: Always<Bulkhead, ()> =
    Always { name: "busy slots are held", holds: |state, _| state.machine.busy as usize == state.held.len() };

const FULL_IS_REACHED: Sometimes<Bulkhead, ()> =
    Sometimes { name: "full is reached", holds: |state, setup| state.machine.busy == setup.slots };

fn scope(setup: Setup) -> CallerScope<Bulkhead> {
    CallerScope { tick: TICK, ..CallerScope::new(setup, 3, [Outcome::Done, Outcome::Cancelled]) }
}

fn claims() -> Claims<Bulkhead> {
    Claims { always: vec![BUSY_SLOTS_ARE_HELD], sometimes: vec![FULL_IS_REACHED], ..Claims::default() }
}

fn model(scope: CallerScope<Bulkhead>, claims: Claims<Bulkhead>) -> PolicyModel<Bulkhead> {
    PolicyModel::new("bulkhead", "test", Scope::Quick, scope, claims)
}

fn check(scope: CallerScope<Bulkhead>, claims: Claims<Bulkhead>) -> CheckReport {
    model(scope, claims).check(&|_| ())
}

fn actions_of(report: &CheckReport, name: &str) -> Vec<ActionOf<Bulkhead>> {
    let property = report.properties.iter().find(|property| property.name == name).expect("the property is reported");
    assert!(!property.holds, "{name} was expected to be violated");
    let actions = property.actions.clone().expect("a violation has a path");
    serde_json::from_value(actions).expect("a path reads back")
}

#[test]
fn a_sound_policy_holds_and_is_explored_to_its_end() {
    let report = check(scope(setup(Fault::None)), claims());
    assert!(report.holds(), "{report:#?}");
    // None, one or two slots are out.
    assert_eq!(report.unique_states, 3);
}

#[test]
fn a_leak_is_caught_by_the_shortest_path() {
    let report = check(scope(setup(Fault::LeaksWhenCancelled)), claims());
    assert!(!report.complete);
    let actions = actions_of(&report, BUSY_SLOTS_ARE_HELD.name);
    let kinds: Vec<_> = actions.iter().map(|action| action.kind).collect();
    assert_eq!(kinds, [Do::Ask, Do::End { permit: 0, outcome: Outcome::Cancelled }]);
}

#[test]
fn a_counterexample_replays_and_the_sound_policy_survives_it() {
    let report = check(scope(setup(Fault::LeaksWhenCancelled)), claims());
    let actions = actions_of(&report, BUSY_SLOTS_ARE_HELD.name);
    let faulty = CallerModel::new(scope(setup(Fault::LeaksWhenCancelled)), claims());
    assert_eq!(replay(&faulty, &actions), Verdict::Violated { property: BUSY_SLOTS_ARE_HELD.name, after: 2 });
    let sound = CallerModel::new(scope(setup(Fault::None)), claims());
    assert_eq!(replay(&sound, &actions), Verdict::Holds);
}

#[test]
fn a_path_that_is_not_offered_is_told_apart() {
    let sound = CallerModel::new(scope(setup(Fault::None)), claims());
    let end = serde_json::from_str(r#"[{"do":"ask"},{"do":{"end":{"permit":1,"outcome":"Done"}}}]"#);
    let actions: Vec<ActionOf<Bulkhead>> = end.expect("a path can be written by hand");
    assert_eq!(replay(&sound, &actions), Verdict::NotOffered { at: 1 });
}

#[test]
fn a_panic_is_a_violation_with_its_path_and_message() {
    let report = check(scope(setup(Fault::PanicsWhenFull)), claims());
    let actions = actions_of(&report, Claims::<Bulkhead>::NO_STEP_PANICS);
    assert_eq!(actions.len(), 3);
    let property = report.properties.iter().find(|property| !property.holds).expect("one is violated");
    let told = property.path.as_ref().and_then(|path| path.last()).expect("the path has a last step");
    assert!(told.contains("PANIC: nobody thought of a full bulkhead"), "{told}");
}

#[test]
fn needless_actions_are_left_out_of_a_long_path() {
    let world = scope(setup(Fault::LeaksWhenCancelled));
    let faulty = CallerModel::new(world, claims());
    let act = |kind| ActionOf::<Bulkhead> { kind, throws: Default::default() };
    let detour = [Do::Ask, Do::Ask, Do::Advance { late: false }, Do::End { permit: 0, outcome: Outcome::Done }];
    let mut path: Vec<_> = detour.into_iter().cycle().take(39).map(act).collect();
    path.push(act(Do::End { permit: 0, outcome: Outcome::Cancelled }));
    let short = counterexample::without_needless(&faulty, BUSY_SLOTS_ARE_HELD.name, path);
    let kinds: Vec<_> = short.into_iter().map(|action| action.kind).collect();
    assert_eq!(kinds, [Do::Ask, Do::End { permit: 0, outcome: Outcome::Cancelled }]);
}

#[test]
fn a_vacuous_model_fails() {
    let nobody = CallerScope { callers: 0, ..scope(setup(Fault::None)) };
    let report = check(nobody, claims());
    assert!(report.complete && !report.holds());
}

#[test]
fn a_step_that_breaks_a_claim_is_remembered() {
    let stingy =
        EveryStep::of_inputs("nobody is granted anything", |_, _, reply| !matches!(reply, faulty::Reply::Granted(_)));
    let report = check(scope(setup(Fault::None)), Claims { every_step: vec![stingy], ..claims() });
    assert_eq!(actions_of(&report, "nobody is granted anything").len(), 1);
}

#[test]
fn a_witness_among_the_steps_is_found_or_missed() {
    let refused = SomeStep::<Bulkhead> {
        name: "somebody is refused",
        holds: |step| step.exchange().is_some_and(|(_, reply)| *reply == faulty::Reply::Full),
    };
    let never = SomeStep::<Bulkhead> { name: "ninety slots are busy", holds: |step| step.after.busy == 90 };
    let report = check(scope(setup(Fault::None)), Claims { some_step: vec![refused, never], ..claims() });
    let holds = |name: &str| report.properties.iter().find(|property| property.name == name).map(|it| it.holds);
    assert_eq!(holds("somebody is refused"), Some(true));
    assert_eq!(holds("ninety slots are busy"), Some(false));
}

fn resting(fault: Fault) -> CallerScope<Bulkhead> {
    let rests_up_to = NonZeroU32::new(3);
    CallerScope { throws: true, callers: 1, ..scope(Setup { slots: 0, rests_up_to, fault }) }
}

fn rest_ends() -> LeadsTo<Bulkhead, ()> {
    LeadsTo {
        name: "rest ends, if time passes",
        from: |state, _| state.machine.rests_until.is_some(),
        to: |state, _| state.machine.rests_until.is_none(),
        fair: |action, _| matches!(action.kind, Do::Advance { .. }).then_some(0),
    }
}

fn only_promises() -> Claims<Bulkhead> {
    Claims { leads_to: vec![rest_ends()], ..Claims::default() }
}

#[test]
fn every_throw_of_the_die_is_explored() {
    let report = check(resting(Fault::None), only_promises());
    assert!(report.holds(), "{report:#?}");
    // Awake, or with one, two or three ticks of rest to come.
    assert_eq!(report.unique_states, 4);
}

#[test]
fn a_throw_that_was_not_announced_is_caught() {
    let report = check(CallerScope { throws: false, ..resting(Fault::None) }, only_promises());
    assert_eq!(actions_of(&report, Claims::<Bulkhead>::NO_STEP_PANICS).len(), 1);
}

/// What the machine below forgets is how late it is: else its states had no end.
fn late_states(state: &Bulkhead) -> bool {
    state.rests_until.is_none_or(|until| until + TICK * 2 > purlin_models::caller::NOW)
}

#[test]
fn a_policy_that_sleeps_for_ever_breaks_its_promise_in_a_cycle() {
    let mut world = resting(Fault::SleepsForEver);
    world.boundary = late_states;
    let report = check(world, only_promises());
    let promise = report.properties.iter().find(|property| property.kind == Kind::Eventually).expect("is reported");
    assert!(!promise.holds);
    let path = promise.path.as_ref().expect("a violation has a path");
    assert!(path.iter().any(|line| line == "and stops here" || line == "and then for ever:"), "{path:?}");
}

#[test]
fn instants_are_counted_from_the_present_in_every_state() {
    let model = CallerModel::new(resting(Fault::None), only_promises());
    let graph = purlin_models::Graph::explore(&model, 100).expect("four states");
    assert!(graph.states.iter().all(|state: &Callers<Bulkhead>| state.now == purlin_models::caller::NOW));
    assert_eq!(graph.states.len(), 4);
    assert!(purlin_models::Graph::explore(&model, 3).is_err());
}
