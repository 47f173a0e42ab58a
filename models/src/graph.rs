//! The whole state graph of a model, explicit: for liveness, for pictures, and for the comparison with a specification.

use crate::fingerprint::BuildFolding;
use core::hash::Hash;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;

/// Every reachable state and every step between them, in the order of a breadth-first search.
#[derive(Clone, Debug)]
pub struct Graph<S, A> {
    /// The states.
    pub states: Vec<S>,
    /// Where paths begin, as indices into `states`.
    pub initial: Vec<usize>,
    /// The steps out of each state.
    pub edges: Vec<Vec<Edge>>,
    /// The distinct actions.
    pub actions: Vec<A>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// What was done, as an index into the graph's actions.
    pub action: u32,
    /// Where it leads, as an index into the graph's states.
    pub to: u32,
}

/// The model has more states than the caller wanted to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph has more than {limit} states: take a smaller scope")]
pub struct TooLarge {
    /// How many were allowed.
    pub limit: usize,
}

impl<S: Clone + Eq + Hash, A: Clone + Eq + Hash> Graph<S, A> {
    /// Explores `model` to its end.
    ///
    /// # Errors
    /// [`TooLarge`] if it has more than `limit` states.
    pub fn explore<M: stateright::Model<State = S, Action = A>>(model: &M, limit: usize) -> Result<Self, TooLarge> {
        let mut explorer = Explorer::new();
        let initial = model.init_states().into_iter().map(|state| explorer.index(state) as usize).collect();
        let mut edges = Vec::new();
        let mut offered = Vec::new();
        while let Some(state) = explorer.queue.pop_front() {
            model.actions(&state, &mut offered);
            edges.push(offered.drain(..).filter_map(|action| explorer.follow(model, &state, action)).collect());
            if explorer.states.len() > limit {
                return Err(TooLarge { limit });
            }
        }
        Ok(Self { states: explorer.drain_states(), initial, edges, actions: explorer.actions })
    }
}

impl<S, A> Graph<S, A> {
    /// The action of an edge.
    pub fn action(&self, edge: &Edge) -> &A {
        &self.actions[edge.action as usize]
    }

    /// How many steps there are.
    pub fn edge_count(&self) -> usize {
        self.edges.iter().map(Vec::len).sum()
    }
}

struct Explorer<S, A> {
    states: HashMap<S, u32, BuildFolding>,
    known_actions: HashMap<A, u32, BuildFolding>,
    actions: Vec<A>,
    queue: VecDeque<S>,
}

impl<S: Clone + Eq + Hash, A: Clone + Eq + Hash> Explorer<S, A> {
    fn new() -> Self {
        Self {
            states: HashMap::default(),
            known_actions: HashMap::default(),
            actions: Vec::new(),
            queue: VecDeque::new(),
        }
    }

    fn follow<M>(&mut self, model: &M, state: &S, action: A) -> Option<Edge>
    where
        M: stateright::Model<State = S, Action = A>,
    {
        let next = model.next_state(state, action.clone()).filter(|next| model.within_boundary(next))?;
        Some(Edge { action: self.action(action), to: self.index(next) })
    }

    fn index(&mut self, state: S) -> u32 {
        let index = self.states.len() as u32;
        match self.states.entry(state) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.queue.push_back(new.key().clone());
                *new.insert(index)
            }
        }
    }

    fn action(&mut self, action: A) -> u32 {
        let index = self.actions.len() as u32;
        *self.known_actions.entry(action).or_insert_with_key(|action| {
            self.actions.push(action.clone());
            index
        })
    }

    fn drain_states(&mut self) -> Vec<S> {
        let mut states: Vec<(S, u32)> = self.states.drain().collect();
        states.sort_unstable_by_key(|(_, index)| *index);
        states.into_iter().map(|(state, _)| state).collect()
    }
}
