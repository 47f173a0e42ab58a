//! Claims as stateright properties. Their conditions are plain function pointers, so each is made for its own index.

use crate::caller::{Broken, CallerModel, Callers, Claims, Ghost};
use purlin::Policy;
use stateright::Property;

type Condition<P, G> = fn(&CallerModel<P, G>, &Callers<P, G>) -> bool;

/// A function for each index up to the bound, as an array.
macro_rules! indexed {
    ($function:ident: $($index:literal)*) => { [$($function::<$index, P, G>),*] };
}
macro_rules! for_every_index {
    ($function:ident) => {
        indexed!($function: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
}

/// The most claims of one kind in a model.
pub(crate) const CLAIMS_MAX: usize = 32;

fn always<const I: usize, P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>, state: &Callers<P, G>) -> bool {
    (model.claims.always[I].holds)(state, model.config(state))
}

fn sometimes<const I: usize, P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>, state: &Callers<P, G>) -> bool {
    model.witnesses(I, state)
}

fn every_step<const I: usize, P: Policy, G: Ghost<P>>(_: &CallerModel<P, G>, state: &Callers<P, G>) -> bool {
    state.broken != Some(Broken::Claim(I as u8))
}

fn no_panic<P: Policy, G: Ghost<P>>(_: &CallerModel<P, G>, state: &Callers<P, G>) -> bool {
    state.broken != Some(Broken::Panic)
}

/// What a checker asks instead of every `always` by itself: it looks each name up in a map, at every state.
pub(crate) const EVERYTHING_HOLDS: &str = "everything holds that always holds";

fn everything_holds<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>, state: &Callers<P, G>) -> bool {
    let config = model.config(state);
    state.broken.is_none() && model.claims.always.iter().all(|claim| (claim.holds)(state, config))
}

/// The claims of a model; for a checker, every `always` in one.
pub(crate) fn properties<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>) -> Vec<Property<CallerModel<P, G>>> {
    let mut properties = if model.is_watched() {
        vec![Property::always(EVERYTHING_HOLDS, everything_holds)]
    } else {
        claims_that_always_hold(model)
    };
    let sometimes: [Condition<P, G>; CLAIMS_MAX] = for_every_index!(sometimes);
    let witnesses = model.claims.sometimes.iter().zip(sometimes);
    properties.extend(witnesses.map(|(claim, holds)| Property::sometimes(claim.name, holds)));
    properties
}

fn claims_that_always_hold<P: Policy, G: Ghost<P>>(model: &CallerModel<P, G>) -> Vec<Property<CallerModel<P, G>>> {
    let always: [Condition<P, G>; CLAIMS_MAX] = for_every_index!(always);
    let every_step: [Condition<P, G>; CLAIMS_MAX] = for_every_index!(every_step);
    let claims = &model.claims;
    let of_states = claims.always.iter().map(|claim| claim.name).zip(always);
    let of_steps = claims.every_step.iter().map(|claim| claim.name).zip(every_step);
    let no_panic: (_, Condition<P, G>) = (Claims::<P, G>::NO_STEP_PANICS, no_panic);
    let all = core::iter::once(no_panic).chain(of_states).chain(of_steps);
    all.map(|(name, holds)| Property::always(name, holds)).collect()
}
