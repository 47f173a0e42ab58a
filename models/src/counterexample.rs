//! Counterexamples that a reader can follow: shortened, in words, and as data that can be replayed in a test.

use crate::fingerprint::BuildFolding;
use core::hash::Hash;
use stateright::{Expectation, Model};
use std::collections::{HashSet, VecDeque};

/// What came of replaying a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every `always` held in every state on the way.
    Holds,
    /// One was broken.
    Violated {
        /// Its name.
        property: &'static str,
        /// After how many actions.
        after: usize,
    },
    /// The model does not offer this action here.
    NotOffered {
        /// The index of the action.
        at: usize,
    },
}

/// Takes `actions` one after the other, from the model's first initial state that offers them, and judges each state.
pub fn replay<M: Model>(model: &M, actions: &[M::Action]) -> Verdict
where
    M::Action: Clone + PartialEq,
{
    let verdicts = model.init_states().into_iter().map(|state| replay_from(model, state, actions));
    let verdicts: Vec<Verdict> = verdicts.collect();
    let violated = verdicts.iter().find(|verdict| matches!(verdict, Verdict::Violated { .. }));
    let holds = || verdicts.iter().find(|verdict| **verdict == Verdict::Holds);
    violated.or_else(holds).or(verdicts.first()).copied().unwrap_or(Verdict::NotOffered { at: 0 })
}

fn replay_from<M: Model>(model: &M, mut state: M::State, actions: &[M::Action]) -> Verdict
where
    M::Action: Clone + PartialEq,
{
    for (index, action) in actions.iter().enumerate() {
        if let Some(property) = violated(model, &state) {
            return Verdict::Violated { property, after: index };
        }
        match offered_step(model, &state, action) {
            Some(next) => state = next,
            None => return Verdict::NotOffered { at: index },
        }
    }
    violated(model, &state).map_or(Verdict::Holds, |property| Verdict::Violated { property, after: actions.len() })
}

/// The first `always` that does not hold in `state`.
pub(crate) fn violated<M: Model>(model: &M, state: &M::State) -> Option<&'static str> {
    let properties = model.properties();
    let broken = |property: &&stateright::Property<M>| {
        property.expectation == Expectation::Always && !(property.condition)(model, state)
    };
    properties.iter().find(broken).map(|property| property.name)
}

fn offered_step<M: Model>(model: &M, state: &M::State, action: &M::Action) -> Option<M::State>
where
    M::Action: Clone + PartialEq,
{
    let mut offered = Vec::new();
    model.actions(state, &mut offered);
    let is_offered = offered.contains(action);
    is_offered.then(|| model.next_state(state, action.clone())).flatten().filter(|next| model.within_boundary(next))
}

/// The shortest path to a state where `property` does not hold, if it is found among the first `limit` states; else
/// `actions` with everything left out that the violation does not need.
pub fn shorten<M: Model>(model: &M, property: &'static str, actions: Vec<M::Action>, limit: usize) -> Vec<M::Action>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone + PartialEq,
{
    shortest(model, property, limit).unwrap_or_else(|| without_needless(model, property, actions))
}

/// The shortest path to a violation of `property` within the first `limit` states of a breadth-first search.
pub fn shortest<M: Model>(model: &M, property: &'static str, limit: usize) -> Option<Vec<M::Action>>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone + PartialEq,
{
    let breaks = model.property(property).condition;
    let mut seen: HashSet<M::State, BuildFolding> = HashSet::default();
    let mut steps: Vec<(Option<M::Action>, usize)> = Vec::new();
    let mut queue = VecDeque::new();
    let mut offered = Vec::new();
    for state in model.init_states() {
        steps.push((None, 0));
        queue.push_back((state, steps.len() - 1));
    }
    while let Some((state, index)) = queue.pop_front() {
        if !breaks(model, &state) {
            return Some(path_to(&steps, index));
        }
        if seen.len() >= limit {
            return None;
        }
        model.actions(&state, &mut offered);
        for action in offered.drain(..) {
            let next = model.next_state(&state, action.clone()).filter(|next| model.within_boundary(next));
            let Some(next) = next else { continue };
            if seen.insert(next.clone()) {
                steps.push((Some(action), index));
                queue.push_back((next, steps.len() - 1));
            }
        }
    }
    None
}

fn path_to<A: Clone>(steps: &[(Option<A>, usize)], mut index: usize) -> Vec<A> {
    let mut path = Vec::new();
    while let (Some(action), before) = &steps[index] {
        path.push(action.clone());
        index = *before;
    }
    path.reverse();
    path
}

/// Leaves out runs of actions, longer ones first, as long as `property` is still broken by what remains. Actions that are
/// no longer offered leave with them.
pub fn without_needless<M: Model>(model: &M, property: &'static str, actions: Vec<M::Action>) -> Vec<M::Action>
where
    M::State: Clone,
    M::Action: Clone + PartialEq,
{
    let mut path = still_breaks(model, property, &actions).unwrap_or(actions);
    let mut run = path.len().div_ceil(2).max(1);
    loop {
        let before = path.len();
        path = without_runs(model, property, path, run);
        if run == 1 && path.len() == before {
            return path;
        }
        run = run.div_ceil(2);
    }
}

fn without_runs<M: Model>(model: &M, property: &'static str, mut path: Vec<M::Action>, run: usize) -> Vec<M::Action>
where
    M::State: Clone,
    M::Action: Clone + PartialEq,
{
    let mut start = 0;
    while start < path.len() {
        let end = (start + run).min(path.len());
        let candidate: Vec<M::Action> = path[..start].iter().chain(&path[end..]).cloned().collect();
        match still_breaks(model, property, &candidate) {
            Some(shorter) => path = shorter,
            None => start = end,
        }
    }
    path
}

/// The actions among `candidate` that are offered one after the other, up to the first state that breaks `property`.
fn still_breaks<M: Model>(model: &M, property: &'static str, candidate: &[M::Action]) -> Option<Vec<M::Action>>
where
    M::State: Clone,
    M::Action: Clone + PartialEq,
{
    let holds = model.property(property).condition;
    model.init_states().into_iter().find_map(|mut state| {
        let mut taken = Vec::new();
        for action in candidate {
            if !holds(model, &state) {
                break;
            }
            if let Some(next) = offered_step(model, &state, action) {
                state = next;
                taken.push(action.clone());
            }
        }
        (!holds(model, &state)).then_some(taken)
    })
}
