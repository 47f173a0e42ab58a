//! A client of the HTTP interface.
//!
//! It asks one server after the other until one answers. What changes something it sends in a session, so that trying again
//! after a lost answer applies it once; one client therefore sends one change at a time.

use crate::state::{Change, Condition, Item, LeaseId, Revision};
use bytes::Bytes;
use core::time::Duration;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// The longest that one attempt may take: longer than servers wait for each other.
const ATTEMPT_MAX: Duration = Duration::from_secs(15);
/// How long to wait before the next server is asked.
const AGAIN: Duration = Duration::from_millis(50);
const BODY_BYTES_MAX: usize = 1 << 30;

/// A request was not answered with success.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// A server has refused, and says why. Nothing was done.
    #[error("{status}: {why}")]
    Refused {
        /// What kind of refusal.
        status: StatusCode,
        /// In the server's words.
        why: String,
        /// All that it says.
        body: Value,
    },
    /// There is no answer, or none that can be read. It may have been done, or not.
    #[error("no answer: {0}")]
    Unknown(String),
    /// No server took the request. Nothing was done.
    #[error("no server can be reached: {0}")]
    Unreached(String),
}

impl ClientError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }

    /// Whether nobody knows if it was done.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether nothing was done, and asking again or elsewhere may help.
    fn is_passing(&self) -> bool {
        let passing = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::MISDIRECTED_REQUEST];
        matches!(self, Self::Unreached(_)) || self.status().is_some_and(|status| passing.contains(&status))
    }
}

/// What a put or a deletion came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Changed {
    /// The revision behind it.
    pub revision: Revision,
    /// What was there.
    pub previous: Option<Item>,
}

/// What a watch has seen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Watched {
    /// What has changed, in that order.
    pub changes: Vec<Change>,
    /// The revision to go on from.
    pub next: Revision,
}

#[derive(Deserialize)]
struct Found {
    item: Item,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Listed>,
    more: bool,
}

#[derive(Deserialize)]
struct Listed {
    key: String,
    item: Item,
}

#[derive(Deserialize)]
struct Granted {
    lease: LeaseId,
}

#[derive(Deserialize)]
struct Opened {
    session: u64,
}

/// Asks the servers of a cluster.
#[derive(Debug)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    /// Their places, such as `127.0.0.1:3000`.
    servers: Vec<String>,
    /// Which of them answered last.
    current: usize,
    token: Option<String>,
    patience: Duration,
    session: Option<Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    id: u64,
    sequence: u64,
}

