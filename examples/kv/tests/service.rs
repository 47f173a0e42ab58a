//! Three servers as processes: what clients see while leaders are killed, leases end, and space runs out.

mod support;

use core::time::Duration;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use purlin_kv::Condition;
use serde_json::{Value, json};
use support::{Cluster, PATIENCE, send_with};
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn what_was_acknowledged_is_read_everywhere_after_the_leader_was_killed() {
    let mut cluster = Cluster::of(3, &[]).await;
    let follower = cluster.follower().await;
    let mut client = cluster.client_of(follower);
    for number in 1..=20 {
        client.put(&format!("k/{number}"), &number.to_string()).await.expect("whoever is asked, the leader is reached");
    }
    let leader = cluster.leader().await;
    cluster.kill(leader);
    for id in cluster.servers.keys() {
        let item = cluster.client_of(*id).get("k/20").await.unwrap().unwrap();
        assert_eq!((&*item.value, item.version), ("20", 1), "read at server {id}");
    }
    cluster.client().put("k/21", "21").await.unwrap();
    cluster.start(leader, 3, &[]);
    let mut hashes = Vec::new();
    for id in cluster.servers.keys() {
        hashes.push(cluster.insist(*id, Method::GET, "/hash", "").await);
    }
    assert_eq!(hashes[0]["revision"], 21);
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "all replicas are equal: {hashes:?}");
    let places: Vec<&str> = cluster.servers.keys().map(|id| cluster.http(*id)).collect();
    let checked = support::kv(&["check", "--servers", &places.join(",")]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn of_those_who_race_for_a_key_one_gets_it() {
    let cluster = Cluster::of(3, &[]).await;
    let race = |number: u32| {
        let mut client = cluster.client_of(number % 3 + 1);
        async move {
            let swapped = client.swap("prize", &Condition::Absent, &number.to_string()).await;
            swapped.map_err(|error| error.status())
        }
    };
    let ends = join_all((0..9).map(race)).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    let lost = Err(Some(StatusCode::PRECONDITION_FAILED));
    assert_eq!(ends.iter().filter(|end| **end == lost).count(), 8, "{ends:?}");
}

/// Puts in a session, until somebody leads.
async fn put_in(server: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    loop {
        let answer = send_with(Method::PUT, server, "/kv/a", r#"{"value": "x"}"#, headers).await.unwrap();
        if answer.0 != StatusCode::SERVICE_UNAVAILABLE {
            return answer;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_put_that_is_sent_again_in_its_session_is_applied_once_even_by_the_next_leader() {
    let mut cluster = Cluster::of(3, &[]).await;
    let leader = cluster.leader().await;
    let opened = cluster.insist(leader, Method::POST, "/sessions", "").await;
    let session = opened["session"].to_string();
    let headers = [("session", session.as_str()), ("session-sequence", "1")];
    let (asked, other) = (cluster.http(leader).to_owned(), cluster.follower().await);
    let first = put_in(&asked, &headers).await;
    assert_eq!(first, (StatusCode::OK, json!({ "revision": 1, "previous": null })));
    assert_eq!(put_in(&asked, &headers).await, first, "it is answered as it was");

    cluster.kill(leader);
    cluster.leader().await;
    let asked = cluster.http(other);
    assert_eq!(put_in(asked, &headers).await, first, "the next leader knows it too");
    let next = [("session", session.as_str()), ("session-sequence", "2"), ("session-acknowledged", "2")];
    assert_eq!(put_in(asked, &next).await.1["revision"], 2);
    let late = put_in(asked, &headers).await;
    assert_eq!((late.0, late.1["outcome"].as_str()), (StatusCode::CONFLICT, Some("refused")), "{late:?}");
    let ended = put_in(asked, &[("session", "999999"), ("session-sequence", "1")]).await;
    assert_eq!((ended.0, ended.1["outcome"].as_str()), (StatusCode::GONE, Some("unknown")), "{ended:?}");
}

#[tokio::test]
async fn a_lease_ends_when_nobody_renews_it_and_takes_its_keys_with_it() {
    let mut cluster = Cluster::of(3, &[]).await;
    let mut client = cluster.client();
    let lease = client.grant(600).await.unwrap();
    let put = client.put_under("here", "anna", lease).await.unwrap();
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        let leader = cluster.leader().await;
        cluster.insist(leader, Method::POST, &format!("/leases/{lease}/renewals"), "").await;
    }
    assert!(client.get("here").await.unwrap().is_some(), "it is renewed for longer than it lasts");
    let leader = cluster.leader().await;
    cluster.kill(leader);
    let mut client = cluster.client();
    let gone = client.watch("here", put.revision + 1, PATIENCE).await.unwrap();
    assert_eq!((gone.changes.len(), &gone.changes[0].item), (1, &None), "the next leader ends it: {gone:?}");
    let error = client.put_under("here", "bela", lease).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND), "{error}");
}

#[tokio::test]
async fn a_watch_goes_on_at_another_server_and_misses_nothing() {
    let mut cluster = Cluster::of(3, &[]).await;
    let mut client = cluster.client();
    for number in 1..=5 {
        client.put(&format!("w/{number}"), "x").await.unwrap();
        client.put("other", "x").await.unwrap();
    }
    let leader = cluster.leader().await;
    let seen = cluster.client_of(leader).watch("w/", 1, PATIENCE).await.unwrap();
    assert_eq!((seen.changes.len(), seen.next), (5, 11));
    let follower = cluster.follower().await;
    let mut watcher = cluster.client_of(follower);
    let waiting = tokio::spawn(async move { watcher.watch("w/", seen.next, PATIENCE).await });
    cluster.kill(leader);
    cluster.client().put("w/6", "y").await.unwrap();
    let seen = waiting.await.unwrap().unwrap();
    assert_eq!(seen.changes.iter().map(|change| &*change.key).collect::<Vec<_>>(), ["w/6"]);

    let compacted = cluster.insist(follower, Method::POST, "/compactions/history", r#"{"through": 7}"#).await;
    assert_eq!(compacted["compacted"], 7);
    let error = cluster.client().watch("w/", 7, PATIENCE).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::GONE), "{error}");
    assert!(error.to_string().contains("changes up to revision 7 are forgotten"), "{error}");
    let seen = cluster.client().watch("w/", 8, PATIENCE).await.unwrap();
    assert_eq!(seen.changes.len(), 2);
    let none = cluster.client().watch("w/", 50, Duration::from_millis(50)).await.unwrap();
    assert_eq!((none.changes.len(), none.next), (0, 50), "what has not happened yet is waited for");
}

#[tokio::test]
async fn server_sent_events_resume_behind_the_last_one() {
    let cluster = Cluster::of(1, &[]).await;
    let mut client = cluster.client();
    for value in ["1", "2", "3"] {
        client.put("a", value).await.unwrap();
    }
    cluster.insist(1, Method::POST, "/compactions/history", r#"{"through": 1}"#).await;
    let events = async |headers: &[(&str, &str)]| {
        let headers = [&[("accept", "text/event-stream")], headers].concat();
        send_with(Method::GET, cluster.http(1), "/watch?revision=1", "", &headers).await.unwrap().1
    };
    // What is forgotten ends the stream, so that it can be read to its end.
    let told = events(&[]).await;
    assert!(told.as_str().unwrap().contains("event: compacted\ndata: {\"compacted\":1}"), "{told}");
    let stream = async {
        let url = format!("http://{}/watch", cluster.http(1));
        let request = http::Request::get(url).header("accept", "text/event-stream").header("last-event-id", "2");
        let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let body = http_body_util::Empty::<bytes::Bytes>::new();
        let mut response = http.request(request.body(body).unwrap()).await.unwrap();
        let frame = http_body_util::BodyExt::frame(response.body_mut()).await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    };
    let told = tokio::time::timeout(PATIENCE, stream).await.unwrap();
    assert!(told.contains("event: change") && told.contains("id: 3") && !told.contains("id: 2"), "{told}");
}

#[tokio::test]
async fn a_full_quota_raises_an_alarm_that_stays_until_there_is_space_and_it_is_disarmed() {
    let cluster = Cluster::of(1, &[]).await;
    let mut client = cluster.client();
    cluster.insist(1, Method::PUT, "/quota", r#"{"bytes": 1000}"#).await;
    client.put("small", "x").await.unwrap();
    let error = client.put("large", &"x".repeat(1_000)).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::INSUFFICIENT_STORAGE), "{error}");
    assert!(error.to_string().contains("of 1000 bytes, and every put is refused until"), "{error}");
    assert_eq!(client.put("tiny", "").await.unwrap_err().status(), Some(StatusCode::INSUFFICIENT_STORAGE));
    let (_, page) = cluster.send(1, Method::GET, "/metrics", "").await;
    assert!(page.as_str().unwrap().lines().any(|line| line == "purlin_kv_quota_alarm 1"), "{page}");
    client.delete("small").await.unwrap();
    let disarmed = cluster.send(1, Method::DELETE, "/alarm", "").await;
    assert_eq!(disarmed, (StatusCode::OK, json!({ "alarm": false })));
    client.put("tiny", "").await.unwrap();
    assert_eq!(cluster.status(1).await["alarm"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_end_hands_over_answers_everybody_and_exits_with_0() {
    let mut cluster = Cluster::of(3, &[]).await;
    cluster.client().put("a", "1").await.unwrap();
    let leader = cluster.leader().await;
    let mut watcher = cluster.client_of(leader).patience(Duration::ZERO);
    let waiting = tokio::spawn(async move { watcher.watch("", 50, PATIENCE).await });
    let mut writer = cluster.client();
    let writing = tokio::spawn(async move {
        for number in 0..40 {
            writer.put(&format!("k/{number}"), "x").await?;
        }
        Ok::<_, purlin_kv::ClientError>(())
    });
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    let status = tokio::task::block_in_place(|| cluster.terminate(leader));
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "nobody is waited for in vain: {:?}", began.elapsed());
    assert_eq!(waiting.await.unwrap().unwrap().changes, [], "whoever watches is answered");
    writing.await.unwrap().expect("every write is done, if need be at the next leader");
}
