//! How far an order has come: which operations it has taken. And which configurations were met before.
//!
//! Every answer before the *frontier*, the first answer whose operation is not yet taken, belongs to a taken operation,
//! and nothing that is called after the frontier can be taken. So what is taken follows from the frontier and from one
//! bit for each operation that is open there. Operations share a bit if they never are open together; thus sixteen
//! clients need sixteen bits, however long the history is. A pending operation is open for ever and has a bit of its own.

use super::problem::{Problem, Span};
use super::specification::Specification;
use super::table::Table;
use crate::hash::mix;

/// What an order has taken; its hash follows every change.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) frontier: u32,
    hash: u64,
    open: Vec<u64>,
    pending: Vec<u64>,
}

impl Taken {
    pub(super) fn nothing<S: Specification>(problem: &Problem<'_, S>) -> Self {
        let words = |bits: u32| vec![0; bits.div_ceil(u64::BITS) as usize];
        Self { frontier: 0, hash: 0, open: words(problem.open_bits), pending: words(problem.pending_bits) }
    }

    /// Takes an operation, and moves the frontier to the first answer that is still to be explained.
    pub(super) fn take<S: Specification>(&mut self, problem: &Problem<'_, S>, operation: u32) {
        match problem.operations[operation as usize].span {
            Span::Pending { bit } => flip(&mut self.pending, bit),
            Span::Answered { bit, .. } => self.flip_open(bit),
        }
        while let Some(bit) = problem.open_bit_of_answer(self.frontier).filter(|bit| is_set(&self.open, *bit)) {
            self.flip_open(bit);
            self.frontier += 1;
        }
    }

    /// Undoes the last [`Taken::take`], before which the frontier stood at `frontier`.
    pub(super) fn put_back<S: Specification>(&mut self, problem: &Problem<'_, S>, operation: u32, frontier: u32) {
        while self.frontier > frontier {
            self.frontier -= 1;
            problem.open_bit_of_answer(self.frontier).into_iter().for_each(|bit| self.flip_open(bit));
        }
        match problem.operations[operation as usize].span {
            Span::Pending { bit } => flip(&mut self.pending, bit),
            Span::Answered { bit, .. } => self.flip_open(bit),
        }
    }

    fn flip_open(&mut self, bit: u32) {
        flip(&mut self.open, bit);
        self.hash ^= mix(u64::from(bit) + 1);
    }
}

fn flip(words: &mut [u64], bit: u32) {
    words[(bit / u64::BITS) as usize] ^= 1 << (bit % u64::BITS);
}

fn is_set(words: &[u64], bit: u32) -> bool {
    words[(bit / u64::BITS) as usize] & (1 << (bit % u64::BITS)) != 0
}

/// The configurations met: what was taken, and the state that it led to.
///
/// Of two that differ only in their pending operations, the one that took fewer can do all that the other can: what was
/// pending may stay so for ever. So one that took a superset of what an earlier one took counts as met.
#[derive(Clone, Debug)]
pub(super) struct Configurations {
    table: Table,
    words: Vec<u64>,
    width: usize,
    pending_width: usize,
}

impl Configurations {
    pub(super) fn none(taken: &Taken) -> Self {
        let pending_width = taken.pending.len();
        Self { table: Table::new(), words: Vec::new(), width: 1 + taken.open.len() + pending_width, pending_width }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Adds a configuration; whether it was new. `effort` grows with each that it was compared with.
    pub(super) fn insert(&mut self, taken: &Taken, state: u32, effort: &mut u64) -> bool {
        let head = u64::from(taken.frontier) << u32::BITS | u64::from(state);
        let hash = taken.hash ^ mix(head);
        let is_met = self.table.matches(hash).any(|index| {
            *effort += 1;
            self.covers(index, head, taken)
        });
        if !is_met {
            self.table.push(hash);
            self.words.push(head);
            self.words.extend(taken.open.iter().chain(&taken.pending));
        }
        !is_met
    }

    fn covers(&self, index: u32, head: u64, taken: &Taken) -> bool {
        let met = &self.words[index as usize * self.width..][..self.width];
        let (certain, pending) = met.split_at(self.width - self.pending_width);
        certain[0] == head
            && certain[1..] == taken.open
            && pending.iter().zip(&taken.pending).all(|(met, now)| met & !now == 0)
    }
}
