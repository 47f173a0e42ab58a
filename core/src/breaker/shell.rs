//! A breaker as services use it: shared by threads, called with closures.

use super::alphabet::{Control, Input, Outcome, Rejection, Reply, State};
use super::config::Config;
use super::machine::Breaker;
use super::window::Totals;
use crate::machine::Gate;
use crate::shared::{Admission, Gated, Keeper, Stepper};
use core::fmt;
use core::time::Duration;
use serde::Serialize;
use std::sync::Arc;

/// A [`Breaker`] that threads share. Closed and clean, it answers from one word without taking its lock.
///
/// Put it into an `Arc` to share it among owners.
#[derive(Debug)]
pub struct CircuitBreaker<K> {
    gated: Gated<Breaker, K>,
}

/// What an operator wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The present state, timers that have fallen due included.
    pub state: State,
    /// What its window holds; in open, that of the state before.
    pub totals: Totals,
    /// Whether the window holds enough calls for its rates to mean anything.
    pub judges: bool,
    /// Probes on their way.
    pub probes_in_flight: u32,
}

impl Snapshot {
    /// The share of failed calls in percent; `None` below the minimum number of calls.
    pub fn failure_rate_percent(&self) -> Option<f64> {
        self.judges.then(|| percent(self.totals.failed, self.totals.calls))
    }

    /// The share of slow calls in percent; `None` below the minimum number of calls.
    pub fn slow_call_rate_percent(&self) -> Option<f64> {
        self.judges.then(|| percent(self.totals.slow, self.totals.calls))
    }
}

fn percent(part: u32, total: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(total)
}

/// The breaker did not admit the call. The service was not called, and nothing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Rejected {
    /// Why.
    pub rejection: Rejection,
    /// How long to wait before asking again can succeed, where that is known.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rejection, self.retry_after) {
            (Rejection::Open { .. }, Some(wait)) => write!(formatter, "the circuit is open for another {wait:.1?}"),
            (Rejection::Open { .. }, None) => write!(formatter, "the circuit is open"),
            (Rejection::ProbesTaken, _) => write!(formatter, "the circuit is half-open and all its probes are taken"),
            (Rejection::ForcedOpen, _) => write!(formatter, "the circuit was forced open"),
        }
    }
}

/// Why [`CircuitBreaker::call`] has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The call was not made.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The call was made and failed.
    #[error("the call failed")]
    Inner(#[source] E),
}

/// There is no such transition from the present state. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a breaker that is {} cannot be told {control:?}", from.name())]
pub struct IllegalTransition {
    /// The state that it was, and is, in.
    pub from: State,
    /// What it was told.
    pub control: Control,
}

impl<K: Keeper<Breaker>> CircuitBreaker<K> {
    /// A fresh breaker.
    pub fn new(config: Config, keeper: K) -> Self {
        Self { gated: Gated::new(config, keeper) }
    }

    /// Calls `service` if the breaker admits it. `Ok` counts as a success, `Err` as a failure, a panic as cancelled.
    ///
    /// # Errors
    /// [`CallError::Rejected`] if the breaker refused, [`CallError::Inner`] if the call itself failed.
    #[inline(always)]
    pub fn call<T, E>(&self, service: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.call_judged(|result| if result.is_ok() { Outcome::Success } else { Outcome::Failure }, service)
    }

    /// [`CircuitBreaker::call`], with `judge` saying how each result counts.
    ///
    /// # Errors
    /// As those of [`CircuitBreaker::call`].
    #[inline(always)]
    pub fn call_judged<T, E>(
        &self,
        judge: impl FnOnce(&Result<T, E>) -> Outcome,
        service: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let admission = self.admit()?;
        let result = service();
        admission.end(judge(&result));
        result.map_err(CallError::Inner)
    }

    /// Asks for a permit by hand. Dropping it unfinished counts as cancelled.
    ///
    /// # Errors
    /// The refusal; nothing is held.
    #[inline(always)]
    pub fn admit(&self) -> Result<Admission<Breaker, &Self>, Rejected> {
        Admission::ask(self).map_err(|refusal| self.rejected(refusal))
    }

    /// [`CircuitBreaker::admit`] for permits that outlive a borrow, as those held by futures do.
    ///
    /// # Errors
    /// The refusal; nothing is held.
    #[inline(always)]
    pub fn admit_shared(self: &Arc<Self>) -> Result<Admission<Breaker, Arc<Self>>, Rejected> {
        Admission::ask(Arc::clone(self)).map_err(|refusal| self.rejected(refusal))
    }

    /// With what [`CircuitBreaker::admit`] would refuse at this moment, found out without asking: nothing is held, nothing
    /// changes, and the keeper is not told. For those who would have to wait for something else before they can ask. Whoever
    /// turns a caller away with it should tell the keeper ([`Keeper::replied`]), lest the refusal go uncounted.
    pub fn refusal(&self) -> Option<Rejected> {
        let glanced = Breaker::glance(self.gated.gate(), &Input::Ask, self.gated.keeper());
        glanced.filter(|reply| matches!(reply, Reply::Rejected(_))).map(|refusal| self.rejected(refusal))
    }

    #[inline(never)]
    fn rejected(&self, refusal: Reply) -> Rejected {
        let Reply::Rejected(rejection) = refusal else { unreachable!("an ask is admitted or rejected") };
        let retry_after = match rejection {
            Rejection::Open { retry_at } => Some(retry_at.saturating_since(self.gated.keeper().now())),
            Rejection::ProbesTaken | Rejection::ForcedOpen => None,
        };
        Rejected { rejection, retry_after }
    }

    /// Tells the breaker what to be.
    ///
    /// # Errors
    /// If the present state has no such transition.
    pub fn control(&self, control: Control) -> Result<(), IllegalTransition> {
        match self.step(Input::Control(control)) {
            Reply::Illegal => Err(IllegalTransition { from: self.snapshot().state, control }),
            _ => Ok(()),
        }
    }

    /// Lets time pass. Needed only to see timers fire without calls; see [`Settings::auto_half_open`].
    ///
    /// [`Settings::auto_half_open`]: super::Settings::auto_half_open
    pub fn tick(&self) {
        self.step(Input::Tick);
    }

    /// Goes on under a new configuration; the window keeps its calls, and a decision that falls due is taken at once.
    pub fn reconfigure(&self, config: Config) {
        self.gated.reconfigure(config);
    }

    /// The present state and what the breaker judges by.
    pub fn snapshot(&self) -> Snapshot {
        self.gated.peek(|breaker, config, now| {
            let breaker = breaker.at(config, now);
            let totals = breaker.window().totals();
            Snapshot {
                state: breaker.state(),
                totals,
                judges: totals.calls >= breaker.minimum_calls(config),
                probes_in_flight: breaker.probes_in_flight(),
            }
        })
    }

    /// What surrounds the breaker.
    pub fn keeper(&self) -> &K {
        self.gated.keeper()
    }
}

impl<K: Keeper<Breaker>> Stepper<Breaker> for CircuitBreaker<K> {
    #[inline(always)]
    fn step(&self, input: Input) -> Reply {
        self.gated.step(input)
    }
}
