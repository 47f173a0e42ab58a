//! The HTTP interface, from outside.

use core::num::NonZeroUsize;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use purlin::queue::{Settings, Stats, Status, Token};
use purlin_worker::{Claim, Client, Enqueue, Server, ServerError, ServerOptions};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    url: String,
    client: Client,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServerError>>,
}

fn options(db: &Path) -> ServerOptions {
    let settings = Settings { lease_ms: 60_000, max_attempts: 2, max_messages: 100, ..Settings::default() };
    let compact_after = NonZeroUsize::new(1_000).unwrap();
    ServerOptions {
        db: db.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        queue: settings.validate().unwrap(),
        compact_after,
    }
}

async fn start(folder: &TempDir) -> Running {
    let server = Server::start(options(&folder.path().join("jobs.db"))).await.unwrap();
    let url = format!("http://{}", server.address());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { client: Client::new(url.clone()), url, stop, ended }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(());
        self.ended.await.unwrap().unwrap();
    }

    /// Any request at all, and what it is answered.
    async fn send(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let http: Http<_, Full<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json").body(Full::new(body.to_owned().into()));
        let response = http.request(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn message(id: &str) -> Enqueue {
    Enqueue { id: id.into(), payload: format!("do {id}"), ..Enqueue::default() }
}

fn claim(max: u32) -> Claim {
    Claim { worker: "w".into(), max, lease_ms: None }
}

#[tokio::test]
async fn a_message_is_enqueued_claimed_extended_and_finished() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let client = &running.client;
    client.enqueue(&message("a/1 ü")).await.unwrap();
    assert!(client.enqueue(&message("a/1 ü")).await.unwrap_err().is_conflict());
    assert_eq!(client.status("a/1 ü").await.unwrap(), Status::Ready);

    let deliveries = client.claim(&claim(5)).await.unwrap();
    assert_eq!((deliveries.len(), deliveries[0].payload.as_str(), deliveries[0].attempt), (1, "do a/1 ü", 1));
    client.extend(deliveries[0].token, 90_000).await.unwrap();
    client.ack(deliveries[0].token).await.unwrap();
    client.ack(deliveries[0].token).await.expect("an ack may be repeated");
    assert!(client.nack(deliveries[0].token, 0).await.unwrap_err().is_conflict());
    assert!(client.extend(Token(99), 1).await.unwrap_err().is_conflict());
    assert_eq!(client.status("a/1 ü").await.unwrap(), Status::Done);
    assert_eq!(client.stats().await.unwrap(), Stats { done: 1, ..Stats::default() });
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_fails_too_often_is_dead_until_it_is_redriven() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let client = &running.client;
    client.enqueue(&message("a")).await.unwrap();
    for status in ["ready", "dead"] {
        let token = client.claim(&claim(1)).await.unwrap()[0].token.0;
        let (code, body) = running.send(Method::POST, "/nacks", &format!("{{\"token\": {token}}}")).await;
        assert_eq!((code, body), (StatusCode::OK, format!("{{\"status\":\"{status}\"}}")));
    }
    assert_eq!(client.status("a").await.unwrap(), Status::Dead);
    let redriven = running.send(Method::POST, "/redrives", "{}").await;
    assert_eq!(redriven, (StatusCode::OK, r#"{"redriven":["a"]}"#.into()));
    assert_eq!(client.status("a").await.unwrap(), Status::Ready);
    running.stop().await;
}

#[tokio::test]
async fn a_delayed_message_waits_and_a_full_queue_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let client = &running.client;
    client.enqueue(&Enqueue { delay_ms: 3_600_000, ..message("later") }).await.unwrap();
    assert_eq!(client.status("later").await.unwrap(), Status::Delayed);
    assert!(client.claim(&claim(1)).await.unwrap().is_empty());
    for number in 1..100 {
        client.enqueue(&message(&format!("m{number}"))).await.unwrap();
    }
    assert!(client.enqueue(&message("one too many")).await.unwrap_err().is_busy());
    running.stop().await;
}

#[tokio::test]
async fn bad_input_is_one_clear_error_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    let long = format!("{{\"id\": \"{}\"}}", "x".repeat(513));
    let (post, get, put) = (&Method::POST, &Method::GET, &Method::PUT);
    for (method, path, body, code, why) in [
        (post, "/messages", "{", 400, "EOF"),
        (post, "/messages", "{}", 422, "missing field `id`"),
        (post, "/messages", r#"{"id": 7}"#, 422, "expected a string"),
        (post, "/messages", r#"{"id": ""}"#, 422, "id must be from 1 to 512 bytes long"),
        (post, "/messages", &long, 422, "id must be"),
        (post, "/messages", r#"{"id": "a", "color": "red"}"#, 422, "unknown field `color`"),
        (post, "/messages", r#"{"id": "a", "key": ""}"#, 422, "key must be"),
        (post, "/messages", r#"{"id": "a", "delay_ms": 999999999999999}"#, 422, "delay_ms must be at most"),
        (post, "/claims", r#"{"worker": "w", "max": 0}"#, 422, "max must be from 1 to 1000"),
        (post, "/claims", r#"{"worker": "w", "lease_ms": 0}"#, 422, "lease_ms must be at least 1"),
        (post, "/acks", r#"{"token": -1}"#, 422, "invalid value"),
        (post, "/acks", r#"{"token": 5}"#, 409, "the token holds nothing any more"),
        (post, "/nacks", r#"{"delay_ms": 5}"#, 422, "missing field `token`"),
        (get, "/messages/nobody", "", 404, "no such message"),
        (get, "/nowhere", "", 404, "nothing here"),
        (put, "/messages", "{}", 405, "not with this method"),
    ] {
        let (status, told) = running.send(method.clone(), path, body).await;
        assert_eq!(status.as_u16(), code, "{path} {body}: {told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert!(told["error"].as_str().unwrap().contains(why), "{path} {body}: {told}");
    }
    assert_eq!(running.client.stats().await.unwrap(), Stats::default(), "and nothing was done");
    running.stop().await;
}

#[tokio::test]
async fn a_server_goes_on_where_the_last_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    for id in ["a", "b"] {
        running.client.enqueue(&message(id)).await.unwrap();
    }
    let token = running.client.claim(&claim(1)).await.unwrap()[0].token;
    running.stop().await;

    let running = start(&folder).await;
    assert_eq!(running.client.stats().await.unwrap(), Stats { ready: 1, leased: 1, ..Stats::default() });
    running.client.ack(token).await.expect("a lease outlives its server");
    running.stop().await;
}

#[tokio::test]
async fn a_second_server_turns_the_first_one_out() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(&folder).await;
    first.client.enqueue(&message("a")).await.unwrap();
    let second = start(&folder).await;
    assert!(first.client.enqueue(&message("b")).await.unwrap_err().is_unknown());
    let ended = first.ended.await.unwrap().unwrap_err().to_string();
    assert!(ended.contains("opened by somebody else"), "{ended}");
    assert_eq!(second.client.stats().await.unwrap(), Stats { ready: 1, ..Stats::default() });
    second.stop().await;
}

#[tokio::test]
async fn metrics_tell_of_the_driver_and_of_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    running.client.enqueue(&message("a")).await.unwrap();
    let (_, page) = running.send(Method::GET, "/metrics", "").await;
    for line in ["purlin_queue_messages{state=\"ready\"} 1", "purlin_driver_records_total{name=\"queue\"} 1"] {
        assert!(page.lines().any(|told| told == line), "{page}");
    }
    running.stop().await;
}
