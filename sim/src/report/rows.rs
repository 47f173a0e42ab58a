//! What is shown step by step: the last part of the story, with what changed and where messages went.

use super::flights::{Fate, match_flights};
use super::lanes::Lanes;
use super::operations::Operation;
use super::states::{Change, changes, read_state};
use crate::scene::{Entry, Kind};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// One step on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// When, in nanoseconds of true time from the start of the run.
    pub at_ns: u64,
    /// What kind of thing happened.
    pub kind: Kind,
    /// On which lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<usize>,
    /// Who else has to do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<usize>,
    /// Its number, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What changed in the state of the lane's machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The row at the other end of the message or of the ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<usize>,
    /// What became of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
}

/// The steps of a part of the story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// How many entries of the story come before the first row.
    pub skipped: usize,
    /// How many entries of the story come after the last row.
    pub left: usize,
    /// The machines' states before the first row, by lane.
    pub states: BTreeMap<usize, Value>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The longest text in a row, in characters; the trace beside the page has all of it.
const TEXT_MAX: usize = 300;

impl Steps {
    /// The most rows on a page.
    pub const ROWS_MAX: usize = 6_000;
    /// The most bytes of all of it on a page, as JSON.
    pub const BYTES_MAX: usize = 3_000_000;

    /// As many steps of a story as a page bears: the last if it is their end that matters, and otherwise the first.
    pub(super) fn of(story: &[Entry], last: bool, lanes: &Lanes, operations: &[Operation]) -> Self {
        let mut rows = Self::ROWS_MAX.min(story.len());
        loop {
            let range = if last { story.len() - rows..story.len() } else { 0..rows };
            let steps = Self::within(range, story, lanes, operations);
            if rows < 2 || bytes(&steps) <= Self::BYTES_MAX {
                return steps;
            }
            rows /= 2;
        }
    }

    fn within(range: Range<usize>, story: &[Entry], lanes: &Lanes, operations: &[Operation]) -> Self {
        let mut builder = Builder { lanes, states: last_states(&story[..range.start], lanes), row_of: BTreeMap::new() };
        let states = builder.states.clone();
        let mut rows = Vec::new();
        for (index, entry) in story.iter().enumerate().take(range.end).skip(range.start) {
            if let Some(row) = builder.row(entry) {
                builder.row_of.insert(index, rows.len());
                rows.push(row);
            }
        }
        builder.draw_flights(story, &mut rows);
        builder.join_operations(operations, &mut rows);
        Self { skipped: range.start, left: story.len() - range.end, states, rows }
    }
}

fn bytes(steps: &Steps) -> usize {
    serde_json::to_string(steps).map_or(usize::MAX, |json| json.len())
}

/// The machines' states at the end of a part of the story.
fn last_states(story: &[Entry], lanes: &Lanes) -> BTreeMap<usize, Value> {
    let mut texts = BTreeMap::new();
    for scene in story.iter().map(|entry| &entry.scene) {
        let Some(lane) = scene.lane.as_deref().and_then(|name| lanes.place(name)) else { continue };
        match scene.kind {
            Kind::State => drop(texts.insert(lane, &scene.text)),
            Kind::Ended => drop(texts.remove(&lane)),
            _ => {}
        }
    }
    texts.into_iter().map(|(lane, text)| (lane, read_state(text))).collect()
}

struct Builder<'a> {
    lanes: &'a Lanes,
    states: BTreeMap<usize, Value>,
    row_of: BTreeMap<usize, usize>,
}

