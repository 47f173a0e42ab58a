//! Clusters of processes, that a test starts, kills and asks.

#![allow(dead_code, reason = "no test uses all of it")]

use bytes::Bytes;
use core::time::Duration;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use purlin_kv::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long anything may take to come about: this machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    pub(crate) folder: TempDir,
    pub(crate) places: BTreeMap<u32, (String, String)>,
    pub(crate) servers: BTreeMap<u32, Child>,
    more: Vec<String>,
}

impl Cluster {
    /// Founded by so many, with places for one more.
    pub(crate) async fn of(founders: u32, more: &[&str]) -> Self {
        let mut cluster = Self::set_up("test", founders + 1, more);
        for id in 1..=founders {
            cluster.start(id, founders, &[]);
        }
        cluster.leader().await;
        cluster
    }

    pub(crate) fn set_up(name: &'static str, places: u32, more: &[&str]) -> Self {
        let mut free = free_places(2 * places as usize).into_iter();
        let places = (1..=places).map(|id| (id, (free.next().unwrap(), free.next().unwrap()))).collect();
        let more = more.iter().map(|&word| word.to_owned()).collect();
        Self { name, folder: tempfile::tempdir().unwrap(), places, servers: BTreeMap::new(), more }
    }

    pub(crate) fn dir(&self, id: u32) -> PathBuf {
        self.folder.path().join(format!("server-{id}"))
    }

    pub(crate) fn peers(&self, ids: impl IntoIterator<Item = u32>) -> String {
        let peer = |id| format!("{id}={}/{}", self.places[&id].0, self.places[&id].1);
        ids.into_iter().map(peer).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn http(&self, id: u32) -> &str {
        &self.places[&id].1
    }

    pub(crate) fn command(&self, id: u32, founders: u32, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv"));
        let ids = (1..=founders).chain((id > founders).then_some(id));
        command.args(["--attached", "serve", "--cluster", self.name, "--id", &id.to_string()]);
        command.args(["--peers", &self.peers(ids), "--dir"]).arg(self.dir(id));
        command.args(["--election-timeout-ms", "400", "--heartbeat-ms", "40"]);
        command.args(&self.more).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn start(&mut self, id: u32, founders: u32, more: &[&str]) {
        let mut server = self.command(id, founders, more).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on http://"), "`{line}` {}", ended(server));
        self.servers.insert(id, server);
    }

    pub(crate) fn kill(&mut self, id: u32) {
        let mut server = self.servers.remove(&id).unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Asks a server to end, by SIGTERM.
    pub(crate) fn terminate(&mut self, id: u32) -> ExitStatus {
        let mut server = self.servers.remove(&id).unwrap();
        let sent = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
        assert!(sent.success());
        server.wait().unwrap()
    }

    /// A client of all servers that run.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.servers.keys().map(|id| self.http(*id))).patience(PATIENCE)
    }

    /// A client of one server.
    pub(crate) fn client_of(&self, id: u32) -> Client {
        Client::new([self.http(id)]).patience(PATIENCE)
    }

    pub(crate) async fn status(&self, id: u32) -> Value {
        send(Method::GET, self.http(id), "/status", "").await.map(|(_, body)| body).unwrap_or_default()
    }

    /// Who leads, as whoever leads says.
    pub(crate) async fn leader(&self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for id in self.servers.keys() {
                if self.status(*id).await["role"] == "leader" {
                    return *id;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody leads");
    }

    pub(crate) async fn follower(&self) -> u32 {
        let leader = self.leader().await;
        *self.servers.keys().find(|id| **id != leader).unwrap()
    }

    /// Any request at all to one server, and what it is answered.
    pub(crate) async fn send(&self, id: u32, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        send(method, self.http(id), path, body).await.unwrap()
    }

    /// Sends until it is answered with success.
    pub(crate) async fn insist(&self, id: u32, method: Method, path: &str, body: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.send(id, method.clone(), path, body).await {
                (status, body) if status.is_success() => return body,
                (status, body) => assert!(Instant::now() < deadline, "{method} {path}: {status} {body}"),
            }
            sleep(Duration::from_millis(30)).await;
        }
    }
}

fn ended(mut server: Child) -> String {
    let _ = server.kill();
    let output = server.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) async fn send(
    method: Method,
    server: &str,
    path: &str,
    body: &str,
) -> Result<(StatusCode, Value), hyper_util::client::legacy::Error> {
    send_with(method, server, path, body, &[]).await
}

pub(crate) async fn send_with(
    method: Method,
    server: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Result<(StatusCode, Value), hyper_util::client::legacy::Error> {
    let http: Http<_, Full<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(format!("http://{server}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let response = http.request(request.body(Full::new(body.to_owned().into())).unwrap()).await?;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::String(text))))
}

pub(crate) fn kv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kv")).args(arguments).output().unwrap()
}

pub(crate) fn free_places(count: usize) -> Vec<String> {
    let taken: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    taken.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
}

/// Exit code 2, and one line that names what is wrong.
pub(crate) fn is_bad_input(output: &Output, named: &[&str]) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    for name in named {
        assert!(complaint.contains(name), "`{name}` is not named: {complaint}");
    }
}

pub(crate) fn is_one_line(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end().lines().count(), 1);
}

pub(crate) fn only_file_in(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().next().unwrap()
}
