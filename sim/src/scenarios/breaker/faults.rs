//! The faults in force at one moment, and what they do to a call.

use super::Plan;
use crate::die::Die;
use crate::plan::{Fault, FaultKind, Span};
use core::time::Duration;
use purlin::Instant;

/// Which of the plan's faults are in force.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    in_force: Vec<bool>,
    service: Span,
    grain_nanos: u64,
    /// The present second, and how many calls it has brought.
    second: (u64, u32),
}

/// What becomes of a call that reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered after some work.
    Answered {
        /// Well, or with an error.
        well: bool,
        /// How long the work takes.
        work: Duration,
    },
    /// Its connection is reset.
    Aborted,
    /// It is never answered.
    Silence,
}

impl Faults {
    /// No fault is in force yet. Durations are drawn as multiples of `grain_nanos`.
    pub(super) fn new(plan: &Plan, grain_nanos: u64) -> Self {
        let in_force = vec![false; plan.faults.len()];
        Self { planned: plan.faults.clone(), in_force, service: plan.options.service, grain_nanos, second: (0, 0) }
    }

    pub(super) fn begin(&mut self, fault: u32) -> FaultKind {
        self.in_force[fault as usize] = true;
        self.planned[fault as usize].kind
    }

    pub(super) fn end(&mut self, fault: u32) -> FaultKind {
        self.in_force[fault as usize] = false;
        self.planned[fault as usize].kind
    }

    pub(super) fn draw(&self, die: &mut Die, span: Span) -> Duration {
        let nanos = die.between(span.least_ms * 1_000_000, span.most_ms * 1_000_000);
        Duration::from_nanos(nanos / self.grain_nanos * self.grain_nanos)
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.kinds().any(|kind| *kind == FaultKind::Crash)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.kinds().any(|kind| *kind == FaultKind::Cut)
    }

    pub(super) fn fate(&mut self, at: Instant, die: &mut Die) -> Fate {
        if self.is_too_many(at) {
            return Fate::Answered { well: false, work: Duration::ZERO };
        }
        let mut work = self.draw(die, self.service);
        let mut well = true;
        for kind in self.kinds() {
            match *kind {
                FaultKind::Abort { share } if die.strikes(share) => return Fate::Aborted,
                FaultKind::Hang { share } if die.strikes(share) => return Fate::Silence,
                FaultKind::Errors { share } => well &= !die.strikes(share),
                FaultKind::Slow { extra } => work += self.draw(die, extra),
                _ => {}
            }
        }
        Fate::Answered { well, work }
    }

    /// Whether the present second has already brought as many calls as the server takes.
    fn is_too_many(&mut self, at: Instant) -> bool {
        let second = at.as_nanos() / 1_000_000_000;
        if self.second.0 != second {
            self.second = (second, 0);
        }
        self.second.1 += 1;
        let calls = self.second.1;
        self.kinds().any(|kind| matches!(*kind, FaultKind::RateLimit { per_second } if calls > per_second))
    }

    pub(super) fn loses_message(&self, die: &mut Die) -> bool {
        self.kinds().any(|kind| matches!(*kind, FaultKind::Lose { share, .. } if die.strikes(share)))
    }

    pub(super) fn delay(&self, die: &mut Die) -> Duration {
        let extra = |kind: &FaultKind| match *kind {
            FaultKind::Delay { extra, law, .. } => Some((extra, law)),
            _ => None,
        };
        let delays = self.kinds().filter_map(extra).map(|(extra, law)| {
            let span = extra.shortened(law, die);
            self.draw(die, span)
        });
        delays.sum()
    }

    pub(super) fn patience(&self, usual_ms: u64) -> Duration {
        let cut_to =
            |kind: &FaultKind| if let FaultKind::Impatience { patience_ms } = *kind { Some(patience_ms) } else { None };
        Duration::from_millis(self.kinds().filter_map(cut_to).fold(usual_ms, u64::min))
    }

    /// At least one grain, so that time passes even for a client without rest.
    pub(super) fn rest(&self, die: &mut Die, usual: Span) -> Duration {
        let factor = |kind: &FaultKind| if let FaultKind::Spike { factor } = *kind { factor } else { 1 };
        let rest = self.kinds().map(factor).fold(self.draw(die, usual), |rest, factor| rest / factor);
        let grains = (rest.as_nanos() as u64 / self.grain_nanos).max(1);
        Duration::from_nanos(grains * self.grain_nanos)
    }

    fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        self.planned.iter().zip(&self.in_force).filter(|(_, in_force)| **in_force).map(|(fault, _)| &fault.kind)
    }
}
