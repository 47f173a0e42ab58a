//! A closed world around any policy: several callers at once, coarse time, an operator with a budget.
//!
//! ```text
//!   caller ─ ask ─▶ ┌────────┐ ─ permit ─▶ held (a sorted multiset: callers are alike)
//!   caller ─ end ─▶ │ policy │
//!   time ── tick ─▶ └────────┘ ◀─ further inputs, new configurations (each with a budget)
//! ```
//!
//! States are made finite by forgetting what no later step can tell apart: the policy and its permits settle, all
//! instants are counted from the present, and epochs are renamed by rank. What remains is small, because cloning and
//! hashing are what a search pays for.

pub mod action;
pub mod claims;
mod describe;
mod ghost;
mod normal;
mod scope;
mod step;

pub use crate::world::{Broken, Fairness};
pub use action::{Action, ActionOf, Kind};
pub use claims::{Always, Cause, Claims, EveryStep, LeadsTo, SomeStep, Sometimes, Step};
pub use ghost::Ghost;
pub use scope::{CallerScope, Reconfiguring};

use crate::odometer::{Odometer, every_throw};
use crate::properties::assert_few;
use crate::world::{ClaimKind, Watch, World};
use core::fmt::Debug;
use core::hash::Hash;
use purlin::{Instant, Policy};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// The present instant in every state of every caller model: far from both ends of the clock.
pub const NOW: Instant = Instant::from_nanos(1_000_000_000_000_000_000);

/// A state of the closed world around a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Callers<P: Policy, G: Ghost<P> = ()> {
    /// The policy.
    pub machine: P,
    /// The permits that are out, sorted.
    pub held: SmallVec<[P::Permit; 4]>,
    /// The present: [`NOW`].
    pub now: Instant,
    /// What a claim remembers of the past.
    pub ghost: G,
    /// The configuration in force, as an index into the scope's.
    pub config: u8,
    /// How many further inputs may still come.
    pub inputs_left: u8,
    /// How many reconfigurations may still come.
    pub reconfigurations_left: u8,
    /// What the step into this state broke, if anything.
    pub broken: Option<Broken>,
}

impl<P: Policy, G: Ghost<P>> Callers<P, G> {
    /// The distinct permits that are held, in their order: [`Kind::End`] counts them.
    pub fn distinct_permits(&self) -> impl Iterator<Item = &P::Permit> {
        let held = &self.held;
        held.iter().enumerate().filter(|(index, permit)| *index == 0 || held[index - 1] != **permit).map(|(_, it)| it)
    }
}

/// The stateright model of a policy among its callers.
#[derive(Debug)]
pub struct CallerModel<P: Policy, G: Ghost<P> = ()> {
    /// How large the world is.
    pub scope: Arc<CallerScope<P>>,
    /// What is claimed of it.
    pub claims: Arc<Claims<P, G>>,
    /// Present while a checker runs: what it has seen already.
    watch: Option<Watch>,
}

impl<P: Policy, G: Ghost<P>> Clone for CallerModel<P, G> {
    fn clone(&self) -> Self {
        Self { scope: Arc::clone(&self.scope), claims: Arc::clone(&self.claims), watch: None }
    }
}

impl<P: Policy, G: Ghost<P>> CallerModel<P, G> {
    /// A model of `scope` under `claims`.
    pub fn new(scope: CallerScope<P>, claims: Claims<P, G>) -> Self {
        let Claims { always, sometimes, every_step, some_step, .. } = &claims;
        assert_few([always.len(), sometimes.len(), every_step.len(), some_step.len()]);
        Self { scope: Arc::new(scope), claims: Arc::new(claims), watch: None }
    }

    /// The configuration in force.
    pub fn config(&self, state: &Callers<P, G>) -> &P::Config {
        &self.scope.configs[usize::from(state.config)]
    }

    fn watch_step(&self, step: &Step<'_, P>) {
        let Some(watch) = &self.watch else { return };
        for (index, witness) in self.claims.some_step.iter().enumerate() {
            watch.meets_step(index, || (witness.holds)(step));
        }
    }

