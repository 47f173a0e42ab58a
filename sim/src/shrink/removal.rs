//! Fewer faults: those after the failure, those before a window, whole classes, and then chunk by chunk.

use super::lab::{Effort, Lab};
use super::slide;
use crate::plan::{Fault, Plan};
use core::time::Duration;
use std::collections::BTreeSet;

/// Leaves out what comes after the failure, and puts the rest in order.
pub(super) fn cut(lab: &mut Lab<'_>) {
    lab.enter("leaving out what comes after the failure");
    let end_ms = millis_up(lab.seen.at);
    let mut faults: Vec<Fault> = lab.best.faults.iter().copied().filter(|fault| fault.start_ms <= end_ms).collect();
    faults.sort_by_key(|fault| fault.start_ms);
    let sorted = with(&lab.best, faults.clone());
    propose(lab, sorted);
    for fault in &mut faults {
        fault.duration_ms = fault.duration_ms.min(end_ms - fault.start_ms).max(1);
    }
    let clipped = with(&lab.best, faults);
    propose(lab, clipped);
}

/// Keeps only what comes in the last moments before the failure, beginning at once. Such runs are short, so the shortest
/// windows are tried first.
pub(super) fn windows(lab: &mut Lab<'_>) {
    lab.enter("keeping only the last moments before the failure");
    let (whole, effort) = (lab.seen.at, lab.effort);
    lab.effort = Effort::Search;
    let _ = [128, 64, 32, 16, 8, 4, 2].into_iter().any(|part| window(lab, whole / part));
    lab.effort = effort;
}

fn window(lab: &mut Lab<'_>, width: Duration) -> bool {
    let from_ms = millis_up(lab.seen.at.saturating_sub(width));
    let late = lab.best.faults.iter().filter(|fault| fault.end_ms() > from_ms).copied();
    let faults: Vec<Fault> = late.map(|fault| from(fault, from_ms)).collect();
    if faults.len() == lab.best.faults.len() {
        return false;
    }
    let first_ms = faults.iter().map(|fault| fault.start_ms).min().unwrap_or(0);
    let candidate = with(&lab.best, slide::all(&faults, first_ms));
    let expected = lab.seen.at.saturating_sub(Duration::from_millis(first_ms));
    lab.attempt(candidate, expected)
}

/// The part of a fault that lies after an instant.
fn from(fault: Fault, start_ms: u64) -> Fault {
    let start_ms = fault.start_ms.max(start_ms);
    Fault { start_ms, duration_ms: (fault.end_ms() - start_ms).max(1), ..fault }
}

/// Leaves out all faults of one class, then all of one kind, then all of one node.
pub(super) fn classes(lab: &mut Lab<'_>) {
    lab.enter("leaving out whole classes of faults");
    for class in distinct(lab, |fault| Some(fault.kind.class())) {
        leave_out(lab, |fault| fault.kind.class() == class);
    }
    for kind in distinct(lab, |fault| Some(fault.kind.name())) {
        leave_out(lab, |fault| fault.kind.name() == kind);
    }
    for node in distinct(lab, |fault| fault.kind.node()) {
        leave_out(lab, |fault| fault.kind.node() == Some(node));
    }
}

fn distinct<T: Ord>(lab: &Lab<'_>, trait_of: impl Fn(&Fault) -> Option<T>) -> BTreeSet<T> {
    lab.best.faults.iter().filter_map(trait_of).collect()
}

fn leave_out(lab: &mut Lab<'_>, goes: impl Fn(&Fault) -> bool) {
    let faults: Vec<Fault> = lab.best.faults.iter().copied().filter(|fault| !goes(fault)).collect();
    if faults.len() < lab.best.faults.len() {
        let candidate = with(&lab.best, faults);
        propose(lab, candidate);
    }
}

/// Leaves out ever smaller chunks, late ones first: what is left out late shifts nothing that comes before it.
pub(super) fn chunks(lab: &mut Lab<'_>) {
    lab.enter("leaving out faults");
    let mut size = lab.best.faults.len().div_ceil(2);
    while size > 0 {
        chunks_of(lab, size);
        size /= 2;
    }
}

fn chunks_of(lab: &mut Lab<'_>, size: usize) {
    let mut end = lab.best.faults.len();
    while end > 0 {
        let start = end.saturating_sub(size);
        let mut faults = lab.best.faults.clone();
        faults.drain(start..end);
        let candidate = with(&lab.best, faults);
        propose(lab, candidate);
        end = start;
    }
}

/// Tries a plan that may be expected to fail when the best one does.
pub(super) fn propose(lab: &mut Lab<'_>, candidate: Plan) -> bool {
    let expected = lab.seen.at;
    lab.attempt(candidate, expected)
}

pub(super) fn with(plan: &Plan, faults: Vec<Fault>) -> Plan {
    Plan { faults, ..plan.clone() }
}

pub(super) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
