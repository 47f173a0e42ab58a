//! What only the leader can do is forwarded to it, so that a client may ask any replica.
//!
//! Once: whoever is forwarded to and does not lead either says so. A leader that was reached and did not answer leaves the
//! outcome unknown; one that was not reached has done nothing.

use super::refusal::{Elsewhere, Refusal};
use super::{BODY_BYTES_MAX, Service};
use crate::state::Place;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use core::time::Duration;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use tokio::time::timeout;

/// Marks what was forwarded.
const FORWARDED: HeaderName = HeaderName::from_static("kv-forwarded");
/// How long the leader may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(1);

pub(super) struct Forwarder {
    service: Arc<Service>,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Forwarder {
    pub(super) fn new(service: Arc<Service>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        Self { service, http: Client::builder(TokioExecutor::new()).build(connector) }
    }
}

/// Lets this replica try, and the leader if this one does not lead.
pub(super) async fn forward(State(forwarder): State<Arc<Forwarder>>, request: Request, next: Next) -> Response {
    let changes_nothing = request.method() == Method::GET || request.method() == Method::HEAD;
    if changes_nothing || request.headers().contains_key(FORWARDED) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        let why = format!("the body is longer than {BODY_BYTES_MAX} bytes, or was cut off");
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
    };
    let again = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
    let response = next.run(rebuilt(parts, body.clone())).await;
    match response.extensions().get::<Elsewhere>().cloned() {
        Some(Elsewhere(leader)) => forwarder.send(again, body, &leader).await.unwrap_or_else(Refusal::into_response),
        None => response,
    }
}

fn rebuilt(parts: Parts, body: Bytes) -> Request {
    Request::from_parts(parts, Body::from(body))
}

impl Forwarder {
    async fn send(
        &self,
        (method, uri, headers): (Method, Uri, HeaderMap),
        body: Bytes,
        leader: &Place,
    ) -> Result<Response, Refusal> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = http::Request::builder().method(method).uri(format!("http://{}{path}", leader.http));
        if let Some(into) = request.headers_mut() {
            let kept = headers.iter().filter(|(name, _)| !is_of_connection(name));
            into.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
            into.insert(FORWARDED, HeaderValue::from_static("1"));
        }
        let request = request.body(Full::new(body)).map_err(|error| Refusal::for_now(error.to_string()))?;
        self.exchange(request, leader).await
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>, leader: &Place) -> Result<Response, Refusal> {
        let waits = self.service.patience + CONNECT_MAX;
        match timeout(waits, self.http.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(Body::new)),
            Ok(Err(error)) if error.is_connect() => {
                Err(Refusal::for_now(format!("the leader at {} cannot be reached: try again soon", leader.http)))
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::unknown(&format!("the leader at {} did not answer", leader.http))),
        }
    }
}

/// Whether a header is about one connection, and not about the request.
fn is_of_connection(name: &HeaderName) -> bool {
    [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT].contains(name)
}
