//! A small application.

use bytes::Bytes;
use purlin::raft::{Application, Applied, Snapshot};
use serde::{Deserialize, Serialize};

/// Every command that was applied, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) lines: Vec<(u64, Line)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Line(pub(super) Bytes);

purlin::nameless!(Ledger, Line);

impl Application for Ledger {
    type Command = Line;
    type Outcome = u64;
    type Query = ();
    type View = u64;
    type Event = ();

    fn apply(&mut self, index: u64, command: &Line, _announce: &mut dyn FnMut(())) -> u64 {
        self.lines.push((index, command.clone()));
        index
    }

    fn read(&self, (): &()) -> u64 {
        self.lines.len() as u64
    }

    fn size(command: &Line) -> usize {
        command.0.len()
    }
}

/// A snapshot that holds one line of so many bytes.
pub(super) fn holding(index: u64, bytes: usize) -> Applied<Ledger> {
    let line = Line(vec![b's'; bytes].into());
    Applied { state: Ledger { lines: vec![(index, line)] }, ..Snapshot::default().applied }
}
