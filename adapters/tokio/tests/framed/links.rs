//! Messages between nodes that get on with each other, and links that break.

use crate::support::puppet::{Errand, Puppet, Script};
use core::time::Duration;
use purlin_tokio::{FramedTransport, Network, Site, Tcp, Transport, Wire};
use std::collections::BTreeMap;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const ANYWHERE: &str = "127.0.0.1:0";

/// Dials again at once, and waits for as long as a busy machine may need.
fn patient() -> Wire {
    let millis = Duration::from_millis;
    let (backoff_min, backoff_max) = (millis(5), millis(20));
    Wire { heartbeat: millis(100), silence_max: millis(30_000), backoff_min, backoff_max, ..Wire::default() }
}

/// Gives silent peers up soon.
fn impatient() -> Wire {
    Wire { silence_max: Duration::from_millis(800), ..patient() }
}

fn site(address: u8, peers: &[(u8, &str)]) -> Site<Puppet> {
    let peers: BTreeMap<u8, String> = peers.iter().map(|(peer, place)| (*peer, (*place).to_owned())).collect();
    Site { cluster: "beams".into(), address, listen: Some(ANYWHERE.into()), peers }
}

async fn open(site: Site<Puppet>) -> FramedTransport<Puppet> {
    FramedTransport::open(Tcp, site, patient()).await.unwrap()
}

async fn open_impatiently(site: Site<Puppet>) -> FramedTransport<Puppet> {
    FramedTransport::open(Tcp, site, impatient()).await.unwrap()
}

fn note(word: u32) -> Script {
    Script(vec![Errand::Notify(word)])
}

async fn receive(transport: &mut FramedTransport<Puppet>) -> Option<(u8, Script)> {
    timeout(Duration::from_secs(10), transport.receive()).await.ok()
}

/// A transport may lose what it is given while a link is down, so whoever needs an answer sends again.
async fn send_until_heard(
    from: &mut FramedTransport<Puppet>,
    to: &mut FramedTransport<Puppet>,
    address: u8,
) -> (u8, Script) {
    for _ in 0..1_000 {
        from.send(address, note(1));
        if let Ok(heard) = timeout(Duration::from_millis(10), to.receive()).await {
            return heard;
        }
    }
    panic!("nothing was heard");
}

#[tokio::test]
async fn messages_arrive_in_their_order_and_name_their_sender() {
    let mut one = open(site(1, &[])).await;
    let mut two = open(site(2, &[(1, one.place().unwrap())])).await;
    (0..1_000).for_each(|word| two.send(1, note(word)));
    for word in 0..1_000 {
        assert_eq!(receive(&mut one).await, Some((2, note(word))));
    }
}

#[tokio::test]
async fn a_node_that_nobody_dials_is_answered_on_the_connection_that_it_keeps() {
    let mut server = open(site(1, &[])).await;
    let client = Site { listen: None, ..site(2, &[(1, server.place().unwrap())]) };
    let mut client = open(client).await;
    client.send(1, note(1));
    assert_eq!(receive(&mut server).await, Some((2, note(1))));
    server.send(2, note(2));
    assert_eq!(receive(&mut client).await, Some((1, note(2))));
}

#[tokio::test]
async fn a_link_comes_back_when_its_peer_does() {
    let mut one = open(site(1, &[])).await;
    let place = one.place().unwrap().to_owned();
    let mut two = open(site(2, &[(1, &place)])).await;
    send_until_heard(&mut two, &mut one, 1).await;
    drop(one);
    // The old listener goes with its task, a moment after the transport.
    let again = Site { listen: Some(place), ..site(1, &[]) };
    let mut one = loop {
        match FramedTransport::open(Tcp, again.clone(), patient()).await {
            Ok(transport) => break transport,
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(send_until_heard(&mut two, &mut one, 1).await, (2, note(1)));
}

#[tokio::test]
async fn what_was_queued_is_sent_before_a_dropped_transport_ends() {
    let mut one = open(site(1, &[])).await;
    let mut two = open(site(2, &[(1, one.place().unwrap())])).await;
    send_until_heard(&mut two, &mut one, 1).await;
    while one.try_receive().is_some() {}
    two.send(1, note(9));
    drop(two);
    loop {
        if receive(&mut one).await == Some((2, note(9))) {
            return;
        }
    }
}

/// Says something to a listener and tells all that it says before it closes.
async fn told_before_it_closes(place: &str, says: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(place).await.unwrap();
    stream.write_all(says).await.unwrap();
    let mut told = Vec::new();
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut told)).await.expect("it closes");
    told
}

