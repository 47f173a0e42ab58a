//! Histories: what happened in a run, written down once for all who want to know.
//!
//! Both tiers write the same kind of history. The [`Recorder`] hashes each entry, shows it to the judge, and keeps its
//! text if a trace was asked for; nothing else is stored, so a run may be as long as it likes.

use crate::checker::{Coverage, Judge, Violation};
use crate::hash::{Fingerprint, Hash};
use crate::scene::{Entry, Scene};
use purlin::Instant;
use std::fmt::Display;

/// One kind of entry. Its text is for people; its fingerprint is canonical.
pub trait Happening: Display {
    /// Writes every field, so that entries that differ in any have different fingerprints.
    fn fingerprint(&self, fingerprint: &mut Fingerprint);

    /// What it looks like on a picture of the run.
    fn scene(&self) -> Scene;
}

/// What is kept of a history beside its fingerprint and its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// One line for each entry.
    pub lines: bool,
    /// One [`Scene`] for each entry, and the states of the machines.
    pub scenes: bool,
    /// What every die threw.
    pub throws: bool,
}

/// Writes a history down. After the first violation it writes no more: the trace ends with what broke the property.
#[derive(Clone, Debug)]
pub struct Recorder<J: Judge> {
    judge: J,
    fingerprint: Fingerprint,
    violation: Option<Violation>,
    trace: Option<Vec<String>>,
    story: Option<Vec<Entry>>,
}

/// What a recorder knows in the end.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The first property that was broken.
    pub violation: Option<Violation>,
    /// The fingerprint of all entries and their instants.
    pub hash: Hash,
    /// What happened at least once.
    pub coverage: Coverage,
    /// One line for each entry, if asked for.
    pub trace: Vec<String>,
    /// One scene for each entry, and the states of the machines, if asked for.
    pub story: Vec<Entry>,
}

impl<J: Judge> Recorder<J> {
    /// An empty history before `judge`.
    pub fn new(judge: J, watch: Watch) -> Self {
        let (trace, story) = (watch.lines.then(Vec::new), watch.scenes.then(Vec::new));
        Self { judge, fingerprint: Fingerprint::default(), violation: None, trace, story }
    }

    /// Writes one entry.
    pub fn record(&mut self, at: Instant, event: &J::Event<'_>) {
        if self.violation.is_some() {
            return;
        }
        self.fingerprint.word(at.as_nanos());
        event.fingerprint(&mut self.fingerprint);
        if let Some(trace) = &mut self.trace {
            trace.push(line(at, event));
        }
        self.depict(at, || event.scene());
        self.violation = self.judge.observe(at, event).err();
    }

    /// Adds a scene to the picture of the run, if there is one. It is no part of the history.
    pub fn depict(&mut self, at: Instant, scene: impl FnOnce() -> Scene) {
        if let Some(story) = &mut self.story
            && self.violation.is_none()
        {
            story.push(Entry { at_ns: at.as_nanos(), scene: scene() });
        }
    }

    /// Notes a violation that was found elsewhere, such as in the machine's own state.
    pub fn note(&mut self, found: Result<(), Violation>) {
        if self.violation.is_none() {
            self.violation = found.err();
        }
    }

    /// Whether a property is broken, so that there is no point in going on.
    pub fn is_violated(&self) -> bool {
        self.violation.is_some()
    }

    /// Ends the history at `end`, when the judge has its last word.
    pub fn finish(mut self, end: Instant) -> Recorded {
        if self.violation.is_none() {
            self.violation = self.judge.conclude(end).err();
        }
        self.stop()
    }

    /// Ends the history where nothing is claimed of its end.
    pub fn stop(self) -> Recorded {
        Recorded {
            violation: self.violation,
            hash: self.fingerprint.finish(),
            coverage: self.judge.coverage(),
            trace: self.trace.unwrap_or_default(),
            story: self.story.unwrap_or_default(),
        }
    }
}

fn line(at: Instant, event: &impl Display) -> String {
    let nanos = at.as_nanos();
    format!("{:>6}.{:09} {event}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}
