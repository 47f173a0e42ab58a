//! Members that come and go, and clusters that begin from a backup or go on with what is left.

mod support;

use core::time::Duration;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Cluster, PATIENCE, is_bad_input, is_one_line, kv};
use tokio::time::{Instant, sleep};

async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(30)).await;
    }
}

fn names(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_member_joins_is_promoted_leads_and_is_sent_off() {
    let mut cluster = Cluster::of(3, &["--snapshot-every", "10", "--trailing-entries", "2"]).await;
    let mut client = cluster.client();
    for number in 1..=30 {
        client.put("a", &number.to_string()).await.unwrap();
    }
    let follower = cluster.follower().await;
    let (peer, http) = &cluster.places[&4];
    let addition = json!({ "member": "4", "peer": peer, "http": http }).to_string();
    let added = cluster.insist(follower, Method::POST, "/members", &addition).await;
    assert_eq!(names(&added["membership"]["learners"]), ["4"]);
    cluster.start(4, 3, &["--join"]);
    wait_for("the fourth has everything, by a snapshot", async || cluster.status(4).await["revision"] == 30).await;
    assert!(cluster.status(4).await["snapshot"].as_u64().unwrap() >= 10);

    let promoted = cluster.insist(follower, Method::POST, "/members/4/promotion", "").await;
    assert_eq!(names(&promoted["membership"]["voters"]), ["1", "2", "3", "4"]);
    let leader = cluster.leader().await;
    cluster.insist(leader, Method::POST, "/leadership", r#"{"to": "4"}"#).await;
    wait_for("the fourth leads", async || cluster.status(4).await["role"] == "leader").await;
    assert_eq!(&*cluster.client_of(4).get("a").await.unwrap().unwrap().value, "30");

    // A leader that is sent off leads until that is committed, and no longer.
    cluster.insist(4, Method::DELETE, "/members/4", "").await;
    wait_for("another one leads", async || {
        let mut leads = false;
        for id in 1..=3 {
            leads |= cluster.status(id).await["role"] == "leader";
        }
        leads
    })
    .await;
    cluster.kill(4);
    cluster.client().put("a", "31").await.unwrap();
    let leader = cluster.leader().await;
    let members = cluster.insist(leader, Method::GET, "/members", "").await;
    assert_eq!(names(&members["membership"]["voters"]), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_joint_membership_stands_until_it_is_left() {
    let cluster = Cluster::of(3, &[]).await;
    let leader = cluster.leader().await;
    let others: Vec<u32> = (1..=3).filter(|id| *id != leader).collect();
    let (gone, learns) = (others[0].to_string(), others[1].to_string());
    let changes = json!({ "transition": "explicit", "changes": [{ "remove": gone }, { "add_learner": learns }] });
    let joint = cluster.insist(leader, Method::POST, "/membership", &changes.to_string()).await;
    assert_eq!(names(&joint["membership"]["voters"]), [leader.to_string()]);
    assert_eq!(names(&joint["membership"]["outgoing"]), ["1", "2", "3"]);
    assert_eq!(names(&joint["membership"]["learners_next"]), [&learns]);
    let refused = cluster.send(leader, Method::POST, "/membership", &changes.to_string()).await;
    assert_eq!(refused.0, StatusCode::CONFLICT, "{refused:?}");
    cluster.client().put("a", "meanwhile").await.unwrap();
    let left = cluster.insist(leader, Method::POST, "/membership", r#"{"changes": []}"#).await;
    assert_eq!(
        (names(&left["membership"]["outgoing"]).len(), names(&left["membership"]["learners"])),
        (0, vec![&*learns])
    );
}

#[tokio::test]
async fn who_is_no_member_is_neither_promoted_nor_sent_off_nor_made_the_leader() {
    let cluster = Cluster::of(1, &[]).await;
    for (method, path, body, code, why) in [
        (Method::POST, "/members/9/promotion", "", 404, "9 is no member: add it first"),
        (Method::DELETE, "/members/9", "", 404, "9 is no member"),
        (Method::PUT, "/members/9/place", r#"{"peer": "a:1", "http": "a:2"}"#, 404, "9 is no member"),
        (Method::POST, "/leadership", r#"{"to": "9"}"#, 422, "9 has no vote"),
        (Method::DELETE, "/members/1", "", 409, "no voter would be left"),
        (Method::DELETE, "/members/nobody", "", 422, "`nobody` is no member: write its id"),
        (Method::POST, "/members", r#"{"member": "9", "peer": "here", "http": "a:1"}"#, 422, "`here` is no place"),
        (Method::POST, "/membership", r#"{"changes": []}"#, 409, "nothing to leave"),
    ] {
        let (status, told) = cluster.send(1, method, path, body).await;
        assert_eq!(status.as_u16(), code, "{path}: {told}");
        assert!(told["error"].as_str().unwrap().contains(why), "{path}: {told}");
        assert_eq!(told["outcome"], "refused");
    }
}

#[tokio::test]
async fn another_cluster_begins_with_what_a_backup_holds() {
    let mut cluster = Cluster::of(1, &[]).await;
    let mut client = cluster.client();
    let lease = client.grant(3_600_000).await.unwrap();
    client.put_under("a", "1", lease).await.unwrap();
    client.put("b", "2").await.unwrap();
    let file = cluster.folder.path().join("backup.kv");
    let file = file.to_str().unwrap();
    let written = kv(&["backup", file, "--servers", cluster.http(1)]);
    assert!(written.status.success(), "{written:?}");
    is_bad_input(&kv(&["backup", file, "--servers", cluster.http(1)]), &["backup.kv is there already"]);
    client.put("c", "later").await.unwrap();
    let before = cluster.insist(1, Method::GET, "/hash?revision=2", "").await;
    cluster.kill(1);

    let mut second = Cluster::set_up("second", 3, &[]);
    for id in ["1", "2", "3"] {
        let dir = second.dir(id.parse().unwrap());
        let dir = dir.to_str().unwrap();
        let peers = second.peers(1..=3);
        let arguments =
            ["restore", "--backup", file, "--dir", dir, "--id", id, "--peers", &peers, "--cluster", "second"];
        let restored = kv(&arguments);
        assert!(restored.status.success(), "{restored:?}");
        let again = kv(&arguments);
        is_bad_input(&again, &["holds a replica already"]);
        is_one_line(&again);
    }
    for id in 1..=3 {
        second.start(id, 3, &[]);
    }
    let mut client = second.client();
    assert_eq!(&*client.get("a").await.unwrap().unwrap().value, "1");
    assert_eq!(client.get("c").await.unwrap(), None, "it came later");
    for id in 1..=3 {
        assert_eq!(second.insist(id, Method::GET, "/hash", "").await, before, "server {id}");
    }
    for id in 1..=3 {
        let members = second.insist(id, Method::GET, "/members", "").await;
        assert_eq!(members["places"]["1"]["http"], second.http(1), "the old cluster is left alone");
    }
    assert_eq!(client.put("d", "4").await.unwrap().revision, 3, "revisions go on");
    assert_eq!(client.get("d").await.unwrap().unwrap().created, 3);
}

#[tokio::test]
async fn one_that_is_left_goes_on_alone_when_it_is_forced_to() {
    let mut cluster = Cluster::of(3, &["--patience-ms", "600"]).await;
    cluster.client().put("a", "1").await.unwrap();
    let leader = cluster.leader().await;
    let left = *cluster.servers.keys().find(|id| **id != leader).unwrap();
    wait_for("it has the entry", async || cluster.status(left).await["revision"] == 1).await;
    for id in 1..=3 {
        cluster.kill(id);
    }
    let (dir, id) = (cluster.dir(left), left.to_string());
    let recover = ["recover", "--cluster", "test", "--id", &id, "--dir", dir.to_str().unwrap()];
    is_bad_input(&kv(&recover), &["--force-new-cluster"]);

    cluster.start(left, 3, &[]);
    let (status, told) = cluster.send(left, Method::PUT, "/kv/a", r#"{"value": "2"}"#).await;
    assert!(status.is_server_error() || status == StatusCode::MISDIRECTED_REQUEST, "{status} {told}");
    let stale = cluster.send(left, Method::GET, "/kv/a?consistency=stale", "").await;
    // How far the log is committed it may have forgotten: then it has applied less than before, and says so at once.
    assert!(stale.0 == StatusCode::OK || stale.0 == StatusCode::NOT_FOUND, "{stale:?}");
    let (status, told) = cluster.send(left, Method::GET, "/kv/a", "").await;
    assert!(status.is_server_error() && told["outcome"] == "refused", "no quorum, no answer: {status} {told}");
    let in_use = kv(&[&recover[..], &["--force-new-cluster"]].concat());
    is_bad_input(&in_use, &["is in use by another process"]);
    cluster.kill(left);

    let recovered = kv(&[&recover[..], &["--force-new-cluster"]].concat());
    assert!(recovered.status.success(), "{recovered:?}");
    cluster.start(left, 3, &[]);
    let mut client = cluster.client_of(left);
    assert_eq!(&*client.get("a").await.unwrap().unwrap().value, "1");
    client.put("a", "2").await.unwrap();
    let members = cluster.insist(left, Method::GET, "/members", "").await;
    assert_eq!(names(&members["membership"]["voters"]), [&id]);
}
