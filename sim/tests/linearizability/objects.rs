//! Objects that really do one operation at a time, so that histories of them are linearizable by construction.

use purlin_sim::Die;
use purlin_sim::linearizability::{
    KeyValue, Keyed, Lease, LeaseOperation, LeaseOutcome, LeaseQueue, LeaseState, PerKey, Queue, QueueOperation,
    QueueOutcome, Register, RegisterOperation, RegisterOutcome, Specification,
};

/// Few values, so that they come back.
const VALUES: u64 = 4;

/// A specification, and the object that it specifies.
pub(crate) trait Object: Specification {
    fn new() -> Self;
    /// Something to ask; `fresh` was not asked before.
    fn draw(die: &mut Die, fresh: u64) -> Self::Operation;
    /// What is answered, and what is held then.
    fn answer(state: &Self::State, operation: &Self::Operation, die: &mut Die) -> (Self::Outcome, Self::State);
    /// Any answer of the same kind, likely a wrong one.
    fn distort(outcome: &Self::Outcome, die: &mut Die) -> Self::Outcome;
}

impl Object for Register<u64> {
    fn new() -> Self {
        Self::new(0)
    }

    fn draw(die: &mut Die, _: u64) -> RegisterOperation<u64> {
        match die.below(5) {
            0 | 1 => RegisterOperation::Read,
            2 | 3 => RegisterOperation::Write(die.below(VALUES)),
            _ => RegisterOperation::Swap { expected: die.below(VALUES), new: die.below(VALUES) },
        }
    }

    fn answer(held: &u64, operation: &RegisterOperation<u64>, _: &mut Die) -> (RegisterOutcome<u64>, u64) {
        match *operation {
            RegisterOperation::Read => (RegisterOutcome::Read(*held), *held),
            RegisterOperation::Write(value) => (RegisterOutcome::Written, value),
            RegisterOperation::Swap { expected, new } if expected == *held => (RegisterOutcome::Swapped, new),
            RegisterOperation::Swap { .. } => (RegisterOutcome::Refused, *held),
        }
    }

    fn distort(outcome: &RegisterOutcome<u64>, die: &mut Die) -> RegisterOutcome<u64> {
        match outcome {
            RegisterOutcome::Read(_) => RegisterOutcome::Read(die.below(VALUES)),
            RegisterOutcome::Written => RegisterOutcome::Written,
            RegisterOutcome::Swapped => RegisterOutcome::Refused,
            RegisterOutcome::Refused => RegisterOutcome::Swapped,
        }
    }
}

impl Object for Queue<u64> {
    fn new() -> Self {
        Self::new()
    }

    fn draw(die: &mut Die, fresh: u64) -> QueueOperation<u64> {
        if die.below(2) == 0 { QueueOperation::Enqueue(fresh) } else { QueueOperation::Dequeue }
    }

    fn answer(held: &Vec<u64>, operation: &QueueOperation<u64>, _: &mut Die) -> (QueueOutcome<u64>, Vec<u64>) {
        let mut held = held.clone();
        let outcome = match operation {
            QueueOperation::Enqueue(value) => {
                held.push(*value);
                QueueOutcome::Enqueued
            }
            QueueOperation::Dequeue if held.is_empty() => QueueOutcome::Dequeued(None),
            QueueOperation::Dequeue => QueueOutcome::Dequeued(Some(held.remove(0))),
        };
        (outcome, held)
    }

    fn distort(outcome: &QueueOutcome<u64>, die: &mut Die) -> QueueOutcome<u64> {
        match outcome {
            QueueOutcome::Enqueued => QueueOutcome::Enqueued,
            QueueOutcome::Dequeued(Some(_)) if die.below(4) == 0 => QueueOutcome::Dequeued(None),
            QueueOutcome::Dequeued(_) => QueueOutcome::Dequeued(Some(die.below(8))),
        }
    }
}

/// One key, under which nothing is put twice, so that it is judged without a search.
impl Object for KeyValue<u64, u64> {
    fn new() -> Self {
        Self::empty()
    }

