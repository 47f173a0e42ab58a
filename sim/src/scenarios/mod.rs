//! The scenarios: one folder a room.

pub mod breaker;
pub mod queue;

use crate::scenario::Scenario;

/// Every scenario of every room.
pub fn scenarios() -> Vec<Scenario> {
    vec![breaker::scenario(), Scenario::of_protocol::<queue::HastyWorkers>()]
}
