//! The HTTP interface.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use core::time::Duration;
use http::{HeaderValue, StatusCode, header};
use metrics::{Gauge, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use purlin::queue::{Answer, NewMessage, Queue, Request as Ask, Settings, Stats, Status, Token};
use purlin::{Clock, Instant};
use purlin_tokio::{Handle, Process, Unanswered};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Names are kept in memory and in every record.
const NAME_BYTES_MAX: usize = 512;
/// One claim.
const CLAIM_MAX: u32 = 1_000;

/// A message to put in, as clients write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enqueue {
    /// Its name, which no other message may have. A repeated enqueue is refused, so a client may always try again.
    pub id: String,
    /// What it says.
    #[serde(default)]
    pub payload: String,
    /// Messages of one key are handed out one at a time and in their order.
    #[serde(default)]
    pub key: Option<String>,
    /// For how long it is not to be handed out, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// An enqueue with the same deduplication id is refused for a while.
    #[serde(default)]
    pub dedup_id: Option<String>,
}

/// A wish for work, as workers write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Who asks.
    pub worker: String,
    /// How many messages at most.
    #[serde(default = "Claim::max_default")]
    pub max: u32,
    /// For how long, in milliseconds; as the server is set up unless given.
    #[serde(default)]
    pub lease_ms: Option<u64>,
}

impl Claim {
    const fn max_default() -> u32 {
        1
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ack {
    token: Token,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    token: Token,
    lease_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nack {
    token: Token,
    #[serde(default)]
    delay_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redrive {
    #[serde(default)]
    ids: Option<Vec<String>>,
}

/// What every request needs.
struct Service {
    queue: Handle<Queue>,
    page: PrometheusHandle,
    gauges: StateGauges,
}

type Shared = State<Arc<Service>>;

/// The service's HTTP interface. Bodies are JSON both ways; every refusal is `{"error": "…"}`.
///
/// | request | answer |
/// |---|---|
/// | `POST /messages` [`Enqueue`] | 201; 409 if the id or the deduplication id is taken; 503 if the queue is full |
/// | `POST /claims` [`Claim`] | 200 `{"messages": [{"id", "payload", "token", "attempt", "until"}]}`, perhaps none |
/// | `POST /acks` `{"token"}` | 200; 409 if the token holds nothing any more |
/// | `POST /extensions` `{"token", "lease_ms"}` | 200; 409 as above |
/// | `POST /nacks` `{"token", "delay_ms"}` | 200 `{"status": "ready"}` or `"dead"` after the last attempt; 409 as above |
/// | `POST /redrives` `{"ids"}` (all dead messages unless given) | 200 `{"redriven": [id]}` |
/// | `GET /messages/{id}` | 200 `{"id", "status"}`; 404 |
/// | `GET /stats` | 200, how many messages are in which state |
/// | `GET /metrics` | for Prometheus |
///
/// Bad input is 400, 404, 405, 413, 415 or 422 and says what is wrong. 503 means that nothing was done and asking again
/// may help; 500 that the server ended before it knew.
pub fn router(queue: Handle<Queue>, recorder: &PrometheusRecorder) -> Router {
    let service = Service { queue, page: recorder.handle(), gauges: StateGauges::register(recorder) };
    Router::new()
        .route("/messages", post(enqueue))
        .route("/messages/{id}", get(status))
        .route("/claims", post(claim))
        .route("/acks", post(ack))
        .route("/extensions", post(extend))
        .route("/nacks", post(nack))
        .route("/redrives", post(redrive))
        .route("/stats", get(stats))
        .route("/metrics", get(metrics))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing here"))
        .method_not_allowed_fallback(async || Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .with_state(Arc::new(service))
}

async fn enqueue(State(service): Shared, Body(new): Body<Enqueue>) -> Result<Response, Refusal> {
    check_name("id", &new.id)?;
    for (field, name) in [("key", &new.key), ("dedup_id", &new.dedup_id)] {
        name.as_ref().map_or(Ok(()), |name| check_name(field, name))?;
    }
    check_duration("delay_ms", new.delay_ms)?;
    let not_before = (new.delay_ms > 0).then(|| later(new.delay_ms));
    let Enqueue { id, payload, key, dedup_id, .. } = new;
    let message = NewMessage { id: id.clone(), payload, key, not_before, dedup_id };
    match service.ask(Ask::Enqueue(message)).await? {
        Answer::Ok => Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response()),
        Answer::Duplicate => Err(Refusal::new(StatusCode::CONFLICT, "its id or its deduplication id is taken")),
        Answer::Full => Err(Refusal::for_now("the queue is full")),
        _ => Err(Refusal::unexpected()),
    }
}

async fn claim(State(service): Shared, Body(claim): Body<Claim>) -> Result<Response, Refusal> {
    let Claim { worker, max, lease_ms } = claim;
    check_name("worker", &worker)?;
    check("max", (1..=CLAIM_MAX).contains(&max), format_args!("from 1 to {CLAIM_MAX}"))?;
    lease_ms.map_or(Ok(()), check_lease)?;
    match service.ask(Ask::Claim { worker, max, lease_ms }).await? {
        Answer::Claimed(messages) => Ok(Json(json!({ "messages": messages })).into_response()),
        _ => Err(Refusal::unexpected()),
    }
}

async fn ack(State(service): Shared, Body(Ack { token }): Body<Ack>) -> Result<Response, Refusal> {
    told(service.ask(Ask::Ack { token }).await?, "done")
}

async fn extend(State(service): Shared, Body(extension): Body<Extension>) -> Result<Response, Refusal> {
    let Extension { token, lease_ms } = extension;
    check_lease(lease_ms)?;
    told(service.ask(Ask::Extend { token, lease_ms }).await?, "leased")
}

async fn nack(State(service): Shared, Body(nack): Body<Nack>) -> Result<Response, Refusal> {
    let Nack { token, delay_ms } = nack;
    check_duration("delay_ms", delay_ms)?;
    told(service.ask(Ask::Nack { token, delay_ms }).await?, "ready")
}

/// What has become of a leased message.
fn told(answer: Answer, status: &str) -> Result<Response, Refusal> {
    match answer {
        Answer::Ok => Ok(Json(json!({ "status": status })).into_response()),
        Answer::Dead => Ok(Json(json!({ "status": "dead" })).into_response()),
        Answer::Stale => Err(Refusal::new(StatusCode::CONFLICT, "the token holds nothing any more")),
        _ => Err(Refusal::unexpected()),
    }
}

async fn redrive(State(service): Shared, Body(Redrive { ids }): Body<Redrive>) -> Result<Response, Refusal> {
    match service.ask(Ask::Redrive { ids }).await? {
        Answer::Redriven(ids) => Ok(Json(json!({ "redriven": ids })).into_response()),
        _ => Err(Refusal::unexpected()),
    }
}

async fn status(State(service): Shared, Path(id): Path<String>) -> Result<Response, Refusal> {
    match service.ask(Ask::Status { id: id.clone() }).await? {
        Answer::Status(Status::Unknown) => Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such message")),
        Answer::Status(status) => Ok(Json(json!({ "id": id, "status": status })).into_response()),
        _ => Err(Refusal::unexpected()),
    }
}

async fn stats(State(service): Shared) -> Result<Response, Refusal> {
    service.stats().await.map(|stats| Json(stats).into_response())
}

async fn metrics(State(service): Shared) -> Result<Response, Refusal> {
    service.gauges.show(service.stats().await?);
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, format)], service.page.render()).into_response())
}

