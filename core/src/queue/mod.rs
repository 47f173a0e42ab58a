//! A lease queue: a message is handed out for a while, and handed out again if nobody says in time that it is done.
//!
//! ```text
//!               enqueue
//!                  │            claim: a token, an end, one more attempt
//!                  ▼       ┌──────────────────────────────────────────────▶ ┌────────┐ ── ack ───▶ done
//!   delayed ──▶  ready ────┘                                                │ leased │
//!                  ▲  ▲ ◀──────── nack, or the lease is over ────────────── └────────┘ ── extend ─▶ (a later end)
//!                  │  └─────────────── redrive ──── dead ◀── that was the last attempt, or kill
//! ```
//!
//! At least once: a message is lost by nobody, but may be handed out twice if its first worker was too slow. What that
//! worker says then is refused: **a token that is not the message's present one changes nothing.** With a key, messages
//! are handed out one at a time and in their order.
//!
//! Time is the host's clock, counted from the Unix epoch. If it comes back earlier after a restart, it stands still here
//! until it has caught up with the latest instant in the journal, so a lease may last longer than it says and no token
//! that was dead lives again. If it jumps forward, leases end early, which costs work and breaks nothing.
//!
//! Semantics after Amazon SQS (visibility timeout, receipt handles, redrive), pgmq and NATS JetStream, with one thing that
//! the latter two lack: a late ack of an earlier holder is refused ([nats-server 4786]).
//!
//! [nats-server 4786]: https://github.com/nats-io/nats-server/issues/4786

mod alphabet;
mod config;
mod image;
mod index;
pub mod invariants;
mod machine;

use crate::time::Instant;
use std::collections::BTreeSet;

/// Visits the instants of an order by instants, which stays one if all are shifted alike.
fn each_first<T: Ord>(order: &mut BTreeSet<(Instant, T)>, each: &mut dyn FnMut(&mut Instant)) {
    let visited = core::mem::take(order).into_iter().map(|(mut at, rest)| {
        each(&mut at);
        (at, rest)
    });
    *order = visited.collect();
}

pub use alphabet::{Answer, Delivery, Event, NewMessage, Record, Request, Sequence, Stats, Status, Timer, Token};
pub use config::{Config, InvalidSettings, Settings};
pub use image::{Image, Message, MessageState};
pub use machine::Queue;
