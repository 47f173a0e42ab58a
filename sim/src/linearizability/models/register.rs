//! One value.

use super::{Value, stale, zones};
use crate::linearizability::{Decision, Footprint, Specification, Told, Values};

/// A value that is read, written and swapped.
#[derive(Clone, Copy, Debug)]
pub struct Register<V> {
    initial: V,
}

impl<V> Register<V> {
    /// It holds `initial` at first.
    pub fn new(initial: V) -> Self {
        Self { initial }
    }
}

/// What a register can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterOperation<V> {
    /// What it holds.
    Read,
    /// To hold this.
    Write(V),
    /// To hold another value, if it holds the expected one.
    Swap {
        /// What it must hold.
        expected: V,
        /// What it shall hold.
        new: V,
    },
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterOutcome<V> {
    /// It holds this.
    Read(V),
    /// It holds what was written.
    Written,
    /// It held what was expected, and holds the new value.
    Swapped,
    /// It did not hold what was expected, and nothing has changed.
    Refused,
}

impl<V: Value> Specification for Register<V> {
    type State = V;
    type Operation = RegisterOperation<V>;
    type Outcome = RegisterOutcome<V>;
    type Next = Option<V>;
    type Key = ();
    type Value = V;

    fn initial(&self) -> V {
        self.initial.clone()
    }

    fn step(&self, held: &V, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Option<V> {
        match (operation, outcome) {
            (RegisterOperation::Read, None) => Some(held.clone()),
            (RegisterOperation::Read, Some(RegisterOutcome::Read(read))) => (read == held).then(|| held.clone()),
            (RegisterOperation::Write(value), None | Some(RegisterOutcome::Written)) => Some(value.clone()),
            (RegisterOperation::Swap { expected, new }, None) => {
                Some(if expected == held { new.clone() } else { held.clone() })
            }
            (RegisterOperation::Swap { expected, new }, Some(RegisterOutcome::Swapped)) => {
                (expected == held).then(|| new.clone())
            }
            (RegisterOperation::Swap { expected, .. }, Some(RegisterOutcome::Refused)) => {
                (expected != held).then(|| held.clone())
            }
            _ => None,
        }
    }

    fn key(&self, _: &Self::Operation) {}

    fn footprint(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Footprint<V> {
        let (changes, values) = match (operation, outcome) {
            (RegisterOperation::Read, Some(RegisterOutcome::Read(read))) => (false, Values::Only(vec![read.clone()])),
            (RegisterOperation::Read, _) => (false, Values::Only(vec![])),
            (RegisterOperation::Write(value), _) => (true, Values::Only(vec![value.clone()])),
            // Any other value than the expected one explains a refusal.
            (RegisterOperation::Swap { .. }, Some(RegisterOutcome::Refused)) => (false, Values::All),
            (RegisterOperation::Swap { expected, new }, _) => (true, Values::Only(vec![expected.clone(), new.clone()])),
        };
        Footprint { changes, values }
    }

    fn decide(&self, told: &[Told<'_, Self::Operation, Self::Outcome>]) -> Option<Decision> {
        let impossible = || stale::is_surely_wrong(&self.initial, told).then_some(Decision::NoOrder);
        zones::decide(&self.initial, told).or_else(impossible)
    }

    fn describe(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> String {
        match (operation, outcome) {
            (RegisterOperation::Read, Some(RegisterOutcome::Read(value))) => format!("read of {value:?}"),
            (RegisterOperation::Read, None) => "read, never answered,".to_owned(),
            (RegisterOperation::Write(value), Some(RegisterOutcome::Written)) => format!("write of {value:?}"),
            (RegisterOperation::Write(value), None) => format!("write of {value:?}, never answered,"),
            (RegisterOperation::Swap { expected, new }, Some(RegisterOutcome::Swapped)) => {
                format!("swap of {expected:?} for {new:?}")
            }
            (RegisterOperation::Swap { expected, new }, Some(RegisterOutcome::Refused)) => {
                format!("refused swap of {expected:?} for {new:?}")
            }
            (RegisterOperation::Swap { expected, new }, None) => {
                format!("swap of {expected:?} for {new:?}, never answered,")
            }
            (operation, Some(outcome)) => format!("{operation:?}, answered {outcome:?},"),
        }
    }
}