impl Service {
    /// A full inbox is the client's business: it is told to come back, and nobody waits in the dark.
    async fn ask(&self, request: Ask) -> Result<Answer, Refusal> {
        self.queue.try_request(request).await.map_err(|unanswered| match unanswered {
            Unanswered::Busy | Unanswered::ShutDown => Refusal::for_now(unanswered.to_string()),
            Unanswered::Unknown => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, unanswered.to_string()),
        })
    }

    async fn stats(&self) -> Result<Stats, Refusal> {
        match self.ask(Ask::Stats).await? {
            Answer::Stats(stats) => Ok(stats),
            _ => Err(Refusal::unexpected()),
        }
    }
}

/// A JSON body, or a refusal in JSON.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let parsed = Json::<T>::from_request(request, state).await;
        parsed
            .map(|Json(body)| Self(body))
            .map_err(|error: JsonRejection| Refusal::new(error.status(), error.body_text()))
    }
}

fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    check(field, fits, format_args!("from 1 to {NAME_BYTES_MAX} bytes long"))
}

fn check_lease(lease_ms: u64) -> Result<(), Refusal> {
    check("lease_ms", lease_ms >= 1, format_args!("at least 1"))?;
    check_duration("lease_ms", lease_ms)
}

fn check_duration(field: &str, millis: u64) -> Result<(), Refusal> {
    let max = Settings::DURATION_MS_MAX;
    check(field, millis <= max, format_args!("at most {max}, which is ten years"))
}

fn check(field: &str, fits: bool, wanted: std::fmt::Arguments<'_>) -> Result<(), Refusal> {
    if fits { Ok(()) } else { Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field} must be {wanted}"))) }
}

fn later(millis: u64) -> Instant {
    Process::new().now() + Duration::from_millis(millis)
}

/// A request that was not served, and why.
struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }

    /// Nothing was done, and asking again may help.
    fn for_now(why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the queue has answered something else than was asked")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.why }))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// How many messages are in which state, as Prometheus sees it.
struct StateGauges([Gauge; 5]);

impl StateGauges {
    fn register(recorder: &dyn Recorder) -> Self {
        const NAME: &str = "purlin_queue_messages";
        const METADATA: Metadata<'static> = Metadata::new("purlin", Level::INFO, Some(module_path!()));
        recorder.describe_gauge(NAME.into(), None, "Messages by the state that they are in.".into());
        let key = |state| Key::from_parts(NAME, vec![Label::new("state", state)]);
        Self(
            ["ready", "delayed", "leased", "done", "dead"].map(|state| recorder.register_gauge(&key(state), &METADATA)),
        )
    }

    fn show(&self, stats: Stats) {
        let Stats { ready, delayed, leased, done, dead } = stats;
        let counts = [ready, delayed, leased, done, dead];
        self.0.iter().zip(counts).for_each(|(gauge, count)| gauge.set(count as f64));
    }
}
