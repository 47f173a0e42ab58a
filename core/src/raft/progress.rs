//! How far a follower is, and how much may be sent to it: section 10.2 of the dissertation.

use super::member::Member;
use crate::log::Boundary;
use serde::Serialize;
use std::collections::VecDeque;

/// What a leader knows of a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Progress {
    pub(super) member: Member,
    /// Up to here its log is durable and the same. Never falls.
    pub(super) matched: u64,
    /// The last heartbeat that was sent before `matched` was known: what answers a later one knows of it.
    pub(super) matched_round: u64,
    /// The next entry to send. Always behind `matched`.
    pub(super) next: u64,
    /// The last heartbeat that it has answered.
    pub(super) round: u64,
    /// The last commit index that it was told.
    pub(super) commit_told: u64,
    /// Whether it was heard of since the quorum was checked last.
    pub(super) is_active: bool,
    /// Whether it has lost what it had acknowledged.
    pub(super) has_regressed: bool,
    /// From where on entries are being read back for it.
    pub(super) fetching: Option<u64>,
    pub(super) pace: Pace,
}

/// How a follower is sent what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) enum Pace {
    /// Where its log agrees is not known: one message at a time.
    Probe { is_sent: bool },
    /// Messages follow each other without waiting, within a window.
    Stream(Window),
    /// It needs entries that were dropped.
    Snapshot(Sending),
}

/// What was sent and is not acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Window {
    /// The last entry of each message, and how many bytes its entries take.
    messages: VecDeque<(u64, usize)>,
    bytes: usize,
}

/// A snapshot on its way, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Sending {
    pub(super) at: Boundary,
    /// How much of it has arrived.
    pub(super) received: u64,
    /// A piece is being read or is on its way.
    pub(super) is_sent: bool,
    /// How much had arrived when the quorum was checked last, and whether that was all that had arrived the time before.
    seen: Option<u64>,
    pub(super) is_idle: bool,
}

impl Sending {
    pub(super) fn of(at: Boundary) -> Self {
        Self { at, received: 0, is_sent: false, seen: None, is_idle: false }
    }

    /// An election timeout has passed: whether nothing has arrived in it.
    pub(super) fn look(&mut self) {
        self.is_idle = self.seen == Some(self.received);
        self.seen = Some(self.received);
    }
}

impl Progress {
    pub(super) fn new(member: Member, next: u64) -> Self {
        Self {
            member,
            matched: 0,
            matched_round: 0,
            next,
            round: 0,
            commit_told: 0,
            is_active: false,
            has_regressed: false,
            fetching: None,
            pace: Pace::Probe { is_sent: false },
        }
    }

    /// Its log is the leader's up to here. Whether anything is new in that.
    pub(super) fn acknowledge(&mut self, matched: u64) -> bool {
        let is_new = matched > self.matched;
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched + 1);
        match &mut self.pace {
            Pace::Stream(window) => window.free(self.matched),
            Pace::Probe { .. } => self.pace = Pace::Stream(Window::default()),
            Pace::Snapshot(sending) if self.matched >= sending.at.index => self.pace = Pace::Stream(Window::default()),
            Pace::Snapshot(_) => {}
        }
        is_new
    }

    /// Its log lacks the entry at `prev`. The word may be old: what was acknowledged stays so.
    pub(super) fn refuse(&mut self, prev: u64, last_possible: u64) {
        let is_stale = match &self.pace {
            Pace::Probe { .. } => prev + 1 != self.next,
            Pace::Stream(_) => prev <= self.matched,
            Pace::Snapshot(_) => true,
        };
        if !is_stale {
            self.probe_from(last_possible.min(prev.saturating_sub(1)) + 1);
        }
    }

    pub(super) fn probe_from(&mut self, next: u64) {
        self.next = next.max(self.matched + 1);
        self.pace = Pace::Probe { is_sent: false };
    }

    /// Whether more entries may be sent now.
    pub(super) fn may_send(&self, messages_max: usize, bytes_max: usize) -> bool {
        match &self.pace {
            Pace::Probe { is_sent } => !is_sent,
            Pace::Stream(window) => window.has_room(messages_max, bytes_max),
            Pace::Snapshot(_) => false,
        }
    }

    /// Whether a snapshot is on its way to it, and moves.
    pub(super) fn takes_snapshot(&self) -> bool {
        matches!(&self.pace, Pace::Snapshot(sending) if !sending.is_idle)
    }

    /// Whether its next entry was dropped. Then no acknowledgement of what is under way would do.
    pub(super) fn needs_snapshot(&self, boundary: Boundary) -> bool {
        self.next <= boundary.index && !matches!(self.pace, Pace::Snapshot(_))
    }

    /// Entries up to `last` were sent.
    pub(super) fn sent(&mut self, last: u64, bytes: usize) {
        match &mut self.pace {
            Pace::Probe { is_sent } => *is_sent = true,
            Pace::Stream(window) => {
                self.next = last + 1;
                window.push(last, bytes);
            }
            Pace::Snapshot(_) => {}
        }
    }
}

impl Window {
    fn has_room(&self, messages_max: usize, bytes_max: usize) -> bool {
        self.messages.len() < messages_max && (self.bytes < bytes_max || self.messages.is_empty())
    }

    fn push(&mut self, last: u64, bytes: usize) {
        self.messages.push_back((last, bytes));
        self.bytes += bytes;
    }

    fn free(&mut self, matched: u64) {
        while let Some((_, bytes)) = self.messages.front().filter(|(last, _)| *last <= matched) {
            self.bytes -= bytes;
            self.messages.pop_front();
        }
    }
}
