//! One run of a model: the search for safety and witnesses, the explicit graph for liveness.

use crate::counterexample::{Verdict, replay, shorten};
use crate::graph::{Edge, Graph};
use crate::liveness::{self, Lasso, Promise};
use crate::properties::EVERYTHING_HOLDS;
use crate::report::{Kind, Progress, PropertyReport};
use crate::search::{Explored, search};
use crate::world::{ClaimKind, World};
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

/// Runs `world` to its end, or to the first violation of an `always`.
pub(crate) fn check<W: World>(world: &W, progress: &dyn Fn(Progress)) -> Outcome {
    let watched = world.watched();
    let Explored { complete, unique_states, generated_states, discoveries } = search(&watched, progress);
    let mut paths: BTreeMap<_, _> = discoveries.into_iter().collect();
    let violation = paths.remove(EVERYTHING_HOLDS).map(|path| Violation::new(world, path));
    let mut properties = safety(world, violation.as_ref());
    // In a search that stopped early, a witness that was not met may still exist.
    properties.extend(witnesses(&watched, paths).into_iter().filter(|witness| complete || witness.holds));
    if complete {
        properties.extend(liveness(world));
    }
    Outcome { complete, unique_states, generated_states, properties }
}

/// The way to the first state found where an `always` does not hold.
struct Violation<A> {
    property: &'static str,
    actions: Vec<A>,
}

impl<A: Clone + PartialEq> Violation<A> {
    fn new<W: World + Model<Action = A>>(world: &W, path: Vec<A>) -> Self {
        let Verdict::Violated { property, .. } = replay(world, &path) else {
            unreachable!("what was violated in the search is violated again")
        };
        let actions = shorten(world, property, path, SHORTEST_STATES_MAX);
        Self { property, actions }
    }
}

fn safety<W: World>(world: &W, violation: Option<&Violation<W::Action>>) -> Vec<PropertyReport> {
    let properties = world.properties();
    let always = properties.iter().filter(|property| property.expectation == Expectation::Always);
    always
        .map(|property| {
            let broken = violation.filter(|violation| violation.property == property.name);
            told(world, property.name, Kind::Always, broken.is_none(), broken.map(|broken| broken.actions.clone()))
        })
        .collect()
}

fn witnesses<W: World>(watched: &W, mut paths: BTreeMap<&'static str, Vec<W::Action>>) -> Vec<PropertyReport> {
    let of_states = watched.claimed(ClaimKind::Sometimes).into_iter().map(|name| {
        let path = paths.remove(name);
        told(watched, name, Kind::Sometimes, path.is_some(), path)
    });
    let seen = |index| watched.watch().is_some_and(|watch| watch.has_met_step(index));
    let of_steps = watched.claimed(ClaimKind::SomeStep).into_iter().enumerate();
    let of_steps = of_steps.map(|(index, name)| told(watched, name, Kind::Sometimes, seen(index), None));
    of_states.chain(of_steps).collect()
}

fn told<W: World>(world: &W, name: &str, kind: Kind, holds: bool, actions: Option<Vec<W::Action>>) -> PropertyReport {
    let path = actions.as_ref().map(|actions| narrate(world, actions));
    let actions = actions.map(|actions| serde_json::to_value(actions).expect("actions are plain data"));
    PropertyReport { name: name.to_owned(), kind, holds, path, actions }
}

/// A path in words: for each step what was done and what came of it.
fn narrate<W: World>(world: &W, actions: &[W::Action]) -> Vec<String> {
    let Some(mut state) = first_that_offers(world, actions) else { return Vec::new() };
    let mut lines = Vec::new();
    for action in actions {
        lines.push(narrate_step(world, &state, action));
        state = world.next_state(&state, action.clone()).unwrap_or(state);
    }
    lines
}

/// The initial state that a path begins in.
fn first_that_offers<W: World>(world: &W, actions: &[W::Action]) -> Option<W::State> {
    let mut initial = world.init_states();
    let offers = |state: &W::State| replay_offers(world, state.clone(), actions);
    let place = initial.iter().position(offers).unwrap_or(0);
    (!initial.is_empty()).then(|| initial.swap_remove(place))
}

fn replay_offers<W: World>(world: &W, mut state: W::State, actions: &[W::Action]) -> bool {
    actions.iter().all(|action| {
        let mut offered = Vec::new();
        world.actions(&state, &mut offered);
        let next = offered.contains(action).then(|| world.next_state(&state, action.clone())).flatten();
        next.map(|next| state = next).is_some()
    })
}

fn narrate_step<W: World>(world: &W, state: &W::State, action: &W::Action) -> String {
    let result = world.format_step(state, action.clone()).unwrap_or_default();
    format!("{} -> {result}", world.format_action(action))
}

fn liveness<W: World>(world: &W) -> Vec<PropertyReport> {
    let promises = world.claimed(ClaimKind::LeadsTo);
    if promises.is_empty() {
        return Vec::new();
    }
    let graph = Graph::explore(world, GRAPH_STATES_MAX)
        .unwrap_or_else(|error| panic!("a model with liveness properties must stay small: {error}"));
    let judged = promises.iter().enumerate().map(|(index, name)| judge_promise(world, &graph, index, name));
    judged.collect()
}

type GraphOf<W> = Graph<<W as Model>::State, <W as Model>::Action>;

fn judge_promise<W: World>(world: &W, graph: &GraphOf<W>, index: usize, name: &str) -> PropertyReport {
    let judged = Promise {
        from: &|state| world.begins(index, state),
        to: &|state| world.keeps(index, state),
        fair: &|action, state| world.fairness(index, action, state),
    };
    let lasso = liveness::violation(graph, &judged);
    let path = lasso.as_ref().map(|lasso| narrate_lasso(world, graph, lasso));
    let actions = lasso.as_ref().map(|lasso| {
        let edges = lasso.prefix.iter().chain(&lasso.cycle);
        let actions: Vec<&W::Action> = edges.map(|edge| graph.action(edge)).collect();
        serde_json::to_value(actions).expect("actions are plain data")
    });
    PropertyReport { name: name.to_owned(), kind: Kind::Eventually, holds: lasso.is_none(), path, actions }
}

fn narrate_lasso<W: World>(world: &W, graph: &GraphOf<W>, lasso: &Lasso) -> Vec<String> {
    let mut lines = Vec::new();
    let end = narrate_edges(world, graph, lasso.start, &lasso.prefix, &mut lines);
    lines.push(if lasso.cycle.is_empty() { "and stops here".into() } else { "and then for ever:".into() });
    narrate_edges(world, graph, end, &lasso.cycle, &mut lines);
    lines
}

fn narrate_edges<W: World>(
    world: &W,
    graph: &GraphOf<W>,
    start: usize,
    edges: &[Edge],
    lines: &mut Vec<String>,
) -> usize {
    edges.iter().fold(start, |from, edge| {
        lines.push(narrate_step(world, &graph.states[from], graph.action(edge)));
        edge.to as usize
    })
}
