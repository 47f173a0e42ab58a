//! A fenced lease lock, written outside of Purlin's core against its public API alone.
//!
//! ```text
//!    node ── Ask(question) ──────▶ keeper ── Leased ─▶ disk
//!         ◀─ Granted(token) ──────                 (then only the answer)
//!    holds until: asked at + lease − margin         until: granted at + lease
//! ```
//!
//! The holder counts its lease from before it asked, and less of it than the keeper does. So as long as no two clocks come
//! apart by more than the margin during one lease, **no two nodes believe at the same time that they hold the lock.**
//! Whatever the clocks do, **tokens rise with every grant**: a resource that refuses smaller ones is safe even then, and
//! it needs to be, because a node may be paused between a look at its clock and its next write ([Kleppmann]).
//!
//! [Kleppmann]: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html

mod alphabet;
mod config;
mod machine;
pub mod models;
mod observe;
pub mod scenario;
pub mod serve;
pub mod spec;

pub use alphabet::{
    Answer, Attempt, Event, Grant, Hold, Image, Lease, Message, Node, Question, Record, Request, Timer, Token,
};
pub use config::{Config, InvalidSettings, Settings};
pub use machine::Lock;

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
