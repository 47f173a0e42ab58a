//! One run of a model: the search for safety and witnesses, the explicit graph for liveness.

use crate::caller::{Action, ActionOf, CallerModel, Callers, Ghost, LeadsTo};
use crate::counterexample::{Verdict, replay, shorten};
use crate::graph::{Edge, Graph};
use crate::liveness::{self, Lasso, Promise};
use crate::properties::EVERYTHING_HOLDS;
use crate::report::{Kind, Progress, PropertyReport};
use crate::search::{Explored, search};
use purlin::Policy;
use stateright::{Expectation, Model};
use std::collections::BTreeMap;

/// The largest graph that is held for a liveness property. Models that claim one stay below.
const GRAPH_STATES_MAX: usize = 4_000_000;
/// How many states are searched for the shortest counterexample before a longer one is cut down instead.
const SHORTEST_STATES_MAX: usize = 300_000;

/// What a run found.
pub(crate) struct Outcome {
    pub(crate) complete: bool,
    pub(crate) unique_states: u64,
    pub(crate) generated_states: u64,
    pub(crate) properties: Vec<PropertyReport>,
}

/// Runs `model` to its end, or to the first violation of an `always`.
pub(crate) fn check<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>, progress: &dyn Fn(Progress)) -> Outcome {
    let watched = model.watched();
    let Explored { complete, unique_states, generated_states, discoveries } = search(&watched, progress);
    let mut paths: BTreeMap<_, _> = discoveries.into_iter().collect();
    let violation = paths.remove(EVERYTHING_HOLDS).map(|path| Violation::new(model, path));
    let mut properties = safety(model, violation.as_ref());
    // In a search that stopped early, a witness that was not met may still exist.
    properties.extend(witnesses(&watched, paths).into_iter().filter(|witness| complete || witness.holds));
    if complete {
        properties.extend(liveness(model));
    }
    Outcome { complete, unique_states, generated_states, properties }
}

/// The way to the first state found where an `always` does not hold.
struct Violation<O> {
    property: &'static str,
    actions: Vec<Action<O>>,
}

impl<O: Clone + PartialEq> Violation<O> {
    fn new<P: Policy<Outcome = O>, G: Ghost<P>>(model: &CallerModel<P, G>, path: Vec<Action<O>>) -> Self {
        let Verdict::Violated { property, .. } = replay(model, &path) else {
            unreachable!("what was violated in the search is violated again")
        };
        let actions = shorten(model, property, path, SHORTEST_STATES_MAX);
        Self { property, actions }
    }
}

fn safety<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    violation: Option<&Violation<P::Outcome>>,
) -> Vec<PropertyReport> {
    let properties = model.properties();
    let always = properties.iter().filter(|property| property.expectation == Expectation::Always);
    always
        .map(|property| {
            let broken = violation.filter(|violation| violation.property == property.name);
            told(model, property.name, Kind::Always, broken.is_none(), broken.map(|broken| broken.actions.clone()))
        })
        .collect()
}

fn witnesses<P: Policy, G: Ghost<P>>(
    watched: &CallerModel<P, G>,
    mut paths: BTreeMap<&'static str, Vec<ActionOf<P>>>,
) -> Vec<PropertyReport> {
    let of_states = watched.claims.sometimes.iter().map(|witness| {
        let path = paths.remove(witness.name);
        told(watched, witness.name, Kind::Sometimes, path.is_some(), path)
    });
    let of_steps = watched
        .claims
        .some_step
        .iter()
        .enumerate()
        .map(|(index, witness)| told(watched, witness.name, Kind::Sometimes, watched.has_seen_step(index), None));
    of_states.chain(of_steps).collect()
}

fn told<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    name: &str,
    kind: Kind,
    holds: bool,
    actions: Option<Vec<ActionOf<P>>>,
) -> PropertyReport {
    let path = actions.as_ref().map(|actions| narrate(model, actions));
    let actions = actions.map(|actions| serde_json::to_value(actions).expect("actions are plain data"));
    PropertyReport { name: name.to_owned(), kind, holds, path, actions }
}

/// A path in words: for each step what was done and what came of it.
fn narrate<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>, actions: &[ActionOf<P>]) -> Vec<String> {
    let Some(mut state) = model.init_states().into_iter().next() else { return Vec::new() };
    let mut lines = Vec::new();
    for action in actions {
        lines.push(narrate_step(model, &state, action));
        state = model.next_state(&state, action.clone()).unwrap_or(state);
    }
    lines
}

fn narrate_step<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    state: &Callers<P, G>,
    action: &ActionOf<P>,
) -> String {
    let result = model.format_step(state, action.clone()).unwrap_or_default();
    format!("{} -> {result}", model.format_action(action))
}

fn liveness<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>) -> Vec<PropertyReport> {
    let promises = &model.claims.leads_to;
    if promises.is_empty() {
        return Vec::new();
    }
    let graph = Graph::explore(model, GRAPH_STATES_MAX)
        .unwrap_or_else(|error| panic!("a model with liveness properties must stay small: {error}"));
    promises.iter().map(|promise| judge_promise(model, &graph, promise)).collect()
}

type GraphOf<P, G> = Graph<Callers<P, G>, ActionOf<P>>;

fn judge_promise<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    graph: &GraphOf<P, G>,
    promise: &LeadsTo<P, G>,
) -> PropertyReport {
    let judged = Promise {
        from: &|state| (promise.from)(state, model.config(state)),
        to: &|state| (promise.to)(state, model.config(state)),
        fair: &promise.fair,
    };
    let lasso = liveness::violation(graph, &judged);
    let path = lasso.as_ref().map(|lasso| narrate_lasso(model, graph, lasso));
    let actions = lasso.as_ref().map(|lasso| {
        let edges = lasso.prefix.iter().chain(&lasso.cycle);
        let actions: Vec<&ActionOf<P>> = edges.map(|edge| graph.action(edge)).collect();
        serde_json::to_value(actions).expect("actions are plain data")
    });
    PropertyReport { name: promise.name.to_owned(), kind: Kind::Eventually, holds: lasso.is_none(), path, actions }
}

fn narrate_lasso<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    graph: &GraphOf<P, G>,
    lasso: &Lasso,
) -> Vec<String> {
    let mut lines = Vec::new();
    let end = narrate_edges(model, graph, lasso.start, &lasso.prefix, &mut lines);
    lines.push(if lasso.cycle.is_empty() { "and stops here".into() } else { "and then for ever:".into() });
    narrate_edges(model, graph, end, &lasso.cycle, &mut lines);
    lines
}

fn narrate_edges<P: Policy, G: Ghost<P>>(
    model: &CallerModel<P, G>,
    graph: &GraphOf<P, G>,
    start: usize,
    edges: &[Edge],
    lines: &mut Vec<String>,
) -> usize {
    edges.iter().fold(start, |from, edge| {
        lines.push(narrate_step(model, &graph.states[from], graph.action(edge)));
        edge.to as usize
    })
}
