//! What the replicas of every model replicate.

use purlin::protocol::Never;
use purlin::raft::Application;
use serde::{Deserialize, Serialize};

/// A list of commands, which are numbers that their clients chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ledger(pub Vec<u8>);

purlin::nameless!(Ledger);

impl Application for Ledger {
    type Command = u8;
    /// The command's place, from 1.
    type Outcome = u64;
    type Query = ();
    type View = Vec<u8>;
    type Event = Never;

    fn apply(&mut self, _index: u64, command: &u8, _announce: &mut dyn FnMut(Never)) -> u64 {
        self.0.push(*command);
        self.0.len() as u64
    }

    fn read(&self, _query: &()) -> Vec<u8> {
        self.0.clone()
    }

    fn size(_command: &u8) -> usize {
        1
    }
}
