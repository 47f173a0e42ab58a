//! Code against specification, state by state and both ways.
//!
//! ```text
//!      code      s ──── action ────▶ t          sound:     every step of the code is a step of the specification
//!                │ α                 │ α                   with the same label (or, unlabelled, changes nothing in view)
//!                ▼                   ▼          complete:  every step that the specification offers at α(s) is one
//!      spec    α(s) ─── label ───▶ α(t)                    that the code takes from s
//! ```
//!
//! Both are asked of *every* reachable state of the code. To compare the two sets of abstract steps would not do: a
//! state that has lost a step is hidden by a healthy twin with the same α, and lost progress goes unseen.

use crate::spec::{SpecGraph, View, view_in_words};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use stateright::Model;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

/// How the code's world looks in the words of its specification.
pub trait Abstraction: Send + Sync {
    /// The code's world.
    type Model: Model;

    /// α: what the specification's variables are in this state.
    ///
    /// # Errors
    /// What is wrong, in a state that means nothing (a step that panicked led into it).
    fn view(&self, model: &Self::Model, state: &StateOf<Self>) -> Result<View, String>;

    /// The specification's name of a step; `None` for a step that it knows nothing of, which must change nothing in view.
    fn label(
        &self,
        model: &Self::Model,
        state: &StateOf<Self>,
        action: &ActionOf<Self>,
        next: &StateOf<Self>,
    ) -> Option<String>;

    /// Whether the specification's world is large enough for this action.
    fn offers(&self, _model: &Self::Model, _state: &StateOf<Self>, _action: &ActionOf<Self>) -> bool {
        true
    }

    /// Fills up what the model's world runs out of and the specification's does not.
    fn refresh(&self, _state: &mut StateOf<Self>) {}
}

/// A state of an abstraction's model.
pub type StateOf<A> = <<A as Abstraction>::Model as Model>::State;
/// An action of an abstraction's model.
pub type ActionOf<A> = <<A as Abstraction>::Model as Model>::Action;

/// A step that the specification offers and the code may decline.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The step's label.
    pub label: &'static str,
    /// Where it may be declined.
    pub applies: fn(&View) -> bool,
    /// Why that is right.
    pub reason: &'static str,
}

/// On what terms the two are compared.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What the code may decline.
    pub refusals: Vec<Refusal>,
    /// The labels under the specification's fairness.
    pub fair: Vec<&'static str>,
    /// How many states of the code are looked at before it is called endless.
    pub states_max: usize,
}

/// A place where the two differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// A shortest path of the code's actions to the state.
    pub path: Vec<String>,
    /// What differs there.
    pub detail: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "at first".to_owned() } else { format!("after {}", self.path.join(", ")) };
        write!(out, "{path}: {}", self.detail)
    }
}

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Reachable states of the code.
    pub code_states: usize,
    /// Steps between them.
    pub code_steps: usize,
    /// Those of them that the specification knows nothing of, and that change nothing in view.
    pub stutters: usize,
    /// Steps of the code that are none of the specification, shortest path first.
    pub unexplained: Vec<Finding>,
    /// Steps of the specification that the code does not offer, shortest path first.
    pub missing: Vec<Finding>,
    /// States of the specification that no state of the code looks like.
    pub unreached: Vec<String>,
    /// Steps declined with a reason, and how often.
    pub refused: BTreeMap<&'static str, usize>,
    /// How many states of the code look alike, at most.
    pub widest_fibre: usize,
    /// What keeps liveness of the specification from being liveness of the code; empty if nothing does.
    pub obstacles: Vec<String>,
}

impl Outcome {
    /// Code and specification agree in every state.
    pub fn agrees(&self) -> bool {
        self.unexplained.is_empty() && self.missing.is_empty() && self.unreached.is_empty()
    }
}

/// Compares the code behind `abstraction` with `spec`.
pub fn compare<A: Abstraction>(abstraction: &A, model: &A::Model, spec: &SpecGraph, terms: &Terms) -> Outcome
where
    StateOf<A>: Clone + Eq + Hash,
    ActionOf<A>: Clone + Debug + PartialEq,
{
    let explored = Explorer::new(abstraction, model, spec, terms.states_max).explored();
    Comparison { explored: &explored, model, spec, terms, outcome: Outcome::default() }.outcome()
}

