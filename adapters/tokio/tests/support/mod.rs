//! A protocol that does what it is told, and surroundings that the test holds in its hands.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod laws;
pub(crate) mod puppet;
pub(crate) mod rig;
