//! What is claimed of a caller model: of its states, of its steps, and of its fair paths.

use super::{ActionOf, Callers, Fairness, Ghost};
use crate::world::{self, Broken};
use core::fmt::Debug;
use purlin::{Instant, Policy};
use std::borrow::Cow;

/// A claim about a state and the configuration in force.
pub type StatePredicate<P, G> = fn(&Callers<P, G>, &<P as purlin::Machine>::Config) -> bool;

/// One step of the policy, as claims and ghosts see it.
#[derive(Debug)]
pub struct Step<'a, P: Policy> {
    /// The policy as its last step left it.
    pub stored: &'a P,
    /// The policy before, with every timer noticed that had fallen due.
    pub before: Cow<'a, P>,
    /// The permits that were out before.
    pub held: &'a [P::Permit],
    /// The instant of the step.
    pub now: Instant,
    /// The configuration after the step.
    pub config: &'a P::Config,
    /// What was put in and what came out.
    pub cause: Cause<'a, P>,
    /// What the policy announced or asked for, timers that fell due included.
    pub effects: &'a [P::Effect],
    /// The policy after, with nothing forgotten.
    pub after: &'a P,
}

impl<P: Policy> Step<'_, P> {
    /// The input and its reply, unless the step was a reconfiguration.
    pub fn exchange(&self) -> Option<(&P::Input, &P::Reply)> {
        if let Cause::Input { input, reply } = &self.cause { Some((input, reply)) } else { None }
    }
}

/// Why a step was taken.
#[derive(Debug)]
pub enum Cause<'a, P: Policy> {
    /// An input, and its reply.
    Input {
        /// The input.
        input: &'a P::Input,
        /// The reply.
        reply: &'a P::Reply,
    },
    /// A new configuration.
    Reconfigured {
        /// The one before.
        from: &'a P::Config,
    },
}

/// A claim about every reachable state.
#[derive(Clone, Copy, Debug)]
pub struct Always<P: Policy, G: Ghost<P>> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether it holds here.
    pub holds: StatePredicate<P, G>,
}

/// A witness: some reachable state is like this, so the claims beside it are not empty.
#[derive(Clone, Copy, Debug)]
pub struct Sometimes<P: Policy, G: Ghost<P>> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether this is such a state.
    pub holds: StatePredicate<P, G>,
}

/// A claim about every step.
#[derive(Clone, Debug)]
pub struct EveryStep<P: Policy, G: Ghost<P>> {
    pub(crate) name: &'static str,
    predicate: StepPredicate<P, G>,
}

#[derive(Clone, Debug)]
enum StepPredicate<P: Policy, G: Ghost<P>> {
    Any(fn(&G, &Step<'_, P>) -> bool),
    OfInputs(fn(&Step<'_, P>, &P::Input, &P::Reply) -> bool),
}

impl<P: Policy, G: Ghost<P>> EveryStep<P, G> {
    /// A claim about any step, and about the ghost before it.
    pub const fn claim(name: &'static str, holds: fn(&G, &Step<'_, P>) -> bool) -> Self {
        Self { name, predicate: StepPredicate::Any(holds) }
    }

    /// A claim about the steps that take an input.
    pub const fn of_inputs(name: &'static str, holds: fn(&Step<'_, P>, &P::Input, &P::Reply) -> bool) -> Self {
        Self { name, predicate: StepPredicate::OfInputs(holds) }
    }

    pub(crate) fn holds(&self, ghost: &G, step: &Step<'_, P>) -> bool {
        match self.predicate {
            StepPredicate::Any(holds) => holds(ghost, step),
            StepPredicate::OfInputs(holds) => step.exchange().is_none_or(|(input, reply)| holds(step, input, reply)),
        }
    }
}

/// A witness among the steps: some reachable step is like this.
#[derive(Clone, Copy, Debug)]
pub struct SomeStep<P: Policy> {
    /// It reads as a claim.
    pub name: &'static str,
    /// Whether this is such a step.
    pub holds: fn(&Step<'_, P>) -> bool,
}

/// A claim about every fair path: from `from`, sooner or later, `to`.
#[derive(Clone, Copy, Debug)]
pub struct LeadsTo<P: Policy, G: Ghost<P>> {
    /// It reads as a claim and names its fairness.
    pub name: &'static str,
    /// Where the promise begins.
    pub from: StatePredicate<P, G>,
    /// Where it is kept.
    pub to: StatePredicate<P, G>,
    /// The class of an action that is taken sooner or later if it stays possible (weak fairness); `None` for those that
    /// may be put off for ever.
    pub fair: fn(&ActionOf<P>, &Callers<P, G>) -> Option<Fairness>,
}

/// All that is claimed of a model.
#[derive(Clone, Debug)]
pub struct Claims<P: Policy, G: Ghost<P> = ()> {
    /// Of every state.
    pub always: Vec<Always<P, G>>,
    /// Of some state.
    pub sometimes: Vec<Sometimes<P, G>>,
    /// Of every step.
    pub every_step: Vec<EveryStep<P, G>>,
    /// Of some step.
    pub some_step: Vec<SomeStep<P>>,
    /// Of every fair path.
    pub leads_to: Vec<LeadsTo<P, G>>,
}

impl<P: Policy, G: Ghost<P>> Default for Claims<P, G> {
    fn default() -> Self {
        Self {
            always: Vec::new(),
            sometimes: Vec::new(),
            every_step: Vec::new(),
            some_step: Vec::new(),
            leads_to: Vec::new(),
        }
    }
}

impl<P: Policy, G: Ghost<P>> Claims<P, G> {
    /// The claim that no step panics: part of every model.
    pub const NO_STEP_PANICS: &'static str = world::NO_STEP_PANICS;

    pub(crate) fn broken_name(&self, broken: Broken) -> &'static str {
        match broken {
            Broken::Panic => Self::NO_STEP_PANICS,
            Broken::Claim(index) => self.every_step[usize::from(index)].name,
        }
    }
}
