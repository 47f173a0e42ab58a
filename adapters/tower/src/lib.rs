//! Purlin's circuit breaker as a [tower](https://docs.rs/tower) layer.
//!
//! ```text
//!   request ──▶ poll_ready: only the inner service's own; an open circuit is never "pending"
//!           ──▶ call: ask the breaker ── rejected ──▶ BreakerError::Rejected; the inner service's reservation is freed
//!                          │ admitted
//!                          ▼
//!               inner.call(request) at once; the permit lives in the response future
//!                          │
//!                          ├─ completed ─▶ the classifier says how the result counts
//!                          └─ dropped, never polled, or panicked ─▶ cancelled; the permit goes back
//! ```
//!
//! One [`CircuitBreaker`] belongs to one endpoint. A [`BreakerLayer`], its clones, and every service that it makes share
//! that one breaker, however often a framework clones the service:
//!
//! ```
//! use purlin::breaker::Settings;
//! use purlin_tower::{BreakerError, BreakerLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let breaker = purlin_std::circuit_breaker(Settings::default().validate()?);
//! let service = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(breaker))
//!     .service(service_fn(|text: &'static str| async move { text.parse::<u32>() }));
//!
//! assert_eq!(service.clone().oneshot("7").await, Ok(7));
//! assert!(matches!(service.oneshot("seven").await, Err(BreakerError::Inner(_))));
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! # }).unwrap();
//! ```
//!
//! The clock is that of the breaker's keeper; nothing here reads another one, so the same layer runs under a simulated
//! clock. With slow calls off ([`slow_call_duration_ms`] `None`) a call through a closed circuit reads no clock, takes no
//! lock and allocates nothing.
//!
//! - How results count: [`Classify`], and [`HttpStatus`](http::HttpStatus) for HTTP.
//! - How rejections become responses: [`AnswerLayer`], and [`unavailable`](http::unavailable) for HTTP.
//! - Where the breaker belongs among other layers, and axum's `HandleErrorLayer`: [`guide`].
//!
//! [`CircuitBreaker`]: purlin::breaker::CircuitBreaker
//! [`slow_call_duration_ms`]: purlin::breaker::Settings::slow_call_duration_ms

mod answer;
mod classify;
mod error;
mod future;
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
mod layer;
mod service;

pub use answer::{Answer, AnswerFuture, AnswerLayer};
pub use classify::{Classify, ErrorsFail};
pub use error::BreakerError;
pub use future::ResponseFuture;
pub use layer::BreakerLayer;
pub use service::Breaker;
