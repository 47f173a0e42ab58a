//! Which arrival belongs to which message that was sent.

use crate::scene::{Entry, Kind};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was sent, and arrived.
    Arrived,
    /// It was sent, and never arrived.
    Lost,
    /// It had not arrived when the run ended, and may have been on its way still.
    UnderWay,
    /// It arrived once more.
    Duplicate,
}

/// A message: where in the story it was sent, where it arrived, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// The entry in which it was sent, unless that was before the story begins.
    pub sent: Option<usize>,
    /// The entry in which it arrived.
    pub arrived: Option<usize>,
    /// What became of it.
    pub fate: Fate,
}

/// Who sends to whom, and what.
type Letter<'a> = (&'a str, &'a str, &'a str);

/// Matches arrivals to messages. Those that say the same between the same two are matched in the order of their sending;
/// what arrives more often than it was sent is a duplicate of the one before.
pub fn match_flights(story: &[Entry]) -> Vec<Flight> {
    let mut desk = Desk::default();
    for (index, entry) in story.iter().enumerate() {
        match entry.scene.kind {
            Kind::Sent => desk.send(index, letter(entry)),
            Kind::Arrived => desk.receive(index, letter(entry)),
            _ => {}
        }
    }
    desk.close(story)
}

fn letter(entry: &Entry) -> Letter<'_> {
    let scene = &entry.scene;
    let (lane, peer) = (scene.lane.as_deref().unwrap_or_default(), scene.peer.as_deref().unwrap_or_default());
    let (from, to) = if scene.kind == Kind::Sent { (lane, peer) } else { (peer, lane) };
    (from, to, &scene.text)
}

#[derive(Default)]
struct Desk<'a> {
    open: BTreeMap<Letter<'a>, VecDeque<usize>>,
    last: BTreeMap<Letter<'a>, usize>,
    flights: Vec<Flight>,
}

impl<'a> Desk<'a> {
    fn send(&mut self, index: usize, letter: Letter<'a>) {
        self.open.entry(letter).or_default().push_back(index);
    }

    fn receive(&mut self, index: usize, letter: Letter<'a>) {
        let (sent, fate) = match self.open.get_mut(&letter).and_then(VecDeque::pop_front) {
            Some(sent) => (Some(sent), Fate::Arrived),
            None => (self.last.get(&letter).copied(), Fate::Duplicate),
        };
        if let Some(sent) = sent {
            self.last.insert(letter, sent);
        }
        self.flights.push(Flight { sent, arrived: Some(index), fate });
    }

    /// What has not arrived is lost, unless it was sent so late that a message may take as long.
    fn close(self, story: &[Entry]) -> Vec<Flight> {
        let at = |index: usize| story[index].at_ns;
        let end = story.last().map_or(0, |entry| entry.at_ns);
        let takes = |flight: &Flight| Some(at(flight.arrived?).saturating_sub(at(flight.sent?)));
        let arrived = self.flights.iter().filter(|flight| flight.fate == Fate::Arrived);
        let longest = arrived.filter_map(takes).max().unwrap_or(0);
        let left = self.open.into_values().flatten().map(|sent| {
            let fate = if end.saturating_sub(at(sent)) <= longest { Fate::UnderWay } else { Fate::Lost };
            Flight { sent: Some(sent), arrived: None, fate }
        });
        let mut flights: Vec<Flight> = left.chain(self.flights).collect();
        flights.sort_by_key(|flight| (flight.sent, flight.arrived));
        flights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

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
        let story =
            [sent(1, "a", "b", "x"), sent(2, "a", "b", "x"), arrived(3, "a", "b", "x"), arrived(4, "a", "b", "x")];
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
        let fates = [
            (0, None, Fate::Lost),
            (1, Some(2), Fate::Arrived),
            (1, Some(3), Fate::Duplicate),
            (4, None, Fate::UnderWay),
        ];
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
}
