//! The layer's contract, with tower's own services around it.

mod support;

use purlin::breaker::{
    CancelledCounts, CircuitBreaker, Control, Outcome, Rejection, Settings, Snapshot, State, WindowKind,
};
use purlin_tower::{Breaker, BreakerError, BreakerLayer, ErrorsFail};
use std::future::{Future, Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use support::{HandClock, OPEN_WAIT, breaker, settings};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};

/// How the inner service treats a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Succeed,
    Fail,
    Hang,
    PanicInFuture,
    PanicInCall,
}

/// What went wrong, on order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as ordered")]
struct Ordered;

type Reply = Pin<Box<dyn Future<Output = Result<(), Ordered>> + Send>>;

/// Obeys, insists on readiness before each call, and loses it when it is cloned: the strictest reading of the contract.
#[derive(Debug, Default)]
struct Obedient {
    readied: bool,
}

impl Clone for Obedient {
    fn clone(&self) -> Self {
        Self { readied: false }
    }
}

impl Service<Order> for Obedient {
    type Response = ();
    type Error = Ordered;
    type Future = Reply;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Ordered>> {
        self.readied = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, order: Order) -> Reply {
        assert!(std::mem::take(&mut self.readied), "called without having been ready");
        match order {
            Order::Succeed => Box::pin(ready(Ok(()))),
            Order::Fail => Box::pin(ready(Err(Ordered))),
            Order::Hang => Box::pin(pending()),
            Order::PanicInFuture => Box::pin(async { panic!("as ordered") }),
            Order::PanicInCall => panic!("as ordered"),
        }
    }
}

type Shared = Arc<CircuitBreaker<HandClock>>;

fn layered(settings: Settings) -> (Breaker<Obedient, HandClock, ErrorsFail>, Shared, HandClock) {
    let (breaker, clock) = breaker(settings);
    (BreakerLayer::new(Arc::clone(&breaker)).layer(Obedient::default()), breaker, clock)
}

/// A service whose circuit is half-open, with no probe on its way.
fn half_open() -> (Breaker<Obedient, HandClock, ErrorsFail>, Shared, HandClock) {
    let (service, breaker, clock) = layered(settings());
    breaker.control(Control::Open).unwrap();
    breaker.control(Control::HalfOpen).unwrap();
    assert_eq!(breaker.snapshot().state, State::HalfOpen);
    (service, breaker, clock)
}

