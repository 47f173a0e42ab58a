//! The first law of hosts as an observer: it can watch the driver of any protocol.

use purlin::protocol::{Effect, Fence, Protocol};
use purlin_tokio::Observer;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Fenced effects come in their order, and none before all that was persisted before it is durable.
pub(crate) struct FencedEffectsWait<P: Protocol> {
    /// How many records are durable: the journal counts them.
    durable: Arc<AtomicU64>,
    persisted: u64,
    expected: VecDeque<(u64, Effect<P>)>,
}

impl<P: Protocol> FencedEffectsWait<P> {
    pub(crate) fn new(durable: Arc<AtomicU64>) -> Self {
        Self { durable, persisted: 0, expected: VecDeque::new() }
    }
}

impl<P: Protocol> Observer<P> for FencedEffectsWait<P> {
    fn stepped(&mut self, _machine: &P, effects: &[Effect<P>]) {
        for effect in effects {
            match effect {
                Effect::Persist(_) => self.persisted += 1,
                Effect::Send { fence: Fence::Durable, .. } | Effect::Answer { .. } | Effect::Notify(_) => {
                    self.expected.push_back((self.persisted, effect.clone()));
                }
                _ => {}
            }
        }
    }

    fn released(&mut self, effect: &Effect<P>) {
        let (persisted_before, expected) =
            self.expected.pop_front().expect("nothing is released that was not asked for");
        assert_eq!(*effect, expected, "fenced effects come in their order");
        let durable = self.durable.load(Ordering::SeqCst);
        assert!(persisted_before <= durable, "{effect:?} waits for {persisted_before} records, {durable} are durable");
    }
}
