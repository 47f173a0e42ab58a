//! *Flaky bank*: clients call a checkout service, which calls a bank through a circuit breaker; the bank fails.
//!
//! ```text
//!   client 0 ──┐                        ┌─────────┐
//!   client 1 ──┼──▶ checkout ─▶ breaker ┤         ├──▶ bank
//!   client n ──┘    (gives up when its  └─────────┘    (errors, hangs, is slow, dies, cannot be reached)
//!                    client does)
//! ```
//!
//! In the swarm the breaker's machine is stepped by itself. In the full stack the checkout service is the one of
//! `examples/checkout`, unchanged, and the bank a stock axum server.

pub mod claims;
mod draw;
mod faults;
mod full_stack;
pub mod history;
pub mod judges;
mod options;
pub mod reference;
mod stage;
mod swarm;
#[cfg(test)]
mod tests;

pub use options::{Options, Phases};

use crate::scenario::Scenario;

/// The scenario's name.
pub const NAME: &str = "flaky-bank";

pub(super) fn scenario() -> Scenario {
    Scenario {
        name: NAME,
        room: "breaker",
        summary: "clients call a bank that errs, hangs, dies and slows down, through a circuit breaker",
        always: &claims::NAMES,
        sometimes: &claims::SOMETIMES,
        draw: draw::plan,
        swarm: swarm::play,
        turmoil: full_stack::play,
    }
}