fn poll_ready<S: Service<R>, R>(service: &mut S) -> Poll<Result<(), S::Error>> {
    service.poll_ready(&mut Context::from_waker(Waker::noop()))
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn call<S: Service<Order>>(service: &mut S, order: Order) -> S::Future
where
    S::Error: std::fmt::Debug,
{
    assert!(matches!(poll_ready(service), Poll::Ready(Ok(()))));
    service.call(order)
}

fn outcome<S: Service<Order>>(service: &mut S, order: Order) -> Result<S::Response, S::Error>
where
    S::Error: std::fmt::Debug,
{
    let Poll::Ready(result) = poll(pin!(call(service, order))) else { panic!("{order:?} does not end") };
    result
}

fn is_rejected<T>(result: &Result<T, BreakerError<Ordered>>) -> bool {
    matches!(result, Err(BreakerError::Rejected(_)))
}

#[test]
fn failures_open_the_circuit_and_probes_close_it() {
    let (mut service, breaker, clock) = layered(settings());
    assert_eq!(outcome(&mut service, Order::Succeed), Ok(()));
    assert_eq!(outcome(&mut service, Order::Fail), Err(BreakerError::Inner(Ordered)));
    assert_eq!(breaker.snapshot().state, State::Open);

    let refusal = outcome(&mut service, Order::Succeed).unwrap_err();
    let rejected = refusal.rejected().expect("rejected while open");
    assert!(matches!(rejected.rejection, Rejection::Open { .. }));
    assert!(rejected.retry_after.is_some_and(|wait| wait >= OPEN_WAIT));

    clock.turn(OPEN_WAIT + Duration::from_nanos(1));
    assert_eq!(outcome(&mut service, Order::Succeed), Ok(()));
    assert_eq!(outcome(&mut service, Order::Succeed), Ok(()));
    assert_eq!(breaker.snapshot().state, State::Closed);
}

#[test]
fn the_inner_service_is_called_only_on_the_instance_that_was_ready() {
    let (mut service, breaker, _) = layered(settings());
    for round in 0..20 {
        let control = if round % 3 == 0 { Control::ForceOpen } else { Control::Close };
        breaker.control(control).unwrap();
        let mut sibling = service.clone();
        assert_eq!(is_rejected(&outcome(&mut service, Order::Succeed)), round % 3 == 0);
        assert_eq!(is_rejected(&outcome(&mut sibling, Order::Succeed)), round % 3 == 0);
    }
}

#[test]
fn an_open_circuit_is_ready_and_takes_no_probe_for_it() {
    let (mut service, breaker, clock) = layered(settings());
    breaker.control(Control::Open).unwrap();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    clock.turn(OPEN_WAIT * 2);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(breaker.snapshot().state, State::Open, "only a call half-opens");
    assert_eq!(breaker.snapshot().probes_in_flight, 0);
}

#[test]
fn clones_and_services_of_one_layer_share_its_breaker() {
    let (breaker, _) = breaker(settings());
    let layer = BreakerLayer::new(Arc::clone(&breaker));
    let mut services = [layer.layer(Obedient::default()), layer.clone().layer(Obedient::default())];
    let mut clone = services[0].clone();
    for service in &mut services {
        assert_eq!(outcome(service, Order::Fail), Err(BreakerError::Inner(Ordered)));
    }
    assert!(is_rejected(&outcome(&mut clone, Order::Succeed)));
}

#[test]
fn a_dropped_call_gives_its_probe_back_polled_or_not() {
    let (mut service, breaker, _) = half_open();
    for polls in 0..3 {
        let mut future = Box::pin(call(&mut service, Order::Hang));
        for _ in 0..polls {
            assert!(poll(future.as_mut()).is_pending());
        }
        assert_eq!(breaker.snapshot().probes_in_flight, 1);
        drop(future);
        assert_eq!(breaker.snapshot().probes_in_flight, 0, "after {polls} polls");
        assert_eq!(breaker.snapshot().totals.calls, 0, "not counted unless so configured");
    }
}

#[test]
fn dropped_calls_count_as_configured() {
    let counted = [(CancelledCounts::Ignored, 0), (CancelledCounts::Failed, 2), (CancelledCounts::FailedIfSlow, 1)];
    for (cancelled_counts, failed) in counted {
        let slow_call_duration_ms = Some(50);
        let (mut service, breaker, clock) =
            layered(Settings { cancelled_counts, slow_call_duration_ms, window: WindowKind::Count(4), ..settings() });
        for millis in [50, 51] {
            let future = call(&mut service, Order::Hang);
            clock.turn(Duration::from_millis(millis));
            drop(future);
        }
        assert_eq!(breaker.snapshot().totals.failed, failed, "{cancelled_counts:?}");
    }
}

#[test]
fn a_call_that_waits_wakes_nobody() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let context = &mut Context::from_waker(&waker);
    let (mut service, breaker, _) = half_open();
    let mut probe = pin!(call(&mut service, Order::Hang));
    for _ in 0..10 {
        assert!(probe.as_mut().poll(context).is_pending());
    }
    breaker.control(Control::ForceOpen).unwrap();
    assert!(service.poll_ready(context).is_ready());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_call_that_panics_gives_its_probe_back() {
    let (mut service, breaker, _) = half_open();
    for order in [Order::PanicInCall, Order::PanicInFuture] {
        let panicked = catch_unwind(AssertUnwindSafe(|| outcome(&mut service.clone(), order)));
        assert!(panicked.is_err());
        assert_eq!(breaker.snapshot().probes_in_flight, 0, "{order:?}");
    }
    assert_eq!(outcome(&mut service, Order::Succeed), Ok(()));
}

#[test]
fn a_classifier_that_panics_gives_the_probe_back() {
    let (breaker, _) = breaker(settings());
    breaker.control(Control::Open).unwrap();
    breaker.control(Control::HalfOpen).unwrap();
    let layer = BreakerLayer::new(Arc::clone(&breaker))
        .classified_by(|_: Result<&(), &Ordered>| -> Outcome { panic!("no idea") });
    let mut service = layer.layer(Obedient::default());
    assert!(catch_unwind(AssertUnwindSafe(|| outcome(&mut service, Order::Succeed))).is_err());
    assert_eq!(breaker.snapshot().probes_in_flight, 0);
}

#[test]
fn a_completed_call_gives_its_probe_back_before_its_future_is_dropped() {
    let (mut service, breaker, _) = half_open();
    let mut future = pin!(call(&mut service, Order::Succeed));
    assert!(poll(future.as_mut()).is_ready());
    assert_eq!(breaker.snapshot().probes_in_flight, 0);
    assert_eq!(breaker.snapshot().totals.calls, 1);
}

#[test]
fn probes_beyond_the_permitted_number_are_rejected() {
    let (mut service, breaker, _) = half_open();
    let probes = [call(&mut service, Order::Hang), call(&mut service, Order::Hang)];
    assert!(is_rejected(&outcome(&mut service, Order::Succeed)));
    assert_eq!(breaker.snapshot().probes_in_flight, 2);
    drop(probes);
    assert_eq!(outcome(&mut service, Order::Succeed), Ok(()));
}

/// A slow call of the closed circuit ends while half-open waits for its probe: it decides nothing.
#[test]
fn a_result_from_before_the_transition_changes_nothing() {
    let (mut service, breaker, _) = layered(settings());
    let admitted_while_closed = call(&mut service, Order::Succeed);
    breaker.control(Control::Open).unwrap();
    breaker.control(Control::HalfOpen).unwrap();
    let probe = call(&mut service, Order::Hang);
    assert_eq!(poll(pin!(admitted_while_closed)), Poll::Ready(Ok(())));
    let Snapshot { state, totals, probes_in_flight, .. } = breaker.snapshot();
    assert_eq!((state, totals.calls, probes_in_flight), (State::HalfOpen, 0, 1));
    drop(probe);
}

#[test]
fn a_slow_call_is_timed_by_the_keepers_clock() {
    let (mut service, breaker, clock) = layered(Settings { slow_call_duration_ms: Some(50), ..settings() });
    for millis in [50, 51] {
        let future = call(&mut service, Order::Succeed);
        clock.turn(Duration::from_millis(millis));
        assert_eq!(poll(pin!(future)), Poll::Ready(Ok(())));
    }
    assert_eq!(breaker.snapshot().totals.slow, 1);
}

/// Is never ready: a connection that cannot be made.
#[derive(Clone)]
struct Unreachable;

impl Service<Order> for Unreachable {
    type Response = ();
    type Error = Ordered;
    type Future = Ready<Result<(), Ordered>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Ordered>> {
        Poll::Ready(Err(Ordered))
    }

    fn call(&mut self, _order: Order) -> Self::Future {
        unreachable!("never ready")
    }
}

#[test]
fn errors_of_readiness_count_as_failures_and_hold_no_permit() {
    let (breaker, clock) = breaker(settings());
    let mut service = BreakerLayer::new(Arc::clone(&breaker)).layer(Unreachable);
    for _ in 0..2 {
        assert_eq!(poll_ready(&mut service), Poll::Ready(Err(BreakerError::Inner(Ordered))));
    }
    assert_eq!(breaker.snapshot().state, State::Open);

    clock.turn(OPEN_WAIT * 2);
    assert!(poll_ready(&mut service).is_ready());
    let Snapshot { state, totals, probes_in_flight, .. } = breaker.snapshot();
    assert_eq!((state, totals.failed, probes_in_flight), (State::HalfOpen, 1, 0));
}

#[test]
fn errors_of_readiness_can_be_left_out() {
    let (breaker, _) = breaker(settings());
    let mut service = BreakerLayer::new(Arc::clone(&breaker)).readiness_errors_count(false).layer(Unreachable);
    for _ in 0..10 {
        assert!(matches!(poll_ready(&mut service), Poll::Ready(Err(BreakerError::Inner(Ordered)))));
    }
    assert_eq!(breaker.snapshot().totals.calls, 0);
}

/// Two clones over one slot, the circuit forced open. The first has been rejected and now lies idle: were it still to
/// hold the slot, the second would wait for ever although nothing is on its way.
#[tokio::test]
async fn a_rejected_call_leaves_no_slot_of_a_concurrency_limit_taken() {
    let (breaker, _) = breaker(settings());
    breaker.control(Control::ForceOpen).unwrap();
    let layer = BreakerLayer::new(breaker);
    let mut idle = layer.layer(ConcurrencyLimit::new(Obedient::default(), 1));
    let mut other = idle.clone();
    assert!(is_rejected(&outcome(&mut idle, Order::Succeed)));
    assert_eq!(poll_ready(&mut other), Poll::Ready(Ok(())), "the idle clone withholds the slot");
    assert!(is_rejected(&other.call(Order::Succeed).await));
}

#[tokio::test]
async fn a_rejected_call_leaves_no_place_in_a_buffer_taken() {
    let (breaker, _) = breaker(settings());
    breaker.control(Control::ForceOpen).unwrap();
    let mut idle = BreakerLayer::new(breaker).layer(Buffer::new(Obedient::default(), 1));
    let mut other = idle.clone();
    assert!(matches!(call(&mut idle, Order::Succeed).await, Err(BreakerError::Rejected(_))));
    assert!(poll_ready(&mut other).is_ready(), "the idle clone withholds the place");
}

/// A caller of an open circuit need not wait for a slot only to be turned away, nor does it stand in the queue for one.
#[tokio::test]
async fn an_open_circuit_answers_although_the_inner_service_is_not_ready() {
    let (breaker, _) = breaker(settings());
    let mut service = BreakerLayer::new(Arc::clone(&breaker)).layer(ConcurrencyLimit::new(Obedient::default(), 1));
    let (mut turned_away, mut waiting) = (service.clone(), service.clone());
    let running = call(&mut service, Order::Hang);
    assert!(poll_ready(&mut turned_away).is_pending(), "a closed circuit lets callers wait");

    breaker.control(Control::ForceOpen).unwrap();
    assert!(is_rejected(&outcome(&mut turned_away, Order::Succeed)));
    breaker.control(Control::Close).unwrap();
    assert!(poll_ready(&mut waiting).is_pending());
    drop(running);
    assert_eq!(poll_ready(&mut waiting), Poll::Ready(Ok(())), "the idle clone was given the slot");
}

/// Ready stays ready, and the inner service is not called unready: whoever was spared the wait is turned away while there
/// is no slot, also if the circuit has come to admit calls since.
#[tokio::test]
async fn a_caller_that_was_spared_the_wait_is_turned_away_while_the_inner_service_is_not_ready() {
    let (breaker, _) = breaker(settings());
    let mut service = BreakerLayer::new(Arc::clone(&breaker)).layer(ConcurrencyLimit::new(Obedient::default(), 1));
    let mut spared = service.clone();
    let running = call(&mut service, Order::Hang);
    breaker.control(Control::Open).unwrap();
    assert_eq!(poll_ready(&mut spared), Poll::Ready(Ok(())));
    breaker.control(Control::HalfOpen).unwrap();
    assert_eq!(poll_ready(&mut spared), Poll::Ready(Ok(())));
    assert!(is_rejected(&spared.call(Order::Succeed).await));
    assert_eq!(breaker.snapshot().probes_in_flight, 0);
    assert_eq!(breaker.snapshot().totals.calls, 0);

    drop(running);
    assert_eq!(outcome(&mut spared, Order::Succeed), Ok(()), "the next call is an ordinary one");
}

/// The slot is held while the call runs, and free again when it is cancelled.
#[tokio::test]
async fn an_admitted_call_uses_the_slot_that_readiness_reserved() {
    let (breaker, _) = breaker(settings());
    let mut service = BreakerLayer::new(breaker).layer(ConcurrencyLimit::new(Obedient::default(), 1));
    let mut other = service.clone();
    let running = call(&mut service, Order::Hang);
    assert!(poll_ready(&mut other).is_pending());
    drop(running);
    assert!(poll_ready(&mut other).is_ready());
}

#[tokio::test]
async fn a_call_through_a_buffer_reaches_the_service() {
    let (breaker, _) = breaker(settings());
    let service = BreakerLayer::new(breaker).layer(Buffer::new(Obedient::default(), 4));
    for _ in 0..10 {
        assert!(service.clone().oneshot(Order::Succeed).await.is_ok());
    }
    assert!(matches!(service.oneshot(Order::Fail).await, Err(BreakerError::Inner(error)) if error.is::<Ordered>()));
}

#[test]
fn the_error_names_its_source_without_boxes() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_error::<BreakerError<Ordered>>();
    let error = BreakerError::Inner(Ordered);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "as ordered");
    assert!(BreakerError::Inner(Ordered).into_boxed().is::<Ordered>());
}

#[tokio::test]
async fn an_answered_rejection_is_a_response_and_other_errors_stay() {
    let (breaker, _) = breaker(settings());
    let layer = BreakerLayer::new(Arc::clone(&breaker)).answering(|_| "later");
    let service = layer.layer(service_fn(|fails: bool| ready(if fails { Err(Ordered) } else { Ok("now") })));
    assert_eq!(service.clone().oneshot(false).await, Ok("now"));
    assert_eq!(service.clone().oneshot(true).await, Err(Ordered));
    assert_eq!(service.clone().oneshot(false).await, Ok("later"));
}