/// The code's graph. A state that the specification does not know has no steps here: the way into it is the finding.
struct Explored<S, A> {
    states: Vec<S>,
    places: Vec<Place>,
    /// How each state was reached first, so that following it back gives a shortest path.
    origins: Vec<Option<(usize, A)>>,
    steps: Vec<Vec<CodeStep<A>>>,
    initial: usize,
    is_cut: bool,
}

/// Where in the specification a state of the code stands.
enum Place {
    At(usize),
    Nowhere(String),
}

impl Place {
    fn index(&self) -> Option<usize> {
        if let Self::At(index) = self { Some(*index) } else { None }
    }
}

struct CodeStep<A> {
    label: Option<String>,
    action: A,
    to: usize,
}

struct Explorer<'a, A: Abstraction> {
    abstraction: &'a A,
    model: &'a A::Model,
    spec: &'a SpecGraph,
    states_max: usize,
    known: HashMap<StateOf<A>, usize>,
    queue: VecDeque<usize>,
    explored: Explored<StateOf<A>, ActionOf<A>>,
}

impl<'a, A: Abstraction> Explorer<'a, A>
where
    StateOf<A>: Clone + Eq + Hash,
    ActionOf<A>: Clone,
{
    fn new(abstraction: &'a A, model: &'a A::Model, spec: &'a SpecGraph, states_max: usize) -> Self {
        let explored = Explored {
            states: Vec::new(),
            places: Vec::new(),
            origins: Vec::new(),
            steps: Vec::new(),
            initial: 0,
            is_cut: false,
        };
        Self { abstraction, model, spec, states_max, known: HashMap::new(), queue: VecDeque::new(), explored }
    }

    fn explored(mut self) -> Explored<StateOf<A>, ActionOf<A>> {
        for state in self.model.init_states() {
            self.meet(state, None);
        }
        self.explored.initial = self.explored.states.len();
        while let Some(from) = self.queue.pop_front() {
            if self.explored.places[from].index().is_some() {
                self.expand(from);
            }
        }
        self.explored
    }

    fn expand(&mut self, from: usize) {
        let state = self.explored.states[from].clone();
        let mut actions = Vec::new();
        self.model.actions(&state, &mut actions);
        for action in actions {
            if self.explored.states.len() >= self.states_max {
                self.explored.is_cut = true;
                return;
            }
            if self.abstraction.offers(self.model, &state, &action) {
                self.follow(from, &state, action);
            }
        }
    }

    fn follow(&mut self, from: usize, state: &StateOf<A>, action: ActionOf<A>) {
        let Some(next) = self.model.next_state(state, action.clone()) else { return };
        let label = self.abstraction.label(self.model, state, &action, &next);
        let to = self.meet(next, Some((from, action.clone())));
        self.explored.steps[from].push(CodeStep { label, action, to });
    }

    fn meet(&mut self, mut state: StateOf<A>, origin: Option<(usize, ActionOf<A>)>) -> usize {
        self.abstraction.refresh(&mut state);
        if let Some(index) = self.known.get(&state) {
            return *index;
        }
        let index = self.explored.states.len();
        self.explored.places.push(self.place(&state));
        self.explored.origins.push(origin);
        self.explored.steps.push(Vec::new());
        self.known.insert(state.clone(), index);
        self.explored.states.push(state);
        self.queue.push_back(index);
        index
    }

    fn place(&self, state: &StateOf<A>) -> Place {
        match self.abstraction.view(self.model, state) {
            Ok(view) => self.spec.place_of(&view).map_or_else(|| Place::Nowhere(view_in_words(&view)), Place::At),
            Err(wrong) => Place::Nowhere(wrong),
        }
    }
}

struct Comparison<'a, M: Model> {
    explored: &'a Explored<M::State, M::Action>,
    model: &'a M,
    spec: &'a SpecGraph,
    terms: &'a Terms,
    outcome: Outcome,
}