    /// The actions that a state offers, apart from the die.
    fn kinds(&self, state: &Callers<P, G>, mut each: impl FnMut(Kind<P::Outcome>)) {
        if state.broken.is_some() {
            return;
        }
        if state.held.len() < self.scope.callers {
            each(Kind::Ask);
        }
        for permit in 0..state.distinct_permits().count() {
            self.scope.outcomes.iter().for_each(|outcome| each(Kind::End { permit, outcome: outcome.clone() }));
        }
        if !self.scope.tick.is_zero() {
            each(Kind::Advance { late: false });
            if self.may_be_late(state) {
                each(Kind::Advance { late: true });
            }
        }
        if state.inputs_left > 0 {
            (0..self.scope.inputs.len()).for_each(|input| each(Kind::Input(input)));
        }
        if state.reconfigurations_left > 0 {
            let others = (0..self.scope.configs.len()).filter(|config| *config != usize::from(state.config));
            others.for_each(|config| each(Kind::Reconfigure(config)));
        }
    }

    /// Whether the policy would be due one tick on, and overdue by no more than the scope allows.
    fn may_be_late(&self, state: &Callers<P, G>) -> bool {
        let Some(due) = state.machine.wake(self.config(state)) else { return false };
        let then = state.now + self.scope.tick;
        due <= then && then.saturating_since(due) < self.scope.tick * self.scope.lateness
    }
}

impl<P: Policy, G: Ghost<P>> stateright::Model for CallerModel<P, G> {
    type State = Callers<P, G>;
    type Action = ActionOf<P>;

    fn init_states(&self) -> Vec<Self::State> {
        every_throw(|die| self.first_state(die))
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.kinds(state, |kind| {
            if self.scope.throws {
                let all = every_throw(|die| {
                    self.successor(state, &kind, die);
                    die.throws()
                });
                actions.extend(all.into_iter().map(|throws| Action { kind: kind.clone(), throws }));
            } else {
                actions.push(Action { kind, throws: SmallVec::new() });
            }
        });
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut die = Odometer::showing(&action.throws);
        Some(self.successor(state, &action.kind, &mut die))
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        (self.scope.boundary)(&state.machine)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        crate::properties::properties(self)
    }

    fn format_action(&self, action: &Self::Action) -> String {
        self.describe_action(action)
    }

    fn format_step(&self, state: &Self::State, action: Self::Action) -> Option<String> {
        Some(self.describe_step(state, &action))
    }
}

impl<P: Policy, G: Ghost<P>> World for CallerModel<P, G> {
    fn claimed(&self, kind: ClaimKind) -> Vec<&'static str> {
        let Claims { always, sometimes, every_step, some_step, leads_to } = &*self.claims;
        match kind {
            ClaimKind::Always => always.iter().map(|claim| claim.name).collect(),
            ClaimKind::Sometimes => sometimes.iter().map(|claim| claim.name).collect(),
            ClaimKind::EveryStep => every_step.iter().map(|claim| claim.name).collect(),
            ClaimKind::SomeStep => some_step.iter().map(|claim| claim.name).collect(),
            ClaimKind::LeadsTo => leads_to.iter().map(|claim| claim.name).collect(),
        }
    }

    fn holds(&self, always: usize, state: &Self::State) -> bool {
        (self.claims.always[always].holds)(state, self.config(state))
    }

    fn holds_always(&self, state: &Self::State) -> bool {
        let config = self.config(state);
        self.claims.always.iter().all(|claim| (claim.holds)(state, config))
    }

    fn witnesses(&self, sometimes: usize, state: &Self::State) -> bool {
        (self.claims.sometimes[sometimes].holds)(state, self.config(state))
    }

    fn begins(&self, leads_to: usize, state: &Self::State) -> bool {
        (self.claims.leads_to[leads_to].from)(state, self.config(state))
    }

    fn keeps(&self, leads_to: usize, state: &Self::State) -> bool {
        (self.claims.leads_to[leads_to].to)(state, self.config(state))
    }

    fn fairness(&self, leads_to: usize, action: &Self::Action, state: &Self::State) -> Option<Fairness> {
        (self.claims.leads_to[leads_to].fair)(action, state)
    }

    fn broken(&self, state: &Self::State) -> Option<Broken> {
        state.broken
    }

    fn watched(&self) -> Self {
        Self { watch: Some(Watch::default()), ..self.clone() }
    }

    fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }
}

/// How a policy looks once its due timers are noticed: what [`CallerScope::notice`] does.
pub type Notice<P> = for<'a> fn(&'a P, &<P as purlin::Machine>::Config, Instant) -> Cow<'a, P>;
