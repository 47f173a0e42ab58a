//! Clients: they ask nodes for something and hear what comes of it. Like machines they do no IO, so both tiers run them.

use super::environment::Phase;
use crate::die::Die;
use crate::plan::Span;
use core::time::Duration;
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::Protocol;
use serde::{Deserialize, Serialize};

/// Somebody who asks nodes for something. It stands outside of them, and outlives them.
pub trait Client<P: Protocol>: Send + 'static {
    /// Something has happened to it. All it does, it does at its desk.
    fn act(&mut self, occasion: Occasion<'_, P>, desk: &mut Desk<'_, P>);
}

/// What happens to a client.
#[derive_where(Clone, Copy, Debug)]
pub enum Occasion<'a, P: Protocol> {
    /// The run begins.
    Started,
    /// The alarm that it set has gone off.
    Woken,
    /// It is answered.
    Answered {
        /// What it had asked.
        ask: Ask,
        /// The answer.
        answer: &'a P::Answer,
    },
    /// It will not be answered.
    Unanswered {
        /// What it had asked.
        ask: Ask,
        /// Why.
        why: Unanswered,
    },
    /// A node announces something.
    Notified {
        /// The node.
        node: u32,
        /// What.
        event: &'a P::Event,
    },
}

/// Marks what a client has asked. Never given twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ask(pub u64);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// The node has too much to do. Nothing was done.
    Busy,
    /// The node is down. Nothing was done.
    ShutDown,
    /// The node's process ended before it answered. It may have been done, or not.
    Unknown,
}

/// Where a client acts.
pub struct Desk<'a, P: Protocol> {
    pub(super) now: Instant,
    pub(super) phase: Phase,
    pub(super) grain_nanos: u64,
    /// By how much everybody rests less than usual.
    pub(super) haste: u32,
    pub(super) die: &'a mut Die,
    pub(super) asks: &'a mut u64,
    pub(super) errands: &'a mut Vec<Errand<P>>,
}

/// What a client wants done.
#[derive_where(Clone, Debug)]
pub(super) enum Errand<P: Protocol> {
    Ask { ask: Ask, node: u32, request: P::Request },
    Wake { after: Duration },
}

impl<P: Protocol> Desk<'_, P> {
    /// The true time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The part of the run. A client that misbehaves does so in the safety phase only.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The client's own die.
    pub fn die(&mut self) -> &mut Die {
        self.die
    }

    /// A duration from `span`, as fine as the run has it.
    pub fn draw(&mut self, span: Span) -> Duration {
        draw(self.die, span, self.grain_nanos)
    }

    /// Asks a node for something. A client may have asked several things at once.
    pub fn ask(&mut self, node: u32, request: P::Request) -> Ask {
        let ask = Ask(*self.asks);
        *self.asks += 1;
        self.errands.push(Errand::Ask { ask, node, request });
        ask
    }

    /// Sets the alarm, in place of an earlier one that has not gone off.
    pub fn wake_after(&mut self, after: Duration) {
        let after = (after / self.haste).max(after.min(Duration::from_nanos(self.grain_nanos)));
        self.errands.push(Errand::Wake { after });
    }
}

/// A duration from `span` in multiples of a grain.
pub(super) fn draw(die: &mut Die, span: Span, grain_nanos: u64) -> Duration {
    let nanos = die.between(span.least_ms * 1_000_000, span.most_ms * 1_000_000);
    Duration::from_nanos(nanos / grain_nanos * grain_nanos)
}
