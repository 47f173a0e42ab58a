//! Witnesses: what the breaker models can reach, so that their claims are not empty.

use crate::caller::{Ghost, SomeStep, Sometimes};
use purlin::breaker::{Breaker, Event, Reason, Rejection, Reply, State};

/// The breaker is open.
pub(super) fn open<G: Ghost<Breaker>>() -> Sometimes<Breaker, G> {
    Sometimes { name: "open is reached", holds: |state, _| state.machine.state() == State::Open }
}

/// The breaker is half-open.
pub(super) fn half_open<G: Ghost<Breaker>>() -> Sometimes<Breaker, G> {
    Sometimes { name: "half-open is reached", holds: |state, _| state.machine.state() == State::HalfOpen }
}

/// Half-open with a caller whose permit is from before.
pub(super) fn half_open_with_a_late_caller<G: Ghost<Breaker>>() -> Sometimes<Breaker, G> {
    Sometimes {
        name: "half-open is reached while an earlier call is still on its way",
        holds: |state, _| {
            let epoch = state.machine.epoch();
            state.machine.state() == State::HalfOpen && state.held.iter().any(|permit| permit.epoch != epoch)
        },
    }
}

/// The whole round.
pub(super) fn recovers() -> SomeStep<Breaker> {
    SomeStep { name: "probes pass and the breaker closes", holds: |step| went(step.effects, Reason::ProbesPassed) }
}

/// Back from half-open.
pub(super) fn reopens() -> SomeStep<Breaker> {
    SomeStep {
        name: "a probe fails and the breaker opens again",
        holds: |step| step.before.state() == State::HalfOpen && went(step.effects, Reason::FailureRate),
    }
}

/// A late result.
pub(super) fn late_result() -> SomeStep<Breaker> {
    SomeStep {
        name: "a late result is seen",
        holds: |step| step.exchange().is_some_and(|(_, reply)| *reply == Reply::Late),
    }
}

/// One probe too many.
pub(super) fn probe_refused() -> SomeStep<Breaker> {
    SomeStep {
        name: "a caller is refused because all probes are taken",
        holds: |step| step.exchange().is_some_and(|(_, reply)| *reply == Reply::Rejected(Rejection::ProbesTaken)),
    }
}

fn went(effects: &[Event], why: Reason) -> bool {
    effects.iter().any(|event| matches!(event, Event::Transitioned { reason, .. } if *reason == why))
}

/// Half-open was long enough.
pub(super) fn left_half_open_by_time() -> SomeStep<Breaker> {
    SomeStep { name: "half-open lasts its maximum", holds: |step| went(step.effects, Reason::HalfOpenMaxWait) }
}

/// Slow calls alone open the breaker.
pub(super) fn opens_by_slow_calls() -> SomeStep<Breaker> {
    SomeStep { name: "slow calls open the breaker", holds: |step| went(step.effects, Reason::SlowCallRate) }
}

/// A server's hint opens the breaker.
pub(super) fn opens_by_hint() -> SomeStep<Breaker> {
    SomeStep { name: "a server's hint opens the breaker", holds: |step| went(step.effects, Reason::ServerHint) }
}

/// The third open in a row.
pub(super) fn third_open_in_a_row<G: Ghost<Breaker>>() -> Sometimes<Breaker, G> {
    Sometimes { name: "the third open in a row is reached", holds: |state, _| state.machine.openings() == 3 }
}

/// A breaker that only measures tells that it would have opened.
pub(super) fn metrics_only_tells() -> SomeStep<Breaker> {
    SomeStep {
        name: "metrics only tells that a threshold is reached",
        holds: |step| {
            let tells = |event: &Event| matches!(event, Event::FailureRateExceeded { .. });
            step.after.state() == State::MetricsOnly && step.effects.iter().any(tells)
        },
    }
}

/// What operators can bring about, and what they cannot.
pub(super) fn operators() -> [SomeStep<Breaker>; 4] {
    [
        SomeStep { name: "the breaker is forced open", holds: |step| step.after.state() == State::ForcedOpen },
        SomeStep { name: "the breaker is disabled", holds: |step| step.after.state() == State::Disabled },
        SomeStep { name: "the breaker is reset", holds: |step| step.effects.contains(&Event::Reset) },
        SomeStep {
            name: "an operator is refused",
            holds: |step| step.exchange().is_some_and(|(_, reply)| *reply == Reply::Illegal),
        },
    ]
}
