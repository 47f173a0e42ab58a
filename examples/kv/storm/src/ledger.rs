//! What users asked of the store and heard of it, as a history to be judged.

use crate::claims;
use crate::store::{self, Held, Operation};
use purlin::Instant;
use purlin::raft::{Answer, Consistency, Refusal, Request, Stamp};
use purlin_kv::{Kv, Outcome};
use purlin_sim::checker::{Violation, claim};
use purlin_sim::cluster::Ask;
use purlin_sim::linearizability::{
    Call, Checker, History, KeyValue, Keyed, Limits, RegisterOperation, RegisterOutcome, Verdict,
};
use std::collections::BTreeMap;

/// All operations so far. A stamped command is one operation, however often it is tried.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    history: History<Operation, RegisterOutcome<Held>>,
    open: BTreeMap<Ask, Open>,
    /// Stamped commands, by session and number.
    stamped: BTreeMap<(u64, u64), Stamped>,
    /// By which entries proposals without stamps were answered.
    entries: BTreeMap<u64, Ask>,
    /// What was read as of each entry.
    views: BTreeMap<(u64, u8), Held>,
}

#[derive(Clone, Copy, Debug)]
enum Open {
    /// A read whose answer must be fresh is an operation of the history.
    Read {
        key: u8,
        call: Option<Call>,
    },
    Write {
        call: Option<Call>,
    },
    Stamped {
        session: u64,
        sequence: u64,
    },
}

#[derive(Clone, Debug)]
struct Stamped {
    call: Option<Call>,
    outcome: Option<Outcome>,
}

/// What an answer has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A read was answered, freshly or not.
    Read { is_fresh: bool },
    /// A read was refused.
    ReadRefused,
    /// A command was applied.
    Written,
    /// A stamped command that had been answered before was answered again.
    Recalled,
    /// Nobody knows whether a command was applied.
    Unknown,
    /// The replica had too much to do.
    TurnedAway,
    /// Another replica leads now.
    HandedOver,
    /// A session is over.
    SessionEnded,
    /// Anything else.
    Other,
}

/// Asking.
impl Ledger {
    pub(crate) fn asked(&mut self, at: Instant, client: u32, ask: Ask, request: &Request<Kv>) {
        let open = match request {
            Request::Read { consistency, query } => self.asked_to_read(at, client, *consistency, store::key_of(query)),
            Request::Propose { stamp, command } => self.asked_to_write(at, client, *stamp, store::operation(command)),
            _ => return,
        };
        self.open.insert(ask, open);
    }

    fn asked_to_read(&mut self, at: Instant, client: u32, consistency: Consistency, key: u8) -> Open {
        let is_fresh = consistency == Consistency::Linearizable;
        let operation = Keyed { key, operation: RegisterOperation::Read };
        Open::Read { key, call: is_fresh.then(|| self.history.invoke(client, at, operation)) }
    }

    fn asked_to_write(&mut self, at: Instant, client: u32, stamp: Option<Stamp>, operation: Option<Operation>) -> Open {
        let history = &mut self.history;
        let mut invoke = || operation.map(|operation| history.invoke(client, at, operation));
        let Some(Stamp { session, sequence, .. }) = stamp else { return Open::Write { call: invoke() } };
        let mut begin = || Stamped { call: invoke(), outcome: None };
        self.stamped.entry((session, sequence)).or_insert_with(&mut begin);
        Open::Stamped { session, sequence }
    }
}

/// Hearing.
impl Ledger {
    pub(crate) fn answered(&mut self, at: Instant, ask: Ask, answer: &Answer<Kv>) -> Result<Shown, Violation> {
        match (self.open.remove(&ask), answer) {
            (Some(Open::Read { key, call }), Answer::Read { index, view }) => {
                self.read(at, *index, key, call, store::held(view))
            }
            (Some(Open::Read { call, .. }), _) => {
                self.withdraw(call);
                Ok(Shown::ReadRefused)
            }
            (Some(Open::Write { call }), Answer::Applied { index, outcome }) => {
                self.wrote(at, ask, *index, call, outcome)
            }
            (Some(Open::Stamped { session, sequence }), Answer::Applied { outcome, .. }) => {
                self.wrote_stamped(at, (session, sequence), outcome)
            }
            (Some(Open::Write { call }), Answer::Refused(refusal)) => {
                self.withdraw(call);
                Ok(shown(*refusal))
            }
            (_, Answer::Refused(refusal)) => Ok(shown(*refusal)),
            (_, Answer::Transferred { .. }) => Ok(Shown::HandedOver),
            (_, Answer::Unknown) => Ok(Shown::Unknown),
            _ => Ok(Shown::Other),
        }
    }

