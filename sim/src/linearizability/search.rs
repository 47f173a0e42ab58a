//! The search for an order: Wing and Gong's, with Lowe's memory of configurations, and reductions of our own.
//!
//! It takes one operation after another, each as soon as it may be taken, and puts the last one back where it cannot go
//! on. What it need not try, because an order that has it exists only if one without it does:
//!
//! - **Another way, where something is free**: an answered operation that is explained now, and changes nothing wherever it
//!   stands, is taken at once. Wherever an order has it, it can be moved to here.
//! - **A twin out of turn**: of operations that ask and hear the same, the one that must be answered first goes first.
//! - **A pending operation that changes nothing where it would stand**: it may as well never happen.
//! - **What the answers rule out in advance** (see [`Specification::foresee`]).
//! - **More pending operations than another way to the same configuration needed** (see [`Configurations`]).

use super::configurations::{Configurations, Taken};
use super::links::Links;
use super::problem::{Event, Problem, Span};
use super::specification::Specification;
use super::states::States;
use std::collections::BTreeSet;

/// What a search may cost. Where it runs out, the history stays undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often, in all, an operation may be tried or a configuration compared; some tens of millions a second.
    pub steps: u64,
    /// How many configurations, and how many states, may be remembered at a time: some 40 bytes for each configuration of
    /// up to 64 clients, 8 more for each further 64 clients or pending operations, and whatever a state takes.
    pub remembered: usize,
}

impl Default for Limits {
    /// Some seconds, and at most some hundreds of megabytes where states are small.
    fn default() -> Self {
        Self { steps: 200_000_000, remembered: 8_000_000 }
    }
}

/// What a search has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// How often an operation was tried or a configuration compared.
    pub steps: u64,
    /// How many configurations were met.
    pub configurations: u64,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub(super) enum Found<T> {
    /// An order of the operations that explains every answer.
    Order(Vec<u32>),
    /// There is none. How far one gets is known if it was searched for.
    NoOrder(Option<Farthest<T>>),
    /// The limits were too narrow, but one got so far.
    Nothing(Farthest<T>),
}

/// The most that could be explained.
#[derive(Clone, Debug)]
pub(super) struct Farthest<T> {
    /// How many answers. The next is that which none of the ways there can explain.
    pub(super) explained: u32,
    /// One way there.
    pub(super) order: Vec<u32>,
    /// Every state that some way there leads to.
    pub(super) states: Vec<T>,
}

pub(super) struct Search<'p, 'h, S: Specification> {
    problem: &'p Problem<'h, S>,
    limits: Limits,
    effort: Effort,
    links: Links,
    states: States<S::State>,
    taken: Taken,
    met: Configurations,
    state: u32,
    path: Vec<Step>,
    /// What is still to be tried, for all steps of the path, the next at the end.
    choices: Vec<Choice>,
    /// For each class, the expansion that offered one of its operations last, and which.
    offered: Vec<(u64, u32)>,
    expansions: u64,
    explained: u32,
    order: Vec<u32>,
    reached: BTreeSet<u32>,
}

/// An operation that may be taken next, and the state that it leads to.
#[derive(Clone, Copy, Debug)]
struct Choice {
    operation: u32,
    state: u32,
}

/// An operation that was taken, and what was before.
#[derive(Clone, Copy, Debug)]
struct Step {
    operation: u32,
    state: u32,
    frontier: u32,
    /// How many choices belong to earlier steps.
    floor: usize,
}

/// Searches for an order within `limits`.
pub(super) fn search<S: Specification>(problem: &Problem<'_, S>, limits: Limits) -> (Found<S::State>, Effort) {
    let mut search = Search::new(problem, limits);
    let found = search.run();
    search.effort.configurations = search.met.len() as u64;
    (found, search.effort)
}

impl<'p, 'h, S: Specification> Search<'p, 'h, S> {
    fn new(problem: &'p Problem<'h, S>, limits: Limits) -> Self {
        let (mut states, taken) = (States::new(), Taken::nothing(problem));
        let state = states.number(problem.specification.initial());
        Self {
            problem,
            limits,
            effort: Effort::default(),
            links: Links::new(problem.events.len() as u32),
            states,
            met: Configurations::none(&taken),
            taken,
            state,
            path: Vec::new(),
            choices: Vec::new(),
            offered: vec![(0, 0); problem.classes as usize],
            expansions: 0,
            explained: 0,
            order: Vec::new(),
            reached: BTreeSet::from([state]),
        }
    }

    fn run(&mut self) -> Found<S::State> {
        self.offer();
        while !self.has_explained_all() {
            if self.is_exhausted() {
                return Found::Nothing(self.farthest());
            }
            match self.next_choice() {
                Some(choice) => self.follow(choice),
                None if self.path.is_empty() => return Found::NoOrder(Some(self.farthest())),
                None => self.step_back(),
            }
        }
        Found::Order(self.path.iter().map(|step| step.operation).collect())
    }

