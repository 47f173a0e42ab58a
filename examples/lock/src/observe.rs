//! What can be seen of a node from outside: for whoever judges it.

use crate::{Hold, Lease, Lock, Token};
use purlin::Instant;

impl Lock {
    /// The lease as this node keeps it, if it is the keeper.
    pub fn lease(&self) -> Option<Lease> {
        self.image.lease
    }

    /// The last token that this node has granted.
    pub fn last_granted(&self) -> Token {
        self.image.token
    }

    /// When the question was asked that waits for its answer, by this node's clock.
    pub fn asks_since(&self) -> Option<Instant> {
        self.asking.as_ref().map(|asking| asking.since)
    }

    /// The lock as this node holds it at `now` by its own clock.
    pub fn held_at(&self, now: Instant) -> Option<Hold> {
        self.hold.filter(|hold| now < hold.until)
    }
}
