//! What a breaker promises of every fair path. Fairness is weak: what stays possible is done sooner or later.

use crate::caller::{ActionOf, Callers, Fairness, Ghost, Kind, LeadsTo};
use purlin::breaker::{Breaker, Config, State};

/// Half-open ends if calls end and callers ask. Time need not pass.
pub(super) fn probes_decide<G: Ghost<Breaker>>() -> LeadsTo<Breaker, G> {
    LeadsTo {
        name: "half-open ends, if calls end and callers ask",
        from: is_half_open,
        to: is_closed_or_open,
        fair: calls_end_and_callers_ask,
    }
}

/// Half-open ends by itself, though its probes hang: for models with a maximum wait.
pub(super) fn half_open_ends_in_time<G: Ghost<Breaker>>() -> LeadsTo<Breaker, G> {
    LeadsTo {
        name: "half-open ends, if only time passes",
        from: is_half_open,
        to: is_closed_or_open,
        fair: time_passes,
    }
}

/// Open ends by itself: for models that half-open by themselves.
pub(super) fn open_ends_in_time<G: Ghost<Breaker>>() -> LeadsTo<Breaker, G> {
    LeadsTo {
        name: "open ends, if only time passes",
        from: is_open,
        to: |state, _| state.machine.state() == State::HalfOpen,
        fair: time_passes,
    }
}

/// Open ends with the first call after its wait.
pub(super) fn open_ends_when_asked<G: Ghost<Breaker>>() -> LeadsTo<Breaker, G> {
    LeadsTo {
        name: "open ends, if time passes, calls end and callers ask",
        from: is_open,
        to: |state, _| state.machine.state() == State::HalfOpen,
        fair: everything,
    }
}

fn is_half_open<G: Ghost<Breaker>>(state: &Callers<Breaker, G>, _: &Config) -> bool {
    state.machine.state() == State::HalfOpen
}

fn is_open<G: Ghost<Breaker>>(state: &Callers<Breaker, G>, _: &Config) -> bool {
    state.machine.state() == State::Open
}

fn is_closed_or_open<G: Ghost<Breaker>>(state: &Callers<Breaker, G>, _: &Config) -> bool {
    matches!(state.machine.state(), State::Closed | State::Open)
}

const ASKING: Fairness = 0;
const ENDING: Fairness = 1;
const TIME: Fairness = 2;

/// Time passes.
pub fn time_passes<G: Ghost<Breaker>>(action: &ActionOf<Breaker>, _: &Callers<Breaker, G>) -> Option<Fairness> {
    matches!(action.kind, Kind::Advance { late: false }).then_some(TIME)
}

fn calls_end_and_callers_ask<G: Ghost<Breaker>>(
    action: &ActionOf<Breaker>,
    _: &Callers<Breaker, G>,
) -> Option<Fairness> {
    match action.kind {
        Kind::Ask => Some(ASKING),
        Kind::End { .. } => Some(ENDING),
        _ => None,
    }
}

fn everything<G: Ghost<Breaker>>(action: &ActionOf<Breaker>, state: &Callers<Breaker, G>) -> Option<Fairness> {
    time_passes(action, state).or_else(|| calls_end_and_callers_ask(action, state))
}
