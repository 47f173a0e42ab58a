//! Liveness on an explored graph: from here, sooner or later, there — on every fair path.
//!
//! stateright's own `eventually` misses violations that run into a cycle, so it is never used. Here a promise "from P,
//! sooner or later Q" is broken exactly if some path reaches P, and from there, without ever meeting Q,
//!
//! - stops in a state where no action of a fair class is possible, or
//! - runs round inside one strongly connected component in which every fair class is taken, or is not possible somewhere.
//!
//! That is weak fairness: a class of actions that stays possible is taken sooner or later. A step that leads back to its
//! own state is still a step: time that passes in a state that no longer changes has passed.

use crate::graph::{Edge, Graph};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::VecDeque;

/// A promise: from `from`, sooner or later, `to`.
pub struct Promise<'a, S, A> {
    /// Where it begins.
    pub from: &'a dyn Fn(&S) -> bool,
    /// Where it is kept.
    pub to: &'a dyn Fn(&S) -> bool,
    /// The weakly fair class of an action out of a state, below 64; `None` if it may be put off for ever.
    pub fair: &'a dyn Fn(&A, &S) -> Option<u8>,
}

/// A path that breaks a promise: a way there, then a cycle for ever. It stops there if the cycle is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasso {
    /// The initial state it begins in.
    pub start: usize,
    /// The steps before the cycle.
    pub prefix: Vec<Edge>,
    /// The steps of the cycle.
    pub cycle: Vec<Edge>,
}

/// The first path found that breaks `promise`.
pub fn violation<S, A>(graph: &Graph<S, A>, promise: &Promise<'_, S, A>) -> Option<Lasso> {
    let search = Search::new(graph, promise);
    search.stop().map(|state| search.lasso_to(&[state])).or_else(|| {
        let component = search.fair_component()?;
        Some(search.lasso_to(&component))
    })
}

/// The states from which a promise is still open, and what is possible there.
struct Search<'a, S, A> {
    graph: &'a Graph<S, A>,
    /// The promise begins here, and is not kept at once.
    begins: Vec<bool>,
    /// Reached from a beginning without meeting what was promised.
    open: Vec<bool>,
    /// One bit for each fair class of which an action is possible.
    possible: Vec<u64>,
    fair: &'a dyn Fn(&A, &S) -> Option<u8>,
}

impl<'a, S, A> Search<'a, S, A> {
    fn new(graph: &'a Graph<S, A>, promise: &Promise<'a, S, A>) -> Self {
        let kept: Vec<bool> = graph.states.iter().map(promise.to).collect();
        let begins: Vec<bool> =
            graph.states.iter().zip(&kept).map(|(state, kept)| !kept && (promise.from)(state)).collect();
        let mut search = Self { graph, open: begins.clone(), begins, possible: Vec::new(), fair: promise.fair };
        search.spread(&kept);
        search.possible = (0..graph.states.len()).map(|state| search.classes_possible(state)).collect();
        search
    }

    fn spread(&mut self, kept: &[bool]) {
        let mut queue: Vec<usize> = (0..self.open.len()).filter(|state| self.open[*state]).collect();
        while let Some(state) = queue.pop() {
            for edge in &self.graph.edges[state] {
                let to = edge.to as usize;
                if !kept[to] && !self.open[to] {
                    self.open[to] = true;
                    queue.push(to);
                }
            }
        }
    }

    fn class(&self, from: usize, edge: &Edge) -> u64 {
        (self.fair)(self.graph.action(edge), &self.graph.states[from]).map_or(0, |class| 1 << class)
    }

    fn classes_possible(&self, state: usize) -> u64 {
        self.graph.edges[state].iter().fold(0, |classes, edge| classes | self.class(state, edge))
    }

    /// A state where the promise is open and fairness asks for nothing more.
    fn stop(&self) -> Option<usize> {
        (0..self.open.len()).find(|state| self.open[*state] && self.possible[*state] == 0)
    }

    fn fair_component(&self) -> Option<Vec<usize>> {
        let mut members = vec![false; self.open.len()];
        self.components().into_iter().find(|component| {
            component.iter().for_each(|state| members[*state] = true);
            let found = self.holds_a_fair_cycle(component, &members);
            component.iter().for_each(|state| members[*state] = false);
            found
        })
    }

    fn components(&self) -> Vec<Vec<usize>> {
        let mut open = DiGraph::<(), (), u32>::with_capacity(self.open.len(), 0);
        self.open.iter().for_each(|_| {
            open.add_node(());
        });
        for from in (0..self.open.len()).filter(|state| self.open[*state]) {
            for edge in self.graph.edges[from].iter().filter(|edge| self.open[edge.to as usize]) {
                open.add_edge(NodeIndex::new(from), NodeIndex::new(edge.to as usize), ());
            }
        }
        // Not Tarjan's: petgraph's recurses, and these graphs are deep.
        let components = kosaraju_scc(&open).into_iter();
        let components = components.map(|component| component.into_iter().map(NodeIndex::index).collect());
        components.filter(|component: &Vec<usize>| self.open[component[0]]).collect()
    }