impl Builder<'_> {
    /// A step that changed nothing of the state is no row.
    fn row(&mut self, entry: &Entry) -> Option<Row> {
        let scene = &entry.scene;
        let place = |name: &Option<String>| name.as_deref().and_then(|name| self.lanes.place(name));
        let (lane, peer) = (place(&scene.lane), place(&scene.peer));
        let changes = match (scene.kind, lane) {
            (Kind::State, Some(lane)) => self.step(lane, &scene.text),
            (Kind::Ended, Some(lane)) => self.end(lane),
            _ => Vec::new(),
        };
        let is_state = scene.kind == Kind::State;
        if is_state && changes.is_empty() {
            return None;
        }
        let text = if is_state { String::new() } else { shortened(&scene.text) };
        let Entry { at_ns, .. } = *entry;
        Some(Row { at_ns, kind: scene.kind, lane, peer, number: scene.number, text, changes, other: None, fate: None })
    }

    fn step(&mut self, lane: usize, text: &str) -> Vec<Change> {
        let after = read_state(text);
        let before = self.states.insert(lane, after.clone());
        changes(&before.unwrap_or_default(), &after)
    }

    fn end(&mut self, lane: usize) -> Vec<Change> {
        self.states.remove(&lane).map_or_else(Vec::new, |before| changes(&before, &Value::Null))
    }

    fn draw_flights(&self, story: &[Entry], rows: &mut [Row]) {
        for flight in match_flights(story) {
            let sent = flight.sent.and_then(|sent| self.row_of.get(&sent).copied());
            let arrived = flight.arrived.and_then(|arrived| self.row_of.get(&arrived).copied());
            if let Some(arrived) = arrived {
                rows[arrived].fate = Some(flight.fate);
                rows[arrived].other = sent;
            }
            if let Some(sent) = sent.filter(|_| flight.fate != Fate::Duplicate) {
                rows[sent].fate = Some(flight.fate);
                rows[sent].other = arrived;
            }
        }
    }

    fn join_operations(&self, operations: &[Operation], rows: &mut [Row]) {
        for operation in operations {
            let asked = self.row_of.get(&operation.asked).copied();
            let end = operation.end.as_ref().and_then(|end| self.row_of.get(&end.entry)).copied();
            asked.into_iter().for_each(|asked| rows[asked].other = end);
            end.into_iter().for_each(|end| rows[end].other = asked);
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

    fn entry(at_ns: u64, scene: Scene) -> Entry {
        Entry { at_ns, scene }
    }

    fn state(at_ns: u64, node: &str, text: &str) -> Entry {
        entry(at_ns, Scene::new(Kind::State, text).on(node))
    }

    fn story() -> Vec<Entry> {
        vec![
            state(0, "node 0", r#"{"a":1}"#),
            entry(1, Scene::new(Kind::Sent, "x").on("node 0").with("node 1")),
            entry(2, Scene::new(Kind::Arrived, "x").on("node 1").with("node 0")),
            state(2, "node 1", r#"{"b":1}"#),
            state(3, "node 0", r#"{"a":1}"#),
            state(4, "node 0", r#"{"a":2}"#),
            entry(5, Scene::new(Kind::Ended, "is killed").on("node 0")),
            state(6, "node 0", r#"{"a":0}"#),
        ]
    }

    fn since(first: usize) -> Steps {
        let story = story();
        Steps::within(first..story.len(), &story, &Lanes::of(&story), &[])
    }

    #[test]
    fn a_step_without_a_change_is_no_row_and_both_ends_of_a_message_know_each_other() {
        let rows = since(0).rows;
        assert_eq!(rows.len(), 7, "the step at 3 ns changed nothing");
        assert_eq!((rows[1].other, rows[2].other), (Some(2), Some(1)));
        assert_eq!((rows[1].fate, rows[2].fate), (Some(Fate::Arrived), Some(Fate::Arrived)));
    }

    #[test]
    fn a_part_of_a_story_begins_with_the_states_before_it() {
        let steps = since(4);
        assert_eq!(steps.states, [(0, serde_json::json!({"a": 1})), (1, serde_json::json!({"b": 1}))].into());
        assert_eq!(steps.rows[0].changes, changes(&serde_json::json!({"a": 1}), &serde_json::json!({"a": 2})));
        assert_eq!(steps.skipped, 4);
    }

    #[test]
    fn with_its_process_a_state_ends() {
        let rows = since(0).rows;
        assert_eq!(rows[5].changes, changes(&serde_json::json!({"a": 2}), &Value::Null));
        assert_eq!(rows[6].changes, changes(&Value::Null, &serde_json::json!({"a": 0})));
    }
}
