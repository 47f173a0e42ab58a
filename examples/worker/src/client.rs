//! A client of the HTTP interface.

use crate::api::{Claim, Enqueue};
use core::time::Duration;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use purlin::queue::{Delivery, Stats, Status, Token};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The longest that a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 64 << 20;

/// A request was not answered with success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server has refused, and says why. Nothing was done.
    #[error("{status}: {why}")]
    Refused {
        /// What kind of refusal.
        status: StatusCode,
        /// In the server's words.
        why: String,
    },
    /// There is no answer, or none that can be read. It may have been done, or not.
    #[error("no answer: {0}")]
    Unknown(String),
}

impl ClientError {
    /// Whether the server says that this contradicts what is: an id that is taken, a token that holds nothing any more.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::CONFLICT, .. })
    }

    /// Whether nothing was done, and asking again may help.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. })
    }

    /// Whether nobody knows if it was done.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

fn unknown(error: &dyn std::error::Error) -> ClientError {
    ClientError::Unknown(error.to_string())
}

/// Asks one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    server: String,
}

#[derive(Deserialize)]
struct Claimed {
    messages: Vec<Delivery>,
}

#[derive(Deserialize)]
struct MessageStatus {
    status: Status,
}

impl Client {
    /// A client of the server at an URL such as `http://127.0.0.1:3000`.
    pub fn new(server: impl Into<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { http: Http::builder(TokioExecutor::new()).build(connector), server: server.into() }
    }

    /// Puts a message in.
    ///
    /// # Errors
    /// A conflict if its id is taken; see [`ClientError`].
    pub async fn enqueue(&self, message: &Enqueue) -> Result<(), ClientError> {
        self.post::<Value>("/messages", &json!(message)).await.map(drop)
    }

    /// Takes messages out.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn claim(&self, claim: &Claim) -> Result<Vec<Delivery>, ClientError> {
        self.post("/claims", &json!(claim)).await.map(|Claimed { messages }| messages)
    }

    /// Tells that the message is done.
    ///
    /// # Errors
    /// A conflict if the token holds nothing any more; see [`ClientError`].
    pub async fn ack(&self, token: Token) -> Result<(), ClientError> {
        self.post::<Value>("/acks", &json!({ "token": token })).await.map(drop)
    }

    /// Asks for more time.
    ///
    /// # Errors
    /// A conflict if the token holds nothing any more; see [`ClientError`].
    pub async fn extend(&self, token: Token, lease_ms: u64) -> Result<(), ClientError> {
        self.post::<Value>("/extensions", &json!({ "token": token, "lease_ms": lease_ms })).await.map(drop)
    }

    /// Gives the message back.
    ///
    /// # Errors
    /// A conflict if the token holds nothing any more; see [`ClientError`].
    pub async fn nack(&self, token: Token, delay_ms: u64) -> Result<(), ClientError> {
        self.post::<Value>("/nacks", &json!({ "token": token, "delay_ms": delay_ms })).await.map(drop)
    }

    /// What has become of a message.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self, id: &str) -> Result<Status, ClientError> {
        match self.get::<MessageStatus>(&format!("/messages/{}", escaped(id))).await {
            Ok(MessageStatus { status }) => Ok(status),
            Err(ClientError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(Status::Unknown),
            Err(error) => Err(error),
        }
    }

    /// How many messages are in which state.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stats(&self) -> Result<Stats, ClientError> {
        self.get("/stats").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ClientError> {
        self.send(Method::POST, path, body.to_string().into()).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Full::new(body));
        let request = request.map_err(|error| unknown(&error))?;
        let answer = timeout(REQUEST_TIMEOUT, self.exchange(request)).await;
        let (status, body) = answer.map_err(|elapsed| unknown(&elapsed))??;
        match status {
            status if status.is_success() => serde_json::from_slice(&body).map_err(|error| unknown(&error)),
            StatusCode::INTERNAL_SERVER_ERROR => Err(ClientError::Unknown(why(&body))),
            status => Err(ClientError::Refused { status, why: why(&body) }),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let response = self.http.request(request).await.map_err(|error| unknown(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|error| unknown(&*error))?.to_bytes()))
    }
}

/// As one segment of a path.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn why(body: &[u8]) -> String {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let why = told.as_ref().and_then(|told| told["error"].as_str());
    why.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}
