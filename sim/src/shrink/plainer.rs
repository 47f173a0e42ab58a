//! Plainer plans: weaker faults, and smaller or tamer options.

use super::lab::Lab;
use super::removal::{propose, with};
use super::weaker;

/// Puts a weaker form in the place of each fault, as long as there is one.
pub(super) fn weaken(lab: &mut Lab<'_>) {
    lab.enter("weakening faults");
    for index in (0..lab.best.faults.len()).rev() {
        while weaken_one(lab, index) {}
    }
}

fn weaken_one(lab: &mut Lab<'_>, index: usize) -> bool {
    weaker::forms(&lab.best.faults[index]).into_iter().any(|kind| {
        let mut faults = lab.best.faults.clone();
        faults[index].kind = kind;
        let candidate = with(&lab.best, faults);
        propose(lab, candidate)
    })
}

/// Takes simpler options, as the scenario has them, as long as there are any.
pub(super) fn simplify(lab: &mut Lab<'_>) {
    lab.enter("simplifying the options");
    while lab.simpler().into_iter().any(|candidate| propose(lab, candidate)) {}
}
