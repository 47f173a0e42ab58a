//! The bank as the service sees it: a tower service, with the breaker outermost.

use crate::config::CheckoutConfig;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use purlin::Keeper;
use purlin::breaker::{Breaker, CircuitBreaker};
use purlin_tower::http::HttpStatus;
use purlin_tower::{BreakerError, BreakerLayer};
use std::sync::Arc;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

pub(crate) type BankClient = BoxCloneSyncService<Request<Empty<Bytes>>, Response<Bytes>, BreakerError<BoxError>>;

/// A response of the bank is a few bytes; whatever is longer is an error.
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// Breaker outermost, so that a time-out and a broken body count; the attempt's time-out inside it.
pub(crate) fn bank_client<C, K>(config: &CheckoutConfig, connector: C, breaker: Arc<CircuitBreaker<K>>) -> BankClient
where
    C: Connect + Clone + Send + Sync + 'static,
    K: Keeper<Breaker> + Send + Sync + 'static,
{
    let client: Client<C, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(config.idle_connections).build(connector);
    let service = ServiceBuilder::new()
        .layer(BreakerLayer::new(breaker).classified_by(HttpStatus::new()))
        .timeout(config.attempt_timeout)
        .map_err(BoxError::from)
        .and_then(read_body)
        .map_err(BoxError::from)
        .service(client);
    BoxCloneSyncService::new(service)
}

async fn read_body(response: Response<Incoming>) -> Result<Response<Bytes>, BoxError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

pub(crate) fn payment(bank: &Authority, amount_cents: u64) -> Result<Request<Empty<Bytes>>, http::Error> {
    Request::builder().method(Method::POST).uri(payment_uri(bank, amount_cents)?).body(Empty::new())
}

fn payment_uri(bank: &Authority, amount_cents: u64) -> Result<Uri, http::Error> {
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(bank.clone())
        .path_and_query(format!("/pay?amount_cents={amount_cents}"))
        .build()
}