    fn holds_a_fair_cycle(&self, component: &[usize], members: &[bool]) -> bool {
        let (mut steps, mut taken, mut impossible) = (0, 0, 0);
        for state in component {
            impossible |= !self.possible[*state];
            for edge in self.graph.edges[*state].iter().filter(|edge| members[edge.to as usize]) {
                steps += 1;
                taken |= self.class(*state, edge);
            }
        }
        steps > 0 && taken | impossible == u64::MAX
    }
}

/// Paths.
impl<S, A> Search<'_, S, A> {
    fn lasso_to(&self, component: &[usize]) -> Lasso {
        let mut members = vec![false; self.open.len()];
        component.iter().for_each(|state| members[*state] = true);
        let (start, prefix) = self.prefix_to(&members);
        let entry = prefix.last().map_or(start, |edge| edge.to as usize);
        Lasso { start, prefix, cycle: self.cycle(component, entry, &members) }
    }

    /// The shortest path that begins the promise and then leaves it open up to a member.
    fn prefix_to(&self, members: &[bool]) -> (usize, Vec<Edge>) {
        let count = self.open.len();
        let mut parents: Vec<Option<(usize, Edge)>> = vec![None; 2 * count];
        let mut seen = vec![false; 2 * count];
        let node = |state: usize, begun: bool| state + if begun || self.begins[state] { count } else { 0 };
        let mut queue: VecDeque<usize> = self.graph.initial.iter().map(|state| node(*state, false)).collect();
        queue.iter().for_each(|at| seen[*at] = true);
        while let Some(at) = queue.pop_front() {
            let (state, begun) = (at % count, at >= count);
            if begun && members[state] {
                return self.unwind(&parents, at);
            }
            for edge in &self.graph.edges[state] {
                let to = edge.to as usize;
                let next = node(to, begun && self.open[to]);
                if !seen[next] {
                    seen[next] = true;
                    parents[next] = Some((at, *edge));
                    queue.push_back(next);
                }
            }
        }
        unreachable!("open states are reached through a beginning")
    }

    fn unwind(&self, parents: &[Option<(usize, Edge)>], mut at: usize) -> (usize, Vec<Edge>) {
        let mut path = Vec::new();
        while let Some((before, edge)) = parents[at] {
            path.push(edge);
            at = before;
        }
        path.reverse();
        (at % self.open.len(), path)
    }

    /// A closed walk from `entry` that passes, for each fair class, one of its steps or a state where it is impossible.
    fn cycle(&self, component: &[usize], entry: usize, members: &[bool]) -> Vec<Edge> {
        if self.possible[entry] == 0 {
            return Vec::new();
        }
        let classes = component.iter().fold(0, |classes, state| classes | self.possible[*state]);
        let mut cycle = Vec::new();
        for class in (0..u64::BITS).map(|bit| 1 << bit).filter(|class| classes & class != 0) {
            self.extend(&mut cycle, entry, members, class);
        }
        let end = |cycle: &[Edge]| cycle.last().map_or(entry, |edge: &Edge| edge.to as usize);
        if cycle.is_empty() || end(&cycle) != entry {
            let back = self.walk(end(&cycle), members, |_, edge| edge.to as usize == entry);
            cycle.extend(back);
        }
        cycle
    }

    fn extend(&self, cycle: &mut Vec<Edge>, entry: usize, members: &[bool], class: u64) {
        let mut at = entry;
        let satisfied = cycle.iter().any(|edge| {
            let from = core::mem::replace(&mut at, edge.to as usize);
            self.class(from, edge) & class != 0 || self.possible[from] & class == 0
        });
        if satisfied || self.possible[at] & class == 0 {
            return;
        }
        cycle.extend(self.walk(at, members, |from, edge| {
            self.class(from, edge) & class != 0 || self.possible[edge.to as usize] & class == 0
        }));
    }

    /// The shortest walk among members, of one step at least, whose last step is as wanted.
    fn walk(&self, from: usize, members: &[bool], is_last: impl Fn(usize, &Edge) -> bool) -> Vec<Edge> {
        let mut parents: Vec<Option<(usize, Edge)>> = vec![None; self.open.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for edge in self.graph.edges[at].iter().filter(|edge| members[edge.to as usize]) {
                if is_last(at, edge) {
                    let mut path = self.unwind(&parents, at).1;
                    path.push(*edge);
                    return path;
                }
                let to = edge.to as usize;
                if to != from && parents[to].is_none() {
                    parents[to] = Some((at, *edge));
                    queue.push_back(to);
                }
            }
        }
        unreachable!("inside a strongly connected component everything is reached")
    }
}
