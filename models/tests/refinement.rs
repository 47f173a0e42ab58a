//! What the comparison finds, on graphs small enough to be drawn in a line. Method: a toy world that is written down step
//! by step is held against a specification that is written down likewise.

use purlin_models::refinement::{Abstraction, Outcome, Refusal, Terms, compare};
use purlin_models::spec::{SpecGraph, Value, View};
use stateright::Model;
use std::collections::BTreeMap;

/// A step of the toy world: from, name, to. A name that begins with `~` is unknown to the specification.
type ToyStep = (u8, &'static str, u8);

/// Its states are numbers; α shows the number without its tens, so 3 and 13 look alike.
struct Toy(&'static [ToyStep]);

impl Model for Toy {
    type State = u8;
    type Action = ToyStep;

    fn init_states(&self) -> Vec<u8> {
        vec![0]
    }

    fn actions(&self, state: &u8, actions: &mut Vec<ToyStep>) {
        actions.extend(self.0.iter().filter(|(from, ..)| from == state));
    }

    fn next_state(&self, _: &u8, (_, _, to): ToyStep) -> Option<u8> {
        Some(to)
    }

    fn format_action(&self, (_, name, to): &ToyStep) -> String {
        format!("{name}{to}")
    }
}

struct ToyAbstraction;

impl Abstraction for ToyAbstraction {
    type Model = Toy;

    fn view(&self, _: &Toy, state: &u8) -> Result<View, String> {
        Ok(view(state % 10))
    }

    fn label(&self, _: &Toy, _: &u8, (_, name, _): &ToyStep, _: &u8) -> Option<String> {
        (!name.starts_with('~')).then(|| (*name).to_owned())
    }
}

fn view(state: u8) -> View {
    View::from([("at".to_owned(), Value::from(u32::from(state)))])
}

fn spec(steps: &[ToyStep]) -> SpecGraph {
    let states = steps.iter().flat_map(|(from, _, to)| [*from, *to]).map(|state| (state, view(state)));
    let states: BTreeMap<u8, View> = states.chain([(0, view(0))]).collect();
    SpecGraph::sorted(states, [0], steps.iter().map(|(from, name, to)| (*from, (*name).to_owned(), *to)))
}

fn terms() -> Terms {
    Terms { refusals: Vec::new(), fair: vec!["go"], states_max: 100 }
}

fn outcome(code: &'static [ToyStep], specified: &[ToyStep]) -> Outcome {
    compare(&ToyAbstraction, &Toy(code), &spec(specified), &terms())
}

const ROUND: &[ToyStep] = &[(0, "go", 1), (1, "go", 0)];

#[test]
fn the_same_graph_agrees_and_carries_liveness_over() {
    let outcome = outcome(ROUND, ROUND);
    assert!(outcome.agrees(), "{outcome:?}");
    assert!(outcome.obstacles.is_empty(), "{outcome:?}");
    assert_eq!((outcome.code_states, outcome.code_steps, outcome.widest_fibre), (2, 2, 1));
}

#[test]
fn a_step_lost_in_one_state_is_not_hidden_by_its_healthy_twin() {
    // 1 and 11 look alike; 11 is stuck. The sets of abstract steps are equal on both sides.
    let outcome = outcome(&[(0, "go", 1), (1, "go", 0), (0, "go", 11)], ROUND);
    assert!(outcome.unexplained.is_empty(), "{outcome:?}");
    assert_eq!(outcome.widest_fibre, 2);
    let [missing] = outcome.missing.as_slice() else { panic!("{outcome:?}") };
    assert_eq!(missing.to_string(), "after go11: at at = 1 the specification offers go to at = 0, the code does not");
    assert_eq!(outcome.obstacles, ["code and specification differ"]);
}

#[test]
fn a_step_that_leads_elsewhere_is_found_with_a_shortest_path() {
    let outcome = outcome(&[(0, "go", 1), (1, "go", 0), (1, "go", 1)], ROUND);
    let [unexplained] = outcome.unexplained.as_slice() else { panic!("{outcome:?}") };
    assert_eq!(unexplained.path, ["go1"]);
    assert!(unexplained.detail.contains("the code's go1 (go) leads to at = 1; the specification leads to at = 0"));
}

#[test]
fn a_step_under_another_name_is_found() {
    let outcome = outcome(&[(0, "run", 1), (1, "go", 0)], ROUND);
    assert!(outcome.unexplained[0].detail.ends_with("the specification offers no run"), "{outcome:?}");
    assert_eq!(outcome.missing.len(), 1);
}

#[test]
fn a_state_that_the_specification_does_not_know_is_found_and_not_followed() {
    let outcome = outcome(&[(0, "go", 1), (1, "go", 0), (1, "go", 7), (7, "go", 8)], ROUND);
    assert_eq!(outcome.unexplained.len(), 1, "{outcome:?}");
    assert!(outcome.unexplained[0].detail.contains("at = 7 (no state of the specification)"));
    assert_eq!(outcome.code_states, 3);
}

#[test]
fn an_unlabelled_step_may_change_nothing_in_view() {
    let stutter = outcome(&[(0, "go", 1), (1, "go", 0), (0, "~", 10), (10, "go", 1)], ROUND);
    assert!(stutter.agrees(), "{stutter:?}");
    assert_eq!(stutter.stutters, 1);
    let jump = outcome(&[(0, "go", 1), (1, "go", 0), (0, "~", 1)], ROUND);
    assert!(jump.unexplained[0].detail.ends_with("but should change nothing in view"), "{jump:?}");
}

#[test]
fn a_state_of_the_specification_that_is_never_reached_is_named() {
    let outcome = outcome(&[(0, "go", 0)], &[(0, "go", 0), (5, "go", 0)]);
    assert_eq!(outcome.unreached, ["at = 5"]);
    assert!(!outcome.agrees());
}

#[test]
fn a_world_that_begins_elsewhere_is_found_on_both_sides() {
    let elsewhere = SpecGraph { initial: vec![1], ..spec(ROUND) };
    let outcome = compare(&ToyAbstraction, &Toy(ROUND), &elsewhere, &terms());
    assert!(outcome.unexplained[0].to_string().starts_with("at first: the code begins in at = 0"), "{outcome:?}");
    assert!(outcome.missing[0].detail.starts_with("the specification may begin in at = 1"), "{outcome:?}");
}

#[test]
fn a_refusal_on_the_list_is_counted_and_keeps_liveness_from_carrying_over() {
    let refusal = Refusal { label: "skip", applies: |view| *view == self::view(1), reason: "one way is enough" };
    let specified = [ROUND, &[(1, "skip", 1)]].concat();
    let allowing = Terms { refusals: vec![refusal], ..terms() };
    let outcome = compare(&ToyAbstraction, &Toy(ROUND), &spec(&specified), &allowing);
    assert!(outcome.agrees(), "{outcome:?}");
    assert_eq!(outcome.refused, BTreeMap::from([("one way is enough", 1)]));
    assert_eq!(outcome.obstacles, ["steps are declined: one way is enough"]);
}

#[test]
fn going_round_unseen_while_a_fair_step_waits_keeps_liveness_from_carrying_over() {
    // 10 and 20 look like 0, decline its step, and lead to one another for ever.
    let code = &[(0, "go", 1), (1, "go", 0), (0, "~", 10), (10, "~", 20), (20, "~", 10)];
    let refusal = Refusal { label: "go", applies: |view| *view == self::view(0), reason: "busy" };
    let allowing = Terms { refusals: vec![refusal], ..terms() };
    let outcome = compare(&ToyAbstraction, &Toy(code), &spec(ROUND), &allowing);
    let vain = "at at = 0 the code may go round unseen for ever, and never offers go";
    assert!(outcome.obstacles.iter().any(|obstacle| obstacle == vain), "{outcome:?}");
}

#[test]
fn a_world_without_end_is_cut_and_reported() {
    let few = Terms { states_max: 2, ..terms() };
    let code = &[(0, "go", 1), (1, "go", 0), (0, "go", 11), (11, "go", 0), (0, "go", 21), (21, "go", 0)];
    let outcome = compare(&ToyAbstraction, &Toy(code), &spec(ROUND), &few);
    assert!(outcome.unexplained.iter().any(|finding| finding.detail.contains("more than 2 states")), "{outcome:?}");
}
