//! The states met so far, each kept once.

use super::table::Table;
use crate::hash::Fingerprint;
use core::hash::Hash;
use std::hash::Hasher;

/// States by number.
#[derive(Clone, Debug)]
pub(super) struct States<T> {
    table: Table,
    states: Vec<T>,
}

impl<T: Eq + Hash> States<T> {
    pub(super) fn new() -> Self {
        Self { table: Table::new(), states: Vec::new() }
    }

    pub(super) fn get(&self, number: u32) -> &T {
        &self.states[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The number of `state`, which is kept if it is new.
    pub(super) fn number(&mut self, state: T) -> u32 {
        let mut fingerprint = Fingerprint::default();
        state.hash(&mut fingerprint);
        let hash = Hasher::finish(&fingerprint);
        let known = self.table.matches(hash).find(|number| self.states[*number as usize] == state);
        known.unwrap_or_else(|| {
            self.states.push(state);
            self.table.push(hash)
        })
    }
}