    fn draw(die: &mut Die, fresh: u64) -> Keyed<u64, RegisterOperation<Option<u64>>> {
        let operation = if die.below(2) == 0 { RegisterOperation::Read } else { RegisterOperation::Write(Some(fresh)) };
        Keyed { key: 0, operation }
    }

    fn answer(
        held: &Option<u64>,
        operation: &Keyed<u64, RegisterOperation<Option<u64>>>,
        _: &mut Die,
    ) -> (RegisterOutcome<Option<u64>>, Option<u64>) {
        match operation.operation {
            RegisterOperation::Write(value) => (RegisterOutcome::Written, value),
            RegisterOperation::Read | RegisterOperation::Swap { .. } => (RegisterOutcome::Read(*held), *held),
        }
    }

    fn distort(outcome: &RegisterOutcome<Option<u64>>, die: &mut Die) -> RegisterOutcome<Option<u64>> {
        match outcome {
            RegisterOutcome::Read(_) => RegisterOutcome::Read(Some(die.below(8)).filter(|value| *value != 7)),
            other => *other,
        }
    }
}

/// One queue, into which values are put again, so that it is searched.
impl Object for PerKey<u64, Queue<u64>> {
    fn new() -> Self {
        Self::new(Queue::new())
    }

    fn draw(die: &mut Die, fresh: u64) -> Keyed<u64, QueueOperation<u64>> {
        let operation = match Queue::draw(die, fresh) {
            QueueOperation::Enqueue(fresh) if die.below(2) == 0 => QueueOperation::Enqueue(fresh % VALUES),
            operation => operation,
        };
        Keyed { key: 0, operation }
    }

    fn answer(
        held: &Vec<u64>,
        operation: &Keyed<u64, QueueOperation<u64>>,
        die: &mut Die,
    ) -> (QueueOutcome<u64>, Vec<u64>) {
        Queue::answer(held, &operation.operation, die)
    }

    fn distort(outcome: &QueueOutcome<u64>, die: &mut Die) -> QueueOutcome<u64> {
        Queue::distort(outcome, die)
    }
}

/// One message. What it is asked and cannot do is refused, so a claim of nothing is an enqueue here.
impl Object for PerKey<u64, Lease<u64>> {
    fn new() -> Self {
        LeaseQueue::empty()
    }

    fn draw(die: &mut Die, _: u64) -> Keyed<u64, LeaseOperation<u64>> {
        let token = die.below(VALUES);
        let operation = match die.below(6) {
            0 => LeaseOperation::Enqueue,
            1 | 2 => LeaseOperation::Claim,
            3 | 4 => LeaseOperation::Acknowledge(token),
            _ => LeaseOperation::Release(token),
        };
        Keyed { key: 0, operation }
    }

    fn answer(
        state: &LeaseState<u64>,
        operation: &Keyed<u64, LeaseOperation<u64>>,
        die: &mut Die,
    ) -> (LeaseOutcome<u64>, LeaseState<u64>) {
        match (operation.operation, state) {
            (LeaseOperation::Enqueue, LeaseState::Unknown) => (LeaseOutcome::Done, LeaseState::Ready),
            (LeaseOperation::Claim, LeaseState::Ready | LeaseState::Leased(_)) => {
                let token = die.below(VALUES);
                (LeaseOutcome::Claimed(token), LeaseState::Leased(token))
            }
            (LeaseOperation::Acknowledge(token), LeaseState::Leased(present)) if token == *present => {
                (LeaseOutcome::Done, LeaseState::Finished(token))
            }
            (LeaseOperation::Release(token), LeaseState::Leased(present)) if token == *present => {
                (LeaseOutcome::Done, LeaseState::Ready)
            }
            _ => (LeaseOutcome::Refused, state.clone()),
        }
    }

    fn distort(outcome: &LeaseOutcome<u64>, die: &mut Die) -> LeaseOutcome<u64> {
        match outcome {
            LeaseOutcome::Claimed(_) => LeaseOutcome::Claimed(die.below(VALUES)),
            LeaseOutcome::Done => LeaseOutcome::Refused,
            LeaseOutcome::Refused => LeaseOutcome::Done,
        }
    }
}
