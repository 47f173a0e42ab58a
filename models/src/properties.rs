//! Claims as stateright properties. Their conditions are plain function pointers, so each is made for its own index.

use crate::world::{Broken, ClaimKind, NO_STEP_PANICS, World};
use stateright::Property;

type Condition<W> = fn(&W, &<W as stateright::Model>::State) -> bool;

/// A function for each index up to the bound, as an array.
macro_rules! indexed {
    ($function:ident: $($index:literal)*) => { [$($function::<$index, W>),*] };
}
macro_rules! for_every_index {
    ($function:ident) => {
        indexed!($function: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
}

/// The most claims of one kind in a model.
pub(crate) const CLAIMS_MAX: usize = 32;

fn always<const I: usize, W: World>(world: &W, state: &W::State) -> bool {
    world.holds(I, state)
}

fn sometimes<const I: usize, W: World>(world: &W, state: &W::State) -> bool {
    world.watch().map_or_else(
        || world.witnesses(I, state),
        // A watched model says so only once.
        |watch| watch.meets_state(I, || world.witnesses(I, state)),
    )
}

fn every_step<const I: usize, W: World>(world: &W, state: &W::State) -> bool {
    world.broken(state) != Some(Broken::Claim(I as u8))
}

fn no_panic<W: World>(world: &W, state: &W::State) -> bool {
    world.broken(state) != Some(Broken::Panic)
}

/// What a checker asks instead of every `always` by itself: it looks each name up in a map, at every state.
pub(crate) const EVERYTHING_HOLDS: &str = "everything holds that always holds";

fn everything_holds<W: World>(world: &W, state: &W::State) -> bool {
    world.broken(state).is_none() && world.holds_always(state)
}

/// The claims of a model; for a checker, every `always` in one.
pub(crate) fn properties<W: World>(world: &W) -> Vec<Property<W>> {
    let mut properties = if world.watch().is_some() {
        vec![Property::always(EVERYTHING_HOLDS, everything_holds)]
    } else {
        claims_that_always_hold(world)
    };
    let sometimes: [Condition<W>; CLAIMS_MAX] = for_every_index!(sometimes);
    let witnesses = world.claimed(ClaimKind::Sometimes).into_iter().zip(sometimes);
    properties.extend(witnesses.map(|(name, holds)| Property::sometimes(name, holds)));
    properties
}

fn claims_that_always_hold<W: World>(world: &W) -> Vec<Property<W>> {
    let always: [Condition<W>; CLAIMS_MAX] = for_every_index!(always);
    let every_step: [Condition<W>; CLAIMS_MAX] = for_every_index!(every_step);
    let of_states = world.claimed(ClaimKind::Always).into_iter().zip(always);
    let of_steps = world.claimed(ClaimKind::EveryStep).into_iter().zip(every_step);
    let no_panic: (_, Condition<W>) = (NO_STEP_PANICS, no_panic);
    let all = core::iter::once(no_panic).chain(of_states).chain(of_steps);
    all.map(|(name, holds)| Property::always(name, holds)).collect()
}

/// Makes sure that each claim has an index of its own.
pub(crate) fn assert_few(claims: impl IntoIterator<Item = usize>) {
    let most = claims.into_iter().max();
    assert!(most <= Some(CLAIMS_MAX), "a model has at most {CLAIMS_MAX} claims of one kind");
}