    /// Nobody will answer. If the ask was turned away, nothing was done.
    pub(crate) fn unanswered(&mut self, ask: Ask, is_turned_away: bool) {
        match self.open.remove(&ask) {
            Some(Open::Read { call, .. }) => self.withdraw(call),
            Some(Open::Write { call }) if is_turned_away => self.withdraw(call),
            _ => {}
        }
    }

    fn withdraw(&mut self, call: Option<Call>) {
        call.into_iter().for_each(|call| self.history.withdraw(call).expect("it is open"));
    }

    fn read(&mut self, at: Instant, index: u64, key: u8, call: Option<Call>, held: Held) -> Result<Shown, Violation> {
        let is_fresh = call.is_some();
        call.into_iter().for_each(|call| self.answer(call, at, RegisterOutcome::Read(held)));
        let before = *self.views.entry((index, key)).or_insert(held);
        claim(claims::EQUAL_INDEXES_EQUAL_VIEWS, before == held, || {
            format!("as of entry {index} key {key} was read as {before:?}, and now as {held:?}")
        })?;
        Ok(Shown::Read { is_fresh })
    }

    fn wrote(
        &mut self,
        at: Instant,
        ask: Ask,
        index: u64,
        call: Option<Call>,
        outcome: &Outcome,
    ) -> Result<Shown, Violation> {
        self.done(at, call, outcome);
        let other = self.entries.insert(index, ask);
        claim(claims::AN_ENTRY_ANSWERS_ONE_PROPOSAL, other.is_none(), || {
            format!("entry {index} answers asks {} and {}", other.map_or(0, |other| other.0), ask.0)
        })?;
        Ok(Shown::Written)
    }

    fn wrote_stamped(
        &mut self,
        at: Instant,
        (session, sequence): (u64, u64),
        outcome: &Outcome,
    ) -> Result<Shown, Violation> {
        let Some(stamped) = self.stamped.get_mut(&(session, sequence)) else { return Ok(Shown::Other) };
        let (call, before) = (stamped.call, stamped.outcome.replace(outcome.clone()));
        if before.is_none() {
            self.done(at, call, outcome);
            return Ok(Shown::Written);
        }
        claim(claims::RETRIES_ARE_ANSWERED_ALIKE, before.as_ref() == Some(outcome), || {
            format!("command {sequence} of session {session} came to {before:?}, and then to {outcome:?}")
        })?;
        Ok(Shown::Recalled)
    }

    fn done(&mut self, at: Instant, call: Option<Call>, outcome: &Outcome) {
        let Some(call) = call else { return };
        let operation = &self.history.get(call).expect("it was called").operation;
        let outcome = store::outcome(operation, outcome);
        self.answer(call, at, outcome);
    }

    fn answer(&mut self, call: Call, at: Instant, outcome: RegisterOutcome<Held>) {
        self.history.answer(call, at, outcome).expect("it is open, and time goes on");
    }
}

fn shown(refusal: Refusal) -> Shown {
    match refusal {
        Refusal::Session(_) => Shown::SessionEnded,
        Refusal::Busy => Shown::TurnedAway,
        _ => Shown::Other,
    }
}

/// Judging.
impl Ledger {
    /// Enough for every history that was seen, and an end to those that take too long.
    const LIMITS: Limits = Limits { steps: 20_000_000, remembered: 1_000_000 };

    /// Judges all that was heard. Whether it could be decided.
    pub(crate) fn judge(&mut self) -> Result<bool, Violation> {
        for open in core::mem::take(&mut self.open).into_values() {
            if let Open::Read { call, .. } = open {
                self.withdraw(call);
            }
        }
        let verdict = Checker::new(KeyValue::empty()).within(Self::LIMITS).judge(&self.history).verdict;
        verdict.claim(claims::THE_STORE_IS_LINEARIZABLE)?;
        Ok(!self.history.is_empty() && !matches!(verdict, Verdict::Unknown(_)))
    }
}
