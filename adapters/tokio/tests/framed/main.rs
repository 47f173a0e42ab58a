//! The framed transport over loopback TCP.

mod directory;
mod lanes;
mod links;
mod mail;
mod metrics;
mod refusals;
mod rig;
#[path = "../support/mod.rs"]
mod support;
mod versions;
