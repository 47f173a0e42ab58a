//! One object for each key.

use super::Value;
use super::register::Register;
use crate::linearizability::{Decision, Footprint, Foresight, Specification, Told};
use core::marker::PhantomData;

/// Many objects of one kind, each under its key. Each is judged by itself.
#[derive(Clone, Copy, Debug)]
pub struct PerKey<K, S> {
    object: S,
    keys: PhantomData<K>,
}

impl<K, S> PerKey<K, S> {
    /// Under each key such an object.
    pub fn new(object: S) -> Self {
        Self { object, keys: PhantomData }
    }
}

/// An operation on the object under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyed<K, O> {
    /// The key.
    pub key: K,
    /// The operation.
    pub operation: O,
}

/// A map. Getting is reading; putting is writing `Some`, and removing is writing `None`.
///
/// ```
/// use purlin::Instant;
/// use purlin_sim::linearizability::{Checker, History, KeyValue, Keyed, RegisterOperation, RegisterOutcome};
///
/// let mut history = History::default();
/// let put = Keyed { key: "a", operation: RegisterOperation::Write(Some(1)) };
/// let call = history.invoke(0, Instant::from_millis(1), put);
/// history.answer(call, Instant::from_millis(2), RegisterOutcome::Written)?;
/// let call = history.invoke(1, Instant::from_millis(3), Keyed { key: "b", operation: RegisterOperation::Read });
/// history.answer(call, Instant::from_millis(4), RegisterOutcome::Read(None))?;
/// assert!(Checker::new(KeyValue::empty()).judge(&history).verdict.is_linearizable());
/// # Ok::<(), purlin_sim::linearizability::InvalidHistory>(())
/// ```
pub type KeyValue<K, V> = PerKey<K, Register<Option<V>>>;

impl<K, V> KeyValue<K, V> {
    /// A map without entries.
    pub fn empty() -> Self {
        Self::new(Register::new(None))
    }
}

impl<K: Value, S: Specification<Key = ()>> Specification for PerKey<K, S> {
    type State = S::State;
    type Operation = Keyed<K, S::Operation>;
    type Outcome = S::Outcome;
    type Next = S::Next;
    type Key = K;
    type Value = S::Value;

    fn initial(&self) -> S::State {
        self.object.initial()
    }

    fn step(&self, state: &S::State, operation: &Self::Operation, outcome: Option<&S::Outcome>) -> S::Next {
        self.object.step(state, &operation.operation, outcome)
    }

    fn key(&self, operation: &Self::Operation) -> Self::Key {
        operation.key.clone()
    }

    fn footprint(&self, operation: &Self::Operation, outcome: Option<&S::Outcome>) -> Footprint<S::Value> {
        self.object.footprint(&operation.operation, outcome)
    }

    fn foresee<'h>(&self, told: &[Told<'h, Self::Operation, S::Outcome>]) -> Option<Foresight<'h, S::State>> {
        self.object.foresee(&without_keys(told))
    }

    fn decide(&self, told: &[Told<'_, Self::Operation, S::Outcome>]) -> Option<Decision> {
        self.object.decide(&without_keys(told))
    }

    fn describe(&self, operation: &Self::Operation, outcome: Option<&S::Outcome>) -> String {
        format!("{} (key {:?})", self.object.describe(&operation.operation, outcome), operation.key)
    }
}

fn without_keys<'h, K, O, R>(told: &[Told<'h, Keyed<K, O>, R>]) -> Vec<Told<'h, O, R>> {
    let told = told.iter().map(|Told { operation, outcome, called, answered }| Told {
        operation: &operation.operation,
        outcome: *outcome,
        called: *called,
        answered: *answered,
    });
    told.collect()
}
