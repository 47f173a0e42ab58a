//! Distributed-systems algorithms as deterministic state machines.
//!
//! > *The machine steps; its host keeps the time, throws the die and runs the errands.*
//!
//! ```text
//!              input, config                   reply
//!   caller ───────────────────▶ ┌─────────┐ ───────────▶ caller
//!                               │ machine │
//!     host ─ now(), choose() ─▶ └─────────┘ ─ effects ─▶ host
//! ```
//!
//! Every algorithm lives in a room of its own ([`breaker`], [`queue`]) and is a [`Machine`]: its state is a plain value, and all
//! that it needs of the world it asks of its [`Host`]. So the same code can be explored by a model checker, compared
//! with its TLA+ specification, simulated, and run in production. This crate does no IO, reads no clock, starts no
//! thread and throws no die; `clippy.toml` beside it says so to the linter.
//!
//! # The laws of machines
//! 1. The same state, configuration, input, time and throws give the same state, reply and effects.
//! 2. `unpack(pack(s)) == s` for every reachable state of a [`Packed`] machine.
//! 3. A glance of a [`Gate`] equals the step, which then changes nothing and emits nothing; what is spent on its word is
//!    what the step would have done.
//! 4. The image of a [`protocol`] equals the fold of all its records, and a recovered one decides durably alike.
//! 5. Stale timers change nothing durable.
//! 6. The bounds of [`Host::choose`] come from the configuration, so a model can make them small.
//! 7. Shifting all instants and `now` alike shifts the result.
//! 8. Noticing a timer late equals ticking on time.
//! 9. [`Machine::settle`] changes no later reply or effect.

pub mod breaker;
pub mod log;
pub mod machine;
pub mod protocol;
pub mod queue;
pub mod raft;
pub mod shared;
mod sync;
pub mod time;

pub use machine::{Clock, Data, Epoch, Gate, Host, Machine, Names, Packed, Policy};
pub use shared::{Admission, Gated, Keeper, Shared, Stepper};
pub use time::Instant;
