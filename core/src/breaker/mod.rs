//! A circuit breaker: it stops calling what is failing, and finds out by itself when that is over.
//!
//! ```text
//!                     failures or slow calls reach their threshold
//!        ┌────────┐ ───────────────────────────────────────────────▶ ┌────────┐
//!        │ closed │                                                  │  open  │ ◀──────────────┐
//!        └────────┘ ◀───────────────┐                                └────────┘                │
//!             ▲                     │ enough probes passed                │                    │
//!             │ (maximum wait,      │                                     │ wait is over:      │ probes failed,
//!             │  if so configured)  │                                     │ at the next call,  │ or the maximum
//!             │               ┌───────────┐                               │ or by itself       │ wait is over
//!             └────────────── │ half-open │ ◀─────────────────────────────┘                    │
//!                             └───────────┘ ───────────────────────────────────────────────────┘
//!
//!        an operator may also ask for: forced open, disabled, metrics only, reset
//! ```
//!
//! The semantics are resilience4j's ([`CircuitBreakerStateMachine`]), with one rule beyond it and its peers: **permits and
//! results carry the epoch that admitted them.** Every transition begins a new epoch, and a result from an earlier one
//! changes nothing: it tells of the service before the transition. The numbered requirements with their sources stand in
//! `specs/breaker/README.md`; the rules that peers break, and what rules each out here, in `specs/breaker/bugs.toml`.
//!
//! [`CircuitBreakerStateMachine`]: https://github.com/resilience4j/resilience4j/blob/master/resilience4j-circuitbreaker/src/main/java/io/github/resilience4j/circuitbreaker/internal/CircuitBreakerStateMachine.java
//!
//! Three things go by the name: [`Breaker`] is the machine, [`CircuitBreaker`] is the machine shared by threads, and
//! `purlin_tower::Breaker` is a service that stands behind one. In a service, [`CircuitBreaker`] is the way in; here with a clock that a test turns by hand:
//!
//! ```
//! use core::num::NonZeroU32;
//! use purlin::breaker::{Breaker, CallError, CircuitBreaker, Settings, State, WindowKind};
//! use purlin::{Clock, Instant, Keeper};
//!
//! struct Bench;
//! impl Clock for Bench {
//!     fn now(&self) -> Instant {
//!         Instant::from_millis(0)
//!     }
//! }
//! impl Keeper<Breaker> for Bench {
//!     fn choose(&self, _bound: NonZeroU32) -> u32 {
//!         0
//!     }
//! }
//!
//! let settings = Settings { window: WindowKind::Count(2), ..Settings::default() };
//! let breaker = CircuitBreaker::new(settings.validate()?, Bench);
//! for _ in 0..2 {
//!     assert_eq!(breaker.call(|| Err::<(), _>("boom")), Err(CallError::Inner("boom")));
//! }
//! assert_eq!(breaker.snapshot().state, State::Open);
//! assert!(matches!(breaker.call(|| Ok::<_, &str>(1)), Err(CallError::Rejected(_))));
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! ```

mod alphabet;
mod config;
mod gate;
pub mod invariants;
mod machine;
mod reconfigure;
mod shell;
#[cfg(test)]
mod tests;
mod timers;
pub mod window;

pub use alphabet::{Control, Event, Input, Outcome, Permit, Reason, Rejection, Reply, State};
pub use config::{
    CancelledCounts, Config, InitialState, InvalidSettings, Jitter, MaxWaitTo, Percent, Settings, WindowKind,
};
pub use machine::Breaker;
pub use shell::{CallError, CircuitBreaker, IllegalTransition, Rejected, Snapshot};
