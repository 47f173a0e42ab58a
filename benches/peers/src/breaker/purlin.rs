//! Ours, on the standard keeper: [`CircuitBreaker`] as services use it, and [`Stepper::step`] underneath.

use crate::case::Case;
use crate::traffic::{Failed, Traffic};
use ::purlin::Stepper;
use ::purlin::breaker::{
    CallError, CircuitBreaker, Control, Input, Outcome, Rejected, Rejection, Reply, Settings, WindowKind,
};
use purlin_std::{Standard, circuit_breaker};
use std::sync::Arc;

pub(super) type Shared = Arc<CircuitBreaker<Standard>>;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for traffic in Traffic::ALL {
        cases.push(admit_and_end("count 100", count_window(), traffic));
        cases.push(call("count 100", count_window(), traffic));
        cases.push(raw_step("count 100", count_window(), traffic));
        cases.push(admit_and_end("count 100, slow calls timed", timed_calls(), traffic));
        cases.push(admit_and_end("time 10 s", time_window(), traffic));
    }
    cases.extend([open_rejecting(), open_rejecting_raw(), half_open_rejecting()]);
    cases
}

/// A count window of 100 with epochs, opening at 50 % failures, slow calls off: the configuration of the targets.
pub(super) fn count_window() -> Settings {
    Settings { slow_call_duration_ms: None, ..Settings::default() }
}

pub(super) fn timed_calls() -> Settings {
    Settings::default()
}

fn time_window() -> Settings {
    Settings { window: WindowKind::Time { time_s: 10, bucket_ms: 1_000 }, ..count_window() }
}

pub(super) fn shared(settings: Settings) -> Shared {
    let config = settings.validate().expect("the settings of a benchmark are valid");
    Arc::new(circuit_breaker(config))
}

fn admit_and_end(what: &str, settings: Settings, traffic: Traffic) -> Case {
    let breaker = shared(settings);
    Case::new(format!("purlin: admit + record, {what}, {}", traffic.name()), move || {
        let (breaker, mut calls) = (Arc::clone(&breaker), traffic.calls());
        move || {
            let Ok(admission) = breaker.admit() else { return false };
            matches!(admission.end(outcome(calls.next())), Reply::Recorded(_))
        }
    })
}

fn outcome(result: Result<u64, Failed>) -> Outcome {
    if result.is_ok() { Outcome::Success } else { Outcome::Failure }
}

fn call(what: &str, settings: Settings, traffic: Traffic) -> Case {
    let breaker = shared(settings);
    Case::new(format!("purlin: call, {what}, {}", traffic.name()), move || {
        let (breaker, mut calls) = (Arc::clone(&breaker), traffic.calls());
        move || !matches!(breaker.call(|| calls.next()), Err(CallError::Rejected(_)))
    })
}

fn raw_step(what: &str, settings: Settings, traffic: Traffic) -> Case {
    let breaker = shared(settings);
    Case::new(format!("purlin: raw steps, {what}, {}", traffic.name()), move || {
        let (breaker, mut calls) = (Arc::clone(&breaker), traffic.calls());
        move || {
            let Reply::Admitted(permit) = breaker.step(Input::Ask) else { return false };
            let end = Input::End { permit, outcome: outcome(calls.next()) };
            matches!(breaker.step(end), Reply::Recorded(_))
        }
    })
}

fn open_rejecting() -> Case {
    let breaker = open();
    Case::new("purlin: admit, open and rejecting", move || {
        let breaker = Arc::clone(&breaker);
        move || matches!(breaker.admit(), Err(Rejected { rejection: Rejection::Open { .. }, .. }))
    })
}

fn open_rejecting_raw() -> Case {
    let breaker = open();
    Case::new("purlin: raw step, open and rejecting", move || {
        let breaker = Arc::clone(&breaker);
        move || matches!(breaker.step(Input::Ask), Reply::Rejected(Rejection::Open { .. }))
    })
}

pub(super) fn open() -> Shared {
    let breaker = shared(count_window());
    let wait = Control::OpenFor { ms: Settings::DURATION_MS_MAX };
    breaker.control(wait).expect("a closed breaker can be opened");
    breaker
}

fn half_open_rejecting() -> Case {
    let breaker = shared(Settings { permitted_half_open_calls: 1, ..count_window() });
    breaker.control(Control::Open).and_then(|()| breaker.control(Control::HalfOpen)).expect("open leads to half-open");
    let probe = breaker.admit_shared().expect("half-open admits one probe");
    Case::new("purlin: admit, half-open with its probe taken", move || {
        debug_assert!(probe.permit().started.is_none());
        let breaker = Arc::clone(&breaker);
        move || matches!(breaker.admit(), Err(Rejected { rejection: Rejection::ProbesTaken, .. }))
    })
}
