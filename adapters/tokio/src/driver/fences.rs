//! What waits for the disk.

use purlin::protocol::{Effect, Protocol};
use std::collections::VecDeque;

/// Fenced effects in their order, each with how many records must be durable before it may be done.
#[derive(Debug)]
pub(super) struct Fences<P: Protocol> {
    waiting: VecDeque<(u64, Effect<P>)>,
}

impl<P: Protocol> Fences<P> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new() }
    }

    pub(super) fn hold(&mut self, until: u64, effect: Effect<P>) {
        self.waiting.push_back((until, effect));
    }

    /// The next effect that need not wait any longer.
    pub(super) fn release(&mut self, durable: u64) -> Option<Effect<P>> {
        let (until, _) = self.waiting.front()?;
        if *until > durable {
            return None;
        }
        self.waiting.pop_front().map(|(_, effect)| effect)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
