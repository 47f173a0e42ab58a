use purlin::nameless;
use purlin::raft::Application;
use serde::{Deserialize, Serialize};

/// What the scenarios replicate: the payloads of all commands, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Payloads(pub(super) Vec<String>);

nameless!(Payloads);

impl Application for Payloads {
    type Command = String;
    type Outcome = ();
    type Query = ();
    type View = ();
    type Event = ();

    fn apply(&mut self, _index: u64, command: &String, _announce: &mut dyn FnMut(())) {
        self.0.push(command.clone());
    }

    fn read(&self, _query: &()) {}

    fn size(command: &String) -> usize {
        command.len()
    }
}
