//! What a cluster replicates.

use crate::machine::{Data, Names};

/// A deterministic state machine that every replica feeds with the same commands in the same order: chapter 6 of the
/// dissertation.
///
/// It is a value. A clone of it is a snapshot, so a large one keeps what it holds behind `Arc`s.
pub trait Application: Data + Default + Names {
    /// What changes it.
    type Command: Data + Names;
    /// What a command comes to.
    type Outcome: Data + Names;
    /// What reads it.
    type Query: Data + Names;
    /// What a query comes to.
    type View: Data + Names;
    /// What it announces on every replica when a command is applied.
    type Event: Data + Names;

    /// Applies the command of the entry at `index`. Depends on nothing but its arguments and what was applied before.
    fn apply(&mut self, index: u64, command: &Self::Command, announce: &mut dyn FnMut(Self::Event)) -> Self::Outcome;

    /// Reads, and changes nothing.
    fn read(&self, query: &Self::Query) -> Self::View;

    /// About how many bytes a command takes on the wire and the disk: what the bounds in bytes count.
    fn size(command: &Self::Command) -> usize;
}
