//! Nodes that speak different versions, and what lies where it was received.

use crate::mail::{Letter, letter, member};
use crate::rig::{BOTH, LONG, Office, Told, patient, site};
use core::time::Duration;
use purlin_tokio::{Lane, Site, Versions};
use tokio::time::{sleep, timeout};

const OLD: Versions = Versions::only(1);

fn urgent(number: u32, text: &'static str) -> Letter {
    Letter { urgent: true, ..letter(number, text) }
}

/// The old listener goes with its task, a moment after the transport.
async fn reopen(site: Site<crate::mail::Mail>, versions: Versions) -> Office {
    let opening = async {
        loop {
            match Office::with(site.clone(), patient(), versions).await {
                Ok(office) => return office,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(LONG, opening).await.expect("the place is free again")
}

/// What arrives of an urgent letter, which is sent until one arrives.
async fn sent_urgently(from: &mut Office, to: &mut Office, number: u32) -> Letter {
    for _ in 0..1_000 {
        from.send(member(1), urgent(number, "beam"));
        if let Ok((_, heard)) =
            timeout(Duration::from_millis(10), purlin_tokio::Transport::receive(&mut to.transport)).await
        {
            return heard;
        }
    }
    panic!("nothing was heard");
}

#[tokio::test]
async fn a_cluster_is_upgraded_node_by_node_and_speaks_what_all_know() {
    // Goal: an old and a new node speak the old version, and the new one as soon as both are new.
    let mut old = Office::with(site(member(1), &[]), patient(), OLD).await.unwrap();
    let place = old.place();
    let mut new = Office::with(site(member(2), &[(member(1), &place)]), patient(), BOTH).await.unwrap();
    assert_eq!((old.connected(member(2), Lane::Normal).await, new.connected(member(1), Lane::Normal).await), (1, 1));
    assert_eq!(sent_urgently(&mut new, &mut old, 7).await, letter(7, "beam"), "version 1 knows no urgency");
    drop(old);
    let mut upgraded = reopen(Site { listen: Some(place), ..site(member(1), &[]) }, BOTH).await;
    assert_eq!(sent_urgently(&mut new, &mut upgraded, 8).await, urgent(8, "beam"));
    assert_eq!(new.connected(member(1), Lane::Normal).await, 2);
}

#[tokio::test]
async fn what_a_version_has_no_words_for_is_lost_alone() {
    let mut old = Office::with(site(member(1), &[]), patient(), OLD).await.unwrap();
    let mut new = Office::open(site(member(2), &[(member(1), &old.place())])).await;
    new.send(member(1), letter(1, ""));
    new.send(member(1), urgent(2, ""));
    new.send(member(1), letter(3, ""));
    assert_eq!(old.receive().await, (member(2), letter(1, "")));
    assert_eq!(old.receive().await, (member(2), letter(3, "")));
    new.told(|told| *told == Told::Lost(member(1), Lane::Normal)).await;
}

/// Letters that came together lie in one buffer, at the distance of their frames: nothing has moved them.
#[tokio::test]
async fn payloads_lie_where_they_were_received() {
    const TEXT: usize = 100;
    const FRAME: usize = 8 + 1 + 4 + 1 + TEXT;
    let mut one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(1), &one.place())])).await;
    (0..50).for_each(|number| two.send(member(1), letter(number, vec![7; TEXT])));
    let mut received = Vec::new();
    for _ in 0..50 {
        received.push(one.receive().await.1);
    }
    for (number, pair) in received.windows(2).enumerate() {
        let (this, next) = (pair[0].text.0.as_ptr() as usize, pair[1].text.0.as_ptr() as usize);
        assert_eq!((pair[0].number, next - this), (number as u32, FRAME));
    }
}