impl Client {
    /// A client of the servers at these places.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        let http = Http::builder(TokioExecutor::new()).build(connector);
        let servers = servers.into_iter().map(Into::into).collect();
        Self { http, servers, current: 0, token: None, patience: Duration::from_secs(10), session: None }
    }

    /// Shows this token.
    #[must_use]
    pub fn token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Goes on trying for so long while nobody can be reached or leads.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The item of a key, if it has a value.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&mut self, key: &str) -> Result<Option<Item>, ClientError> {
        match self.ask::<Found>(Method::GET, &of_key(key), None).await {
            Ok(found) => Ok(Some(found.item)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All items whose keys begin so, in the order of their keys. They are asked for in pages: each is as of its own moment.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list(&mut self, prefix: &str) -> Result<Vec<(String, Item)>, ClientError> {
        let (mut items, mut from) = (Vec::new(), prefix.to_owned());
        loop {
            let page: Page = self.ask(Method::GET, &format!("/kv?from={}", escaped(&from, "")), None).await?;
            let is_last = !page.more || page.items.last().is_some_and(|last| !last.key.starts_with(prefix));
            items.extend(page.items.into_iter().map(|listed| (listed.key, listed.item)));
            items.truncate(items.partition_point(|(key, _)| key.starts_with(prefix)));
            match items.last() {
                // The first key that can come behind this one.
                Some((key, _)) if !is_last => from = format!("{key}\0"),
                _ => return Ok(items),
            }
        }
    }

    /// Gives a key a value.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put(&mut self, key: &str, value: &str) -> Result<Changed, ClientError> {
        self.change(Method::PUT, &of_key(key), Some(json!({ "value": value }))).await
    }

    /// Gives a key a value that ends with a lease.
    ///
    /// # Errors
    /// 404 if there is no such lease; see [`ClientError`].
    pub async fn put_under(&mut self, key: &str, value: &str, lease: LeaseId) -> Result<Changed, ClientError> {
        self.change(Method::PUT, &of_key(key), Some(json!({ "value": value, "lease": lease }))).await
    }

    /// Gives a key a value, if the condition holds.
    ///
    /// # Errors
    /// 412 if it does not; see [`ClientError`].
    pub async fn swap(&mut self, key: &str, condition: &Condition, value: &str) -> Result<Changed, ClientError> {
        self.change(Method::PUT, &of_key(key), Some(json!({ "value": value, "if": condition }))).await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&mut self, key: &str) -> Result<Changed, ClientError> {
        self.change(Method::DELETE, &of_key(key), None).await
    }

    /// Begins a lease.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn grant(&mut self, ttl_ms: u64) -> Result<LeaseId, ClientError> {
        let granted: Granted = self.change(Method::POST, "/leases", Some(json!({ "ttl_ms": ttl_ms }))).await?;
        Ok(granted.lease)
    }

    /// What has changed of a prefix since a revision. Waits for something, up to a time.
    ///
    /// # Errors
    /// 410 if that is forgotten; see [`ClientError`].
    pub async fn watch(&mut self, prefix: &str, from: Revision, wait: Duration) -> Result<Watched, ClientError> {
        let (prefix, wait) = (escaped(prefix, ""), wait.as_millis());
        self.ask(Method::GET, &format!("/watch?prefix={prefix}&revision={from}&wait_ms={wait}"), None).await
    }

    /// Asks for anything that changes something, in this client's session.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let session = self.next_in_session().await?;
        self.until_answered(method, path, body, Some(session)).await
    }

    /// Asks for anything that may be asked twice.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        self.until_answered(method, path, body, None).await
    }

    /// The bytes of a backup.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn backup(&mut self) -> Result<Bytes, ClientError> {
        self.bytes_until_answered(Method::GET, "/backup", None, None).await
    }

    async fn next_in_session(&mut self) -> Result<Session, ClientError> {
        if self.session.is_none() {
            let opened: Opened = self.until_answered(Method::POST, "/sessions", None, None).await?;
            self.session = Some(Session { id: opened.session, sequence: 0 });
        }
        let session = self.session.as_mut().expect("it was just begun");
        session.sequence += 1;
        Ok(*session)
    }

    async fn until_answered<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        session: Option<Session>,
    ) -> Result<T, ClientError> {
        let bytes = self.bytes_until_answered(method, path, body, session).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Unknown(error.to_string()))
    }

    /// A lost answer is asked for again where that is safe: in a session, or where nothing is changed.
    async fn bytes_until_answered(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        session: Option<Session>,
    ) -> Result<Bytes, ClientError> {
        let deadline = Instant::now() + self.patience;
        let may_repeat = session.is_some() || method == Method::GET || path == "/sessions";
        loop {
            let error = match self.once(&method, path, body.as_ref(), session).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let is_worth_it = error.is_passing() || (error.is_unknown() && may_repeat);
            if !is_worth_it || Instant::now() >= deadline {
                return Err(error);
            }
            self.current = (self.current + 1) % self.servers.len().max(1);
            sleep(AGAIN).await;
        }
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        session: Option<Session>,
    ) -> Result<Bytes, ClientError> {
        let unreached = |why: &str| ClientError::Unreached(why.to_owned());
        let server = self.servers.get(self.current).ok_or_else(|| unreached("none is given"))?;
        let request = self.request(method, &format!("http://{server}{path}"), body, session);
        let request = request.map_err(|error| unreached(&error.to_string()))?;
        let late = |_| ClientError::Unknown(format!("{server} did not answer"));
        let (status, body) = timeout(ATTEMPT_MAX, self.exchange(request)).await.map_err(late)??;
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    fn request(
        &self,
        method: &Method,
        url: &str,
        body: Option<&Value>,
        session: Option<Session>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(Session { id, sequence }) = session {
            // Every earlier number was answered: one change is sent at a time.
            request = request.header("session", id).header("session-sequence", sequence);
            request = request.header("session-acknowledged", sequence);
        }
        match body {
            Some(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(Full::new(body.to_string().into()))
            }
            None => request.body(Full::default()),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let response = self.http.request(request).await.map_err(|error| match error.is_connect() {
            true => ClientError::Unreached(error.to_string()),
            false => ClientError::Unknown(error.to_string()),
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| ClientError::Unknown(error.to_string()))?;
        Ok((status, body.to_bytes()))
    }
}

/// What a server says that did not serve.
fn refusal(status: StatusCode, bytes: &[u8]) -> ClientError {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let told = body["error"].as_str().map(str::to_owned);
    let why = told.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
    if body["outcome"] == "unknown" { ClientError::Unknown(why) } else { ClientError::Refused { status, why, body } }
}

fn of_key(key: &str) -> String {
    format!("/kv/{}", escaped(key, "/"))
}

/// As part of an URL; what is in `kept` stays as it is.
pub fn escaped(text: &str, kept: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.as_bytes().contains(&byte);
    let escape = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
