//! Whole tower layers over one inner service that is always ready and answers at once.
//!
//! Each operation is `poll_ready`, `call` and polling the future by hand until it is ready, with a waker that does
//! nothing.

use super::purlin;
use crate::case::Case;
use crate::traffic::{Calls, Failed, Traffic};
use purlin_tower::{BreakerError, BreakerLayer};
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower_layer::Layer;
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};
use tower_service::Service;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for traffic in Traffic::ALL {
        cases.push(purlin_layer("count 100", purlin::shared(purlin::count_window()), traffic));
        cases.push(purlin_layer("count 100, slow calls timed", purlin::shared(purlin::timed_calls()), traffic));
        cases.push(tower_resilience(traffic));
    }
    cases.push(purlin_layer_open());
    cases
}

/// Answers each call with its own request, or fails as the traffic says.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    calls: Calls,
}

impl Echo {
    pub(super) fn new(traffic: Traffic) -> Self {
        Self { calls: traffic.calls() }
    }
}

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(self.calls.next().map(|_| request))
    }
}

/// One whole call. A future that waits for a lock is polled again at once; should that go on, the thread that holds the
/// lock may be waiting for this very core.
#[inline]
pub(super) fn answer<S: Service<u64>>(service: &mut S) -> Result<S::Response, S::Error> {
    let mut context = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut context)?.is_pending() {}
    let mut future = pin!(service.call(std::hint::black_box(1)));
    for polls in 1_u32.. {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        if polls.is_multiple_of(100) {
            std::thread::yield_now();
        }
    }
    unreachable!("the polls of one call do not run out of numbers")
}

fn purlin_layer(what: &str, breaker: purlin::Shared, traffic: Traffic) -> Case {
    let layered = BreakerLayer::new(breaker).layer(Echo::new(traffic));
    Case::new(format!("layer: purlin, {what}, {}", traffic.name()), move || {
        let mut service = layered.clone();
        move || !matches!(answer(&mut service), Err(BreakerError::Rejected(_)))
    })
}

fn purlin_layer_open() -> Case {
    let layered = BreakerLayer::new(purlin::open()).layer(Echo::new(Traffic::Clean));
    Case::new("layer: purlin, open and rejecting", move || {
        let mut service = layered.clone();
        move || matches!(answer(&mut service), Err(BreakerError::Rejected(_)))
    })
}

/// Slow calls are off, as they are by default.
fn tower_resilience(traffic: Traffic) -> Case {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .minimum_number_of_calls(100)
        .wait_duration_in_open(Duration::from_secs(60))
        .build()
        .expect("the settings of a benchmark are valid");
    let layered = layer.layer(Echo::new(traffic));
    Case::new(format!("layer: tower-resilience, count 100, {}", traffic.name()), move || {
        let mut service = layered.clone();
        move || !matches!(answer(&mut service), Err(CircuitBreakerError::OpenCircuit))
    })
}
