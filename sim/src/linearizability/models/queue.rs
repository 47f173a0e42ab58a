//! First in, first out.

use super::Value;
use crate::linearizability::{Footprint, Specification, Values};
use core::marker::PhantomData;

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
