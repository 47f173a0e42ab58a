//! The HTTP interface.

mod backup;
mod body;
mod forward;
mod keys;
mod leases;
mod members;
mod metrics;
mod refusal;
mod session;
mod status;
mod watch;

use crate::server::{Places, Standing, Tokens};
use crate::state::{Command, Kv, Outcome, Query, View};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use core::time::Duration;
use forward::Forwarder;
use http::{StatusCode, header};
pub(crate) use metrics::StateGauges;
use metrics_exporter_prometheus::PrometheusHandle;
use purlin::raft::{Answer, Consistency, Raft, Request as Ask, Stamp};
use purlin_tokio::Handle;
use refusal::Refusal;
use std::sync::Arc;
use tokio::sync::watch as channel;
use tokio::time::timeout;

/// The longest body: a value, and what JSON makes of it.
const BODY_BYTES_MAX: usize = 4 << 20;
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 1_024;
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// What every request needs.
pub(crate) struct Service {
    pub(crate) cluster: String,
    pub(crate) raft: Handle<Raft<Kv>>,
    pub(crate) standing: channel::Receiver<Standing>,
    pub(crate) stopping: channel::Receiver<bool>,
    pub(crate) places: Places,
    pub(crate) tokens: Tokens,
    /// The longest that a request waits for the replicas.
    pub(crate) patience: Duration,
    pub(crate) page: PrometheusHandle,
    pub(crate) gauges: StateGauges,
}

type Shared = State<Arc<Service>>;

/// The service's HTTP interface. Bodies are JSON both ways. Every refusal is `{"error": "…", "outcome": "…"}`, where the outcome
/// is `refused`, and then nothing was done, or `unknown`, and then nobody knows.
///
/// | request | answer |
/// |---|---|
/// | `GET /kv/{key}` | 200 `{"revision", "key", "item"}`; 404 |
/// | `PUT /kv/{key}` `{"value", "lease", "if"}` | 200 `{"revision", "previous"}`; 412 with `"current"`; 404 no lease; 507 no space |
/// | `DELETE /kv/{key}` `{"if"}` or nothing | 200 `{"revision", "previous"}`; 412 |
/// | `GET /kv?prefix=` or `?from=&to=`, `&limit=` | 200 `{"revision", "items", "more"}` |
/// | `GET /watch?from=` and a prefix or a range as above, `&wait_ms=` | 200 `{"changes", "next"}`, perhaps none; 410 compacted |
/// | the same with `Accept: text/event-stream` | server-sent events `change`, each with its revision as id; `compacted` |
/// | `POST /leases` `{"ttl_ms"}` | 201 `{"lease", "ttl_ms"}` |
/// | `GET /leases` | 200 `{"leases"}` |
/// | `POST /leases/{id}/renewals` | 200 `{"ttl_ms", "renewals"}`; 404 |
/// | `DELETE /leases/{id}` | 200 `{"revision", "deleted"}`; 404 |
/// | `POST /sessions` | 201 `{"session"}` |
/// | `GET /members` | 200 `{"membership", "places"}` |
/// | `POST /members` `{"member", "peer", "http"}` | 200 a learner; `"voter": true` for a voter at once; 409 |
/// | `POST /members/{id}/promotion` | 200 a learner becomes a voter; 404, 409 |
/// | `PUT /members/{id}/place` `{"peer", "http"}` | 200 it stands somewhere else |
/// | `DELETE /members/{id}` | 200 it is sent off; 404, 409 |
/// | `POST /membership` `{"transition", "changes"}` | 200 any change, joint ones too; no changes leave a joint one |
/// | `POST /leadership` `{"to"}` | 200 it was handed over |
/// | `POST /compactions/history` `{"through"}` | 200 changes up to a revision are forgotten |
/// | `POST /compactions/log` `{"through"}` | 200 entries up to an index are dropped, on this replica |
/// | `PUT /quota` `{"bytes"}` | 200 |
/// | `DELETE /alarm` | 200; 507 if there is still no space |
/// | `GET /hash?revision=` | 200 `{"revision", "hash"}`; 410 compacted, 425 not there yet |
/// | `GET /backup` | 200 a file for `kv restore` |
/// | `GET /status` | 200 how this replica stands |
/// | `GET /metrics` | for Prometheus |
/// | `GET /health` | 200, or 503 if no leader is known |
///
/// Reads are linearizable, on any replica, unless `?consistency=stale` asks for what this one has applied. What only the leader
/// can do is forwarded to it, once; 421 names it where that is not possible.
///
/// A condition is `"absent"`, `"present"`, `{"value": "…"}` or `{"revision": n}`. Where tokens are set up, every request but
/// `GET /health` shows one: `Authorization: Bearer …`.
///
/// A request that changes something may carry its place in a session, and is then applied once however often it is sent:
/// `Session: id`, `Session-Sequence: n`, which rises from 1, and `Session-Acknowledged: m`, below which the client has every answer.
///
/// Bad input is 400, 404, 405, 413, 415 or 422 and says what is wrong. 503 means that nothing was done and that trying again
/// may help; 504 that the outcome is unknown, or that a read found no quorum in time.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let forwarder = Forwarder::new(Arc::clone(&service));
    Router::new()
        .merge(of_keys())
        .merge(of_members())
        .route("/quota", put(status::set_quota))
        .route("/alarm", delete(status::disarm))
        .route("/hash", get(status::hash))
        .route("/backup", get(backup::backup))
        .route("/status", get(status::status))
        .route("/metrics", get(metrics::metrics))
        .layer(middleware::from_fn_with_state(Arc::new(forwarder), forward::forward))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), authenticate))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .route("/health", get(status::health))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing here"))
        .method_not_allowed_fallback(async || Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .with_state(service)
}

