//! The peers, called with closures as ours is.

use crate::case::Case;
use crate::traffic::{Failed, Traffic};
use failsafe::{CircuitBreaker, backoff, failure_policy};
use recloser::Recloser;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(100_000);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for traffic in Traffic::ALL {
        cases.push(failsafe_consecutive(traffic));
        cases.push(failsafe_default(traffic));
        cases.push(recloser_ring(traffic));
    }
    cases.extend([failsafe_open(), recloser_open()]);
    cases
}

fn failsafe_consecutive(traffic: Traffic) -> Case {
    let policy = failure_policy::consecutive_failures(5, backoff::constant(LONG));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    failsafe_case("consecutive_failures(5)", breaker, traffic)
}

fn failsafe_default(traffic: Traffic) -> Case {
    failsafe_case("default policy", failsafe::Config::new().build(), traffic)
}

fn failsafe_case<B>(what: &str, breaker: B, traffic: Traffic) -> Case
where
    B: CircuitBreaker + Clone + Send + 'static,
{
    Case::new(format!("failsafe: call, {what}, {}", traffic.name()), move || {
        let (breaker, mut calls) = (breaker.clone(), traffic.calls());
        move || !matches!(breaker.call(|| calls.next()), Err(failsafe::Error::Rejected))
    })
}

fn recloser_ring(traffic: Traffic) -> Case {
    let breaker = Arc::new(Recloser::default());
    Case::new(format!("recloser: call, default ring of 100, {}", traffic.name()), move || {
        let (breaker, mut calls) = (Arc::clone(&breaker), traffic.calls());
        move || !matches!(breaker.call(|| calls.next()), Err(recloser::Error::Rejected))
    })
}

fn failsafe_open() -> Case {
    let policy = failure_policy::consecutive_failures(1, backoff::constant(LONG));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    let _ = breaker.call(|| Err::<u64, Failed>(Failed));
    Case::new("failsafe: call, open and rejecting", move || {
        let breaker = breaker.clone();
        move || matches!(breaker.call(|| Ok::<u64, Failed>(1)), Err(failsafe::Error::Rejected))
    })
}

fn recloser_open() -> Case {
    let breaker = Arc::new(Recloser::custom().closed_len(1).open_wait(LONG).build());
    for _ in 0..2 {
        let _ = breaker.call(|| Err::<u64, Failed>(Failed));
    }
    Case::new("recloser: call, open and rejecting", move || {
        let breaker = Arc::clone(&breaker);
        move || matches!(breaker.call(|| Ok::<u64, Failed>(1)), Err(recloser::Error::Rejected))
    })
}
