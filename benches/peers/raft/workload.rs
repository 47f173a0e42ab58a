//! What every engine is put through: the same proposals, the same rounds, the same checks.
//!
//! Three nodes live in one process and on one thread; messages are moved, never serialised; no timer fires. A client keeps
//! `window` proposals under way at the leader, and the nodes take turns, each of them handling all that has arrived for it.

use std::collections::VecDeque;

/// How many nodes there are. Number 0 comes first in each round.
pub(crate) const NODES: usize = 3;

/// Once so many entries have been applied since the last compaction…
pub(crate) const COMPACT_AFTER: u64 = 16_384;

/// …a node forgets all but so many of those that it has applied.
pub(crate) const KEEP: u64 = 4_096;

/// Three nodes of which one leads.
pub(crate) trait Engine {
    /// A client of the leader's node proposes: so many `bytes`, freshly allocated, all of them `fill`.
    fn propose(&mut self, fill: u8, bytes: usize);

    /// Each node in turn handles what has arrived for it, writes what is to be written, applies what is committed, and sends.
    fn round(&mut self);

    /// How many proposals the leader has applied.
    fn led(&self) -> u64;

    /// What each node has applied.
    fn applied(&mut self) -> [Applied; NODES];

    /// How many messages were sent so far, between all nodes.
    fn sent(&self) -> u64;
}

/// What a node's application has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) proposals: u64,
    pub(crate) bytes: u64,
}

impl Applied {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.proposals += 1;
        self.bytes += bytes as u64;
    }
}

/// What the client does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many proposals it keeps under way.
    pub(crate) window: u64,
    /// How long each of them is, in bytes.
    pub(crate) payload: usize,
    /// How many there are in all.
    pub(crate) proposals: u64,
}

/// Has the leader apply all proposals, from those on that it has applied.
pub(crate) fn lead(engine: &mut impl Engine, load: Load) {
    let mut proposed = engine.led();
    loop {
        let applied = engine.led();
        if applied == load.proposals {
            return;
        }
        while proposed < load.proposals.min(applied + load.window) {
            engine.propose((proposed & 0x7f) as u8, load.payload);
            proposed += 1;
        }
        engine.round();
    }
}

/// What is on its way to each node.
pub(crate) struct Inboxes<Message> {
    waiting: [VecDeque<Message>; NODES],
    sent: u64,
}

impl<Message> Inboxes<Message> {
    pub(crate) fn empty() -> Self {
        Self { waiting: [const { VecDeque::new() }; NODES], sent: 0 }
    }

    pub(crate) fn send(&mut self, to: usize, message: Message) {
        self.sent += 1;
        self.waiting[to].push_back(message);
    }

    /// The next message for a node.
    pub(crate) fn next(&mut self, to: usize) -> Option<Message> {
        self.waiting[to].pop_front()
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}
