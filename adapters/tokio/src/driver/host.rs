//! What the machine leans on while it steps.

use crate::surroundings::Surroundings;
use core::cell::Cell;
use core::num::NonZeroU32;
use purlin::protocol::{Effect, Protocol};
use purlin::{Clock, Host, Instant};

/// A clock that stands still during a step and never runs back between steps, a die, and a list of errands.
pub(super) struct StepHost<'a, P: Protocol, S> {
    surroundings: &'a mut S,
    effects: &'a mut Vec<Effect<P>>,
    latest: Instant,
    now: Cell<Option<Instant>>,
}

impl<'a, P: Protocol, S: Surroundings> StepHost<'a, P, S> {
    pub(super) fn new(surroundings: &'a mut S, effects: &'a mut Vec<Effect<P>>, latest: Instant) -> Self {
        Self { surroundings, effects, latest, now: Cell::new(None) }
    }

    /// The latest instant that any step has seen.
    pub(super) fn latest(&self) -> Instant {
        self.now.get().unwrap_or(self.latest)
    }
}

impl<P: Protocol, S: Surroundings> Clock for StepHost<'_, P, S> {
    fn now(&self) -> Instant {
        let now = self.now.get().unwrap_or_else(|| self.surroundings.now().max(self.latest));
        self.now.set(Some(now));
        now
    }
}

impl<P: Protocol, S: Surroundings> Host<Effect<P>> for StepHost<'_, P, S> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.surroundings.choose(bound)
    }

    fn emit(&mut self, effect: Effect<P>) {
        self.effects.push(effect);
    }
}
