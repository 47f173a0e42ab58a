//! The breaker beside failsafe, recloser and tower-resilience, and beside what any breaker must cost.

mod floors;
mod layers;
mod peers;
mod purlin;

use crate::case::Case;

/// Every case. The first is the unit: a bare atomic addition.
pub fn cases() -> Vec<Case> {
    [floors::cases(), purlin::cases(), peers::cases(), layers::cases()].into_iter().flatten().collect()
}
