//! What clients asked, and what they heard.

use purlin::Instant;
use thiserror::Error;

/// Operations of concurrent clients on one object, in any order.
///
/// An operation that is never ended is *pending*: it may have happened at any moment after it was called, or never. So
/// leave open what timed out, and [withdraw](History::withdraw) only what certainly was not done.
///
/// ```
/// use purlin::Instant;
/// use purlin_sim::linearizability::{History, RegisterOperation, RegisterOutcome};
///
/// let at = Instant::from_millis;
/// let mut history = History::default();
/// let write = history.invoke(0, at(1), RegisterOperation::Write(7));
/// let read = history.invoke(1, at(2), RegisterOperation::Read);
/// history.answer(read, at(3), RegisterOutcome::Read(7))?;
/// let refused = history.invoke(1, at(4), RegisterOperation::Write(8));
/// history.withdraw(refused)?;
/// assert_eq!(history.get(write).unwrap().outcome(), None);
/// assert_eq!(history.len(), 3);
/// # Ok::<(), purlin_sim::linearizability::InvalidHistory>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<O, R> {
    invocations: Vec<Invocation<O, R>>,
    events: u64,
}

/// Names an operation of a history: its number, in the order of the calls that added it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub usize);

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation<O, R> {
    /// The client.
    pub client: u32,
    /// What it asked.
    pub operation: O,
    pub(super) called: Moment,
    pub(super) end: End<R>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End<R> {
    Pending,
    Answered(Moment, R),
    Withdrawn,
}

/// An instant, and which of the events of that instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) at: Instant,
    event: u64,
}

/// A history that cannot have been. Nothing was added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidHistory {
    /// There is no such operation.
    #[error("operation {} ends, but the history has {operations} operations: end those that invoke() returned", call.0)]
    NeverCalled {
        /// The operation.
        call: Call,
        /// How many there are.
        operations: usize,
    },
    /// It has ended before.
    #[error("operation {} ends twice: answer or withdraw it once, or leave it open", call.0)]
    EndsTwice {
        /// The operation.
        call: Call,
    },
    /// It ends before it begins.
    #[error("operation {} is called at {called:?} and ends at {ended:?}, which is earlier: take both from one clock", call.0)]
    EndsBeforeItsCall {
        /// The operation.
        call: Call,
        /// When it was called.
        called: Instant,
        /// When it is said to have ended.
        ended: Instant,
    },
}

impl<O, R> Default for History<O, R> {
    fn default() -> Self {
        Self { invocations: Vec::new(), events: 0 }
    }
}

impl<O, R> History<O, R> {
    /// `client` calls `operation`. Events of one instant happen in the order in which they are told here.
    pub fn invoke(&mut self, client: u32, at: Instant, operation: O) -> Call {
        let called = self.moment(at);
        self.invocations.push(Invocation { client, operation, called, end: End::Pending });
        Call(self.invocations.len() - 1)
    }

    /// `call` is answered.
    ///
    /// # Errors
    /// There is no such call, it has ended before, or it is answered before it was called.
    pub fn answer(&mut self, call: Call, at: Instant, outcome: R) -> Result<(), InvalidHistory> {
        let answered = self.moment(at);
        let invocation = self.open(call)?;
        if at < invocation.called.at {
            return Err(InvalidHistory::EndsBeforeItsCall { call, called: invocation.called.at, ended: at });
        }
        invocation.end = End::Answered(answered, outcome);
        Ok(())
    }

    /// `call` certainly was not done, and is no more judged.
    ///
    /// # Errors
    /// There is no such call, or it has ended before.
    pub fn withdraw(&mut self, call: Call) -> Result<(), InvalidHistory> {
        self.open(call)?.end = End::Withdrawn;
        Ok(())
    }

    /// Adds an operation by the instants that its client saw, `None` for one that was never answered. If another ends at
    /// the very instant at which this one is called, they count as concurrent, since nobody knows which was first.
    ///
    /// # Errors
    /// It is answered before it was called.
    pub fn record(
        &mut self,
        client: u32,
        operation: O,
        called: Instant,
        answered: Option<(Instant, R)>,
    ) -> Result<Call, InvalidHistory> {
        let call = Call(self.invocations.len());
        let called = Moment { at: called, event: 0 };
        let end = match answered {
            Some((at, _)) if at < called.at => {
                return Err(InvalidHistory::EndsBeforeItsCall { call, called: called.at, ended: at });
            }
            Some((at, outcome)) => End::Answered(Moment { at, event: u64::MAX }, outcome),
            None => End::Pending,
        };
        self.invocations.push(Invocation { client, operation, called, end });
        Ok(call)
    }

    /// How many operations there are, withdrawn ones included.
    pub fn len(&self) -> usize {
        self.invocations.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.invocations.is_empty()
    }

    /// An operation.
    pub fn get(&self, call: Call) -> Option<&Invocation<O, R>> {
        self.invocations.get(call.0)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (Call, &Invocation<O, R>)> {
        self.invocations.iter().enumerate().map(|(index, invocation)| (Call(index), invocation))
    }

    /// Adds an operation with moments of this history.
    pub(super) fn add(&mut self, invocation: Invocation<O, R>) {
        self.invocations.push(invocation);
    }

    pub(super) fn moment(&mut self, at: Instant) -> Moment {
        self.events += 1;
        Moment { at, event: self.events }
    }

    fn open(&mut self, call: Call) -> Result<&mut Invocation<O, R>, InvalidHistory> {
        let operations = self.invocations.len();
        match self.invocations.get_mut(call.0) {
            None => Err(InvalidHistory::NeverCalled { call, operations }),
            Some(Invocation { end: End::Answered(..) | End::Withdrawn, .. }) => Err(InvalidHistory::EndsTwice { call }),
            Some(invocation) => Ok(invocation),
        }
    }
}

impl<O, R> Invocation<O, R> {
    /// When it was called.
    pub fn called(&self) -> Instant {
        self.called.at
    }

    /// When it was answered.
    pub fn answered(&self) -> Option<Instant> {
        match &self.end {
            End::Answered(moment, _) => Some(moment.at),
            End::Pending | End::Withdrawn => None,
        }
    }

    /// The answer.
    pub fn outcome(&self) -> Option<&R> {
        match &self.end {
            End::Answered(_, outcome) => Some(outcome),
            End::Pending | End::Withdrawn => None,
        }
    }

    /// Whether it certainly was not done.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.end, End::Withdrawn)
    }
}
