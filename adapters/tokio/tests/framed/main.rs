//! The framed transport over loopback TCP.

mod links;
#[path = "../support/mod.rs"]
mod support;
