//! Whoever does not belong here: one clear error each, the connection ends, and nobody else minds.

use crate::mail::{Member, letter, member};
use crate::rig::{
    ANYWHERE, BOTH, CLUSTER, LONG, Office, Stranger, Told, Why, frame, hello, patient, site, still_serves,
};
use purlin_tokio::{CodecError, FrameError, HelloError, Lane, Site, Versions, Wire};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// What a node says about whoever dials it and says this, after it has hung up.
async fn refusal_of(says: &[u8]) -> Why {
    let mut one = Office::open(site(member(1), &[])).await;
    let mut stranger = Stranger::dial(&one.place()).await;
    stranger.say(says).await;
    assert!(stranger.is_hung_up_on().await);
    let (peer, why) = one.failed().await;
    assert_eq!(peer, None);
    still_serves(&mut one).await;
    why
}

#[tokio::test]
async fn another_service_is_foreign() {
    assert_eq!(refusal_of(b"GET / HTTP/1.1\r\n\r\n").await, Why::Hello(HelloError::Foreign));
}

#[tokio::test]
async fn an_old_layout_of_frames_is_named() {
    // What this wire said before it had versions of messages.
    let before = b"PRLN\x01\x00\x08\0\0\0\0\0\0\0\x05beams\x01\x01";
    assert_eq!(refusal_of(before).await, Why::Hello(HelloError::Layout { ours: 2, theirs: 1 }));
}

#[tokio::test]
async fn a_hello_that_is_garbage_is_named() {
    let mut damaged = hello(CLUSTER, BOTH, Lane::Normal, &member(2));
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(refusal_of(&damaged).await, Why::Hello(FrameError::Damaged.into()));
    let endless = [&damaged[..14], &[0xff; 8]].concat();
    let too_long = FrameError::TooLong { length: u32::MAX as usize, max: 4_096 };
    assert_eq!(refusal_of(&endless).await, Why::Hello(too_long.into()));
    let nobody = hello(CLUSTER, BOTH, Lane::Normal, &"nobody");
    assert!(matches!(refusal_of(&nobody).await, Why::Hello(HelloError::Frame(FrameError::Unreadable(_)))));
}

#[tokio::test]
async fn versions_without_a_common_one_are_refused_by_both_ends() {
    let (old, new) = (Versions::only(1), Versions::only(2));
    let mut newer = Office::with(site(member(1), &[]), patient(), new).await.unwrap();
    let mut older = Office::with(site(member(2), &[(member(1), &newer.place())]), patient(), old).await.unwrap();
    assert_eq!(newer.failed().await, (None, Why::Hello(HelloError::Versions { ours: new, theirs: old })));
    assert_eq!(older.failed().await, (Some(member(1)), Why::Hello(HelloError::Versions { ours: old, theirs: new })));
}

#[tokio::test]
async fn a_foreign_cluster_is_refused_by_both_ends() {
    let mut one = Office::open(site(member(1), &[])).await;
    let foreign = Site { cluster: "rafters".into(), ..site(member(2), &[(member(1), &one.place())]) };
    let mut foreigner = Office::open(foreign).await;
    let refused =
        |ours: &str, theirs: &str| Why::Hello(HelloError::Cluster { ours: ours.to_owned(), theirs: theirs.to_owned() });
    assert_eq!(one.failed().await, (None, refused("beams", "rafters")));
    assert_eq!(foreigner.failed().await, (Some(member(1)), refused("rafters", "beams")));
    still_serves(&mut one).await;
}

fn printed(member: Member) -> String {
    format!("{member:?}")
}

#[tokio::test]
async fn another_node_at_a_place_is_a_stranger() {
    let one = Office::open(site(member(1), &[])).await;
    let mut two = Office::open(site(member(2), &[(member(7), &one.place())])).await;
    let (expected, theirs) = (printed(member(7)), printed(member(1)));
    assert_eq!(two.failed().await, (Some(member(7)), Why::Hello(HelloError::Stranger { expected, theirs })));
}

fn reborn(id: u64) -> Member {
    Member { id, incarnation: 2 }
}

#[tokio::test]
async fn another_incarnation_at_a_place_is_refused() {
    let outdated = Office::open(site(member(3), &[])).await;
    let mut two = Office::open(site(member(2), &[(reborn(3), &outdated.place())])).await;
    let (expected, theirs) = (printed(reborn(3)), printed(member(3)));
    assert_eq!(two.failed().await, (Some(reborn(3)), Why::Hello(HelloError::Incarnation { expected, theirs })));
}

