//! A client of the HTTP interface.

use crate::Token;
use core::time::Duration;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::net::SocketAddr;
use tokio::time::timeout;

/// The longest that a request may take: longer than a node waits for its keeper.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request was not answered as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The node says why.
    #[error("{status}: {why}")]
    Refused {
        /// What kind of refusal.
        status: StatusCode,
        /// In the node's words.
        why: String,
    },
    /// There is no answer, or none that can be read. It may have been done, or not.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// What a node tells of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Told {
    /// It holds it.
    Held {
        /// To be shown to the resource.
        token: Token,
        /// For so many milliseconds from when it was said.
        for_ms: u64,
    },
    /// It does not.
    Free {
        /// False.
        held: bool,
    },
}

impl Told {
    /// The token of the node that holds the lock.
    pub fn token(self) -> Option<Token> {
        if let Self::Held { token, .. } = self { Some(token) } else { None }
    }
}

/// Asks one node.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http<HttpConnector, Empty<Bytes>>,
    node: SocketAddr,
}

impl Client {
    /// A client of the node that listens there.
    pub fn new(node: SocketAddr) -> Self {
        Self { http: Http::builder(TokioExecutor::new()).build_http(), node }
    }

    /// Asks for the lock, or for longer.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn acquire(&self) -> Result<Told, ClientError> {
        self.told(Method::POST, "acquire").await
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn release(&self) -> Result<Told, ClientError> {
        self.told(Method::POST, "release").await
    }

    /// Whether the node holds the lock.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Told, ClientError> {
        self.told(Method::GET, "status").await
    }

    async fn told(&self, method: Method, path: &str) -> Result<Told, ClientError> {
        let (status, body) = self.send(method, path).await?;
        let refused = || ClientError::Refused { status, why: String::from_utf8_lossy(&body).into_owned() };
        let is_answer = status == StatusCode::OK || status == StatusCode::CONFLICT;
        serde_json::from_slice(&body).ok().filter(|_| is_answer).ok_or_else(refused)
    }

    async fn send(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), ClientError> {
        let request = Request::builder().method(method).uri(format!("http://{}/{path}", self.node));
        let request = request.body(Empty::new()).map_err(|error| unknown(&error))?;
        let response = timeout(REQUEST_TIMEOUT, self.http.request(request)).await.map_err(|error| unknown(&error))?;
        let response = response.map_err(|error| unknown(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect();
        let body = timeout(REQUEST_TIMEOUT, body).await.map_err(|error| unknown(&error))?;
        let body = body.map_err(|error| ClientError::Unknown(error.to_string()))?;
        Ok((status, body.to_bytes()))
    }
}

fn unknown(error: &dyn std::error::Error) -> ClientError {
    ClientError::Unknown(error.to_string())
}
