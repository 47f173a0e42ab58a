//! Where the breaker belongs among other layers, and how axum takes it.
//!
//! # Order
//!
//! From the caller inward, with the breaker on the client's side of a call:
//!
//! ```text
//!   metrics ▸ fallback ▸ load shed ▸ total deadline ▸ concurrency limit ▸ retry
//!           ▸ [ the endpoint is chosen ] ▸ BREAKER ▸ attempt timeout ▸ transport
//! ```
//!
//! Three rules lead there.
//!
//! **1. The attempt's timeout stands inside the breaker.** A timeout outside drops the call's future. The breaker then
//! sees a call that was cancelled, which by default does not count (`cancelled_counts`), so a service that hangs is never
//! seen to fail. Inside, the timeout is an error like any other:
//!
//! ```
//! use purlin::breaker::{Settings, State, WindowKind};
//! use purlin_tower::BreakerLayer;
//! use std::time::Duration;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! async fn hangs(_: ()) -> Result<(), BoxError> {
//!     std::future::pending().await
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let config = Settings { window: WindowKind::Count(2), ..Settings::default() }.validate()?;
//! let inside = BreakerLayer::new(purlin_std::circuit_breaker(config.clone()));
//! let outside = BreakerLayer::new(purlin_std::circuit_breaker(config));
//! let attempt = Duration::from_millis(100);
//!
//! let right = ServiceBuilder::new().layer(inside.clone()).timeout(attempt).service(service_fn(hangs));
//! let wrong = ServiceBuilder::new()
//!     .timeout(attempt)
//!     .map_err(purlin_tower::BreakerError::<BoxError>::into_boxed)
//!     .layer(outside.clone())
//!     .service(service_fn(hangs));
//! for _ in 0..2 {
//!     assert!(right.clone().oneshot(()).await.is_err());
//!     assert!(wrong.clone().oneshot(()).await.is_err());
//! }
//! assert_eq!(inside.breaker().snapshot().state, State::Open);
//! assert_eq!(outside.breaker().snapshot().state, State::Closed);
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
//!
//! Where some outer layer cancels calls all the same (a total deadline, a hedge, a client that hangs up), consider
//! `cancelled_counts: FailedIfSlow`.
//!
//! **2. Retries stand outside the breaker.** Then every attempt counts, and once the circuit is open a retry is rejected
//! at once instead of adding to the load. The retry policy should know a rejection when it sees one; trying again before
//! [`Rejected::retry_after`](purlin::breaker::Rejected::retry_after) is in vain:
//!
//! ```
//! use purlin::breaker::{Settings, WindowKind};
//! use purlin_tower::{BreakerError, BreakerLayer};
//! use std::future::{Ready, ready};
//! use tower::retry::Policy;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! #[derive(Clone)]
//! struct Twice {
//!     left: u32,
//! }
//!
//! impl<R: Copy, T, E> Policy<R, T, BreakerError<E>> for Twice {
//!     type Future = Ready<()>;
//!
//!     fn retry(&mut self, _: &mut R, result: &mut Result<T, BreakerError<E>>) -> Option<Ready<()>> {
//!         let hopeful = matches!(result, Err(BreakerError::Inner(_)));
//!         self.left = self.left.checked_sub(1).filter(|_| hopeful)?;
//!         Some(ready(()))
//!     }
//!
//!     fn clone_request(&mut self, request: &R) -> Option<R> {
//!         Some(*request)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let config = Settings { window: WindowKind::Count(2), ..Settings::default() }.validate()?;
//! let layer = BreakerLayer::new(purlin_std::circuit_breaker(config));
//! let service = ServiceBuilder::new()
//!     .retry(Twice { left: 2 })
//!     .layer(layer.clone())
//!     .service(service_fn(|()| async { "x".parse::<u32>() }));
//! // The first attempt and its retry fail and open the circuit; the second retry is rejected, and that is the end.
//! assert!(matches!(service.oneshot(()).await, Err(BreakerError::Rejected(_))));
//! assert_eq!(layer.breaker().snapshot().totals.failed, 2);
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
//!
//! A retry *inside* the breaker is a different thing, and sometimes wanted: a whole sequence of attempts is then one
//! call, fails once at most, and a sequence goes on although others have meanwhile opened the circuit.
//!
//! **3. What makes callers wait stands outside the breaker.** A `ConcurrencyLimit` inside it is honoured, and an open
//! circuit answers although no slot is free; but callers that were already waiting for a slot when the circuit opened go
//! on waiting until one is free, only to be rejected then. And a service that was called ready because the circuit refused
//! stays so: if the circuit closes and still no slot is free, its next call is rejected instead of waiting. Outside, a
//! rejected call gives its slot back at once. If a layer that waits has to stand inside, shed its load there, and let the
//! classifier ignore what was shed, for it says nothing of the service:
//!
//! ```
//! use purlin::breaker::{Outcome, Settings};
//! use purlin_tower::BreakerLayer;
//! use tower::load_shed::error::Overloaded;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! fn shed_load_is_ignored<T>(result: Result<&T, &BoxError>) -> Outcome {
//!     match result {
//!         Ok(_) => Outcome::Success,
//!         Err(error) if error.is::<Overloaded>() => Outcome::Ignored,
//!         Err(_) => Outcome::Failure,
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let breaker = purlin_std::circuit_breaker(Settings::default().validate()?);
//! let service = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(breaker).classified_by(shed_load_is_ignored))
//!     .load_shed()
//!     .concurrency_limit(1)
//!     .service(service_fn(|text: &'static str| async move { text.parse::<u32>() }));
//! assert_eq!(service.oneshot("7").await.ok(), Some(7));
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
//!
//! # One breaker, one endpoint
//!
//! A breaker in front of a balancer judges all endpoints by the average, and closes the door of the healthy ones. Give
//! each endpoint its own, beneath the choice:
//!
//! ```
//! use purlin::breaker::Settings;
//! use purlin_tower::{Breaker, BreakerLayer, ErrorsFail};
//! use purlin_std::Standard;
//! use std::collections::BTreeMap;
//! use tower::{Layer, Service, ServiceExt};
//!
//! /// A client for each of a fixed list of endpoints.
//! fn endpoints<S, F>(names: &[&str], connect: F) -> BTreeMap<String, Breaker<S, Standard, ErrorsFail>>
//! where
//!     F: Fn(&str) -> S,
//! {
//!     let config = Settings::default().validate().expect("the defaults are valid");
//!     let endpoint = |name: &&str| {
//!         let breaker = purlin_std::circuit_breaker(config.clone());
//!         (name.to_string(), BreakerLayer::new(breaker).layer(connect(name)))
//!     };
//!     names.iter().map(endpoint).collect()
//! }
//! # let endpoints = endpoints(&["a:80", "b:80"], |_| tower::service_fn(|()| async { Ok::<_, std::io::Error>(()) }));
//! # assert_eq!(endpoints.len(), 2);
//! ```
//!
//! # axum
//!
//! `Router::layer` asks for services whose error is [`Infallible`](std::convert::Infallible). There are two ways.
//!
//! Let rejections be responses. A handler's own error is infallible already, so nothing else is left:
//!
//! ```
//! use axum::{Router, body::Body, http::Request, http::StatusCode, response::Response, routing::get};
//! use purlin::breaker::{Control, Settings};
//! use purlin_tower::BreakerLayer;
//! use purlin_tower::http::{HttpStatus, unavailable};
//! use tower::ServiceExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let breaker = BreakerLayer::new(purlin_std::circuit_breaker(Settings::default().validate()?));
//! let layer = breaker.clone().classified_by(HttpStatus::new()).answering(unavailable::<Body>);
//! let router: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
//!
//! let ask = || Request::get("/").body(Body::empty()).unwrap();
//! let response: Response = router.clone().oneshot(ask()).await.unwrap();
//! assert_eq!(response.status(), StatusCode::OK);
//! breaker.breaker().control(Control::OpenFor { ms: 2_500 }).unwrap();
//! let response = router.oneshot(ask()).await.unwrap();
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! assert_eq!(response.headers()["retry-after"], "3");
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
//!
//! (There it is one breaker for all routes of the router. For a route of its own use `MethodRouter::layer`.)
//!
//! Or put `HandleErrorLayer` above, where other layers fail too, or the answer should be shaped by hand. It has to stand
//! *before* the layers whose errors it handles:
//!
//! ```
//! use axum::error_handling::HandleErrorLayer;
//! use axum::{BoxError, Router, body::Body, http::Request, http::StatusCode, routing::get};
//! use purlin::breaker::Settings;
//! use purlin_tower::http::HttpStatus;
//! use purlin_tower::{BreakerError, BreakerLayer};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! async fn answer(error: BreakerError<BoxError>) -> (StatusCode, String) {
//!     match error {
//!         BreakerError::Rejected(rejected) => (StatusCode::SERVICE_UNAVAILABLE, rejected.to_string()),
//!         BreakerError::Inner(error) => (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let breaker = purlin_std::circuit_breaker(Settings::default().validate()?);
//! let layers = ServiceBuilder::new()
//!     .layer(HandleErrorLayer::new(answer))
//!     .layer(BreakerLayer::new(breaker).classified_by(HttpStatus::new()))
//!     .timeout(Duration::from_millis(100));
//! let router: Router = Router::new().route("/", get(std::future::pending::<()>)).layer(layers);
//!
//! let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
