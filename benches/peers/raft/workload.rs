//! What every engine is put through: the same proposals, the same rounds, the same checks.
//!
//! Three nodes live in one process and on one thread; messages are moved, never serialised; no timer fires. A client keeps
//! `window` proposals under way at the leader, and the nodes take turns, each of them handling all that has arrived for it.

use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::time::Instant;

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

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Processor time of all three nodes and the client, in nanoseconds.
    pub(crate) cpu_nanos: u64,
    /// Time that went by, in nanoseconds.
    pub(crate) wall_nanos: u64,
    /// Messages between nodes.
    pub(crate) messages: u64,
}

/// Lets the leader apply all proposals, on the clock; lets the others follow, off the clock; and checks that they did.
pub(crate) fn drive(mut engine: impl Engine, load: Load) -> Figures {
    let (wall, cpu, sent) = (Instant::now(), processor_nanos(), engine.sent());
    lead(&mut engine, load);
    let figures = Figures {
        cpu_nanos: processor_nanos() - cpu,
        wall_nanos: u64::try_from(wall.elapsed().as_nanos()).unwrap_or(u64::MAX),
        messages: engine.sent() - sent,
    };
    (0..20).for_each(|_| engine.round());
    let all = Applied { proposals: load.proposals, bytes: load.proposals * load.payload as u64 };
    assert_eq!(engine.applied(), [all; NODES], "every node applies everything exactly once");
    figures
}

fn lead(engine: &mut impl Engine, load: Load) {
    let mut proposed = 0;
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

fn processor_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
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
