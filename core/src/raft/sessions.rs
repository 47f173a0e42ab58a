//! Sessions: a command that is tried again is applied once. Section 8 of the paper, section 6.3 of the dissertation.
//!
//! What is remembered is part of what is replicated, so every bound that decides stands in the log.

use crate::nameless;
use derive_where::derive_where;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The place of a command in its client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stamp {
    /// The session, as it was answered when it began.
    pub session: u64,
    /// The command's number in it, which rises from 1 and is kept when the command is tried again.
    pub sequence: u64,
    /// The client has the answers of all numbers below this one and will not ask for them again.
    pub acknowledged: u64,
}

/// Why a stamped command was not applied. It will not be by trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionError {
    /// The session is not known: too many others were used since. Whether the command was applied before is not known either.
    #[error(
        "the session has ended, for others were used since: begin another, and look whether the command took effect"
    )]
    Ended,
    /// The client said that it had this answer.
    #[error("the client said before that it had the answer of this command")]
    Acknowledged,
    /// Too many commands of the session are without an acknowledgement.
    #[error("the session has {} commands that were not acknowledged: acknowledge some", Sessions::<()>::UNACKNOWLEDGED_MAX)]
    TooMany,
}

nameless!(Stamp, SessionError);

/// What is remembered of every session.
#[derive_where(Default)]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sessions<O> {
    known: BTreeMap<u64, Session<O>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Session<O> {
    /// The entry that used it last.
    used: u64,
    acknowledged: u64,
    outcomes: BTreeMap<u64, O>,
}

impl<O> Default for Session<O> {
    fn default() -> Self {
        Self { used: 0, acknowledged: 0, outcomes: BTreeMap::new() }
    }
}

impl<O> Sessions<O> {
    /// How many commands of one session may be without an acknowledgement.
    pub const UNACKNOWLEDGED_MAX: usize = 1_024;

    /// How many sessions are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

impl<O: Clone> Sessions<O> {
    /// Begins the session of the entry at `index`, and ends those that were used longest ago where there would be too many.
    pub(super) fn begin(&mut self, index: u64, sessions_max: u32) {
        while self.known.len() >= sessions_max.max(1) as usize {
            let oldest = self.known.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            oldest.and_then(|id| self.known.remove(&id));
        }
        self.known.insert(index, Session { used: index, ..Session::default() });
    }

    /// The outcome of a command that was applied before; nothing, if it is to be applied now.
    pub(super) fn recall(&mut self, stamp: Stamp, index: u64) -> Result<Option<O>, SessionError> {
        let session = self.known.get_mut(&stamp.session).ok_or(SessionError::Ended)?;
        session.used = index;
        session.acknowledge(stamp.acknowledged);
        match session.outcomes.get(&stamp.sequence) {
            Some(outcome) => Ok(Some(outcome.clone())),
            None if stamp.sequence < session.acknowledged => Err(SessionError::Acknowledged),
            None if session.outcomes.len() >= Self::UNACKNOWLEDGED_MAX => Err(SessionError::TooMany),
            None => Ok(None),
        }
    }

    /// Remembers the outcome of a command.
    pub(super) fn remember(&mut self, stamp: Stamp, outcome: O) {
        if let Some(session) = self.known.get_mut(&stamp.session) {
            session.outcomes.insert(stamp.sequence, outcome);
        }
    }
}

impl<O> Session<O> {
    fn acknowledge(&mut self, below: u64) {
        self.acknowledged = self.acknowledged.max(below);
        self.outcomes = self.outcomes.split_off(&self.acknowledged);
    }
}
