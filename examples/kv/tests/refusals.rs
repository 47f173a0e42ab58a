//! Bad input: each is one clear error, and nothing is done or lost.

mod support;

use http::{Method, StatusCode};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Output;
use support::{Cluster, is_bad_input, is_one_line, kv, only_file_in, send_with};

#[tokio::test]
async fn bad_requests_say_what_is_wrong_and_do_nothing() {
    let cluster = Cluster::of(1, &[]).await;
    let long_key = format!("/kv/{}", "k".repeat(1_025));
    let long_value = format!("{{\"value\": \"{}\"}}", "v".repeat((1 << 20) + 1));
    let longer = format!("{{\"value\": \"{}\"}}", "v".repeat((4 << 20) + 1));
    let (get, put, post, delete) = (&Method::GET, &Method::PUT, &Method::POST, &Method::DELETE);
    for (method, path, body, code, why) in [
        (put, "/kv/a", "{", 400, "EOF"),
        (put, "/kv/a", "{}", 422, "missing field `value`"),
        (put, "/kv/a", r#"{"value": 7}"#, 422, "expected"),
        (put, "/kv/a", r#"{"value": "x", "color": "red"}"#, 422, "unknown field `color`"),
        (put, "/kv/a", r#"{"value": "x", "if": "maybe"}"#, 422, "unknown variant `maybe`"),
        (put, "/kv/a", r#"{"value": "x", "lease": 77}"#, 404, "there is no lease 77"),
        (put, "/kv/a", r#"{"value": "x", "if": "present"}"#, 412, "the condition does not hold"),
        (put, "/kv/a", &long_value, 422, "value must be at most"),
        (put, "/kv/a", &longer, 413, "longer than"),
        (put, &long_key, r#"{"value": "x"}"#, 422, "the key must be from 1 to 1024 bytes long"),
        (get, "/kv/a", "", 404, "the key has no value"),
        (get, "/kv/a?consistency=perhaps", "", 400, "unknown variant `perhaps`"),
        (get, "/kv?limit=0", "", 422, "limit must be from 1 to 10000"),
        (get, "/kv?prefix=a&from=b", "", 422, "prefix must be without from and to"),
        (get, "/watch?wait_ms=999999999", "", 422, "wait_ms must be at most"),
        (get, "/hash?revision=5", "", 425, "the last is 0"),
        (post, "/leases", r#"{"ttl_ms": 0}"#, 422, "ttl_ms must be from 1"),
        (post, "/leases/7/renewals", "", 404, "there is no lease 7"),
        (delete, "/leases/seven", "", 400, "seven"),
        (post, "/compactions/history", r#"{"through": 9}"#, 422, "there is no such revision yet: the last is 0"),
        (post, "/compactions/log", r#"{"through": 999}"#, 422, "cannot be dropped"),
        (put, "/quota", r#"{"bytes": -1}"#, 422, "invalid value"),
        (get, "/nowhere", "", 404, "there is nothing here"),
        (post, "/kv/a", "{}", 405, "not with this method"),
    ] {
        let (status, told) = cluster.send(1, method.clone(), path, body).await;
        let shown: String = path.chars().take(40).collect();
        assert_eq!(status.as_u16(), code, "{method} {shown}: {told}");
        assert!(told["error"].as_str().is_some_and(|told| told.contains(why)), "{method} {shown}: {told}");
        assert_eq!(told["outcome"], "refused", "{method} {shown}");
    }
    for (headers, why) in [
        ([("session", "x"), ("session-sequence", "1")], "session must be a number"),
        ([("session", "1"), ("session-sequence", "0")], "session-sequence must be at least 1"),
        ([("session", "1"), ("accept", "*/*")], "session must be given together"),
    ] {
        let put = send_with(Method::PUT, cluster.http(1), "/kv/a", r#"{"value": "x"}"#, &headers).await.unwrap();
        assert_eq!(put.0, StatusCode::UNPROCESSABLE_ENTITY, "{put:?}");
        assert!(put.1["error"].as_str().unwrap().contains(why), "{put:?}");
    }
    assert_eq!(cluster.status(1).await["revision"], 0, "and nothing was done");
}

#[tokio::test]
async fn who_shows_no_token_that_is_known_is_not_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, "# of the shop\nthe-token-of-the-shop\n").unwrap();
    let tokens = tokens.to_str().unwrap();
    let mut cluster = Cluster::set_up("test", 4, &["--tokens", tokens]);
    (1..=3).for_each(|id| cluster.start(id, 3, &[]));
    let body = r#"{"value": "x"}"#;
    for shown in [None, Some("Bearer the-token-of-the-shot"), Some("the-token-of-the-shop")] {
        let headers: Vec<_> = shown.map(|shown| ("authorization", shown)).into_iter().collect();
        for (method, path) in [(Method::PUT, "/kv/a"), (Method::GET, "/status"), (Method::GET, "/metrics")] {
            let refused = send_with(method, cluster.http(1), path, body, &headers).await.unwrap();
            assert_eq!(refused.0, StatusCode::UNAUTHORIZED, "{shown:?} {path} {refused:?}");
        }
    }
    let health = send_with(Method::GET, cluster.http(1), "/health", "", &[]).await.unwrap();
    assert!(health.1["healthy"].is_boolean(), "health is for everybody: {health:?}");
    for id in 1..=3 {
        let mut client = cluster.client_of(id).token(Some("the-token-of-the-shop".into()));
        client.put("a", "x").await.expect("the leader is shown the token too");
    }
    let servers = ["--servers", cluster.http(2)];
    is_bad_input(&kv(&[&["get", "a"], &servers[..]].concat()), &["401", "show a token"]);
    let got = kv(&[&["get", "a", "--token-file", tokens], &servers[..]].concat());
    assert_eq!((got.status.code(), &*got.stdout), (Some(0), b"x\n".as_slice()));
    let none = kv(&[&["get", "b", "--token-file", tokens], &servers[..]].concat());
    assert_eq!(none.status.code(), Some(1));
}

#[tokio::test]
async fn a_peer_of_another_cluster_is_refused_and_changes_nothing() {
    let mut cluster = Cluster::of(3, &[]).await;
    cluster.client().put("a", "1").await.unwrap();
    let gone = cluster.follower().await;
    cluster.kill(gone);
    let mut stranger = Cluster::set_up("other", 3, &[]);
    stranger.places = cluster.places.clone();
    stranger.start(gone, 3, &[]);
    // It stands for election again and again, and nobody hears it.
    cluster.client().put("a", "2").await.unwrap();
    let reaches = async |id: u32, text: &str| loop {
        let (_, page) = cluster.send(id, Method::GET, "/metrics", "").await;
        let count = page.as_str().unwrap().lines().find_map(|line| line.strip_prefix(text)?.trim().parse::<u64>().ok());
        if count.is_some_and(|count| count > 0) {
            return;
        }
        tokio::time::sleep(core::time::Duration::from_millis(30)).await;
    };
    let refusals = "purlin_wire_failures_total{name=\"kv\",reason=\"cluster\"}";
    let counted = tokio::time::timeout(support::PATIENCE, reaches(cluster.leader().await, refusals)).await;
    counted.expect("the refusal is counted");
    let (term, revision) =
        (cluster.status(gone).await["leader"].clone(), cluster.status(gone).await["revision"].clone());
    assert_eq!((term, revision), (serde_json::Value::Null, 0.into()), "it has learned nothing");
}

/// Starts a server that is not to start.
fn refused(cluster: &Cluster, id: u32, more: &[&str]) -> Output {
    let mut server = cluster.command(id, 3, more).spawn().unwrap();
    let mut said = String::new();
    server.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "it serves");
    server.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_directory_that_is_not_as_it_was_left_is_one_clear_line() {
    let mut cluster = Cluster::of(3, &[]).await;
    cluster.client().put("a", "1").await.unwrap();
    (1..=3).for_each(|id| cluster.kill(id));

    let moved = cluster.folder.path().join("moved");
    fs::rename(cluster.dir(1), &moved).unwrap();
    fs::rename(cluster.dir(2), cluster.dir(1)).unwrap();
    let output = refused(&cluster, 1, &[]);
    is_bad_input(&output, &["is the directory of member 2 of the cluster `test`, not of member 1"]);
    is_one_line(&output);
    fs::rename(cluster.dir(1), cluster.dir(2)).unwrap();
    fs::rename(&moved, cluster.dir(1)).unwrap();

    let segment = only_file_in(&cluster.dir(3).join("log"));
    fs::remove_file(&segment).unwrap();
    let output = refused(&cluster, 3, &[]);
    is_bad_input(&output, &["server-3"]);
    is_one_line(&output);

    let output = refused(&cluster, 2, &["--join", "--tokens", "nowhere"]);
    is_bad_input(&output, &["`nowhere` cannot be read"]);
    cluster.start(1, 3, &[]);
    cluster.start(2, 3, &[]);
    assert_eq!(&*cluster.client().get("a").await.unwrap().unwrap().value, "1", "nothing is lost");
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("server");
    let dir = dir.to_str().unwrap();
    let serve = |more: &[&str]| kv(&[&["serve", "--dir", dir], more].concat());
    is_bad_input(&serve(&["--id", "0", "--peers", "1=a:1/a:2"]), &["`0` is no member"]);
    is_bad_input(&serve(&["--id", "2", "--peers", "1=a:1/a:2"]), &["--peers does not say where 2 stands"]);
    is_bad_input(&serve(&["--id", "1", "--peers", "1=a"]), &["`1=a` is no member"]);
    let mine = format!("1=127.0.0.1:1/{address}");
    let output = serve(&["--id", "1", "--peers", &mine]);
    is_bad_input(&output, &[&address, "cannot be listened at", "--listen-http"]);
    is_one_line(&output);
    let heartbeat = ["--id", "1", "--peers", &mine, "--heartbeat-ms", "0"];
    is_bad_input(&serve(&heartbeat), &["heartbeat_ms is 0: give at least 1"]);
    let tls = ["--id", "1", "--peers", &mine, "--tls-authorities", "ca.pem"];
    is_bad_input(&serve(&tls), &["--tls-certificate"]);
    let files = ["--tls-certificate", "none.pem", "--tls-key", "none.key", "--listen-http", "127.0.0.1:0"];
    is_bad_input(&serve(&[&tls[..], &files].concat()), &["the authorities `ca.pem`"]);
    assert!(!folder.path().join("server").exists(), "the directory comes last");

    let letter = folder.path().join("letter.txt");
    fs::write(&letter, "Dear Sir").unwrap();
    let restore = |file: &str| kv(&["restore", "--dir", dir, "--id", "1", "--peers", &mine, "--backup", file]);
    is_bad_input(&restore(letter.to_str().unwrap()), &["letter.txt: it is no backup of this program"]);
    is_bad_input(&restore("nowhere"), &["the backup nowhere cannot be read"]);
    is_bad_input(&kv(&["cas", "a", "b"]), &["what is expected?"]);
    is_bad_input(&kv(&["get", "a", "--servers", "127.0.0.1:1", "--patience-ms", "0"]), &["no server can be reached"]);
    let missing = kv(&["recover", "--id", "1", "--force-new-cluster", "--dir", "nowhere"]);
    is_bad_input(&missing, &["there is no replica in nowhere"]);
}
