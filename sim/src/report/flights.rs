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
