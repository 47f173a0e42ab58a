//! The state graph of a specification, in an order that depends on nothing but the graph.

use super::value::View;
use std::collections::{BTreeMap, BTreeSet};

/// Every reachable state of a specification at one scope, and every step between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecGraph {
    /// The states, in their own order.
    pub states: Vec<View>,
    /// Which of them are initial.
    pub initial: Vec<usize>,
    /// The names of actions, in alphabetical order.
    pub labels: Vec<String>,
    /// The steps out of each state: an index into `labels`, and where it leads.
    pub steps: Vec<BTreeSet<(usize, usize)>>,
}

impl SpecGraph {
    /// Puts states, that may come in any order and under any names, into their own order.
    pub fn sorted<K: Ord>(
        states: BTreeMap<K, View>,
        initial: impl IntoIterator<Item = K>,
        steps: impl IntoIterator<Item = (K, String, K)>,
    ) -> Self {
        let steps: Vec<_> = steps.into_iter().collect();
        let mut order: Vec<(&View, &K)> = states.iter().map(|(key, view)| (view, key)).collect();
        order.sort();
        let place: BTreeMap<&K, usize> = order.iter().enumerate().map(|(place, (_, key))| (*key, place)).collect();
        let names: BTreeSet<&str> = steps.iter().map(|(_, label, _)| label.as_str()).collect();
        let labels: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut sorted = vec![BTreeSet::new(); order.len()];
        for (from, label, to) in &steps {
            let label = labels.binary_search(label).expect("every label was collected");
            sorted[place[from]].insert((label, place[to]));
        }
        let mut initial: Vec<usize> = initial.into_iter().map(|key| place[&key]).collect();
        initial.sort_unstable();
        Self { states: order.into_iter().map(|(view, _)| view.clone()).collect(), initial, labels, steps: sorted }
    }

    /// How many steps there are.
    pub fn step_count(&self) -> usize {
        self.steps.iter().map(BTreeSet::len).sum()
    }

    /// Where a state stands, if it is reachable.
    pub fn place_of(&self, view: &View) -> Option<usize> {
        self.states.binary_search(view).ok()
    }

    /// The index of a label, if any step bears it.
    pub fn label(&self, name: &str) -> Option<usize> {
        self.labels.binary_search_by(|label| label.as_str().cmp(name)).ok()
    }

    /// The names of its variables.
    pub fn fields(&self) -> Vec<String> {
        self.states.first().map(|view| view.keys().cloned().collect()).unwrap_or_default()
    }
}
