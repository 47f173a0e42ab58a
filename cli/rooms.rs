//! The rooms that this command knows.

use crate::drive::Drive;
use crate::failure::Failure;
use purlin::breaker::{Breaker, Settings};

/// A room whose machine can be driven by hand. A later room is one more line.
pub(crate) fn driven() -> Vec<Drive> {
    vec![Drive::policy::<Breaker, Settings>("breaker")]
}

/// The names of all rooms.
pub(crate) fn names() -> Vec<&'static str> {
    driven().iter().map(Drive::name).collect()
}

/// That there is no such room, and which there are.
pub(crate) fn unknown(room: &str) -> Failure {
    Failure::new(format_args!("there is no room `{room}`: choose one of {}", names().join(", ")))
}