impl<M: Model> Comparison<'_, M>
where
    M::Action: Clone + Debug + PartialEq,
{
    fn outcome(mut self) -> Outcome {
        self.count();
        self.compare_initial_states();
        for state in 0..self.explored.states.len() {
            if let Some(place) = self.explored.places[state].index() {
                self.explain_steps(state, place);
                self.find_missing_steps(state, place);
            }
        }
        self.find_unreached_states();
        self.find_obstacles();
        self.outcome
    }

    fn count(&mut self) {
        self.outcome.code_states = self.explored.states.len();
        self.outcome.code_steps = self.explored.steps.iter().map(Vec::len).sum();
        let mut fibres = vec![0; self.spec.states.len()];
        self.explored.places.iter().filter_map(Place::index).for_each(|place| fibres[place] += 1);
        self.outcome.widest_fibre = fibres.into_iter().max().unwrap_or(0);
    }

    fn compare_initial_states(&mut self) {
        let places: Vec<&Place> = self.explored.places.iter().take(self.explored.initial).collect();
        let code: BTreeSet<usize> = places.iter().filter_map(|place| place.index()).collect();
        for (state, place) in places.iter().enumerate() {
            if !place.index().is_some_and(|place| self.spec.initial.contains(&place)) {
                let detail = format!("the code begins in {}, the specification does not", self.words(state));
                self.outcome.unexplained.push(Finding { path: Vec::new(), detail });
            }
        }
        for place in self.spec.initial.iter().filter(|place| !code.contains(place)) {
            let view = view_in_words(&self.spec.states[*place]);
            let detail = format!("the specification may begin in {view}, the code does not");
            self.outcome.missing.push(Finding { path: Vec::new(), detail });
        }
    }

    fn explain_steps(&mut self, state: usize, place: usize) {
        for step in &self.explored.steps[state] {
            let target = self.explored.places[step.to].index();
            let explained = match &step.label {
                None => target == Some(place),
                Some(label) => {
                    self.spec.label(label).zip(target).is_some_and(|it| self.spec.steps[place].contains(&it))
                }
            };
            if !explained {
                let detail = self.unexplained_in_words(place, step);
                self.outcome.unexplained.push(Finding { path: self.path_to(state), detail });
            } else if step.label.is_none() {
                self.outcome.stutters += 1;
            }
        }
    }

    fn unexplained_in_words(&self, place: usize, step: &CodeStep<M::Action>) -> String {
        let action = self.model.format_action(&step.action);
        let from = view_in_words(&self.spec.states[place]);
        let to = self.words(step.to);
        match &step.label {
            None => format!("at {from} the code's {action} leads to {to}, but should change nothing in view"),
            Some(label) => {
                let offers = self.targets_in_words(place, label);
                format!("at {from} the code's {action} ({label}) leads to {to}; the specification {offers}")
            }
        }
    }

    fn targets_in_words(&self, place: usize, label: &str) -> String {
        let label_index = self.spec.label(label);
        let targets = self.spec.steps[place].iter().filter(|(label, _)| Some(*label) == label_index);
        let targets: Vec<String> = targets.map(|(_, to)| view_in_words(&self.spec.states[*to])).collect();
        if targets.is_empty() { format!("offers no {label}") } else { format!("leads to {}", targets.join(" or to ")) }
    }

    fn find_missing_steps(&mut self, state: usize, place: usize) {
        if self.explored.is_cut && self.explored.steps[state].is_empty() {
            return;
        }
        let steps = self.explored.steps[state].iter();
        let offered: BTreeSet<(usize, usize)> = steps
            .filter_map(|step| self.spec.label(step.label.as_ref()?).zip(self.explored.places[step.to].index()))
            .collect();
        for (label, to) in self.spec.steps[place].difference(&offered) {
            let (label, view) = (&self.spec.labels[*label], &self.spec.states[place]);
            let refusal = self.terms.refusals.iter().find(|refusal| refusal.label == label && (refusal.applies)(view));
            if let Some(refusal) = refusal {
                *self.outcome.refused.entry(refusal.reason).or_default() += 1;
                continue;
            }
            let (from, to) = (view_in_words(view), view_in_words(&self.spec.states[*to]));
            let detail = format!("at {from} the specification offers {label} to {to}, the code does not");
            self.outcome.missing.push(Finding { path: self.path_to(state), detail });
        }
    }

    fn find_unreached_states(&mut self) {
        let reached: BTreeSet<usize> = self.explored.places.iter().filter_map(Place::index).collect();
        let unreached = (0..self.spec.states.len()).filter(|place| !reached.contains(place));
        self.outcome.unreached = unreached.map(|place| view_in_words(&self.spec.states[place])).collect();
        if self.explored.is_cut {
            let detail = format!("the code has more than {} states and none of them last", self.terms.states_max);
            self.outcome.unexplained.push(Finding { path: Vec::new(), detail });
        }
    }

    fn words(&self, state: usize) -> String {
        match &self.explored.places[state] {
            Place::At(place) => view_in_words(&self.spec.states[*place]),
            Place::Nowhere(words) => format!("{words} (no state of the specification)"),
        }
    }

    fn path_to(&self, state: usize) -> Vec<String> {
        let origins = std::iter::successors(self.explored.origins[state].as_ref(), |(from, _)| {
            self.explored.origins[*from].as_ref()
        });
        let mut path: Vec<String> = origins.map(|(_, action)| self.model.format_action(action)).collect();
        path.reverse();
        path
    }
}

