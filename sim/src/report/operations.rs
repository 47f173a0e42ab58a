//! The clients' operations: what they asked for, and what came of it.

use crate::scene::{Entry, Kind, Scene};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What came of an operation, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was not done.
    Fail,
    /// It may have been done, or not.
    Unknown,
}

impl Outcome {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Answered => Some(Self::Ok),
            Kind::Declined => Some(Self::Fail),
            Kind::Unanswered => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// One operation of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// The client.
    pub client: String,
    /// Whom it asks.
    pub peer: Option<String>,
    /// What it asks for.
    pub request: String,
    /// The entry of the story in which it asks.
    pub asked: usize,
    /// When that was.
    pub at_ns: u64,
    /// What came of it, unless the run ended before.
    pub end: Option<OperationEnd>,
}

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationEnd {
    /// The entry of the story in which it ends.
    pub entry: usize,
    /// When that was.
    pub at_ns: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// What the client was told.
    pub text: String,
}

/// All operations of a story, in the order in which they began. Without numbers, a client's oldest ends first.
pub fn operations(story: &[Entry]) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut open: BTreeMap<(&str, Option<u64>), VecDeque<usize>> = BTreeMap::new();
    for (index, Entry { at_ns, scene }) in story.iter().enumerate() {
        let key = (scene.lane.as_deref().unwrap_or_default(), scene.number);
        if scene.kind == Kind::Asked {
            open.entry(key).or_default().push_back(operations.len());
            operations.push(begun(index, *at_ns, scene));
        } else if let Some(outcome) = Outcome::of(scene.kind)
            && let Some(begun) = open.get_mut(&key).and_then(VecDeque::pop_front)
        {
            let end = OperationEnd { entry: index, at_ns: *at_ns, outcome, text: scene.text.clone() };
            operations[begun].end = Some(end);
        }
    }
    operations
}

fn begun(asked: usize, at_ns: u64, scene: &Scene) -> Operation {
    Operation {
        client: scene.lane.clone().unwrap_or_default(),
        peer: scene.peer.clone(),
        request: scene.text.clone(),
        asked,
        at_ns,
        end: None,
    }
}

/// A line of a history as Jepsen writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryLine {
    /// Its number.
    pub index: usize,
    /// One logical process does one thing at a time, and nothing more once it does not know what came of something.
    pub process: usize,
    /// `invoke`, `ok`, `fail` or `info`, which is that nobody knows.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind of request.
    pub f: String,
    /// The request; the answer where it is `ok`.
    pub value: String,
    /// When, in nanoseconds of true time from the start of the run.
    pub time: u64,
    /// The client as the scenario calls it.
    pub client: String,
    /// Whom it asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// The history of all operations, in the order in which things happened.
pub fn history(operations: &[Operation]) -> Vec<HistoryLine> {
    let mut moments: Vec<(usize, usize)> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        moments.push((operation.asked, index));
        moments.extend(operation.end.as_ref().map(|end| (end.entry, index)));
    }
    moments.sort_unstable();
    let mut processes = Processes::default();
    let line = |(number, (entry, index)): (usize, (usize, usize))| {
        let operation = &operations[index];
        let end = operation.end.as_ref().filter(|end| end.entry == entry);
        HistoryLine { index: number, process: processes.at(index, operation, end), ..history_line(operation, end) }
    };
    moments.into_iter().enumerate().map(line).collect()
}

fn history_line(operation: &Operation, end: Option<&OperationEnd>) -> HistoryLine {
    let kind = match end.map(|end| end.outcome) {
        None => "invoke",
        Some(Outcome::Ok) => "ok",
        Some(Outcome::Fail) => "fail",
        Some(Outcome::Unknown) => "info",
    };
    let told = end.filter(|end| end.outcome == Outcome::Ok).map_or(&operation.request, |end| &end.text);
    HistoryLine {
        index: 0,
        process: 0,
        kind,
        f: operation.request.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned(),
        value: told.clone(),
        time: end.map_or(operation.at_ns, |end| end.at_ns),
        client: operation.client.clone(),
        node: operation.peer.clone(),
    }
}

/// Hands out logical processes: a client has as many as it does things at once.
#[derive(Default)]
struct Processes {
    count: usize,
    idle: BTreeMap<String, BTreeSet<usize>>,
    busy: BTreeMap<usize, usize>,
}

impl Processes {
    fn at(&mut self, index: usize, operation: &Operation, end: Option<&OperationEnd>) -> usize {
        match end {
            None => self.begin(index, &operation.client),
            Some(end) => self.end(index, &operation.client, end.outcome),
        }
    }

    fn begin(&mut self, index: usize, client: &str) -> usize {
        let idle = self.idle.get_mut(client).and_then(BTreeSet::pop_first);
        let process = idle.unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.busy.insert(index, process);
        process
    }

    fn end(&mut self, index: usize, client: &str, outcome: Outcome) -> usize {
        let process = self.busy.remove(&index).unwrap_or_default();
        if outcome != Outcome::Unknown {
            self.idle.entry(client.to_owned()).or_default().insert(process);
        }
        process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ns: u64, kind: Kind, client: &str, number: u64, text: &str) -> Entry {
        Entry { at_ns, scene: Scene::new(kind, text).on(client).with("node 0").numbered(number) }
    }

    fn story() -> Vec<Entry> {
        vec![
            entry(1, Kind::Asked, "client 0", 1, "Say(7)"),
            entry(2, Kind::Asked, "client 0", 2, "Count"),
            entry(3, Kind::Answered, "client 0", 2, "Count(4)"),
            entry(4, Kind::Unanswered, "client 0", 1, "will never know"),
            entry(5, Kind::Asked, "client 0", 3, "Say(8)"),
            entry(6, Kind::Asked, "client 1", 4, "Say(9)"),
            entry(7, Kind::Declined, "client 1", 4, "is turned away"),
            entry(8, Kind::Asked, "client 1", 5, "Count"),
        ]
    }

    #[test]
    fn an_end_belongs_to_the_ask_of_its_number() {
        let ends: Vec<_> = operations(&story())
            .iter()
            .map(|operation| operation.end.as_ref().map(|end| (end.entry, end.outcome)))
            .collect();
        let known = [Some((3, Outcome::Unknown)), Some((2, Outcome::Ok)), None, Some((6, Outcome::Fail)), None];
        assert_eq!(ends, known);
    }

    #[test]
    fn a_process_does_one_thing_at_a_time_and_nothing_after_it_lost_track() {
        let lines = history(&operations(&story()));
        let told: Vec<_> = lines.iter().map(|line| (line.process, line.kind, line.f.as_str())).collect();
        let expected = [
            (0, "invoke", "Say"),
            (1, "invoke", "Count"),
            (1, "ok", "Count"),
            (0, "info", "Say"),
            (1, "invoke", "Say"),
            (2, "invoke", "Say"),
            (2, "fail", "Say"),
            (2, "invoke", "Count"),
        ];
        assert_eq!(told, expected);
        assert_eq!(lines[2].value, "Count(4)", "an answer is the value of what is ok");
    }

    #[test]
    fn without_numbers_the_oldest_ends_first() {
        let scene = |kind, text: &str| Scene::new(kind, text).on("client 0");
        let entry = |at_ns, scene| Entry { at_ns, scene };
        let story = [
            entry(1, scene(Kind::Asked, "calls")),
            entry(2, scene(Kind::Asked, "calls")),
            entry(3, scene(Kind::Answered, "is served")),
        ];
        let ends: Vec<bool> = operations(&story).iter().map(|operation| operation.end.is_some()).collect();
        assert_eq!(ends, [true, false]);
    }
}