#[tokio::test]
async fn an_outdated_incarnation_that_dials_is_refused_and_told_why() {
    let current = Office::open(site(reborn(3), &[])).await;
    let mut one = Office::open(site(member(1), &[(reborn(3), &current.place())])).await;
    let mut outdated = Office::open(site(member(3), &[(member(1), &one.place())])).await;
    let refusal = HelloError::Incarnation { expected: printed(reborn(3)), theirs: printed(member(3)) };
    assert_eq!(outdated.parted(member(1)).await, Some(Why::Refused(refusal.to_string())));
    assert_eq!(one.failed().await, (None, Why::Hello(refusal)));
    outdated.send(member(1), letter(1, "from the dead"));
    still_serves(&mut one).await;
}

#[tokio::test]
async fn whoever_says_to_be_this_node_is_refused() {
    // A message from oneself tells that one's own write is durable: nobody else may say so.
    let double = HelloError::Double { theirs: printed(member(1)) };
    assert_eq!(refusal_of(&hello(CLUSTER, BOTH, Lane::Normal, &member(1))).await, Why::Hello(double));
    let (expected, theirs) = (printed(member(1)), printed(reborn(1)));
    let earlier = HelloError::Incarnation { expected, theirs };
    assert_eq!(refusal_of(&hello(CLUSTER, BOTH, Lane::Normal, &reborn(1))).await, Why::Hello(earlier));
}

/// How a node parts from a guest that says this after a proper hello.
async fn parting_from(says: &[u8]) -> FrameError {
    let wire = Wire { frame_max: 1_000, ..patient() };
    let mut one = Office::with(site(member(1), &[]), wire, BOTH).await.unwrap();
    let mut guest = Stranger::dial(&one.place()).await;
    guest.say(&hello(CLUSTER, BOTH, Lane::Normal, &member(2))).await;
    one.connected(member(2), Lane::Normal).await;
    guest.say(&frame(b"\x01\x07\0\0\0\0well")).await;
    guest.say(says).await;
    assert!(guest.is_hung_up_on().await);
    assert_eq!(one.receive().await, (member(2), letter(7, "well")), "what came before is used");
    let Some(Why::Frame(error)) = one.parted(member(2)).await else { panic!("it is the frame's fault") };
    still_serves(&mut one).await;
    error
}

#[tokio::test]
async fn garbage_in_place_of_a_frame_ends_the_connection() {
    let garbage = b"GET / HTTP/1.1\r\n\r\n";
    let length = u32::from_le_bytes(*b"GET ") as usize;
    assert_eq!(parting_from(garbage).await, FrameError::TooLong { length, max: 1_000 });
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_connection() {
    assert_eq!(parting_from(&frame(&[1; 1_001])).await, FrameError::TooLong { length: 1_001, max: 1_000 });
}

#[tokio::test]
async fn a_bad_checksum_ends_the_connection() {
    let mut damaged = frame(b"\x01\x08\0\0\0\0ill");
    *damaged.last_mut().unwrap() ^= 0x20;
    assert_eq!(parting_from(&damaged).await, FrameError::Damaged);
}

#[tokio::test]
async fn a_frame_that_does_not_belong_here_ends_the_connection() {
    assert_eq!(parting_from(&frame(b"\x09well")).await, FrameError::Misplaced { kind: Some(9) });
    assert_eq!(parting_from(&frame(b"\x03well")).await, FrameError::Misplaced { kind: Some(3) });
    assert_eq!(parting_from(&frame(b"")).await, FrameError::Misplaced { kind: None });
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_the_connection() {
    let FrameError::Unreadable(error) = parting_from(&frame(b"\x01ab")).await else { panic!("it is too short") };
    assert_ne!(error, CodecError::new(""));
}

/// Whoever accepts every hello and then hangs up is not dialled over and over without a pause.
#[tokio::test]
async fn a_peer_that_hangs_up_at_once_is_dialled_ever_more_slowly() {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let wire = Wire { backoff_max: LONG, ..patient() };
    let mut two = Office::with(site(member(2), &[(member(1), &place)]), wire, BOTH).await.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..6 {
        let (stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
        let mut stranger = Stranger::over(stream);
        stranger.say(&hello(CLUSTER, BOTH, Lane::Normal, &member(1))).await;
        two.told(|told| matches!(told, Told::Connected(..))).await;
    }
    // 5, 10, 20, 40 and 80 milliseconds lie between six attempts; without doubling it were 25.
    assert!(begun.elapsed() >= core::time::Duration::from_millis(155));
}
