//! What is claimed of every protocol, whatever it does.

use super::asks::ByAsk;
use super::client::{Ask, Unanswered};
use super::environment::{Phases, Recovery};
use super::history::{End, Event};
use crate::checker::{Coverage, Judge, Violation, claim};
use crate::plan::{Fault, FaultKind};
use core::marker::PhantomData;
use core::time::Duration;
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::Protocol;

/// What always holds of every protocol.
pub mod claims {
    /// An answer belongs to an ask that was open, and each ask has one.
    pub const EVERY_ANSWER_BELONGS_TO_AN_ASK: &str = "every_answer_belongs_to_an_ask";
    /// Once the system has recovered, every ask of a node is answered in time.
    pub const ASKS_ARE_ANSWERED_IN_TIME: &str = "asks_are_answered_in_time";
    /// What a process knows when it ends is the fold of all records it has persisted and of those before it.
    pub const IMAGE_IS_THE_FOLD_OF_ITS_RECORDS: &str = "image_is_the_fold_of_its_records";
    /// A driver writes what its machine has persisted, in that order.
    pub const RECORDS_ARE_WRITTEN_IN_ORDER: &str = "records_are_written_in_order";
    /// What a disk has synced is found by the next process, or its journal is refused; nothing else is found.
    pub const WHAT_WAS_SYNCED_IS_FOUND_OR_REFUSED: &str = "what_was_synced_is_found_or_refused";
    /// Nothing panics.
    pub const NOTHING_PANICS: &str = crate::NOTHING_PANICS;

    /// All of them.
    pub const ALL: [&str; 5] = [
        EVERY_ANSWER_BELONGS_TO_AN_ASK,
        ASKS_ARE_ANSWERED_IN_TIME,
        IMAGE_IS_THE_FOLD_OF_ITS_RECORDS,
        WHAT_WAS_SYNCED_IS_FOUND_OR_REFUSED,
        NOTHING_PANICS,
    ];
}

/// What may be seen in any cluster. A scenario that names one of them among its own is held to it.
pub mod sights {
    /// A process was killed.
    pub const A_PROCESS_WAS_KILLED: &str = "a_process_was_killed";
    /// Records that were not synced outlived the process that was killed.
    pub const UNSYNCED_RECORDS_OUTLIVED_A_KILL: &str = "unsynced_records_outlived_a_kill";
    /// The power went.
    pub const THE_POWER_WENT: &str = "the_power_went";
    /// Records were lost with the power, or with the process that had not yet written them.
    pub const RECORDS_WERE_LOST: &str = "records_were_lost";
    /// A journal was taken over.
    pub const A_JOURNAL_WAS_TAKEN_OVER: &str = "a_journal_was_taken_over";
    /// A client will never know what came of its ask.
    pub const AN_ANSWER_STAYED_UNKNOWN: &str = "an_answer_stayed_unknown";
    /// Somebody asked a node that was down.
    pub const A_DOWN_NODE_WAS_ASKED: &str = "a_down_node_was_asked";
    /// A node was shut down in good order.
    pub const A_NODE_WAS_SHUT_DOWN: &str = "a_node_was_shut_down";
    /// A disk did not do as it was told.
    pub const A_DISK_FAILED: &str = "a_disk_failed";
    /// A journal was damaged, or could not be read, and was refused.
    pub const A_JOURNAL_WAS_REFUSED: &str = "a_journal_was_refused";
    /// The power went while something was written.
    pub const A_WRITE_WAS_TORN: &str = "a_write_was_torn";
    /// A node was destroyed.
    pub const A_NODE_WAS_DESTROYED: &str = "a_node_was_destroyed";
    /// A process stood still.
    pub const A_PROCESS_WAS_PAUSED: &str = "a_process_was_paused";
    /// A clock jumped.
    pub const A_CLOCK_JUMPED: &str = "a_clock_jumped";
    /// A partition lay between nodes.
    pub const A_PARTITION_LAY_BETWEEN_NODES: &str = "a_partition_lay_between_nodes";
    /// One sync made several records durable.
    pub const ONE_SYNC_SERVED_SEVERAL_RECORDS: &str = "one_sync_served_several_records";
}

/// The general judge, and the scenario's own behind it.
#[derive_where(Clone; J)]
pub(super) struct Judges<P, J> {
    general: General,
    own: J,
    protocol: PhantomData<fn() -> P>,
}

/// Judges what holds of every protocol.
#[derive(Clone)]
struct General {
    sometimes: &'static [&'static str],
    faults: Vec<Fault>,
    phases: Phases,
    answer_within: Duration,
    coverage: Coverage,
    open: ByAsk<Open>,
    /// Records written and records synced, by node.
    disks: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    client: u32,
    node: u32,
    since: Instant,
}

impl<P, J> Judges<P, J> {
    pub(super) fn new(
        own: J,
        sometimes: &'static [&'static str],
        faults: &[Fault],
        recovery: Recovery,
        phases: Phases,
    ) -> Self {
        let general = General {
            sometimes,
            faults: faults.to_vec(),
            phases,
            answer_within: Duration::from_millis(recovery.answer_ms),
            coverage: Coverage::default(),
            open: ByAsk::default(),
            disks: Vec::new(),
        };
        Self { general, own, protocol: PhantomData }
    }
}

