//! Finding an order: by the specification's own decision where it has one, and else by search.

use super::problem::{Problem, Task, told};
use super::search::{Effort, Farthest, Found, Limits, search};
use super::specification::{Decision, Specification, Told};

/// Looks for an order within `limits`.
pub(super) fn find<S: Specification>(
    specification: &S,
    tasks: &[Task<'_, S>],
    limits: Limits,
) -> (Found<S::State>, Effort) {
    let found = match specification.decide(&told(tasks)) {
        None => return search(&Problem::new(specification, tasks), limits),
        Some(Decision::Order(order)) => Found::Order(order),
        Some(Decision::NoOrder) => Found::NoOrder(None),
    };
    (found, Effort { steps: tasks.len() as u64, configurations: 0 })
}

/// How many answers, from the first on, are explained by an order of their own, as far as the specification can decide. All
/// together cannot be.
pub(super) fn decided_prefix<S: Specification>(specification: &S, tasks: &[Task<'_, S>]) -> Farthest<S::State> {
    let told = told(tasks);
    let mut answers: Vec<u32> = told.iter().map(|told| told.answered).filter(|event| *event != u32::MAX).collect();
    answers.sort_unstable();
    let (mut explained, mut order, mut unexplained) = (0, Vec::new(), answers.len());
    while unexplained - explained > 1 {
        let middle = usize::midpoint(explained, unexplained);
        match decide_until(specification, &told, answers[middle - 1]) {
            Some(found) => (explained, order) = (middle, found),
            None => unexplained = middle,
        }
    }
    let states = states_after(specification, tasks, &order);
    Farthest { explained: explained as u32, order, states }
}

/// An order of what was called before the event `end` that explains what was answered until then.
fn decide_until<S: Specification>(
    specification: &S,
    told: &[Told<'_, S::Operation, S::Outcome>],
    end: u32,
) -> Option<Vec<u32>> {
    let called: Vec<usize> = (0..told.len()).filter(|index| told[*index].called < end).collect();
    let until = |told: &Told<'_, _, _>| if told.answered > end { u32::MAX } else { told.answered };
    let early = called.iter().map(|index| Told { answered: until(&told[*index]), ..told[*index] });
    match specification.decide(&early.collect::<Vec<_>>()) {
        Some(Decision::Order(order)) => Some(order.iter().map(|index| called[*index as usize] as u32).collect()),
        Some(Decision::NoOrder) | None => None,
    }
}

/// The states that an order leads to.
fn states_after<S: Specification>(specification: &S, tasks: &[Task<'_, S>], order: &[u32]) -> Vec<S::State> {
    order.iter().fold(vec![specification.initial()], |states, index| {
        let task = &tasks[*index as usize];
        let step = |state| specification.step(state, task.operation, task.outcome());
        let mut next: Vec<S::State> = Vec::new();
        for state in states.iter().flat_map(step) {
            if !next.contains(&state) {
                next.push(state);
            }
        }
        next
    })
}
