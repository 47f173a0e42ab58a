//! What survives: chapter 3.8 of the dissertation, and its records.

use super::application::Application;
use super::entry::{Entry, Payload};
use super::log::{Log, Slice};
use super::member::Member;
use super::membership::Membership;
use super::sessions::Sessions;
use crate::log::{Boundary, HardState};
use derive_where::derive_where;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a replica must not forget.
#[derive_where(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Image<S: Application> {
    /// How often a process began with it.
    pub lives: u64,
    /// The term.
    pub term: u64,
    /// Whom it voted for in this term.
    pub vote: Option<Member>,
    /// Up to which entry it knew the log to be committed when it wrote last.
    pub commit: u64,
    /// What the dropped entries had come to.
    pub snapshot: Arc<Snapshot<S>>,
    /// The entries since the boundary, which is at the snapshot or before it.
    pub log: Log<S>,
    /// Every membership of the log, each with the index from which on it counts, behind that of the snapshot.
    memberships: Vec<(u64, Arc<Membership>)>,
}

/// What all entries up to an index have come to.
#[derive_where(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Snapshot<S: Application> {
    /// The last entry that is in it.
    pub at: Boundary,
    /// From which entry on its membership counts.
    pub membership_index: u64,
    /// Who was a member.
    pub membership: Arc<Membership>,
    /// What was replicated.
    pub applied: Applied<S>,
}

/// What was replicated: the application, and the sessions of its clients.
#[derive_where(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Applied<S: Application> {
    /// The application.
    pub state: S,
    /// The sessions.
    pub sessions: Sessions<S::Outcome>,
}

/// What is written.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Record<S: Application> {
    /// A process begins. The first one brings the founders; a replica that joins later has none.
    Began {
        /// The members with whom the cluster was founded.
        founders: Arc<Membership>,
    },
    /// A term and the vote in it: one record, so that there is no term with the vote of another.
    Term {
        /// The term.
        term: u64,
        /// Whom the vote was given to.
        vote: Option<Member>,
    },
    /// Entries, in place of whatever stands from the first of them on.
    Append {
        /// At least one.
        entries: Slice<S>,
        /// Up to which entry the log is known to be committed.
        commit: u64,
    },
    /// A snapshot of our own. Entries up to an index are dropped, which is the snapshot's or before it.
    Compact {
        /// The snapshot.
        snapshot: Arc<Snapshot<S>>,
        /// The last entry that is dropped.
        through: Boundary,
    },
    /// A leader's snapshot, in place of the whole log.
    Install {
        /// The snapshot.
        snapshot: Arc<Snapshot<S>>,
    },
}

impl<S: Application> Image<S> {
    /// Whether nothing was ever written.
    pub fn is_blank(&self) -> bool {
        self.lives == 0
    }

    /// What survives, as it was before the entries since the boundary: for journals that keep its parts in different places.
    /// Entries are put in by [`Record::Append`].
    pub fn rebuilt(lives: u64, hard_state: HardState, snapshot: Arc<Snapshot<S>>, boundary: Boundary) -> Self {
        let HardState { term, vote, commit } = hard_state;
        let commit = commit.max(snapshot.at.index);
        let (vote, log) = (Member::from_word(vote), Log::behind(boundary));
        Self { lives, term, vote, commit, snapshot, log, memberships: Vec::new() }
    }

    /// The membership that counts: the last in the log, committed or not.
    pub fn membership(&self) -> &Arc<Membership> {
        self.memberships.last().map_or(&self.snapshot.membership, |(_, membership)| membership)
    }

    /// The index from which on it counts.
    pub fn membership_index(&self) -> u64 {
        self.memberships.last().map_or(self.snapshot.membership_index, |(index, _)| *index)
    }

    /// The membership that counted at an index, which is at the snapshot or behind it, and since when.
    pub fn membership_at(&self, index: u64) -> (u64, &Arc<Membership>) {
        let until = self.memberships.partition_point(|(since, _)| *since <= index);
        let (since, membership) = match until.checked_sub(1) {
            Some(place) => (self.memberships[place].0, &self.memberships[place].1),
            None => (self.snapshot.membership_index, &self.snapshot.membership),
        };
        (since, membership)
    }

    /// Takes a record in.
    pub fn fold(&mut self, record: Record<S>) {
        match record {
            Record::Began { founders } => self.begin(founders),
            Record::Term { term, vote } => (self.term, self.vote) = (term, vote),
            Record::Append { entries, commit } => self.append(entries, commit),
            Record::Compact { snapshot, through } => self.compact(snapshot, through),
            Record::Install { snapshot } => self.install(snapshot),
        }
    }

    fn begin(&mut self, founders: Arc<Membership>) {
        if self.is_blank() {
            self.snapshot = Arc::new(Snapshot { membership: founders, ..Snapshot::default() });
        }
        self.lives += 1;
    }

    fn append(&mut self, entries: Slice<S>, commit: u64) {
        let Some(first) = entries.first().map(|entry| entry.index) else { return };
        if first < self.log.first_held() || first > self.log.last().index + 1 {
            return;
        }
        if first <= self.log.last().index {
            self.log.truncate_suffix(first);
            self.memberships.retain(|(index, _)| *index < first);
        }
        // Entries before the snapshot come only while an image is rebuilt.
        let since = self.snapshot.at.index;
        self.memberships.extend(entries.iter().filter_map(membership).filter(|(index, _)| *index > since));
        self.log.append(entries);
        self.commit = self.commit.max(commit);
    }

    fn compact(&mut self, snapshot: Arc<Snapshot<S>>, through: Boundary) {
        let covered = self.memberships.partition_point(|(index, _)| *index <= snapshot.at.index);
        self.memberships.drain(..covered);
        self.commit = self.commit.max(snapshot.at.index);
        self.log.truncate_prefix(through);
        self.snapshot = snapshot;
    }

    fn install(&mut self, snapshot: Arc<Snapshot<S>>) {
        self.memberships.clear();
        self.commit = self.commit.max(snapshot.at.index);
        self.log = Log::behind(snapshot.at);
        self.snapshot = snapshot;
    }
}

fn membership<S: Application>(entry: &Entry<S>) -> Option<(u64, Arc<Membership>)> {
    match &entry.payload {
        Payload::Membership(membership) => Some((entry.index, Arc::clone(membership))),
        _ => None,
    }
}
