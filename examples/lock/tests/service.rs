//! Goal: nodes on real sockets and files keep what the machine promises. Method: HTTP over loopback, nodes in this process.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use purlin_lock::serve::{Client, Meets, Server, ServerError, ServerOptions, Told};
use purlin_lock::{Config, Node, Settings, Token};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Long enough for an overloaded machine.
const LONG: Duration = Duration::from_secs(30);

fn config(lease_ms: u64) -> Config {
    let margin_ms = lease_ms / 10;
    Settings { lease_ms, margin_ms, retry_ms: 50, ..Settings::default() }.validate().unwrap()
}

struct Running {
    address: SocketAddr,
    place: String,
    client: Client,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServerError>>,
}

async fn start(folder: &Path, node: u8, meets: Meets, lock: Config) -> Running {
    let db = folder.join(format!("node-{node}.db"));
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(ServerOptions { node: Node(node), db, listen, meets, lock }).await.unwrap();
    let (address, place) = (server.address(), server.place().unwrap_or_default().to_owned());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { address, place, client: Client::new(address), stop, ended }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(LONG, self.ended).await.expect("a node that is told to stop stops").unwrap().unwrap();
    }

    async fn send(&self, method: Method, path: &str) -> (StatusCode, Incoming) {
        let http: Http<_, Empty<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let response = http.request(request.body(Empty::new()).unwrap()).await.unwrap();
        (response.status(), response.into_body())
    }

    async fn page(&self, method: Method, path: &str) -> (StatusCode, String) {
        let (status, body) = self.send(method, path).await;
        (status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }
}

struct Group {
    folder: TempDir,
    keeper: Running,
    one: Running,
    two: Running,
}

async fn group(lease_ms: u64) -> Group {
    let folder = tempfile::tempdir().unwrap();
    let keeper = start(folder.path(), 0, Meets::At("127.0.0.1:0".to_owned()), config(lease_ms)).await;
    let dials = || Meets::TheKeeperAt(keeper.place.clone());
    let one = start(folder.path(), 1, dials(), config(lease_ms)).await;
    let two = start(folder.path(), 2, dials(), config(lease_ms)).await;
    Group { folder, keeper, one, two }
}

/// Asks until the node has the lock.
async fn acquired(client: &Client) -> Token {
    let began = Instant::now();
    while began.elapsed() < LONG {
        if let Some(token) = client.acquire().await.unwrap().token() {
            return token;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the lock was not to be had in {LONG:?}");
}

#[tokio::test]
async fn one_node_holds_the_lock_and_gives_it_to_the_other() {
    let Group { keeper, one, two, folder: _folder } = group(60_000).await;
    assert_eq!(acquired(&one.client).await, Token(1));
    assert_eq!(two.client.acquire().await.unwrap(), Told::Free { held: false });
    assert!(matches!(one.client.status().await.unwrap(), Told::Held { token: Token(1), for_ms } if for_ms <= 54_000));
    assert_eq!(one.client.release().await.unwrap(), Told::Free { held: false });
    assert_eq!(acquired(&two.client).await, Token(2));
    assert_eq!(one.client.status().await.unwrap(), Told::Free { held: false });
    for node in [one, two, keeper] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends() {
    let group = group(400).await;
    assert_eq!(acquired(&group.one.client).await, Token(1));
    assert_eq!(acquired(&group.two.client).await, Token(2));
    assert_eq!(group.one.client.status().await.unwrap(), Told::Free { held: false });
}

#[tokio::test]
async fn a_keeper_that_starts_again_keeps_its_word() {
    let Group { folder, keeper, one, two } = group(60_000).await;
    assert_eq!(acquired(&one.client).await, Token(1));
    let place = keeper.place.clone();
    keeper.stop().await;
    let keeper = start(folder.path(), 0, Meets::At(place), config(60_000)).await;
    assert_eq!(two.client.acquire().await.unwrap(), Told::Free { held: false });
    one.client.release().await.unwrap();
    assert_eq!(acquired(&two.client).await, Token(2));
    keeper.stop().await;
}

#[tokio::test]
async fn events_are_told_as_they_come() {
    let Group { keeper: _keeper, one, two: _two, folder: _folder } = group(60_000).await;
    let (status, mut events) = one.send(Method::GET, "/events").await;
    assert_eq!(status, StatusCode::OK);
    acquired(&one.client).await;
    one.client.release().await.unwrap();
    let mut told = String::new();
    while !told.contains("event: lost\ndata: {\"token\":1}") {
        let frame = timeout(LONG, events.frame()).await.unwrap().unwrap().unwrap();
        told.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    assert!(told.starts_with("event: acquired\ndata: {"), "{told}");
    one.stop().await;
    assert!(timeout(LONG, events.frame()).await.unwrap().is_none_or(|frame| frame.is_err()), "the listener is let go");
}

#[tokio::test]
async fn whatever_is_not_there_is_refused_in_words() {
    let Group { keeper, .. } = group(60_000).await;
    assert_eq!(keeper.page(Method::GET, "/nothing").await.0, StatusCode::NOT_FOUND);
    let (status, why) = keeper.page(Method::GET, "/acquire").await;
    assert_eq!((status, why.as_str()), (StatusCode::METHOD_NOT_ALLOWED, r#"{"error":"not with this method"}"#));
    let (status, page) = keeper.page(Method::GET, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("lock"), "{page}");
}
