//! What holds of every report: how messages are matched, and when certainty is claimed.

use purlin_sim::report::{Curve, Fate, Flight, Point, match_flights};
use purlin_sim::scene::{Entry, Kind, Scene};

fn sent(at_ns: u64, from: &str, to: &str, text: &str) -> Entry {
    Entry { at_ns, scene: Scene::new(Kind::Sent, text).on(from).with(to) }
}

fn arrived(at_ns: u64, from: &str, to: &str, text: &str) -> Entry {
    Entry { at_ns, scene: Scene::new(Kind::Arrived, text).on(to).with(from) }
}

fn told(story: &[Entry]) -> Vec<(Option<usize>, Option<usize>, Fate)> {
    match_flights(story).into_iter().map(|Flight { sent, arrived, fate }| (sent, arrived, fate)).collect()
}

#[test]
fn equal_messages_are_matched_in_the_order_of_their_sending() {
    let story = [sent(1, "a", "b", "x"), sent(2, "a", "b", "x"), arrived(3, "a", "b", "x"), arrived(4, "a", "b", "x")];
    assert_eq!(told(&story), [(Some(0), Some(2), Fate::Arrived), (Some(1), Some(3), Fate::Arrived)]);
}

#[test]
fn what_never_arrives_is_lost_and_what_arrives_again_is_a_duplicate() {
    let story = [
        sent(1, "a", "b", "x"),
        sent(1, "a", "b", "y"),
        arrived(3, "a", "b", "y"),
        arrived(9, "a", "b", "y"),
        sent(10, "a", "b", "z"),
    ];
    let fates =
        [(0, None, Fate::Lost), (1, Some(2), Fate::Arrived), (1, Some(3), Fate::Duplicate), (4, None, Fate::UnderWay)];
    assert_eq!(told(&story), fates.map(|(sent, arrived, fate)| (Some(sent), arrived, fate)));
}

#[test]
fn sender_receiver_and_text_all_count() {
    let story = [
        sent(1, "a", "b", "x"),
        arrived(50, "b", "a", "x"),
        arrived(51, "a", "c", "x"),
        arrived(52, "a", "b", "w"),
        sent(90, "q", "q", "end"),
    ];
    let flights = told(&story);
    assert!(flights.contains(&(Some(0), None, Fate::Lost)), "{flights:?}");
    assert_eq!(flights.iter().filter(|flight| flight.0.is_none()).count(), 3);
}

#[test]
fn certainty_is_claimed_only_where_nothing_later_escaped() {
    let point = |at_ns, failed| Point { at_ns, failed, of: 8 };
    let wavering =
        Curve { survivor: None, points: vec![point(0, 0), point(10, 8), point(20, 7), point(30, 8), point(40, 8)] };
    assert_eq!(wavering.certain_from_ns(), Some(30));
    assert_eq!(Curve { survivor: None, points: vec![point(0, 8), point(10, 7)] }.certain_from_ns(), None);
    assert_eq!(Curve { survivor: None, points: vec![point(0, 8), point(10, 8)] }.certain_from_ns(), Some(0));
}
