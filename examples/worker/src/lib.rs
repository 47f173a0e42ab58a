//! A durable job queue over HTTP: [`purlin::queue`] through the driver, on a SQLite file.
//!
//! ```text
//!   producers ──▶ POST /messages ─┐
//!                                 ├─▶ api ─▶ Handle ─▶ Driver ─▶ Queue
//!   workers ◀──▶ POST /claims  ───┘                       └─────▶ SqliteJournal
//!                POST /acks
//! ```
//!
//! What is answered with success is on the disk. A worker that dies leaves its messages to others once its lease is over,
//! and what it says later is refused.

mod api;
mod client;
mod server;

pub use api::{Claim, Enqueue, router};
pub use client::{Client, ClientError};
pub use server::{Server, ServerError, ServerOptions};
