//! The models of the breaker: many small worlds, each with one thing to say.

mod case;
mod claims;
mod full;
mod naive;
pub mod promises;
mod quick;
mod witnesses;

pub use case::{TICK, small};

use crate::Model;

/// All of them.
pub(crate) fn models() -> Vec<Box<dyn Model>> {
    quick::models().into_iter().chain(full::models()).collect()
}
