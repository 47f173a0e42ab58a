//! The HTTP interface of a node.

use crate::{Answer, Event, Lock, Request};
use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use core::convert::Infallible;
use core::time::Duration;
use futures_util::stream::{self, Stream};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use purlin::Clock;
use purlin_tokio::{Handle, Process, Unanswered};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// How long a caller waits for the keeper. The node goes on asking.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Service {
    lock: Handle<Lock>,
    page: PrometheusHandle,
}

/// The node's HTTP interface. Whoever holds the lock is told `{"held": true, "token", "for_ms"}`, whoever does not
/// `{"held": false}`.
///
/// | request | answer |
/// |---|---|
/// | `POST /acquire` | 200 if this node holds the lock now, or for longer; 409 if not: another does, or the grant came late |
/// | `POST /release` | 200 |
/// | `GET /status` | 200 |
/// | `GET /events` | server-sent events, as they come: `acquired` `{"token", "for_ms"}` and `lost` `{"token"}` |
/// | `GET /metrics` | for Prometheus |
///
/// 504 means that the keeper has not answered in 10 seconds: the node goes on asking, and [`GET /status`](router) tells.
/// 503 means that nothing was done, 500 that the node ended before it knew; both say so: `{"error": "…"}`.
pub fn router(lock: Handle<Lock>, page: PrometheusHandle) -> Router {
    Router::new()
        .route("/acquire", post(acquire))
        .route("/release", post(async |State(service): State<Service>| service.told(Request::Release).await))
        .route("/status", get(async |State(service): State<Service>| service.told(Request::Status).await))
        .route("/events", get(events))
        .route("/metrics", get(metrics))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "there is nothing here"))
        .method_not_allowed_fallback(async || refusal(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .with_state(Service { lock, page })
}

async fn acquire(State(service): State<Service>) -> Response {
    match service.ask(Request::Acquire).await {
        Ok(Answer::Free) => (StatusCode::CONFLICT, Json(told(&Answer::Free))).into_response(),
        Ok(held) => Json(told(&held)).into_response(),
        Err(refused) => refused,
    }
}

async fn events(State(service): State<Service>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    Sse::new(stream::unfold(service.lock.events(), next_event)).keep_alive(KeepAlive::default())
}

async fn metrics(State(service): State<Service>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], service.page.render()).into_response()
}

impl Service {
    async fn told(&self, request: Request) -> Response {
        self.ask(request).await.map_or_else(|refused| refused, |answer| Json(told(&answer)).into_response())
    }

    async fn ask(&self, request: Request) -> Result<Answer, Response> {
        let late = |_| refusal(StatusCode::GATEWAY_TIMEOUT, "the keeper has not answered yet, and is asked on");
        let answered = timeout(PATIENCE, self.lock.try_request(request)).await.map_err(late)?;
        answered.map_err(|why| {
            let unknown = why == Unanswered::Unknown;
            let status = if unknown { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::SERVICE_UNAVAILABLE };
            refusal(status, &why.to_string())
        })
    }
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn told(answer: &Answer) -> Value {
    match answer {
        Answer::Held(hold) => json!({ "held": true, "token": hold.token, "for_ms": for_ms(hold.until) }),
        Answer::Free => json!({ "held": false }),
    }
}

/// How long it is until then, by this process's clock, rounded down.
fn for_ms(until: purlin::Instant) -> u64 {
    until.saturating_since(Process::new().now()).as_millis() as u64
}

/// The next event of a listener; what it was too slow for is left out, and it is told how much that was.
async fn next_event(mut from: Receiver<Event>) -> Option<(Result<sse::Event, Infallible>, Receiver<Event>)> {
    let (name, data) = match from.recv().await {
        Ok(Event::Acquired(hold)) => ("acquired", json!({ "token": hold.token, "for_ms": for_ms(hold.until) })),
        Ok(Event::Lost(token)) => ("lost", json!({ "token": token })),
        Err(RecvError::Lagged(missed)) => ("missed", json!({ "events": missed })),
        Err(RecvError::Closed) => return None,
    };
    Some((Ok(sse::Event::default().event(name).data(data.to_string())), from))
}
