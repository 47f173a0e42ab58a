//! The normal form of a state: settled, counted from the present, epochs renamed, permits sorted.

use super::{CallerModel, Callers, Ghost, NOW, Reconfiguring};
use purlin::{Epoch, Instant, Names, Policy};
use smallvec::SmallVec;

impl<P: Policy, G: Ghost<P>> CallerModel<P, G> {
    /// Makes states equal that no later step can tell apart.
    pub(super) fn normalise(&self, state: &mut Callers<P, G>) {
        self.settle(state);
        shift_to_present(state);
        rename_epochs(state);
        state.held.sort_unstable();
    }

    fn settle(&self, state: &mut Callers<P, G>) {
        let reconfiguring = self.scope.reconfiguring.as_ref().filter(|_| state.reconfigurations_left > 0);
        let config = reconfiguring.map_or_else(|| self.config(state), |reconfiguring| &reconfiguring.settle);
        let Callers { machine, held, now, .. } = state;
        machine.settle(config, *now);
        held.iter_mut().for_each(|permit| machine.settle_permit(config, permit, *now));
        if let Some(Reconfiguring { horizon, .. }) = reconfiguring {
            let oldest = state.now - *horizon;
            every_instant(state, &mut |instant| *instant = (*instant).max(oldest));
        }
    }
}

fn shift_to_present<P: Policy, G: Ghost<P>>(state: &mut Callers<P, G>) {
    let passed = state.now.saturating_since(NOW);
    if passed.is_zero() {
        return;
    }
    every_instant(state, &mut |instant| *instant = *instant - passed);
    state.now = NOW;
}

fn every_instant<P: Policy, G: Ghost<P>>(state: &mut Callers<P, G>, each: &mut dyn FnMut(&mut Instant)) {
    state.machine.instants(each);
    state.held.iter_mut().for_each(|permit| permit.instants(each));
}

fn rename_epochs<P: Policy, G: Ghost<P>>(state: &mut Callers<P, G>) {
    let mut known: SmallVec<[Epoch; 8]> = SmallVec::new();
    every_epoch(state, &mut |epoch| known.push(*epoch));
    known.sort_unstable();
    known.dedup();
    let is_ranked = known.last().is_none_or(|highest| highest.0 + 1 == known.len() as u64);
    if !is_ranked {
        every_epoch(state, &mut |epoch| epoch.0 = known.partition_point(|other| other < epoch) as u64);
    }
}

fn every_epoch<P: Policy, G: Ghost<P>>(state: &mut Callers<P, G>, each: &mut dyn FnMut(&mut Epoch)) {
    state.machine.epochs(each);
    state.held.iter_mut().for_each(|permit| permit.epochs(each));
}
