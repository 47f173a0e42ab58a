//! The service itself.

use crate::client::{self, BankClient};
use crate::config::CheckoutConfig;
use crate::metrics_page;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::uri::Authority;
use http::{StatusCode, header::CONTENT_TYPE};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::Connect;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use purlin::Keeper;
use purlin::breaker::{Breaker, CircuitBreaker, Rejected};
use purlin_metrics::BreakerMetrics;
use purlin_std::Observed;
use purlin_tower::BreakerError;
use purlin_tower::http::unavailable;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tower::ServiceExt;
use tower::timeout::error::Elapsed;

/// The caller's keeper, with metrics beside it.
pub type CheckoutKeeper<K> = Observed<K, BreakerMetrics>;

/// The service: its router, and its breaker for those who want to watch it.
#[derive(Debug)]
pub struct Checkout<K> {
    router: Router,
    breaker: Arc<CircuitBreaker<CheckoutKeeper<K>>>,
}

impl<K: Keeper<Breaker> + Send + Sync + 'static> Checkout<K> {
    /// A service that reaches the bank by `connector` and whose breaker lives by `keeper`, which is told all that the
    /// breaker replies and announces.
    pub fn new<C>(config: CheckoutConfig, connector: C, keeper: K) -> Self
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        let metrics = BreakerMetrics::recorded_by(recorder, "bank", &config.breaker);
        let breaker = Arc::new(CircuitBreaker::new(config.breaker.clone(), Observed::new(keeper, metrics)));
        let client = client::bank_client(&config, connector, Arc::clone(&breaker));
        let router = router(Service { bank: config.bank, client, breaker: Arc::clone(&breaker), page });
        Self { router, breaker }
    }

    /// Its HTTP interface: see [`service`].
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The breaker before the bank.
    pub fn breaker(&self) -> &Arc<CircuitBreaker<CheckoutKeeper<K>>> {
        &self.breaker
    }
}

/// The service's HTTP interface, for those who need nothing else of [`Checkout`].
///
/// | request | answer |
/// |---|---|
/// | `GET` or `POST /checkout?amount_cents=N` (1,000 unless given) | 200 if paid; 502 if the bank failed, 504 if it did not answer in time; 503 with `Retry-After` if the breaker rejected the call |
/// | `GET /health` | 200 and the breaker's state |
/// | `GET /metrics` | the breaker's metrics, for Prometheus |
pub fn service<C, K>(config: CheckoutConfig, connector: C, keeper: K) -> Router
where
    C: Connect + Clone + Send + Sync + 'static,
    K: Keeper<Breaker> + Send + Sync + 'static,
{
    Checkout::new(config, connector, keeper).router
}

struct Service<K> {
    bank: Authority,
    client: BankClient,
    breaker: Arc<CircuitBreaker<CheckoutKeeper<K>>>,
    page: PrometheusHandle,
}

type Shared<K> = State<Arc<Service<K>>>;

fn router<K: Keeper<Breaker> + Send + Sync + 'static>(service: Service<K>) -> Router {
    Router::new()
        .route("/checkout", get(check_out::<K>).post(check_out::<K>))
        .route("/health", get(health::<K>))
        .route("/metrics", get(metrics::<K>))
        .with_state(Arc::new(service))
}

#[derive(Deserialize)]
struct Cart {
    #[serde(default = "Cart::amount_cents_default")]
    amount_cents: u64,
}

impl Cart {
    const fn amount_cents_default() -> u64 {
        1_000
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    bank_circuit: &'static str,
}

async fn check_out<K>(State(service): Shared<K>, Query(cart): Query<Cart>) -> Response {
    let payment = match client::payment(&service.bank, cart.amount_cents) {
        Ok(payment) => payment,
        Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &error),
    };
    match service.client.clone().oneshot(payment).await {
        Ok(response) => pass_on(response),
        Err(BreakerError::Rejected(rejected)) => turn_away(rejected),
        Err(BreakerError::Inner(error)) => blame(&*error),
    }
}

fn pass_on(response: http::Response<Bytes>) -> Response {
    match response.status() {
        status if status.is_success() => Json(serde_json::json!({ "paid": true })).into_response(),
        status => refuse(StatusCode::BAD_GATEWAY, &format_args!("the bank answered {status}")),
    }
}

fn turn_away(rejected: Rejected) -> Response {
    let told = refuse(StatusCode::SERVICE_UNAVAILABLE, &rejected);
    let (retry_after, ()) = unavailable::<()>(rejected).into_parts();
    (retry_after.headers, told).into_response()
}

fn blame(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Response {
    match error.is::<Elapsed>() {
        true => refuse(StatusCode::GATEWAY_TIMEOUT, &"the bank did not answer in time"),
        false => refuse(StatusCode::BAD_GATEWAY, &format_args!("the bank cannot be reached: {error}")),
    }
}

fn refuse(status: StatusCode, why: &dyn std::fmt::Display) -> Response {
    (status, Json(serde_json::json!({ "error": why.to_string() }))).into_response()
}

async fn health<K: Keeper<Breaker>>(State(service): Shared<K>) -> Json<Health> {
    Json(Health { status: "ok", bank_circuit: service.breaker.snapshot().state.name() })
}

async fn metrics<K: Keeper<Breaker>>(State(service): Shared<K>) -> impl IntoResponse {
    service.breaker.keeper().observer().refresh(&service.breaker.snapshot());
    ([(CONTENT_TYPE, metrics_page::CONTENT_TYPE)], metrics_page::render(&service.page))
}