#[tokio::test]
async fn whoever_speaks_something_else_is_turned_away_and_nobody_else_minds() {
    let mut one = open(site(1, &[])).await;
    let place = one.place().unwrap().to_owned();
    let layout_9: &[u8] = b"PRLN\x09\x00";
    let damaged_hello: &[u8] = b"PRLN\x02\x00\x01\0\0\0\x01\0\0\0\x01\x00\x00\x00\x00\x00\x00\x00\x07";
    let endless_hello: &[u8] = b"PRLN\x02\x00\x01\0\0\0\x01\0\0\0\xff\xff\xff\xff\x00\x00\x00\x00";
    for says in [b"GET / HTTP/1.1\r\n\r\n", layout_9, damaged_hello, endless_hello] {
        let told = told_before_it_closes(&place, says).await;
        assert!(told.starts_with(b"PRLN\x02\x00"), "the other end is told who this is: {told:?}");
    }
    let mut two = open(site(2, &[(1, &place)])).await;
    assert_eq!(send_until_heard(&mut two, &mut one, 1).await, (2, note(1)));
}

#[tokio::test]
async fn whoever_says_nothing_is_given_up() {
    let one = open_impatiently(site(1, &[])).await;
    told_before_it_closes(one.place().unwrap(), b"").await;
}

#[tokio::test]
async fn nodes_of_another_cluster_or_at_a_wrong_place_are_refused() {
    let mut one = open(site(1, &[])).await;
    let place = one.place().unwrap().to_owned();
    let mut other_cluster = open(Site { cluster: "rafters".into(), ..site(2, &[(1, &place)]) }).await;
    let mut wrong_place = open(site(3, &[(7, &place)])).await;
    for _ in 0..20 {
        other_cluster.send(1, note(1));
        wrong_place.send(7, note(7));
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(one.try_receive(), None);
}

/// A connection whose other end is gone without a word looks open for ever, unless heartbeats are missed.
#[tokio::test]
async fn a_silent_peer_is_dialled_again() {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let _two = open_impatiently(site(2, &[(1, &place)])).await;
    let _silent = listener.accept().await.unwrap();
    let again = timeout(Duration::from_secs(10), listener.accept()).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn a_quiet_link_stays_up() {
    let mut one = open_impatiently(site(1, &[])).await;
    let mut two = open_impatiently(site(2, &[(1, one.place().unwrap())])).await;
    send_until_heard(&mut two, &mut one, 1).await;
    sleep(3 * impatient().silence_max).await;
    while one.try_receive().is_some() {}
    two.send(1, note(2));
    assert_eq!(receive(&mut one).await, Some((2, note(2))), "at the first attempt");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_lost_and_the_next_one_is_not() {
    let mut one = open(site(1, &[])).await;
    let short = Wire { frame_max: 100, ..patient() };
    let mut two = FramedTransport::<Puppet>::open(Tcp, site(2, &[(1, one.place().unwrap())]), short).await.unwrap();
    two.send(1, Script(vec![Errand::Notify(u32::MAX); 100]));
    two.send(1, note(1));
    assert_eq!(receive(&mut one).await, Some((2, note(1))));
}

#[tokio::test]
async fn a_place_that_is_taken_is_an_error_at_once() {
    let taken = TcpListener::bind(ANYWHERE).await.unwrap().local_addr();
    let holder = Tcp.listen(&taken.unwrap().to_string()).await.unwrap();
    let refused =
        FramedTransport::<Puppet>::open(Tcp, Site { listen: Some(holder.1), ..site(1, &[]) }, patient()).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(io::ErrorKind::AddrInUse));
}
