//! Callers that were spared the wait for an inner service which is not ready, since the circuit refused them anyway.

mod support;

use purlin::breaker::{self, CircuitBreaker, Control, Rejected, Rejection, Reply, State};
use purlin::{Clock, Instant, Keeper};
use purlin_tower::{Breaker, BreakerError, BreakerLayer, ErrorsFail};
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::{HandClock, OPEN_WAIT, breaker, settings};
use tower::{Layer, Service};

/// A service that is ready when the test says so, and is never called when it is not.
#[derive(Clone, Default)]
struct Gatekeeper(Arc<AtomicBool>);

impl Gatekeeper {
    fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Service<()> for Gatekeeper {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.is_open() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, (): ()) -> Self::Future {
        assert!(self.is_open(), "called without being ready");
        ready(Ok(()))
    }
}

/// Writes down what the breaker's callers are told.
#[derive(Clone, Debug, Default)]
struct Scribe {
    clock: HandClock,
    replies: Arc<Mutex<Vec<Reply>>>,
}

impl Scribe {
    fn replies(&self) -> Vec<Reply> {
        self.replies.lock().unwrap().clone()
    }
}

impl Clock for Scribe {
    fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl Keeper<breaker::Breaker> for Scribe {
    fn choose(&self, bound: NonZeroU32) -> u32 {
        self.clock.choose(bound)
    }

    fn replied(&self, reply: &Reply) {
        self.replies.lock().unwrap().push(*reply);
    }
}

type Layered<K> = Breaker<Gatekeeper, K, ErrorsFail>;

fn layered<K: Keeper<breaker::Breaker>>(breaker: &Arc<CircuitBreaker<K>>) -> (Layered<K>, Gatekeeper) {
    let gatekeeper = Gatekeeper::default();
    (BreakerLayer::new(Arc::clone(breaker)).layer(gatekeeper.clone()), gatekeeper)
}

fn is_ready<K: Keeper<breaker::Breaker>>(service: &mut Layered<K>) -> bool {
    service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn call<K: Keeper<breaker::Breaker>>(service: &mut Layered<K>) -> Result<(), BreakerError<Infallible>> {
    let answer = pin!(service.call(())).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(answer) = answer else { panic!("the inner service answers at once") };
    answer
}

fn refusal<K: Keeper<breaker::Breaker>>(service: &mut Layered<K>) -> Rejected {
    *call(service).unwrap_err().rejected().expect("turned away")
}

#[test]
fn a_service_that_is_asked_again_after_the_circuit_closed_admits_its_caller() {
    let (breaker, _) = breaker(settings());
    let (mut service, gatekeeper) = layered(&breaker);
    breaker.control(Control::ForceOpen).unwrap();
    assert!(is_ready(&mut service), "the caller is spared the wait");

    breaker.control(Control::Reset).unwrap();
    gatekeeper.open();
    assert!(is_ready(&mut service));
    assert_eq!(call(&mut service), Ok(()));
}

#[test]
fn ready_is_not_taken_back_when_the_circuit_closes_until_the_call() {
    let (breaker, _) = breaker(settings());
    let (mut service, _) = layered(&breaker);
    breaker.control(Control::ForceOpen).unwrap();
    assert!(is_ready(&mut service));

    breaker.control(Control::Reset).unwrap();
    assert!(is_ready(&mut service));
    let turned_away = Rejected { rejection: Rejection::ForcedOpen, retry_after: None };
    assert_eq!(refusal(&mut service), turned_away);
    assert!(!is_ready(&mut service), "the next caller of a closed circuit waits");
}

#[test]
fn a_caller_is_told_what_the_circuit_refuses_with_when_it_calls() {
    let (breaker, clock) = breaker(settings());
    let (mut service, _) = layered(&breaker);
    breaker.control(Control::Open).unwrap();
    assert!(is_ready(&mut service));
    let foretold = breaker.refusal().and_then(|refusal| refusal.retry_after).unwrap();
    clock.turn(OPEN_WAIT / 2);
    assert_eq!(refusal(&mut service).retry_after, Some(foretold - OPEN_WAIT / 2));

    assert!(is_ready(&mut service));
    breaker.control(Control::ForceOpen).unwrap();
    assert_eq!(refusal(&mut service).rejection, Rejection::ForcedOpen);
}

#[test]
fn a_wait_that_is_over_is_told_no_more_and_its_probe_is_left_to_others() {
    let (breaker, clock) = breaker(settings());
    let (mut service, _) = layered(&breaker);
    breaker.control(Control::Open).unwrap();
    assert!(is_ready(&mut service));
    clock.turn(OPEN_WAIT + Duration::from_nanos(1));
    assert_eq!(breaker.refusal(), None);
    assert_eq!(refusal(&mut service).retry_after, None);
    assert_eq!(breaker.snapshot().state, State::Open, "only a call that can be made half-opens");
}

/// The keeper counts refused calls by these replies.
#[test]
fn whoever_is_turned_away_counts_as_refused_once_and_never_as_admitted() {
    let scribe = Scribe::default();
    let breaker = Arc::new(CircuitBreaker::new(settings().validate().unwrap(), scribe.clone()));
    let (mut service, _) = layered(&breaker);
    let forced_open = Reply::Rejected(Rejection::ForcedOpen);
    breaker.control(Control::ForceOpen).unwrap();
    for _ in 0..3 {
        assert!(is_ready(&mut service));
    }
    refusal(&mut service);
    assert_eq!(scribe.replies(), [Reply::Controlled, forced_open], "while the circuit refuses");

    assert!(is_ready(&mut service));
    breaker.control(Control::Reset).unwrap();
    refusal(&mut service);
    assert_eq!(scribe.replies()[2..], [Reply::Controlled, forced_open], "when it has closed since");
}
