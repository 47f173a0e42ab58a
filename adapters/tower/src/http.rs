//! HTTP: which responses are failures, and a rejection as a response.

use crate::classify::Classify;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use purlin::breaker::{Outcome, Rejected};
use std::time::Duration;

/// How a response with a status of 400 to 499 counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientErrors {
    /// As a success: the server is there and answers, whatever it thinks of the request.
    #[default]
    Succeed,
    /// Not at all: a client's mistakes say nothing of the server.
    Ignored,
    /// As a failure: where this client is known to send sound requests only.
    Fail,
}

/// Judges HTTP responses by their status.
///
/// | result | counts as |
/// |---|---|
/// | an error | failure |
/// | 429 or 503 with `Retry-After: <seconds>` | failure, with that hint ([`Outcome::Hinted`]) |
/// | any other 5xx | failure |
/// | any other 4xx | as [`ClientErrors`] says |
/// | anything else | success |
///
/// A hint opens the breaker only as far as [`server_hint_max_ms`](purlin::breaker::Settings::server_hint_max_ms) allows.
/// `Retry-After` may also name a date ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#name-retry-after)); what
/// that means depends on two wall clocks, so such a hint is not heeded: the status alone counts.
///
/// Judging takes place when the response's head is there. A body that breaks off later does not count.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpStatus {
    client_errors: ClientErrors,
}

impl HttpStatus {
    /// Client errors count as successes.
    pub const fn new() -> Self {
        Self { client_errors: ClientErrors::Succeed }
    }

    /// Client errors count as `client_errors` says.
    #[must_use]
    pub const fn client_errors(self, client_errors: ClientErrors) -> Self {
        Self { client_errors }
    }

    fn judge(self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        let hints = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if let Some(retry_after_ms) = headers.get(RETRY_AFTER).filter(|_| hints).and_then(millis) {
            return Outcome::Hinted { retry_after_ms };
        }
        match self.client_errors {
            _ if status.is_server_error() => Outcome::Failure,
            ClientErrors::Ignored if status.is_client_error() => Outcome::Ignored,
            ClientErrors::Fail if status.is_client_error() => Outcome::Failure,
            _ => Outcome::Success,
        }
    }
}

/// `Retry-After` in milliseconds, if it is a number of seconds. (`parse` alone would also take a leading plus sign.)
fn millis(value: &HeaderValue) -> Option<u64> {
    let seconds = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000)
}

impl<B, E> Classify<Response<B>, E> for HttpStatus {
    #[inline]
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => self.judge(response.status(), response.headers()),
            Err(_) => Outcome::Failure,
        }
    }
}

/// A rejection as `503 Service Unavailable`, with `Retry-After` in whole seconds where it is known when asking again can
/// succeed. The body is empty.
///
/// ```
/// use purlin::breaker::{Rejected, Rejection};
/// use purlin_tower::http::unavailable;
/// use std::time::Duration;
///
/// let rejected = Rejected { rejection: Rejection::ForcedOpen, retry_after: Some(Duration::from_millis(1_001)) };
/// let response: http::Response<String> = unavailable(rejected);
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "2");
/// ```
pub fn unavailable<B: Default>(rejected: Rejected) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    if let Some(wait) = rejected.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    response
}

/// Whole seconds, rounded up from whole milliseconds: a breaker without a timer admits one nanosecond *after* its wait,
/// which must not cost a second. At least one, since `Retry-After: 0` would ask for a retry at once.
fn seconds(wait: Duration) -> u64 {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    millis.div_ceil(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(classifier: HttpStatus, status: u16, retry_after: Option<&'static str>) -> Outcome {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        classifier.classify(Ok::<_, &()>(&response))
    }

    #[test]
    fn server_errors_fail_and_other_statuses_succeed() {
        for status in [500, 502, 503, 599] {
            assert_eq!(judged(HttpStatus::new(), status, None), Outcome::Failure, "{status}");
        }
        for status in [200, 204, 302, 404, 429] {
            assert_eq!(judged(HttpStatus::new(), status, None), Outcome::Success, "{status}");
        }
        assert_eq!(Classify::<Response<()>, _>::classify(&HttpStatus::new(), Err(&"reset")), Outcome::Failure);
    }

    #[test]
    fn client_errors_count_as_configured() {
        let ignoring = HttpStatus::new().client_errors(ClientErrors::Ignored);
        let failing = HttpStatus::new().client_errors(ClientErrors::Fail);
        assert_eq!(judged(ignoring, 404, None), Outcome::Ignored);
        assert_eq!(judged(failing, 404, None), Outcome::Failure);
        assert_eq!(judged(ignoring, 500, None), Outcome::Failure);
        assert_eq!(judged(failing, 200, None), Outcome::Success);
    }

    #[test]
    fn retry_after_in_seconds_is_a_hint_on_429_and_503_only() {
        let hinted = Outcome::Hinted { retry_after_ms: 120_000 };
        assert_eq!(judged(HttpStatus::new(), 503, Some("120")), hinted);
        assert_eq!(judged(HttpStatus::new(), 429, Some("120")), hinted);
        assert_eq!(judged(HttpStatus::new(), 500, Some("120")), Outcome::Failure);
        assert_eq!(judged(HttpStatus::new(), 301, Some("120")), Outcome::Success);
    }

    #[test]
    fn a_retry_after_that_is_no_number_of_seconds_is_no_hint() {
        for value in ["Wed, 21 Oct 2015 07:28:00 GMT", "-1", "+1", "1.5", "", "99999999999999999999"] {
            assert_eq!(judged(HttpStatus::new(), 503, Some(value)), Outcome::Failure, "{value:?}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_but_not_for_a_nanosecond() {
        for (nanos, expected) in [(0, 1), (1, 1), (2_000_000_001, 2), (2_001_000_000, 3)] {
            assert_eq!(seconds(Duration::from_nanos(nanos)), expected, "{nanos} ns");
        }
        assert_eq!(seconds(Duration::MAX), u64::MAX.div_ceil(1_000));
    }
}
