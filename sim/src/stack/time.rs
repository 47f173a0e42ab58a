//! Simulated time.

use http::header::DATE;
use http::{HeaderValue, Response};
use purlin::Instant;
use std::time::SystemTime;

/// The time on one host, counted from the start of the simulation.
#[derive(Clone, Copy, Debug)]
pub struct HostTime {
    started: tokio::time::Instant,
}

impl HostTime {
    /// To be called when the host starts, which is when the simulation does.
    pub fn start() -> Self {
        Self { started: tokio::time::Instant::now() }
    }

    /// The present.
    pub fn now(self) -> Instant {
        Instant::ORIGIN + self.started.elapsed()
    }
}

/// The same response with the simulated time in its `Date` header (RFC 9110, section 5.6.7).
///
/// Hyper adds that of the real clock where there is none, in HTTP/1 and HTTP/2. For axum this goes around the whole
/// router, for tonic around the service: `MapResponseLayer::new(dated)`. Hyper's own answers to what is no request do not
/// pass through it.
pub fn dated<B>(mut response: Response<B>) -> Response<B> {
    if let Some(date) = turmoil::since_epoch().and_then(date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

fn date(since_epoch: core::time::Duration) -> Option<HeaderValue> {
    let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH.checked_add(since_epoch)?);
    HeaderValue::try_from(text).ok()
}
