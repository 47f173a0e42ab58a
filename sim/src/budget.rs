//! How much may fail at once, and for good.

use crate::plan::{Fault, FaultKind, InvalidPlan, Nodes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A recoverability budget: what the faults of a plan stay within, so that recovery may be asserted after the heal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// How many nodes may be down, or stand still, at the same time.
    pub down_at_once: u32,
    /// How many nodes may be destroyed. If recovery is asserted, no more than the scenario can do without.
    pub destroyed: u32,
    /// Whether recovery is asserted. If not, the run ends with the safety phase, and only what must never happen is judged.
    pub liveness: bool,
}

impl Default for Budget {
    /// Any number of nodes may be down at once, none is destroyed, and recovery is asserted.
    fn default() -> Self {
        Self { down_at_once: Nodes::MAX, destroyed: 0, liveness: true }
    }
}

impl Budget {
    /// Checks that the faults stay within it.
    ///
    /// # Errors
    /// The first fault that does not.
    pub(crate) fn check(&self, faults: &[Fault]) -> Result<(), InvalidPlan> {
        let (mut destroyed, mut begun) = (Nodes::NONE, faults.iter().enumerate().collect::<Vec<_>>());
        begun.sort_by_key(|(_, fault)| fault.start_ms);
        for (index, fault) in begun {
            if let FaultKind::Destroy { node } = fault.kind {
                destroyed = destroyed.with(node);
            }
            self.check_fault(index, fault, faults, destroyed)?;
        }
        Ok(())
    }

    fn check_fault(&self, index: usize, fault: &Fault, faults: &[Fault], destroyed: Nodes) -> Result<(), InvalidPlan> {
        let (field, at) = (format!("faults[{index}].kind"), fault.start_ms);
        let (count, most) = (destroyed.iter().count() as u32, self.destroyed);
        let given = format!("{}, and {count} nodes would be destroyed at {at} ms", fault.kind.name());
        let mend = format!("leave it out, or raise budget.destroyed ({most})");
        InvalidPlan::unless(count <= most, &field, given, mend)?;
        if !fault.kind.keeps_down() {
            return Ok(());
        }
        let (count, most) = (down(faults, destroyed, at).iter().count() as u32, self.down_at_once);
        let given = format!("{}, and {count} nodes would be down at {at} ms", fault.kind.name());
        let mend = format!("leave it out, shift it, or raise budget.down_at_once ({most})");
        InvalidPlan::unless(count <= most, &field, given, mend)
    }
}

/// The nodes that are down at a moment.
fn down(faults: &[Fault], destroyed: Nodes, at_ms: u64) -> Nodes {
    let lasts = |fault: &&Fault| (fault.start_ms..fault.end_ms()).contains(&at_ms);
    let struck = faults.iter().filter(lasts).filter(|fault| fault.kind.keeps_down());
    struck.filter_map(|fault| fault.kind.node()).fold(destroyed, Nodes::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(start_ms: u64, duration_ms: u64, kind: FaultKind) -> Fault {
        Fault { start_ms, duration_ms, kind }
    }

    fn two_nodes(second_start_ms: u64) -> [Fault; 2] {
        [fault(10, 10, FaultKind::Kill { node: 0 }), fault(second_start_ms, 10, FaultKind::Pause { node: 1 })]
    }

    #[test]
    fn faults_that_overlap_need_a_budget_for_both_nodes() {
        let one = Budget { down_at_once: 1, ..Budget::default() };
        assert_eq!(one.check(&two_nodes(20)), Ok(()));
        let refusal = one.check(&two_nodes(19)).unwrap_err().to_string();
        assert!(refusal.contains("faults[1].kind is pause, and 2 nodes would be down at 19 ms"), "{refusal}");
        assert!(refusal.contains("budget.down_at_once (1)"), "{refusal}");
        assert_eq!(Budget { down_at_once: 2, ..one }.check(&two_nodes(19)), Ok(()));
    }

    #[test]
    fn what_was_destroyed_stays_down() {
        let faults = [fault(1, 1, FaultKind::Destroy { node: 2 }), fault(50, 5, FaultKind::Kill { node: 0 })];
        let budget = Budget { down_at_once: 1, destroyed: 1, liveness: true };
        assert!(budget.check(&faults).unwrap_err().given.contains("2 nodes would be down"));
        let refusal = Budget { destroyed: 0, ..budget }.check(&faults).unwrap_err();
        assert!(refusal.given.contains("1 nodes would be destroyed at 1 ms"), "{refusal}");
    }
}
