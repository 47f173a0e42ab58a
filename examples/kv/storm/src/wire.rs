//! What replicas say to each other and write down, held against what they may.

use crate::claims;
use crate::options::{Options, Tuning};
use purlin::log::Boundary;
use purlin::raft::{Body, Entry, Message, Record, size};
use purlin_kv::Kv;
use purlin_sim::checker::{Violation, claim};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// All that was said so far, as far as it matters.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    bounds: Bounds,
    leaders: BTreeMap<u64, u32>,
    votes: BTreeMap<(u32, u64), u32>,
    windows: BTreeMap<(u32, u32), Window>,
    pieces: BTreeSet<(u32, u32, Boundary, u64)>,
    written: BTreeMap<u32, u64>,
    seen: Vec<&'static str>,
}

/// The widest bounds of any version.
#[derive(Clone, Copy, Default)]
struct Bounds {
    message_bytes: usize,
    inflight_messages: usize,
    chunk_bytes: u64,
    /// Who joins anew begins with an empty window, which cannot be seen from outside.
    has_windows: bool,
}

/// The last entries of messages that were sent in a term and are not acknowledged.
#[derive(Clone, Default)]
struct Window {
    term: u64,
    messages: VecDeque<u64>,
}

impl Wire {
    pub(crate) fn new(options: &Options) -> Self {
        let most = |of: fn(&Tuning) -> u64| options.upgraded.iter().map(of).fold(of(&options.raft), u64::max);
        let bounds = Bounds {
            message_bytes: most(|raft| raft.message_bytes_max as u64) as usize,
            inflight_messages: most(|raft| raft.inflight_messages_max as u64) as usize,
            chunk_bytes: most(|raft| raft.chunk_bytes),
            has_windows: options.joiners == 0,
        };
        Self { bounds, ..Self::default() }
    }

    /// What was seen since this was asked last.
    pub(crate) fn take_seen(&mut self) -> impl Iterator<Item = &'static str> {
        core::mem::take(&mut self.seen).into_iter()
    }

    /// Who leads in the latest term, as far as anybody has heard.
    pub(crate) fn leader(&self) -> Option<u32> {
        self.leaders.last_key_value().map(|(_, leader)| *leader)
    }

    pub(crate) fn ended(&mut self, node: u32) {
        self.windows.retain(|(from, _), _| *from != node);
        self.written.remove(&node);
    }

    pub(crate) fn wrote(&mut self, node: u32, record: &Record<Kv>) {
        if let Record::Append { entries, .. } = record
            && let (Some(first), Some(last)) = (entries.first(), entries.last())
        {
            let before = self.written.insert(node, last.index);
            if before.is_some_and(|before| first.index <= before) {
                self.seen.push(claims::A_LOG_WAS_TRUNCATED);
            }
        }
    }

    pub(crate) fn sent(&mut self, from: u32, to: u32, message: &Message<Kv>) -> Result<(), Violation> {
        let term = message.term;
        match &message.body {
            Body::Vote { .. } => self.votes_for(from, term, from),
            Body::Voted { granted: true } => self.votes_for(from, term, to),
            Body::Append { entries, .. } => {
                self.leads(from, term)?;
                self.appends(from, to, term, entries)
            }
            Body::Chunk { at, offset, bytes, .. } => {
                self.leads(from, term)?;
                self.windows.remove(&(from, to));
                self.sends_piece(from, to, *at, *offset, bytes.len())
            }
            Body::NotAppended { .. } => {
                self.seen.push(claims::AN_APPEND_WAS_REFUSED);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn arrived(&mut self, from: u32, to: u32, message: &Message<Kv>) {
        let Some(window) = self.windows.get_mut(&(to, from)).filter(|window| window.term == message.term) else {
            return;
        };
        match message.body {
            Body::Appended { matched, .. } => window.messages.retain(|last| *last > matched),
            Body::NotAppended { .. } | Body::ChunkTaken { .. } => window.messages.clear(),
            _ => {}
        }
    }

    fn leads(&mut self, node: u32, term: u64) -> Result<(), Violation> {
        let other = *self.leaders.entry(term).or_insert(node);
        claim(claims::ONE_LEADER_A_TERM, other == node, || format!("nodes {other} and {node} lead in term {term}"))
    }

    fn votes_for(&mut self, node: u32, term: u64, candidate: u32) -> Result<(), Violation> {
        let other = *self.votes.entry((node, term)).or_insert(candidate);
        claim(claims::ONE_VOTE_A_TERM, other == candidate, || {
            format!("node {node} votes for nodes {other} and {candidate} in term {term}")
        })
    }

    fn appends(&mut self, from: u32, to: u32, term: u64, entries: &[Entry<Kv>]) -> Result<(), Violation> {
        let Some(last) = entries.last() else { return Ok(()) };
        let (bytes, most) = (entries.iter().map(size).sum::<usize>(), self.bounds.message_bytes);
        claim(claims::MESSAGES_ARE_BOUNDED, entries.len() == 1 || bytes <= most, || {
            format!("node {from} sends {} entries of {bytes} bytes to node {to}, and {most} are allowed", entries.len())
        })?;
        self.fills_window(from, to, term, last.index)
    }

    /// One more may be on its way: the one that found out where the follower stands.
    fn fills_window(&mut self, from: u32, to: u32, term: u64, last: u64) -> Result<(), Violation> {
        let most = self.bounds.inflight_messages;
        let window = self.windows.entry((from, to)).or_default();
        if window.term != term {
            *window = Window { term, messages: VecDeque::new() };
        }
        window.messages.push_back(last);
        let sent = window.messages.len();
        if sent == most {
            self.seen.push(claims::A_WINDOW_WAS_FULL);
        }
        claim(claims::THE_WINDOW_IS_KEPT, sent <= most + 1 || !self.bounds.has_windows, || {
            format!("node {from} has {sent} messages on their way to node {to}, and {most} are allowed")
        })
    }

    fn sends_piece(&mut self, from: u32, to: u32, at: Boundary, offset: u64, bytes: usize) -> Result<(), Violation> {
        if offset > 0 {
            self.seen.push(claims::A_SNAPSHOT_CAME_IN_PIECES);
        }
        if !self.pieces.insert((from, to, at, offset)) {
            self.seen.push(claims::A_PIECE_WAS_SENT_AGAIN);
        }
        let most = self.bounds.chunk_bytes;
        claim(claims::MESSAGES_ARE_BOUNDED, bytes as u64 <= most, || {
            format!("node {from} sends {bytes} bytes of a snapshot to node {to}, and {most} are allowed")
        })
    }
}