    fn has_explained_all(&self) -> bool {
        self.taken.frontier as usize == self.problem.answers.len()
    }

    fn is_exhausted(&self) -> bool {
        self.effort.steps > self.limits.steps || self.met.len().max(self.states.len()) > self.limits.remembered
    }

    fn next_choice(&mut self) -> Option<Choice> {
        let floor = self.path.last().map_or(0, |step| step.floor);
        (self.choices.len() > floor).then(|| self.choices.pop()).flatten()
    }

    fn follow(&mut self, choice: Choice) {
        let Choice { operation, state } = choice;
        self.path.push(Step { operation, state: self.state, frontier: self.taken.frontier, floor: self.choices.len() });
        self.unlink(operation);
        self.taken.take(self.problem, operation);
        self.state = state;
        if self.met.insert(&self.taken, state, &mut self.effort.steps) {
            self.note_how_far();
            self.offer();
        }
    }

    fn step_back(&mut self) {
        if let Some(step) = self.path.pop() {
            self.taken.put_back(self.problem, step.operation, step.frontier);
            self.relink(step.operation);
            self.state = step.state;
        }
    }

    fn unlink(&mut self, operation: u32) {
        let operation = &self.problem.operations[operation as usize];
        self.links.take(operation.call);
        if let Span::Answered { event, .. } = operation.span {
            self.links.take(event);
        }
    }

    fn relink(&mut self, operation: u32) {
        let operation = &self.problem.operations[operation as usize];
        if let Span::Answered { event, .. } = operation.span {
            self.links.put_back(event);
        }
        self.links.put_back(operation.call);
    }

    fn note_how_far(&mut self) {
        if self.taken.frontier > self.explained {
            self.explained = self.taken.frontier;
            self.order.clear();
            self.order.extend(self.path.iter().map(|step| step.operation));
            self.reached.clear();
        }
        if self.taken.frontier == self.explained {
            self.reached.insert(self.state);
        }
    }

    /// Collects what may be taken next: whatever is called before the first answer that is not yet explained.
    fn offer(&mut self) {
        let floor = self.choices.len();
        self.expansions += 1;
        let mut event = self.links.first();
        while let Some(Event::Call(operation)) = self.problem.events.get(event as usize).copied() {
            if self.offer_operation(operation) {
                self.choices.drain(floor..self.choices.len() - 1);
                return;
            }
            event = self.links.after(event);
        }
        self.arrange(floor);
    }

    /// Offers every state that the operation may lead to; whether it is free, and so the only choice.
    fn offer_operation(&mut self, index: u32) -> bool {
        self.effort.steps += 1;
        let (problem, offered) = (self.problem, self.choices.len());
        let operation = &problem.operations[index as usize];
        let is_pending = matches!(operation.span, Span::Pending { .. });
        if is_pending && !self.leads_its_class(index) {
            return false;
        }
        let task = &operation.task;
        for next in problem.specification.step(self.states.get(self.state), task.operation, task.outcome()) {
            let next = match &problem.foresight {
                None => Some(next),
                Some(foresight) => foresight(next),
            };
            let Some(state) = next.map(|next| self.states.number(next)) else {
                continue;
            };
            if !is_pending || state != self.state {
                self.choices.push(Choice { operation: index, state });
            }
        }
        !operation.changes && matches!(self.choices[offered..], [Choice { state, .. }] if state == self.state)
    }

    /// Puts what must be answered first last, where it is taken from, and drops twins.
    fn arrange(&mut self, floor: usize) {
        let operations = &self.problem.operations;
        let deadline = |choice: &Choice| operations[choice.operation as usize].span.deadline();
        self.choices[floor..].sort_by_key(|choice| core::cmp::Reverse(deadline(choice)));
        let mut kept = self.choices.len();
        for index in (floor..kept).rev() {
            let choice = self.choices[index];
            if self.leads_its_class(choice.operation) {
                kept -= 1;
                self.choices[kept] = choice;
            }
        }
        self.choices.drain(floor..kept);
    }

    /// Whether no other operation of its class was offered before it in this expansion.
    fn leads_its_class(&mut self, operation: u32) -> bool {
        let class = self.problem.operations[operation as usize].class;
        let offered = &mut self.offered[class as usize];
        if offered.0 != self.expansions {
            *offered = (self.expansions, operation);
        }
        offered.1 == operation
    }

    fn farthest(&mut self) -> Farthest<S::State> {
        let states = self.reached.iter().map(|state| self.states.get(*state).clone()).collect();
        Farthest { explained: self.explained, order: core::mem::take(&mut self.order), states }
    }
}
