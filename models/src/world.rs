//! What a check needs of a closed world, whatever it is a world of: its claims by number.

use core::fmt::Debug;
use core::hash::Hash;
use core::sync::atomic::{AtomicU64, Ordering};
use serde::Serialize;
use stateright::Model;

/// A class of actions under weak fairness, below 64.
pub type Fairness = u8;

/// A stateright model with claims: what [`crate::ModelOf`] makes a [`crate::Model`] of.
pub trait World:
    Model<
        State: Clone + Debug + Eq + Hash + Send + Sync + 'static,
        Action: Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// The names of its claims of one kind, in their order.
    fn claimed(&self, kind: ClaimKind) -> Vec<&'static str>;
    /// Whether the so-many-th claim about every state holds in this one.
    fn holds(&self, always: usize, state: &Self::State) -> bool;
    /// Whether all claims about every state hold in this one.
    fn holds_always(&self, state: &Self::State) -> bool;
    /// Whether this is a state as the so-many-th witness wants it.
    fn witnesses(&self, sometimes: usize, state: &Self::State) -> bool;
    /// Whether the so-many-th promise begins here.
    fn begins(&self, leads_to: usize, state: &Self::State) -> bool;
    /// Whether the so-many-th promise is kept here.
    fn keeps(&self, leads_to: usize, state: &Self::State) -> bool;
    /// The class of an action that the so-many-th promise may count on; `None` if it may be put off for ever.
    fn fairness(&self, leads_to: usize, action: &Self::Action, state: &Self::State) -> Option<Fairness>;
    /// What the step into this state broke. Such a state has no successors.
    fn broken(&self, state: &Self::State) -> Option<Broken>;
    /// The same world for one run of a checker.
    #[must_use]
    fn watched(&self) -> Self;
    /// What the checker of this world has seen, if one runs.
    fn watch(&self) -> Option<&Watch>;
}

/// How a claim is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Of every state.
    Always,
    /// Of some state.
    Sometimes,
    /// Of every step.
    EveryStep,
    /// Of some step.
    SomeStep,
    /// Of every fair path.
    LeadsTo,
}

/// What the step into a state broke. Such a state has no successors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Broken {
    /// It panicked.
    Panic,
    /// It broke the so-many-th claim about steps.
    Claim(u8),
}

/// The claim that no step panics: part of every model.
pub const NO_STEP_PANICS: &str = "no step panics";

/// Witnesses seen so far. Telling a checker once is enough; it would copy a path each time.
#[derive(Debug, Default)]
pub struct Watch {
    states: AtomicU64,
    steps: AtomicU64,
}

impl Watch {
    /// Whether a state is seen that the so-many-th witness wants, for the first time.
    pub fn meets_state(&self, sometimes: usize, holds: impl FnOnce() -> bool) -> bool {
        first(&self.states, sometimes, holds)
    }

    /// Notes whether a step is seen that the so-many-th witness among the steps wants.
    pub fn meets_step(&self, some_step: usize, holds: impl FnOnce() -> bool) {
        first(&self.steps, some_step, holds);
    }

    /// Whether the so-many-th witness among the steps was seen.
    pub fn has_met_step(&self, some_step: usize) -> bool {
        self.steps.load(Ordering::Relaxed) & 1 << some_step != 0
    }
}

fn first(seen: &AtomicU64, index: usize, holds: impl FnOnce() -> bool) -> bool {
    let found = seen.load(Ordering::Relaxed) & 1 << index == 0 && holds();
    if found {
        seen.fetch_or(1 << index, Ordering::Relaxed);
    }
    found
}
