//! The standard keeper: the process clock and a seeded die, and observers that are told what machines do.
//!
//! ```text
//!   CircuitBreaker ── now, choose ──▶ Standard          the process clock, ChaCha
//!         │
//!         └─ replies, effects ──▶ Observed ──▶ an Observer: metrics, logs, a channel
//! ```
//!
//! Without async and without a runtime, a breaker is one line, and a call is another:
//!
//! ```
//! use purlin::breaker::{CallError, Settings, State, WindowKind};
//!
//! let settings = Settings { window: WindowKind::Count(2), ..Settings::default() };
//! let breaker = purlin_std::circuit_breaker(settings.validate()?);
//!
//! assert_eq!(breaker.call(|| "7".parse::<u32>()).ok(), Some(7));
//! assert!(matches!(breaker.call(|| "seven".parse::<u32>()), Err(CallError::Inner(_))));
//! assert!(matches!(breaker.call(|| "7".parse::<u32>()), Err(CallError::Rejected(_))));
//! assert_eq!(breaker.snapshot().state, State::Open);
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! ```
//!
//! To hear of its transitions, give it an observer. Effects arrive in the order in which they happened, one at a time,
//! and never under the breaker's lock, so an observer may call the breaker:
//!
//! ```
//! use purlin::breaker::{Control, Event, Settings};
//! use purlin_std::OnEffect;
//! use std::sync::mpsc;
//!
//! let (sender, events) = mpsc::channel();
//! let observer = OnEffect(move |event: Event| drop(sender.send(event)));
//! let breaker = purlin_std::observed_circuit_breaker(Settings::default().validate()?, observer);
//!
//! breaker.control(Control::ForceOpen)?;
//! assert!(matches!(events.try_recv()?, Event::Transitioned { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod keeper;
mod observer;

pub use keeper::Standard;
pub use observer::{Observed, Observer, OnEffect};

pub use purlin::breaker::CircuitBreaker;

use purlin::breaker::{Breaker, Config};

/// A circuit breaker on the process clock, with a die that is seeded by the operating system.
pub fn circuit_breaker(config: Config) -> CircuitBreaker<Standard> {
    CircuitBreaker::new(config, Standard::new())
}

/// A circuit breaker as [`circuit_breaker`] makes it, with an observer beside it. `Arc<dyn Observer<Breaker> + Send + Sync>`
/// is an observer too, where the type must have a name.
pub fn observed_circuit_breaker<O: Observer<Breaker>>(
    config: Config,
    observer: O,
) -> CircuitBreaker<Observed<Standard, O>> {
    CircuitBreaker::new(config, Observed::new(Standard::new(), observer))
}
