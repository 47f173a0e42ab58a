//! Liveness on graphs drawn by hand: each says what weak fairness allows and what it does not.

use purlin_models::Graph;
use purlin_models::graph::Edge;
use purlin_models::liveness::{Lasso, Promise, violation};

/// Actions of a graph: `a` and `b` are fair classes, `idle` may be put off for ever.
const A: u32 = 0;
const B: u32 = 1;
const IDLE: u32 = 2;

/// A graph of states `0..count`, beginning in 0, with these steps.
fn graph(count: usize, steps: &[(usize, u32, u32)]) -> Graph<usize, u32> {
    let mut edges = vec![Vec::new(); count];
    for (from, action, to) in steps {
        edges[*from].push(Edge { action: *action, to: *to });
    }
    Graph { states: (0..count).collect(), initial: vec![0], edges, actions: vec![A, B, IDLE] }
}

/// From state `from`, sooner or later, state `to`.
fn broken(graph: &Graph<usize, u32>, from: usize, to: usize) -> Option<Lasso> {
    let promise = Promise {
        from: &move |state| *state == from,
        to: &move |state| *state == to,
        fair: &|action, _| (*action != IDLE).then_some(*action as u8),
    };
    let lasso = violation(graph, &promise)?;
    assert_is_a_path(graph, &lasso, from, to);
    Some(lasso)
}

fn assert_is_a_path(graph: &Graph<usize, u32>, lasso: &Lasso, from: usize, to: usize) {
    assert!(graph.initial.contains(&lasso.start));
    let mut at = lasso.start;
    let mut since_begin = (at == from).then_some(vec![at]);
    for edge in lasso.prefix.iter().chain(&lasso.cycle) {
        assert!(graph.edges[at].contains(edge), "{edge:?} leaves {at}");
        at = edge.to as usize;
        if at == from && since_begin.is_none() {
            since_begin = Some(Vec::new());
        }
        since_begin.iter_mut().for_each(|states| states.push(at));
    }
    let entry = lasso.prefix.last().map_or(lasso.start, |edge| edge.to as usize);
    assert_eq!(at, entry, "the cycle closes");
    let open = since_begin.expect("the promise begins on the path");
    let kept = open.iter().rposition(|state| *state == to);
    assert!(kept.is_none_or(|kept| open[kept..].contains(&from)), "the promise stays open to the end");
}

#[test]
fn a_fair_step_that_stays_possible_is_taken() {
    assert_eq!(broken(&graph(2, &[(0, A, 1), (1, IDLE, 1)]), 0, 1), None);
}

#[test]
fn an_unfair_step_may_be_put_off_for_ever() {
    let lasso = broken(&graph(2, &[(0, IDLE, 1)]), 0, 1).expect("it may stop");
    assert!(lasso.prefix.is_empty() && lasso.cycle.is_empty());
}

#[test]
fn a_state_without_steps_is_a_stop() {
    let lasso = broken(&graph(3, &[(0, A, 1), (0, A, 2)]), 0, 2).expect("state 1 is a dead end");
    assert_eq!((lasso.prefix.len(), lasso.cycle.len()), (1, 0));
}

#[test]
fn an_idle_loop_does_not_put_off_a_fair_step() {
    assert_eq!(broken(&graph(2, &[(0, IDLE, 0), (0, A, 1)]), 0, 1), None);
}

#[test]
fn a_loop_of_the_same_class_is_fair_although_it_never_leaves() {
    let lasso = broken(&graph(2, &[(0, A, 0), (0, A, 1)]), 0, 1).expect("the loop takes the class for ever");
    assert_eq!(lasso.cycle, [Edge { action: A, to: 0 }]);
}

#[test]
fn a_class_that_is_impossible_now_and_then_may_be_missed() {
    // Weak fairness asks for nothing: in state 1 the way out is closed. (Strong fairness would.)
    let steps = [(0, A, 1), (1, A, 0), (0, B, 2), (2, IDLE, 2)];
    let lasso = broken(&graph(3, &steps), 0, 2).expect("round and round");
    assert_eq!(lasso.cycle.len(), 2);
}

#[test]
fn a_class_that_stays_possible_on_the_whole_cycle_is_taken() {
    let steps = [(0, A, 1), (1, A, 0), (0, B, 2), (1, B, 2), (2, IDLE, 2)];
    assert_eq!(broken(&graph(3, &steps), 0, 2), None);
}

#[test]
fn a_cycle_must_serve_every_class() {
    // Idling in 0 is the shortest cycle, but not a fair one: both classes stay possible there.
    let steps = [(0, IDLE, 0), (0, A, 1), (0, B, 4), (1, A, 2), (2, IDLE, 2), (2, A, 4), (2, B, 3), (3, B, 0)];
    let lasso = broken(&graph(5, &steps), 0, 4).expect("round through all four");
    let taken = |class| lasso.cycle.iter().any(|edge| edge.action == class);
    let passes = |state| lasso.cycle.iter().any(|edge| edge.to == state);
    assert!(taken(A) || passes(3), "A is taken, or impossible in 3");
    assert!(taken(B) || passes(1), "B is taken, or impossible in 1");
}

#[test]
fn a_promise_that_is_kept_at_once_is_kept() {
    assert_eq!(broken(&graph(1, &[]), 0, 0), None);
}

#[test]
fn a_promise_that_never_begins_is_kept() {
    assert_eq!(broken(&graph(2, &[(0, IDLE, 1)]), 7, 1), None);
}

#[test]
fn meeting_the_goal_closes_the_promise_even_if_the_cycle_goes_on() {
    let steps = [(0, A, 1), (1, A, 2), (2, A, 1)];
    assert_eq!(broken(&graph(3, &steps), 0, 2), None);
}

#[test]
fn a_promise_that_begins_again_after_it_was_kept_is_open_again() {
    let steps = [(0, A, 1), (1, IDLE, 0), (1, A, 2), (2, IDLE, 2), (1, IDLE, 3), (3, A, 3)];
    // From 0 to 1 is always kept; from 1 to 2 it is not: 3 is a trap.
    assert_eq!(broken(&graph(4, &steps), 0, 1), None);
    let lasso = broken(&graph(4, &steps), 1, 2).expect("3 is a trap");
    assert_eq!(lasso.cycle, [Edge { action: A, to: 3 }]);
}

#[test]
fn deep_graphs_do_not_overflow_the_stack() {
    let count = 200_000;
    let mut steps: Vec<_> = (0..count - 1).map(|state| (state, A, state as u32 + 1)).collect();
    steps.push((count - 1, A, 0));
    let lasso = broken_quietly(&graph(count, &steps), 0, count).expect("a ring of all states");
    assert_eq!(lasso.cycle.len(), count);
}

fn broken_quietly(graph: &Graph<usize, u32>, from: usize, to: usize) -> Option<Lasso> {
    let fair = |action: &u32, _: &usize| (*action != IDLE).then_some(*action as u8);
    violation(graph, &Promise { from: &move |state| *state == from, to: &move |state| *state == to, fair: &fair })
}
