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

pub use action::{Action, ActionOf, Kind};
pub use claims::{Always, Broken, Cause, Claims, EveryStep, Fairness, LeadsTo, SomeStep, Sometimes, Step};
pub use ghost::Ghost;
pub use scope::{CallerScope, Reconfiguring};

use crate::odometer::{Odometer, every_throw};
use crate::properties::CLAIMS_MAX;
use core::fmt::Debug;
use core::hash::Hash;
use purlin::{Instant, Policy};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Witnesses seen so far. Telling a checker once is enough; it would copy a path each time.
#[derive(Debug, Default)]
struct Watch {
    states: AtomicU64,
    steps: AtomicU64,
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
        let most = [always.len(), sometimes.len(), every_step.len(), some_step.len()].into_iter().max();
        assert!(most <= Some(CLAIMS_MAX), "a model has at most {CLAIMS_MAX} claims of one kind");
        Self { scope: Arc::new(scope), claims: Arc::new(claims), watch: None }
    }

    /// The same model for one run of a checker.
    #[must_use]
    pub(crate) fn watched(&self) -> Self {
        Self { watch: Some(Watch::default()), ..self.clone() }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// The configuration in force.
    pub fn config(&self, state: &Callers<P, G>) -> &P::Config {
        &self.scope.configs[usize::from(state.config)]
    }

    /// Whether the `index`-th witness is in this state. A watched model says so only once.
    pub(crate) fn witnesses(&self, index: usize, state: &Callers<P, G>) -> bool {
        let bit = 1 << index;
        let unseen = self.watch.as_ref().is_none_or(|watch| watch.states.load(Ordering::Relaxed) & bit == 0);
        let found = unseen && (self.claims.sometimes[index].holds)(state, self.config(state));
        if let (true, Some(watch)) = (found, &self.watch) {
            watch.states.fetch_or(bit, Ordering::Relaxed);
        }
        found
    }

    /// Whether a checker of this watched model has seen the `index`-th witness among the steps.
    pub(crate) fn has_seen_step(&self, index: usize) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.steps.load(Ordering::Relaxed) & 1 << index != 0)
    }

    fn watch_step(&self, step: &Step<'_, P>) {
        let Some(watch) = &self.watch else { return };
        let seen = watch.steps.load(Ordering::Relaxed);
        for (index, witness) in self.claims.some_step.iter().enumerate() {
            if seen & 1 << index == 0 && (witness.holds)(step) {
                watch.steps.fetch_or(1 << index, Ordering::Relaxed);
            }
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

/// How a policy looks once its due timers are noticed: what [`CallerScope::notice`] does.
pub type Notice<P> = for<'a> fn(&'a P, &<P as purlin::Machine>::Config, Instant) -> Cow<'a, P>;
