//! First in, first out.

use super::{Value, stays};
use crate::linearizability::{Decision, Footprint, Foresight, Specification, Told, Values};
use core::marker::PhantomData;
use std::collections::BTreeMap;

/// A queue, empty at first, that gives each value to one taker, in order.
#[derive(Clone, Copy, Debug)]
pub struct Queue<V> {
    values: PhantomData<V>,
}

impl<V> Queue<V> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a queue can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueOperation<V> {
    /// To take this in.
    Enqueue(V),
    /// To give the first value away.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueOutcome<V> {
    /// It is taken in.
    Enqueued,
    /// This was the first value; `None` if there was none.
    Dequeued(Option<V>),
}

impl<V: Value> Specification for Queue<V> {
    type State = Vec<V>;
    type Operation = QueueOperation<V>;
    type Outcome = QueueOutcome<V>;
    type Next = Option<Vec<V>>;
    type Key = ();
    type Value = V;

    fn initial(&self) -> Vec<V> {
        Vec::new()
    }

    fn step(&self, held: &Vec<V>, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Option<Vec<V>> {
        match (operation, outcome) {
            (QueueOperation::Enqueue(value), None | Some(QueueOutcome::Enqueued)) => {
                Some(held.iter().chain([value]).cloned().collect())
            }
            (QueueOperation::Dequeue, Some(QueueOutcome::Dequeued(given))) if given.as_ref() != held.first() => None,
            (QueueOperation::Dequeue, None | Some(QueueOutcome::Dequeued(_))) => {
                Some(held.iter().skip(1).cloned().collect())
            }
            _ => None,
        }
    }

    fn key(&self, _: &Self::Operation) {}

    fn footprint(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Footprint<V> {
        let (changes, values) = match (operation, outcome) {
            (QueueOperation::Enqueue(value), _) => (true, vec![value.clone()]),
            (QueueOperation::Dequeue, Some(QueueOutcome::Dequeued(Some(value)))) => (true, vec![value.clone()]),
            // A queue that is empty is so without some of its values, too.
            (QueueOperation::Dequeue, Some(_)) => (false, vec![]),
            // If it gave away what is left out, it may as well never have happened.
            (QueueOperation::Dequeue, None) => (true, vec![]),
        };
        Footprint { changes, values: Values::Only(values) }
    }

    fn foresee<'h>(&self, told: &[Told<'h, Self::Operation, Self::Outcome>]) -> Option<Foresight<'h, Vec<V>>> {
        let fates = Fates::of(told);
        Some(Box::new(move |held| fates.judge(held)))
    }

    fn decide(&self, told: &[Told<'_, Self::Operation, Self::Outcome>]) -> Option<Decision> {
        stays::decide(told)
    }

    fn describe(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> String {
        match (operation, outcome) {
            (QueueOperation::Enqueue(value), Some(QueueOutcome::Enqueued)) => format!("enqueue of {value:?}"),
            (QueueOperation::Enqueue(value), None) => format!("enqueue of {value:?}, never answered,"),
            (QueueOperation::Dequeue, Some(QueueOutcome::Dequeued(Some(value)))) => format!("dequeue of {value:?}"),
            (QueueOperation::Dequeue, Some(QueueOutcome::Dequeued(None))) => "dequeue of nothing".to_owned(),
            (QueueOperation::Dequeue, None) => "dequeue, never answered,".to_owned(),
            (operation, Some(outcome)) => format!("{operation:?}, answered {outcome:?},"),
        }
    }
}

/// When each value is given away, by what the answers say.
struct Fates<'h, V> {
    fates: BTreeMap<&'h V, Fate>,
    /// How many values may have been given to somebody who never told.
    untold: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Between these events.
    Given { called: u32, answered: u32 },
    /// Nobody says so.
    Kept,
    /// Nobody says so, nor that it was taken in: it may as well never have been.
    Needless,
    /// The value comes more than once, so nothing is sure.
    Unsure,
}

impl<'h, V: Value> Fates<'h, V> {
    fn of(told: &[Told<'h, QueueOperation<V>, QueueOutcome<V>>]) -> Self {
        let mut fates = Self { fates: BTreeMap::new(), untold: 0 };
        for Told { operation, outcome, .. } in told {
            match (operation, outcome) {
                (QueueOperation::Enqueue(value), outcome) => {
                    let fate = if outcome.is_some() { Fate::Kept } else { Fate::Needless };
                    fates.fates.entry(value).and_modify(|fate| *fate = Fate::Unsure).or_insert(fate);
                }
                (QueueOperation::Dequeue, None) => fates.untold += 1,
                (QueueOperation::Dequeue, Some(_)) => {}
            }
        }
        told.iter().for_each(|told| fates.note_giving(told));
        fates
    }

    fn note_giving(&mut self, told: &Told<'h, QueueOperation<V>, QueueOutcome<V>>) {
        let Some(QueueOutcome::Dequeued(Some(value))) = told.outcome else {
            return;
        };
        if let Some(fate) = self.fates.get_mut(value) {
            let given = Fate::Given { called: told.called, answered: told.answered };
            *fate = if matches!(*fate, Fate::Kept | Fate::Needless) { given } else { Fate::Unsure };
        }
    }

    fn fate(&self, value: &V) -> Fate {
        self.fates.get(value).copied().unwrap_or(Fate::Unsure)
    }

    /// `None` if the last value must be given away before one that stands before it. The others were judged when they
    /// were last. Values that nobody is ever given stand at the end, and their order does not matter.
    fn judge(&self, mut held: Vec<V>) -> Option<Vec<V>> {
        let Some((last, before)) = held.split_last() else {
            return Some(held);
        };
        match self.fate(last) {
            Fate::Unsure => return Some(held),
            Fate::Needless => return None,
            Fate::Given { answered, .. } => {
                let kept = before.iter().filter(|value| self.fate(value) == Fate::Kept).count();
                let is_later = |value| matches!(self.fate(value), Fate::Given { called, .. } if called > answered);
                if kept > self.untold || before.iter().any(is_later) {
                    return None;
                }
            }
            Fate::Kept if self.untold == 0 => {
                let kept = held.iter().rev().take_while(|value| self.fate(value) == Fate::Kept).count();
                let first = held.len() - kept;
                held[first..].sort_unstable();
            }
            Fate::Kept => {}
        }
        Some(held)
    }
}
