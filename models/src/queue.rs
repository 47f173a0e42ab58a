//! The models of the queue: many small worlds of one node, its clients, its disk and its clock.

mod case;
mod claims;
mod clients;
mod full;
pub mod promises;
mod quick;
mod witnesses;

pub use case::{Asks, Case, TICK, small};
pub use clients::{Clients, Memory};

use crate::Model;

/// All of them.
pub(crate) fn models() -> Vec<Box<dyn Model>> {
    quick::models().into_iter().chain(full::models()).collect()
}