impl<P: Protocol, J: for<'a> Judge<Event<'a> = Event<'a, P>>> Judge for Judges<P, J> {
    type Event<'a> = Event<'a, P>;

    fn observe(&mut self, at: Instant, event: &Event<'_, P>) -> Result<(), Violation> {
        self.general.observe(at, event)?;
        self.own.observe(at, event)
    }

    fn conclude(&mut self, end: Instant) -> Result<(), Violation> {
        self.general.conclude(end)?;
        self.own.conclude(end)
    }

    fn coverage(&self) -> Coverage {
        self.general.coverage.merged(self.own.coverage())
    }
}

impl General {
    fn observe<P: Protocol>(&mut self, at: Instant, event: &Event<'_, P>) -> Result<(), Violation> {
        match *event {
            Event::Asked { client, node, ask, .. } => {
                self.open.insert(ask, Open { client, node, since: at });
            }
            Event::Answered { client, node, ask, .. } => return self.closed(at, client, node, ask),
            Event::Unanswered { client, node, ask, why } => {
                self.saw_if(why == Unanswered::Unknown, sights::AN_ANSWER_STAYED_UNKNOWN);
                self.saw_if(why == Unanswered::ShutDown, sights::A_DOWN_NODE_WAS_ASKED);
                return self.closed(at, client, node, ask);
            }
            Event::Written { node, .. } => self.disk(node).0 += 1,
            Event::Synced { node, records } => self.synced(node, records),
            Event::Ended { node, end, records, lost } => self.ended(node, end, records, lost),
            Event::Recovered { node, records, .. } => *self.disk(node) = (records, records),
            Event::Refused { .. } => self.saw(sights::A_JOURNAL_WAS_REFUSED),
            Event::Began { fault } => self.began(fault),
            _ => {}
        }
        Ok(())
    }

    fn conclude(&self, end: Instant) -> Result<(), Violation> {
        self.open.iter().try_for_each(|(ask, open)| self.judge_delay(ask, *open, end))
    }

    fn closed(&mut self, at: Instant, client: u32, node: u32, ask: Ask) -> Result<(), Violation> {
        let open = self.open.remove(ask).filter(|open| (open.client, open.node) == (client, node));
        let open = open.ok_or_else(|| {
            let detail = format!("client {client} hears from node {node} of ask {}, which is not open", ask.0);
            Violation::new(claims::EVERY_ANSWER_BELONGS_TO_AN_ASK, detail)
        })?;
        self.judge_delay(ask, open, at)
    }

    /// Time counts only from recovery on.
    fn is_late(&self, open: Open, at: Instant) -> bool {
        let since = open.since.max(Instant::ORIGIN + self.phases.recovered);
        at.saturating_since(since) > self.answer_within
    }

    fn judge_delay(&self, ask: Ask, open: Open, at: Instant) -> Result<(), Violation> {
        claim(claims::ASKS_ARE_ANSWERED_IN_TIME, !self.is_late(open, at), || {
            let Open { client, node, since } = open;
            let within = self.answer_within;
            format!(
                "client {client} asked node {node} ({}) at {since:?}, it is {at:?}, and {within:?} are allowed",
                ask.0
            )
        })
    }

    fn synced(&mut self, node: u32, records: u64) {
        let before = core::mem::replace(&mut self.disk(node).1, records);
        self.saw_if(records > before + 1, sights::ONE_SYNC_SERVED_SEVERAL_RECORDS);
    }

    fn ended(&mut self, node: u32, end: End, records: u64, lost: u64) {
        let synced = self.disk(node).1;
        match end {
            End::Killed => self.saw(sights::A_PROCESS_WAS_KILLED),
            End::PowerLost => self.saw(sights::THE_POWER_WENT),
            End::Usurped => self.saw(sights::A_JOURNAL_WAS_TAKEN_OVER),
            End::Stopped => self.saw(sights::A_NODE_WAS_SHUT_DOWN),
            End::DiskFailed => self.saw(sights::A_DISK_FAILED),
            End::Torn => self.saw(sights::A_WRITE_WAS_TORN),
            End::Destroyed => self.saw(sights::A_NODE_WAS_DESTROYED),
        }
        self.saw_if(lost > 0, sights::RECORDS_WERE_LOST);
        self.saw_if(end == End::Killed && records > synced, sights::UNSYNCED_RECORDS_OUTLIVED_A_KILL);
    }

    fn began(&mut self, fault: u32) {
        match self.faults.get(fault as usize).map(|fault| fault.kind) {
            Some(FaultKind::Pause { .. }) => self.saw(sights::A_PROCESS_WAS_PAUSED),
            Some(FaultKind::ClockJump { .. } | FaultKind::ClockBack { .. }) => self.saw(sights::A_CLOCK_JUMPED),
            Some(kind) if kind.groups().is_some() => self.saw(sights::A_PARTITION_LAY_BETWEEN_NODES),
            _ => {}
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

    fn disk(&mut self, node: u32) -> &mut (u64, u64) {
        let node = node as usize;
        if self.disks.len() <= node {
            self.disks.resize(node + 1, (0, 0));
        }
        &mut self.disks[node]
    }
}
