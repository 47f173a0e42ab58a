//! What is replicated here: nothing that matters.

use purlin::nameless;
use purlin::raft::Application;
use serde::{Deserialize, Serialize};

/// An application of one command, which it forgets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tape;

nameless!(Tape);

impl Application for Tape {
    type Command = ();
    type Outcome = ();
    type Query = ();
    type View = ();
    type Event = ();

    fn apply(&mut self, _: u64, (): &(), _: &mut dyn FnMut(())) {}

    fn read(&self, (): &()) {}

    fn size((): &()) -> usize {
        1
    }
}
