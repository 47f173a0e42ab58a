//! What a fault says by itself, checked.

use super::FaultKind;
use crate::plan::{InvalidPlan, Plan};

/// Checks what a kind says by itself.
pub(crate) fn check_kind(field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
    let name = kind.name();
    let within = |what: &str| format!("{field}.{name}.{what}");
    match *kind {
        FaultKind::Slow { extra } | FaultKind::Delay { extra, .. } | FaultKind::Reorder { extra, .. } => {
            extra.validate(&within("extra"))
        }
        FaultKind::SlowDisk { extra, .. } | FaultKind::SlowNode { extra, .. } => extra.validate(&within("extra")),
        FaultKind::Impatience { patience_ms } => check_millis(&within("patience_ms"), patience_ms),
        FaultKind::ClockJump { forward_ms, .. } => check_millis(&within("forward_ms"), forward_ms),
        FaultKind::ClockBack { back_ms, .. } => check_millis(&within("back_ms"), back_ms),
        FaultKind::Flap { cut_ms, free_ms, .. } => {
            check_millis(&within("cut_ms"), cut_ms).and_then(|()| check_millis(&within("free_ms"), free_ms))
        }
        FaultKind::Spike { factor } => {
            let fits = (2..=Plan::SPIKE_FACTOR_MAX).contains(&factor);
            InvalidPlan::unless(fits, within("factor"), factor, "give 2 to 1000")
        }
        FaultKind::RateLimit { per_second } => {
            InvalidPlan::unless(per_second >= 1, within("per_second"), per_second, "give at least 1 call a second")
        }
        FaultKind::Bandwidth { bytes_per_second, .. } => {
            let mend = "give at least 1 byte a second, or a partition";
            InvalidPlan::unless(bytes_per_second >= 1, within("bytes_per_second"), bytes_per_second, mend)
        }
        FaultKind::BitRot { bits, .. } => {
            let fits = (1..=Plan::BITS_MAX).contains(&bits);
            InvalidPlan::unless(fits, within("bits"), bits, "give 1 to 1000 bits")
        }
        _ => Ok(()),
    }
}

fn check_millis(field: &str, millis: u64) -> Result<(), InvalidPlan> {
    let fits = (1..=Plan::DURATION_MS_MAX).contains(&millis);
    InvalidPlan::unless(fits, field, millis, "give at least 1 ms and at most a day")
}
