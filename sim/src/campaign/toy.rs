//! A tier that is over as soon as it has begun: what a run finds is given.

use crate::checker::{Coverage, Violation};
use crate::hash::Hash;
use crate::history::Recorded;
use crate::scenario::Played;
use crate::simulation::Simulation;
use core::time::Duration;
use purlin::Instant;

/// A run that has come to its end.
#[derive(Clone)]
pub(super) struct Toy {
    pub(super) violation: Option<Violation>,
    pub(super) noise: u64,
    pub(super) events: u64,
    pub(super) trace: Vec<String>,
}

impl Toy {
    pub(super) fn boxed(self) -> Box<dyn Simulation> {
        Box::new(self)
    }
}

impl Simulation for Toy {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }

    fn advance(&mut self, _until: Instant) -> bool {
        false
    }

    fn reseed(&mut self, _noise: u64) {}

    fn fork(&self) -> Box<dyn Simulation> {
        self.clone().boxed()
    }

    fn finish(self: Box<Self>) -> Played {
        let Self { violation, noise, events, trace } = *self;
        let (hash, coverage) = (Hash::of(&noise.to_le_bytes()), Coverage::from_word(noise & 0b1011));
        let recorded = Recorded { violation, hash, coverage, trace, story: Vec::new() };
        Played { recorded, events, simulated: Duration::from_secs(1), throws: None }
    }
}