/// Liveness of the specification is liveness of the code where each fair run of the code is a fair run of it: nothing
/// is declined, the fair labels are the same on both sides, and no run of unseen steps goes round for ever while a fair
/// step waits that none of its states offers.
impl<M: Model> Comparison<'_, M>
where
    M::Action: Clone + Debug + PartialEq,
{
    fn find_obstacles(&mut self) {
        if !self.outcome.agrees() {
            self.outcome.obstacles.push("code and specification differ".to_owned());
        }
        let refused = self.outcome.refused.keys().map(|reason| format!("steps are declined: {reason}"));
        self.outcome.obstacles.extend(refused);
        let unborne = self.terms.fair.iter().filter(|label| !self.is_borne(label));
        let unborne: Vec<String> = unborne.map(|label| format!("no step of the code is a {label}")).collect();
        let cycles = self.unseen_cycles();
        let vain: Vec<String> = cycles.iter().filter_map(|cycle| self.waits_in_vain(cycle)).collect();
        self.outcome.obstacles.extend(unborne.into_iter().chain(vain));
    }

    fn is_borne(&self, label: &str) -> bool {
        self.explored.steps.iter().flatten().any(|step| step.label.as_deref() == Some(label))
    }

    /// The strongly connected parts of the graph of unlabelled steps that hold a cycle.
    fn unseen_cycles(&self) -> Vec<Vec<usize>> {
        let edges = self.explored.steps.iter().enumerate().flat_map(|(from, steps)| {
            let unseen = steps.iter().filter(|step| step.label.is_none());
            unseen.map(move |step| (NodeIndex::new(from), NodeIndex::new(step.to)))
        });
        let graph = DiGraph::<(), ()>::from_edges(edges);
        let has_cycle = |part: &Vec<NodeIndex>| part.len() > 1 || graph.contains_edge(part[0], part[0]);
        let parts = tarjan_scc(&graph).into_iter().filter(has_cycle);
        parts.map(|part| part.into_iter().map(NodeIndex::index).collect()).collect()
    }

    fn waits_in_vain(&self, cycle: &[usize]) -> Option<String> {
        let place = self.explored.places[*cycle.iter().min()?].index()?;
        let offered: BTreeSet<&str> = cycle
            .iter()
            .flat_map(|state| &self.explored.steps[*state])
            .filter_map(|step| step.label.as_deref())
            .collect();
        let waiting = self.spec.steps[place].iter().map(|(label, _)| self.spec.labels[*label].as_str());
        let lost = waiting.into_iter().find(|label| self.terms.fair.contains(label) && !offered.contains(label))?;
        let view = view_in_words(&self.spec.states[place]);
        Some(format!("at {view} the code may go round unseen for ever, and never offers {lost}"))
    }
}