fn of_keys() -> Router<Arc<Service>> {
    Router::new()
        .route("/kv", get(keys::list))
        .route("/kv/{*key}", get(keys::get).put(keys::put).delete(keys::delete))
        .route("/watch", get(watch::watch))
        .route("/leases", get(leases::list).post(leases::grant))
        .route("/leases/{lease}", delete(leases::revoke))
        .route("/leases/{lease}/renewals", post(leases::keep_alive))
        .route("/sessions", post(session::open))
}

fn of_members() -> Router<Arc<Service>> {
    Router::new()
        .route("/members", get(members::list).post(members::add))
        .route("/members/{member}", delete(members::remove))
        .route("/members/{member}/promotion", post(members::promote))
        .route("/members/{member}/place", put(members::set_place))
        .route("/membership", post(members::change))
        .route("/leadership", post(members::transfer))
        .route("/compactions/history", post(status::compact_history))
        .route("/compactions/log", post(status::compact_log))
}

async fn authenticate(State(service): Shared, request: Request, next: Next) -> Result<Response, Refusal> {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| value.strip_prefix("Bearer "));
    match service.tokens.admit(token) {
        true => Ok(next.run(request).await),
        false => Err(Refusal::unauthorized()),
    }
}

impl Service {
    /// Proposes a command, and gives what it came to.
    async fn propose(&self, stamp: Option<Stamp>, command: Command) -> Result<Outcome, Refusal> {
        match self.ask(Ask::Propose { stamp, command }).await? {
            Answer::Applied { outcome, .. } => Ok(outcome),
            _ => Err(Refusal::unexpected()),
        }
    }

    /// Reads, and changes nothing.
    async fn read(&self, consistency: Consistency, query: Query) -> Result<View, Refusal> {
        let asked = timeout(self.patience, self.raft.try_request(Ask::Read { consistency, query })).await;
        let no_quorum = |_| Refusal::no_quorum();
        match asked.map_err(no_quorum)?.map_err(Refusal::of_read)? {
            Answer::Read { view, .. } => Ok(view),
            Answer::Refused(refusal) => Err(self.refused(refusal)),
            _ => Err(Refusal::unexpected()),
        }
    }

    /// Asks for what changes something. A full inbox is the client's business: it is told to come back, and nobody waits in
    /// the dark.
    async fn ask(&self, request: Ask<Kv>) -> Result<Answer<Kv>, Refusal> {
        let asked = timeout(self.patience, self.raft.try_request(request)).await;
        match asked.map_err(|_| Refusal::unknown("the replicas have not answered in time"))? {
            Ok(Answer::Refused(refusal)) => Err(self.refused(refusal)),
            Ok(Answer::Unknown) => Err(Refusal::unknown("this replica ceased to lead before it knew")),
            Ok(answer) => Ok(answer),
            Err(unanswered) => Err(Refusal::of_write(unanswered)),
        }
    }

    fn refused(&self, refusal: purlin::raft::Refusal) -> Refusal {
        Refusal::of_raft(refusal, |leader| self.places.of(leader))
    }
}
