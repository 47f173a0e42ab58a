//! A checkout service that calls a bank through a circuit breaker.
//!
//! ```text
//!   shopper ──▶ /checkout ──▶ [ breaker ▸ attempt timeout ▸ body ▸ hyper client ] ──▶ /pay on the bank
//!               /health              │
//!               /metrics ◀───────────┘
//! ```
//!
//! The service takes the connector that reaches the bank and the keeper of its breaker's time as arguments, opens no
//! socket and reads no clock of its own (its timeouts are tokio's). So the very same code runs over TCP in the `checkout`
//! command and over a simulated network in a simulation: there with no idle connections kept
//! ([`CheckoutConfig::idle_connections`]) since a pool of them is closed in an order of its own.

mod bank;
mod client;
mod config;
pub mod load;
mod metrics_page;
mod service;

pub use bank::{Bank, Mode, bank};
pub use config::CheckoutConfig;
pub use service::{Checkout, CheckoutKeeper, service};

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
