//! Peers that come, move and go while a transport runs.

use crate::mail::{Member, bulky, letter, member};
use crate::rig::{ANYWHERE, BOTH, CLUSTER, LONG, Office, Stranger, Told, hello, patient, site};
use core::time::Duration;
use purlin_tokio::{Lane, Site};
use std::collections::BTreeMap;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn whoever_is_told_of_is_reached_at_once() {
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[])).await;
    two.send(member(1), letter(1, "nobody knows where"));
    two.told(|told| *told == Told::Lost(member(1), Lane::Normal)).await;
    let (directory, place) = (two.transport.directory(), one.place());
    // From a thread that knows of no runtime, as a handle may be used from anywhere.
    let told = std::thread::spawn(move || directory.set_place(member(1), place));
    told.join().unwrap();
    two.send(member(1), letter(2, "there"));
    two.send(member(1), bulky(3));
    let mut heard = [one.receive().await.1.number, one.receive().await.1.number];
    heard.sort_unstable();
    assert_eq!(heard, [2, 3]);
    assert_eq!(two.transport.directory().places(), BTreeMap::from([(member(1), one.place())]));
}

#[tokio::test]
async fn a_peer_that_moves_is_reached_where_it_stands_now() {
    let mut before = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(1), &before.place())])).await;
    two.send(member(1), letter(1, "here"));
    assert_eq!(before.receive().await.1.number, 1);
    let mut after = Office::open(site(member(1), &[])).await;
    two.transport.directory().set_place(member(1), after.place());
    two.send(member(1), letter(2, "there"));
    assert_eq!(after.receive().await.1.number, 2);
    assert_eq!(before.parted(member(2)).await, Some(crate::rig::Why::Io), "the old link is closed");
}

#[tokio::test]
async fn saying_again_where_a_peer_stands_changes_nothing() {
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(1), &one.place())])).await;
    two.connected(member(1), Lane::Normal).await;
    two.transport.directory().set_place(member(1), one.place());
    two.send(member(1), letter(1, "still here"));
    assert_eq!(one.receive().await.1.number, 1);
    assert_eq!(two.told_already(), []);
}

#[tokio::test]
async fn a_peer_that_is_forgotten_hears_what_was_queued_and_no_more() {
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(1), &one.place())])).await;
    two.connected(member(1), Lane::Normal).await;
    two.send(member(1), letter(1, "you are removed"));
    two.transport.directory().forget(&member(1));
    two.send(member(1), letter(2, "nobody hears this"));
    assert_eq!(one.receive().await.1.number, 1);
    assert_eq!(two.parted(member(1)).await, None);
    assert!(two.transport.directory().places().is_empty());
    sleep(Duration::from_millis(100)).await;
    assert!(two.told_already().iter().all(|told| !matches!(told, Told::Connected(..) | Told::Failed(..))));
    assert_eq!(one.told_already().last(), Some(&Told::Parted(member(2), Lane::Normal, Some(crate::rig::Why::Io))));
}

#[tokio::test]
async fn a_peer_that_is_forgotten_is_not_dialled_any_more() {
    let taken = TcpListener::bind(ANYWHERE).await.unwrap();
    let place = taken.local_addr().unwrap().to_string();
    drop(taken);
    let mut two = Office::open(site(member(2), &[(member(1), &place)])).await;
    assert_eq!(two.failed().await, (Some(member(1)), crate::rig::Why::Io));
    two.transport.directory().forget(&member(1));
    sleep(Duration::from_millis(100)).await;
    two.told_already();
    let listener = TcpListener::bind(place).await.unwrap();
    assert!(timeout(Duration::from_millis(200), listener.accept()).await.is_err());
    assert_eq!(two.told_already(), []);
}

#[tokio::test]
async fn a_guest_that_is_forgotten_is_hung_up_on() {
    let mut server = Office::open(site(member(1), &[])).await;
    let mut guest = Stranger::dial(&server.place()).await;
    guest.say(&hello(CLUSTER, BOTH, Lane::Normal, &member(2))).await;
    server.connected(member(2), Lane::Normal).await;
    server.transport.directory().forget(&member(2));
    assert!(guest.is_hung_up_on().await);
}

#[tokio::test]
async fn another_incarnation_of_a_guest_takes_its_place() {
    let mut server = Office::open(site(member(1), &[])).await;
    let mut guest = Stranger::dial(&server.place()).await;
    guest.say(&hello(CLUSTER, BOTH, Lane::Normal, &member(3))).await;
    server.connected(member(3), Lane::Normal).await;
    let again = Member { incarnation: 2, ..member(3) };
    let reborn = Office::open(site(again, &[])).await;
    server.transport.directory().set_place(again, reborn.place());
    assert!(guest.is_hung_up_on().await);
    server.connected(again, Lane::Normal).await;
}

#[tokio::test]
async fn a_directory_keeps_nothing_alive() {
    let one = Office::open(site(member(1), &[])).await;
    let place = one.place();
    let directory = one.transport.directory();
    drop(one);
    directory.set_place(member(2), ANYWHERE);
    assert!(directory.places().is_empty());
    let reopening = async {
        while Office::with(Site { listen: Some(place.clone()), ..site(member(1), &[]) }, patient(), BOTH).await.is_err()
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, reopening).await.expect("the place is free again");
}
