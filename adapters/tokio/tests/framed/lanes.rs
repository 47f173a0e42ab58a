//! What is large travels apart.

use crate::mail::{bulky, letter, member};
use crate::rig::{ANYWHERE, BOTH, CLUSTER, LONG, Office, Stranger, Told, Why, frame, hello, patient, site};
use core::time::Duration;
use purlin_tokio::{Lane, Site, Transport, Wire};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn bulk_travels_on_a_connection_of_its_own_that_is_opened_when_there_is_some() {
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(1), &one.place())])).await;
    two.send(member(1), letter(1, "small"));
    assert_eq!(one.receive().await, (member(2), letter(1, "small")));
    sleep(Duration::from_millis(50)).await;
    let bulk_is_connected = |told: &Told| matches!(told, Told::Connected(_, Lane::Bulk, _));
    assert!(!one.told_already().iter().any(bulk_is_connected), "nobody has asked for it");
    for number in 2..6 {
        two.send(member(1), bulky(number));
    }
    for number in 2..6 {
        assert_eq!(one.receive().await, (member(2), bulky(number)));
    }
    assert!(one.told_already().iter().any(bulk_is_connected));
}

#[tokio::test]
async fn a_bulk_connection_ends_when_it_is_idle_and_comes_back_when_it_is_needed() {
    let wire = Wire { silence_max: Duration::from_millis(400), ..patient() };
    let mut one = Office::with(site(member(1), &[]), wire, BOTH).await.unwrap();
    let mut two = Office::with(site(member(2), &[(member(1), &one.place())]), wire, BOTH).await.unwrap();
    for number in 0..2 {
        two.send(member(1), bulky(number));
        assert_eq!(one.receive().await, (member(2), bulky(number)));
        two.connected(member(1), Lane::Bulk).await;
        assert_eq!(two.parted(member(1)).await, None, "the normal connection is kept");
    }
}

/// The dialler's connections, by what they are for, as somebody sees it who listens and answers by hand.
async fn accepted(listener: &TcpListener) -> (Lane, Stranger) {
    let (stream, _) = timeout(LONG, listener.accept()).await.expect("somebody dials").unwrap();
    let mut stranger = Stranger::over(stream);
    stranger.say(&hello(CLUSTER, BOTH, Lane::Normal, &member(1))).await;
    (stranger.hear_hello().await, stranger)
}

#[tokio::test]
async fn nothing_waits_behind_a_snapshot_that_does_not_move() {
    // Goal: a bulk connection whose other end takes nothing in holds up neither letters nor heartbeats.
    // Method: more than the system buffers is queued for it; then letters are sent and read at once.
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let wire = Wire { silence_max: Duration::from_millis(1_500), bulk_max: 4, ..patient() };
    let mut two = Office::with(site(member(2), &[(member(1), &place)]), wire, BOTH).await.unwrap();
    let (lane, mut normal) = accepted(&listener).await;
    assert_eq!(lane, Lane::Normal);
    for _ in 0..4 {
        two.send(member(1), letter(0, vec![0; 8 << 20]));
    }
    let (lane, mut deaf) = accepted(&listener).await;
    assert_eq!(lane, Lane::Bulk);
    let (mut heard, begun) = (0, Instant::now());
    while two.told_already().iter().all(|told| *told != Told::Parted(member(1), Lane::Bulk, Some(Why::Stuck))) {
        two.send(member(1), letter(heard, ""));
        let heard_frame = timeout(Duration::from_millis(500), normal.hear_frame()).await.expect("letters go on");
        assert_eq!(heard_frame[1..5], heard.to_le_bytes());
        // Nobody is silent meanwhile, not even who hears nothing.
        normal.say(&frame(&[0])).await;
        let _ = deaf.stream.write_all(&frame(&[0])).await;
        sleep(Duration::from_millis(20)).await;
        heard += 1;
        assert!(begun.elapsed() < LONG, "the link that does not move is given up");
    }
    assert!(heard > 10, "the link was given up after a while: {heard}");
    assert_eq!(accepted_again(&listener).await, None, "nothing is left to send");
}

async fn accepted_again(listener: &TcpListener) -> Option<Lane> {
    let again = timeout(Duration::from_millis(100), accepted(listener)).await.ok();
    again.map(|(lane, _)| lane)
}

#[tokio::test]
async fn a_full_bulk_queue_loses_the_newest_and_tells() {
    let wire = Wire { bulk_max: 2, ..patient() };
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::with(site(member(2), &[(member(1), &one.place())]), wire, BOTH).await.unwrap();
    for number in 0..5 {
        two.send(member(1), bulky(number));
    }
    let losses = two.told_already();
    assert_eq!(losses, vec![Told::Lost(member(1), Lane::Bulk); 3]);
    assert_eq!(one.receive().await.1, bulky(0));
    assert_eq!(one.receive().await.1, bulky(1));
    two.send(member(1), bulky(9));
    assert_eq!(one.receive().await.1, bulky(9));
}

#[tokio::test]
async fn a_guest_gets_bulk_on_the_connection_that_it_keeps() {
    let mut server = Office::open(site(member(1), &[])).await;
    let client = Site { listen: None, ..site(member(2), &[(member(1), &server.place())]) };
    let mut client = Office::open(client).await;
    client.send(member(1), letter(1, "hello"));
    assert_eq!(server.receive().await.0, member(2));
    server.send(member(2), bulky(2));
    assert_eq!(client.receive().await, (member(1), bulky(2)));
}

#[tokio::test]
async fn a_slow_driver_holds_few_bulky_letters() {
    // Goal: what waits for the driver is bounded by number for each lane, so that parts of snapshots cannot fill the memory.
    let wire = Wire { bulk_max: 2, ..patient() };
    let mut one = Office::with(site(member(1), &[]), wire, BOTH).await.unwrap();
    let mut two = Office::open(site(member(2), &[(member(1), &one.place())])).await;
    for number in 0..8 {
        two.send(member(1), bulky(number));
    }
    two.connected(member(1), Lane::Bulk).await;
    sleep(Duration::from_millis(100)).await;
    let mut at_once = 0;
    while one.transport.try_receive().is_some() {
        at_once += 1;
    }
    assert_eq!(at_once, 2);
}
