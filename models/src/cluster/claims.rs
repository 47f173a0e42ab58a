//! What is claimed of a cluster: of its states, of its steps, and of its fair paths.

use super::{Action, Cluster, ClusterScope, Ghost, Seen};
use crate::world::Fairness;
use derive_where::derive_where;
use purlin::protocol::Protocol;

/// A claim about a state, in its scope.
pub type StatePredicate<P, G> = fn(&Cluster<P, G>, &ClusterScope<P, G>) -> bool;

/// A claim about a step.
pub type StepPredicate<P, G> = fn(&Step<'_, P, G>) -> bool;

/// One action, as claims about steps see it.
#[derive_where(Debug)]
pub struct Step<'a, P: Protocol, G: Ghost<P>> {
    /// The world before.
    pub before: &'a Cluster<P, G>,
    /// What happened.
    pub action: &'a Action<P>,
    /// What could be seen of it from outside, in its order.
    pub seen: &'a [Seen<P>],
    /// The world after, with nothing forgotten: its instants are not yet counted from the present.
    pub after: &'a Cluster<P, G>,
    /// The bounds of the world.
    pub scope: &'a ClusterScope<P, G>,
}

/// A claim about every reachable state.
#[derive_where(Clone, Copy, Debug)]
pub struct Always<P: Protocol, G: Ghost<P> = ()> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether it holds here.
    pub holds: StatePredicate<P, G>,
}

/// A witness: some reachable state is like this, so the claims beside it are not empty.
#[derive_where(Clone, Copy, Debug)]
pub struct Sometimes<P: Protocol, G: Ghost<P> = ()> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether this is such a state.
    pub holds: StatePredicate<P, G>,
}

/// A claim about every step.
#[derive_where(Clone, Copy, Debug)]
pub struct EveryStep<P: Protocol, G: Ghost<P> = ()> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether it holds of this step.
    pub holds: StepPredicate<P, G>,
}

/// A witness among the steps: some reachable step is like this.
#[derive_where(Clone, Copy, Debug)]
pub struct SomeStep<P: Protocol, G: Ghost<P> = ()> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether this is such a step.
    pub holds: StepPredicate<P, G>,
}

/// A claim about every fair path: from `from`, sooner or later, `to`.
#[derive_where(Clone, Copy, Debug)]
pub struct LeadsTo<P: Protocol, G: Ghost<P> = ()> {
    /// It reads as a claim and names its fairness.
    pub name: &'static str,
    /// Where the promise begins.
    pub from: StatePredicate<P, G>,
    /// Where it is kept.
    pub to: StatePredicate<P, G>,
    /// The class of an action that is taken sooner or later if it stays possible (weak fairness); `None` for those that
    /// may be put off for ever.
    pub fair: fn(&Action<P>, &Cluster<P, G>) -> Option<Fairness>,
}

/// All that is claimed of a model.
#[derive_where(Clone, Debug, Default)]
pub struct Claims<P: Protocol, G: Ghost<P> = ()> {
    /// Of every state.
    pub always: Vec<Always<P, G>>,
    /// Of some state.
    pub sometimes: Vec<Sometimes<P, G>>,
    /// Of every step.
    pub every_step: Vec<EveryStep<P, G>>,
    /// Of some step.
    pub some_step: Vec<SomeStep<P, G>>,
    /// Of every fair path.
    pub leads_to: Vec<LeadsTo<P, G>>,
}

/// The claim that every answer has an open request, part of every cluster model: no ticket is answered twice, and none
/// that was not given.
pub const ANSWERS_ARE_ASKED_FOR: &str = "every answer has an open request";
