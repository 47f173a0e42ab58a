//! Every order, one after another: slow, and too simple to be wrong.

use crate::histories::Lived;
use purlin_sim::linearizability::Specification;
use std::collections::BTreeSet;

/// Whether any order explains every answer.
pub(crate) fn has_order<S: Specification>(specification: &S, lived: &[Lived<S>]) -> bool {
    let all: Vec<usize> = (0..lived.len()).collect();
    any_order(specification, lived, &specification.initial(), &all)
}

fn any_order<S: Specification>(specification: &S, lived: &[Lived<S>], state: &S::State, left: &[usize]) -> bool {
    left.iter().all(|index| lived[*index].answered.is_none())
        || first_ones(lived, left).into_iter().any(|index| {
            let rest: Vec<usize> = left.iter().copied().filter(|other| *other != index).collect();
            let outcome = lived[index].answered.as_ref().map(|(_, outcome)| outcome);
            let next = specification.step(state, &lived[index].operation, outcome);
            next.into_iter().any(|next| any_order(specification, lived, &next, &rest))
        })
}

/// Those that are called before any of the others is answered.
fn first_ones<S: Specification>(lived: &[Lived<S>], left: &[usize]) -> Vec<usize> {
    let first_answer = left.iter().filter_map(|index| Some(lived[*index].answered.as_ref()?.0)).min();
    let is_first = |index: &usize| first_answer.is_none_or(|answer| lived[*index].called < answer);
    left.iter().copied().filter(is_first).collect()
}

/// Every state, in words, that some order leads to which has all that is answered before `end`, and nothing else than what is called
/// before it, and not `without`.
pub(crate) fn states_before<S: Specification>(
    specification: &S,
    lived: &[Lived<S>],
    end: u64,
    without: usize,
) -> BTreeSet<String> {
    let called = (0..lived.len()).filter(|index| lived[*index].called < end && *index != without);
    let mut found = BTreeSet::new();
    collect(specification, lived, end, &specification.initial(), &called.collect::<Vec<_>>(), &mut found);
    found
}

fn collect<S: Specification>(
    specification: &S,
    lived: &[Lived<S>],
    end: u64,
    state: &S::State,
    left: &[usize],
    found: &mut BTreeSet<String>,
) {
    let is_due = |index: &usize| lived[*index].answered.as_ref().is_some_and(|(answered, _)| *answered < end);
    if !left.iter().any(is_due) {
        found.insert(format!("{state:?}"));
    }
    for index in first_ones(lived, left) {
        let rest: Vec<usize> = left.iter().copied().filter(|other| *other != index).collect();
        let outcome = lived[index].answered.as_ref().map(|(_, outcome)| outcome);
        for next in specification.step(state, &lived[index].operation, outcome) {
            collect(specification, lived, end, &next, &rest, found);
        }
    }
}
