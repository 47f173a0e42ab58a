//! Reads the history of a run: what users heard, what replicas said, and whether all recovered.

use crate::claims;
use crate::ledger::{Ledger, Shown};
use crate::options::Options;
use crate::wire::Wire;
use purlin::Instant;
use purlin::raft::{Answer, Body, Consistency, Event as Announcement, Membership, Raft, Request, SteppedDown};
use purlin_kv::Kv;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Ask, End, Event, Phases, Unanswered};
use std::collections::{BTreeMap, BTreeSet};

type Replica = Raft<Kv>;

/// Judges a run.
#[derive(Clone)]
pub struct Referee {
    options: Options,
    sometimes: &'static [&'static str],
    recovered: Instant,
    ledger: Ledger,
    wire: Wire,
    membership: (u64, Membership),
    destroyed: BTreeSet<u32>,
    /// Who has answered a read since all recovered.
    serving: BTreeSet<u32>,
    was_written: bool,
    /// How many reads each node was asked for less those that it asked its leader for.
    unasked: BTreeMap<u32, i64>,
    coverage: Coverage,
}

impl Referee {
    pub(crate) fn new(options: &Options, sometimes: &'static [&'static str], phases: Phases) -> Self {
        Self {
            options: options.clone(),
            sometimes,
            recovered: Instant::ORIGIN + phases.recovered,
            ledger: Ledger::default(),
            wire: Wire::new(options),
            membership: (0, options.founders()),
            destroyed: BTreeSet::new(),
            serving: BTreeSet::new(),
            was_written: false,
            unasked: BTreeMap::new(),
            coverage: Coverage::default(),
        }
    }

    fn saw(&mut self, sight: &str) {
        if let Some(index) = self.sometimes.iter().position(|name| *name == sight) {
            self.coverage.note(index as u32);
        }
    }

    fn saw_if(&mut self, seen: bool, sight: &str) {
        if seen {
            self.saw(sight);
        }
    }
}

impl Judge for Referee {
    type Event<'a> = Event<'a, Replica>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Replica>) -> Result<(), Violation> {
        match *event {
            Event::Asked { client, node, ask, request, .. } => {
                self.counts_read(node, request);
                self.ledger.asked(at, client, ask, request);
                Ok(())
            }
            Event::Answered { node, ask, answer, .. } => self.answered(at, node, ask, answer),
            Event::Unanswered { ask, why, .. } => {
                self.ledger.unanswered(ask, why != Unanswered::Unknown);
                Ok(())
            }
            Event::Notified { event, .. } => self.notified(event),
            Event::Sent { from, to, message, .. } => {
                let is_repeated = matches!(message.body, Body::ReadIndex { .. }) && self.asks_again(from);
                self.saw_if(is_repeated, claims::A_READ_WAS_ASKED_AGAIN);
                self.wire.sent(from, to, message)
            }
            Event::Arrived { from, to, message } => {
                self.wire.arrived(from, to, message);
                Ok(())
            }
            Event::Written { node, record } => {
                self.wire.wrote(node, record);
                Ok(())
            }
            Event::Ended { node, end, .. } => {
                self.wire.ended(node);
                if end == End::Destroyed {
                    self.destroyed.insert(node);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        for sight in self.wire.take_seen().collect::<BTreeSet<_>>() {
            self.saw(sight);
        }
        let is_decided = self.ledger.judge()?;
        self.saw_if(is_decided, claims::A_HISTORY_WAS_DECIDED);
        claim(claims::WRITING_GOES_ON, self.was_written, || "no command was applied in the calm".to_owned())?;
        let silent: Vec<u32> = self.expected().filter(|node| !self.serving.contains(node)).collect();
        claim(claims::EVERY_NODE_SERVES, silent.is_empty(), || format!("nodes {silent:?} answered no read in the calm"))
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Referee {
    /// The members that are still there.
    fn expected(&self) -> impl Iterator<Item = u32> {
        let members = self.membership.1.everyone().into_iter();
        members.filter_map(|member| self.options.node_of(member)).filter(|node| !self.destroyed.contains(node))
    }

    fn counts_read(&mut self, node: u32, request: &Request<Kv>) {
        if matches!(request, Request::Read { consistency: Consistency::Linearizable, .. }) {
            *self.unasked.entry(node).or_default() += 1;
        }
    }

    /// Whether a node asks its leader more often than it was asked.
    fn asks_again(&mut self, node: u32) -> bool {
        let unasked = self.unasked.entry(node).or_default();
        *unasked -= 1;
        *unasked < 0
    }

    fn answered(&mut self, at: Instant, node: u32, ask: Ask, answer: &Answer<Kv>) -> Result<(), Violation> {
        let is_calm = at >= self.recovered;
        match self.ledger.answered(at, ask, answer)? {
            Shown::Read { is_fresh } => {
                self.saw_if(is_fresh && self.wire.leader() != Some(node), claims::A_READ_WAS_SERVED_BY_A_FOLLOWER);
                if is_fresh && is_calm {
                    self.serving.insert(node);
                }
            }
            Shown::HandedOver => self.saw(claims::A_LEADERSHIP_WAS_HANDED_OVER),
            Shown::Written => self.was_written |= is_calm,
            Shown::ReadRefused => self.saw(claims::A_READ_WAS_REFUSED),
            Shown::Recalled => self.saw(claims::A_RETRY_WAS_ANSWERED_FROM_MEMORY),
            Shown::Unknown => self.saw(claims::A_PROPOSAL_ENDED_UNKNOWN),
            Shown::TurnedAway => self.saw(claims::A_PROPOSAL_WAS_TURNED_AWAY),
            Shown::SessionEnded => self.saw(claims::A_SESSION_ENDED),
            Shown::Other => {}
        }
        Ok(())
    }

    fn notified(&mut self, announcement: &Announcement<Kv>) -> Result<(), Violation> {
        match announcement {
            Announcement::SteppedDown { why, .. } => self.saw(match why {
                SteppedDown::LaterTerm => claims::A_LEADER_WAS_DEPOSED,
                SteppedDown::NoQuorum => claims::A_LEADER_MISSED_ITS_QUORUM,
                SteppedDown::DiskStalled => claims::A_LEADER_WAS_DEPOSED,
                SteppedDown::Removed => claims::A_LEADER_WAS_REMOVED,
            }),
            Announcement::Compacted { .. } => self.saw(claims::A_LOG_WAS_COMPACTED),
            Announcement::Installed { .. } => self.saw(claims::A_SNAPSHOT_WAS_INSTALLED),
            Announcement::MembersChanged { index, membership } if *index > self.membership.0 => {
                let newcomer = self.options.member(self.options.founders.into());
                self.saw_if(membership.is_joint(), claims::TWO_HALVES_DECIDED);
                self.saw_if(!membership.learners.is_empty(), claims::A_LEARNER_WAS_TAKEN_IN);
                self.saw_if(membership.voters.contains(&newcomer), claims::A_NEW_INCARNATION_VOTED);
                self.membership = (*index, Membership::clone(membership));
            }
            Announcement::StorageRegressed { .. } => {
                return Err(Violation::new(claims::NO_STORAGE_REGRESSES, format!("{announcement:?}")));
            }
            Announcement::SnapshotDamaged { .. } => {
                return Err(Violation::new(claims::SNAPSHOTS_ARRIVE_WHOLE, format!("{announcement:?}")));
            }
            _ => {}
        }
        Ok(())
    }
}
