//! A queue that hands a message out for a while, and again if nobody says in time that it is done.

use super::Value;
use super::keyed::PerKey;
use crate::linearizability::Specification;
use core::marker::PhantomData;

/// One message of a lease queue: at least once, and with tokens. A lease may end at any time without anybody being told.
///
/// Each message is judged by itself, so a claim is written down under each message that it was given. A claim that got
/// nothing, or was never answered, need not be written down: it shows nothing, since a message may be delayed or wait for
/// another, and since a lease may end without being claimed anew. An id means one message: it is not used again.
#[derive(Clone, Copy, Debug)]
pub struct Lease<T> {
    tokens: PhantomData<T>,
}

/// Messages of a lease queue, each under its id.
///
/// ```
/// use purlin::Instant;
/// use purlin_sim::linearizability::{Checker, History, Keyed, LeaseOperation, LeaseOutcome, LeaseQueue};
///
/// let mut history = History::default();
/// let mut ended = |at, operation, outcome| {
///     let call = history.invoke(0, Instant::from_millis(at), Keyed { key: "message", operation });
///     history.answer(call, Instant::from_millis(at + 1), outcome)
/// };
/// ended(1, LeaseOperation::Enqueue, LeaseOutcome::Done)?;
/// ended(3, LeaseOperation::Claim, LeaseOutcome::Claimed(1))?;
/// ended(5, LeaseOperation::Claim, LeaseOutcome::Claimed(2))?;
/// ended(7, LeaseOperation::Acknowledge(1), LeaseOutcome::Refused)?;
/// ended(9, LeaseOperation::Acknowledge(2), LeaseOutcome::Done)?;
/// let checker = Checker::new(LeaseQueue::empty());
/// assert!(checker.judge(&history).verdict.is_linearizable());
///
/// let late = history.invoke(1, Instant::from_millis(11), Keyed { key: "message", operation: LeaseOperation::Claim });
/// history.answer(late, Instant::from_millis(12), LeaseOutcome::Claimed(3))?;
/// assert!(checker.judge(&history).verdict.is_broken(), "it was done");
/// # Ok::<(), purlin_sim::linearizability::InvalidHistory>(())
/// ```
pub type LeaseQueue<M, T> = PerKey<M, Lease<T>>;

impl<M, T> LeaseQueue<M, T> {
    /// Without messages.
    pub fn empty() -> Self {
        Self::new(Lease { tokens: PhantomData })
    }
}

/// What may be asked about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseOperation<T> {
    /// To take it in.
    Enqueue,
    /// To hand it out.
    Claim,
    /// To forget it: whoever holds this token is done. Whoever is may say so again.
    Acknowledge(T),
    /// To take it back: whoever holds this token will not be done.
    Release(T),
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseOutcome<T> {
    /// It is taken in, forgotten, or taken back.
    Done,
    /// It is handed out, under this token.
    Claimed(T),
    /// The token is not the present one, or there is such a message already. A claim may always be refused.
    Refused,
}

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseState<T> {
    /// Nobody has enqueued it.
    Unknown,
    /// Nobody holds it.
    Ready,
    /// Handed out under this token, and the lease may or may not have ended since.
    Leased(T),
    /// Acknowledged under this token.
    Finished(T),
}

impl<T: Value> Specification for Lease<T> {
    type State = LeaseState<T>;
    type Operation = LeaseOperation<T>;
    type Outcome = LeaseOutcome<T>;
    type Next = Vec<LeaseState<T>>;
    type Key = ();
    type Value = ();

    fn initial(&self) -> LeaseState<T> {
        LeaseState::Unknown
    }

    fn step(
        &self,
        state: &LeaseState<T>,
        operation: &LeaseOperation<T>,
        outcome: Option<&LeaseOutcome<T>>,
    ) -> Vec<LeaseState<T>> {
        match operation {
            LeaseOperation::Enqueue => enqueue(state, outcome),
            LeaseOperation::Claim => claim(state, outcome),
            LeaseOperation::Acknowledge(token) => end(state, token, outcome, LeaseState::Finished(token.clone())),
            LeaseOperation::Release(token) => end(state, token, outcome, LeaseState::Ready),
        }
    }

    fn key(&self, _: &LeaseOperation<T>) {}
}

fn enqueue<T: Value>(state: &LeaseState<T>, outcome: Option<&LeaseOutcome<T>>) -> Vec<LeaseState<T>> {
    match (state, outcome) {
        (LeaseState::Unknown, None | Some(LeaseOutcome::Done)) => vec![LeaseState::Ready],
        (LeaseState::Unknown, _) | (_, Some(LeaseOutcome::Done | LeaseOutcome::Claimed(_))) => vec![],
        (known, None | Some(LeaseOutcome::Refused)) => vec![known.clone()],
    }
}

/// A claim whose token nobody knows has ended an earlier lease at most.
fn claim<T: Value>(state: &LeaseState<T>, outcome: Option<&LeaseOutcome<T>>) -> Vec<LeaseState<T>> {
    match (state, outcome) {
        (LeaseState::Ready | LeaseState::Leased(_), Some(LeaseOutcome::Claimed(token))) => {
            vec![LeaseState::Leased(token.clone())]
        }
        (LeaseState::Ready | LeaseState::Leased(_), None) => vec![LeaseState::Ready],
        (_, Some(LeaseOutcome::Refused)) | (LeaseState::Unknown | LeaseState::Finished(_), None) => vec![state.clone()],
        _ => vec![],
    }
}

/// Whoever holds the token ends the lease. It is refused if the lease has ended before, and then for ever.
fn end<T: Value>(
    state: &LeaseState<T>,
    token: &T,
    outcome: Option<&LeaseOutcome<T>>,
    ended: LeaseState<T>,
) -> Vec<LeaseState<T>> {
    let is_present = matches!(state, LeaseState::Leased(present) if present == token);
    match outcome {
        Some(LeaseOutcome::Done) if is_present => vec![ended],
        Some(LeaseOutcome::Done) if *state == ended && ended != LeaseState::Ready => vec![ended],
        None if is_present => vec![ended, LeaseState::Ready],
        Some(LeaseOutcome::Refused) if is_present => vec![LeaseState::Ready],
        None | Some(LeaseOutcome::Refused) => vec![state.clone()],
        Some(LeaseOutcome::Done | LeaseOutcome::Claimed(_)) => vec![],
    }
}
