//! What a judgement says.

use super::history::Call;
use super::search::Effort;
use super::specification::Specification;
use crate::checker::Violation;
use core::fmt;
use derive_where::derive_where;

/// A verdict, and what it cost.
#[derive_where(Clone, Debug; S::Key, S::State)]
pub struct Judgement<S: Specification> {
    /// What was found.
    pub verdict: Verdict<S>,
    /// What it took, the search for a witness included.
    pub effort: Effort,
}

/// Whether a history is linearizable.
#[derive_where(Clone, Debug; S::Key, S::State)]
pub enum Verdict<S: Specification> {
    /// It is: here is one order for each part. It leaves out pending operations that need not have happened.
    Linearizable(Vec<Order<S>>),
    /// It is not.
    Broken(Box<Broken<S>>),
    /// The limits were too narrow to tell.
    Unknown(Undecided<S>),
}

/// An order of the operations on one part of the object that explains every answer.
#[derive_where(Clone, Debug; S::Key)]
pub struct Order<S: Specification> {
    /// The part.
    pub key: S::Key,
    /// The operations, as if one had followed the other.
    pub calls: Vec<Call>,
}

/// Why a history is not linearizable.
#[derive_where(Clone, Debug; S::Key, S::State)]
pub struct Broken<S: Specification> {
    /// The part that shows it.
    pub key: S::Key,
    /// The answer that no order can explain that explains all answers before it.
    pub culprit: Call,
    /// What can be explained: all answers before the culprit's.
    pub prefix: Prefix<S>,
    /// The operations that suffice to show it.
    pub witness: Witness,
    pub(super) explanation: String,
}

/// The answers that can be explained, from the beginning up to the first that cannot be. What operations answer that are
/// open then is known by the end of the history, and taken into account.
#[derive_where(Clone, Debug; S::State)]
pub struct Prefix<S: Specification> {
    /// How many answers it has.
    pub answers: u32,
    /// An order that explains them.
    pub order: Vec<Call>,
    /// Every state in which some such order leaves the object. The culprit's answer fits after none of them.
    pub states: Vec<S::State>,
    /// Whether it is certain that there are no more such states, and no more such answers. If not, looking for them took
    /// more than the limits, or more than is worth it.
    pub is_exact: bool,
}

/// Operations that cannot all have been answered as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The operations, in the order of their calls.
    pub calls: Vec<Call>,
    /// Operations that are held to nothing: even if each of them may have happened at any time after its call, or never,
    /// whatever it answered, there is no order. All that are neither here nor above are left out, since they changed
    /// nothing, came too late, or have to do with other values only.
    pub excused: Vec<Call>,
    /// Whether each of them is needed: excuse any one of them as well, and an order exists. If
    /// not, the limits were too narrow to leave out all that could be left out.
    pub is_minimal: bool,
}

/// A history that could not be judged within the limits.
#[derive_where(Clone, Debug; S::Key)]
pub struct Undecided<S: Specification> {
    /// The first part that was left undecided. No part was found to be broken.
    pub key: S::Key,
    /// How many of its answers could be explained at once.
    pub explained: u32,
    /// How many it has.
    pub answers: u32,
    /// How many parts were left undecided.
    pub parts: usize,
}

impl<S: Specification> Verdict<S> {
    /// Whether an order was found.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable(_))
    }

    /// Whether it is certain that there is no order.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Why there is no order.
    pub fn broken(&self) -> Option<&Broken<S>> {
        match self {
            Self::Broken(broken) => Some(broken),
            Self::Linearizable(_) | Self::Unknown(_) => None,
        }
    }

    /// As a claim of a [judge](crate::checker::Judge). What could not be decided breaks no claim: note it as seen, so that
    /// a campaign tells how often it came to that.
    ///
    /// # Errors
    /// The history is not linearizable.
    pub fn claim(&self, property: &'static str) -> Result<(), Violation> {
        self.broken().map_or(Ok(()), |broken| Err(Violation::new(property, broken)))
    }
}

impl<S: Specification> fmt::Display for Verdict<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable(orders) => {
                let operations: usize = orders.iter().map(|order| order.calls.len()).sum();
                write!(formatter, "linearizable: {operations} operations in {} parts", orders.len())
            }
            Self::Broken(broken) => broken.fmt(formatter),
            Self::Unknown(undecided) => undecided.fmt(formatter),
        }
    }
}

impl<S: Specification> fmt::Display for Broken<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.explanation)
    }
}

impl<S: Specification> fmt::Display for Undecided<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, explained, answers, parts } = self;
        write!(
            formatter,
            "not decided within the limits: {parts} parts, first {key:?}, of which {explained} of {answers} "
        )?;
        formatter.write_str(
            "answers were explained at once; raise Limits::steps or Limits::remembered, or judge shorter histories",
        )
    }
}
