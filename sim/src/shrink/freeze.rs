//! The end of chance: every throw is written into the plan.

use super::lab::Lab;
use crate::die::Throws;
use crate::history::Watch;
use crate::plan::Plan;
use crate::scenario::Tier;

/// The best plan with all throws of its run written down, and as many of them zero as may be. It was run, and fails in the
/// same way. `None` if it does not.
pub(super) fn freeze(lab: &mut Lab<'_>) -> Option<Plan> {
    lab.enter("writing down every throw");
    let best = lab.best.clone();
    let throws = lab.verify(&best, Watch { throws: true, ..Watch::default() })?.throws?;
    let mut frozen = Frozen { plan: Plan { throws: None, ..best }, throws: Throws::default() };
    frozen.try_throws(lab, throws).then_some(())?;
    if lab.tier() == Tier::Swarm {
        frozen.trim(lab);
        frozen.zero(lab);
    }
    Some(frozen.into_plan())
}

struct Frozen {
    plan: Plan,
    throws: Throws,
}

impl Frozen {
    /// The most throws that are tried to be zeroed one by one or in blocks.
    const THROWS_MAX: usize = 2_000;

    fn into_plan(self) -> Plan {
        Plan { throws: Some(self.throws), ..self.plan }
    }

    fn try_throws(&mut self, lab: &mut Lab<'_>, throws: Throws) -> bool {
        // Another noise shows that none is needed. The full stack's network has one of its own.
        let noise = if lab.tier() == Tier::Swarm { self.plan.noise ^ 1 } else { self.plan.noise };
        let candidate = Plan { noise, throws: Some(throws), ..self.plan.clone() };
        let fails = lab.verify(&candidate, Watch::default()).is_some();
        if fails && let Some(throws) = candidate.throws {
            self.throws = throws;
        }
        fails
    }

    /// Forgets the last throws of each die: what is not written is zero.
    fn trim(&mut self, lab: &mut Lab<'_>) {
        for (name, count) in self.throws.lengths() {
            let (mut least, mut most) = (0, count);
            while least < most && !lab.is_over() {
                let middle = least + (most - least) / 2;
                let fails = self.try_throws(lab, self.throws.cut(&name, middle));
                if fails { most = middle } else { least = middle + 1 }
            }
        }
    }

    /// Makes blocks of throws zero, late ones first.
    fn zero(&mut self, lab: &mut Lab<'_>) {
        if self.throws.count() > Self::THROWS_MAX {
            return;
        }
        for (name, count) in self.throws.lengths() {
            let mut size = count;
            while size > 0 {
                self.zero_blocks(lab, &name, count, size);
                size /= 2;
            }
        }
    }

    fn zero_blocks(&mut self, lab: &mut Lab<'_>, name: &str, count: usize, size: usize) {
        let mut end = count;
        while end > 0 && !lab.is_over() {
            let start = end.saturating_sub(size);
            let throws = self.throws.zeroed(name, start..end);
            if throws != self.throws {
                self.try_throws(lab, throws);
            }
            end = start;
        }
    }
}
