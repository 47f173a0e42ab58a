//! Less time: everything earlier, gaps closed, and shorter faults.

use super::lab::Lab;
use super::removal::{propose, with};
use crate::plan::Fault;
use core::time::Duration;

/// All faults, so much earlier.
pub(super) fn all(faults: &[Fault], earlier_ms: u64) -> Vec<Fault> {
    tail(faults, 0, earlier_ms)
}

fn tail(faults: &[Fault], first: usize, earlier_ms: u64) -> Vec<Fault> {
    let mut faults = faults.to_vec();
    for fault in faults.iter_mut().skip(first) {
        fault.start_ms = fault.start_ms.saturating_sub(earlier_ms);
    }
    faults
}

/// Closes the gaps between the beginnings of faults, the first gap being the time before any.
pub(super) fn compress(lab: &mut Lab<'_>) {
    lab.enter("closing gaps");
    for index in 0..lab.best.faults.len() {
        close_gap(lab, index);
    }
}

/// The whole gap, or a good part of it.
fn close_gap(lab: &mut Lab<'_>, index: usize) {
    let before_ms = index.checked_sub(1).map_or(0, |before| lab.best.faults[before].start_ms);
    let gap_ms = lab.best.faults[index].start_ms.saturating_sub(before_ms);
    let mut tried_ms = 0;
    for earlier_ms in [gap_ms, gap_ms / 2, gap_ms / 8] {
        if earlier_ms == tried_ms || earlier_ms == 0 {
            continue;
        }
        tried_ms = earlier_ms;
        let candidate = with(&lab.best, tail(&lab.best.faults, index, earlier_ms));
        let expected = lab.seen.at.saturating_sub(Duration::from_millis(earlier_ms));
        if lab.attempt(candidate, expected) {
            return;
        }
    }
}

/// Shortens faults: to a moment, else by halves.
pub(super) fn shorten(lab: &mut Lab<'_>) {
    lab.enter("shortening faults");
    for index in (0..lab.best.faults.len()).rev() {
        let present_ms = lab.best.faults[index].duration_ms;
        let _ = shorten_to(lab, index, 1) || shorten_to(lab, index, present_ms / 8);
        while shorten_to(lab, index, lab.best.faults[index].duration_ms / 2) {}
    }
}

fn shorten_to(lab: &mut Lab<'_>, index: usize, duration_ms: u64) -> bool {
    let duration_ms = duration_ms.max(1);
    let mut faults = lab.best.faults.clone();
    if duration_ms >= faults[index].duration_ms {
        return false;
    }
    faults[index].duration_ms = duration_ms;
    let candidate = with(&lab.best, faults);
    propose(lab, candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FaultKind;

    #[test]
    fn sliding_keeps_what_comes_before() {
        let fault = |start_ms| Fault { start_ms, duration_ms: 5, kind: FaultKind::Cut };
        assert_eq!(tail(&[fault(3), fault(9), fault(12)], 1, 6), [fault(3), fault(3), fault(6)]);
    }
}
