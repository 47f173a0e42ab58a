//! The same histories before other checkers: stateright's tester and todc-utils.

use crate::histories::{Lived, events};
use crate::objects::Object;
use core::marker::PhantomData;
use purlin_sim::linearizability::{
    KeyValue, Keyed, Queue, QueueOperation, QueueOutcome, Register, RegisterOperation, RegisterOutcome, Specification,
};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use todc_utils::linearizability::history::Action;
use todc_utils::{History, WGLChecker};

/// An object as stateright wants it.
pub(crate) trait AsObject: Specification + Sized {
    type Object: SequentialSpec<Op = Self::Operation, Ret = Self::Outcome> + Clone + Default;
}

#[derive(Clone, Default)]
pub(crate) struct RegisterObject(u64);

impl SequentialSpec for RegisterObject {
    type Op = RegisterOperation<u64>;
    type Ret = RegisterOutcome<u64>;

    fn invoke(&mut self, operation: &Self::Op) -> Self::Ret {
        match *operation {
            RegisterOperation::Read => return RegisterOutcome::Read(self.0),
            RegisterOperation::Write(value) => {
                self.0 = value;
                return RegisterOutcome::Written;
            }
            RegisterOperation::Swap { expected, .. } if expected != self.0 => return RegisterOutcome::Refused,
            RegisterOperation::Swap { new, .. } => self.0 = new,
        }
        RegisterOutcome::Swapped
    }
}

impl AsObject for Register<u64> {
    type Object = RegisterObject;
}

#[derive(Clone, Default)]
pub(crate) struct QueueObject(std::collections::VecDeque<u64>);

impl SequentialSpec for QueueObject {
    type Op = QueueOperation<u64>;
    type Ret = QueueOutcome<u64>;

    fn invoke(&mut self, operation: &Self::Op) -> Self::Ret {
        match *operation {
            QueueOperation::Enqueue(value) => {
                self.0.push_back(value);
                QueueOutcome::Enqueued
            }
            QueueOperation::Dequeue => QueueOutcome::Dequeued(self.0.pop_front()),
        }
    }
}

impl AsObject for Queue<u64> {
    type Object = QueueObject;
}

#[derive(Clone, Default)]
pub(crate) struct EntryObject(Option<u64>);

impl SequentialSpec for EntryObject {
    type Op = Keyed<u64, RegisterOperation<Option<u64>>>;
    type Ret = RegisterOutcome<Option<u64>>;

    fn invoke(&mut self, operation: &Self::Op) -> Self::Ret {
        if let RegisterOperation::Write(value) = operation.operation {
            self.0 = value;
            return RegisterOutcome::Written;
        }
        RegisterOutcome::Read(self.0)
    }
}

impl AsObject for KeyValue<u64, u64> {
    type Object = EntryObject;
}

/// What stateright's tester says. A client that gave up must not go on: it knows one operation in flight for each.
pub(crate) fn stateright<S: AsObject>(lived: &[Lived<S>]) -> bool {
    let mut tester = LinearizabilityTester::new(S::Object::default());
    for (index, is_answer) in events(lived) {
        let Lived { client, operation, answered, .. } = &lived[index];
        let told = match answered {
            Some((_, outcome)) if is_answer => tester.on_return(*client, outcome.clone()),
            _ => tester.on_invoke(*client, operation.clone()),
        };
        told.map(drop).expect("the history is one that the tester takes");
    }
    tester.is_consistent()
}

/// An object as todc-utils wants it: an operation carries its answer.
struct Told<S>(PhantomData<S>);

impl<S: Object<Next = Option<<S as Specification>::State>>> todc_utils::Specification for Told<S> {
    type State = S::State;
    type Operation = (S::Operation, Option<S::Outcome>);

    fn init() -> S::State {
        S::new().initial()
    }

    fn apply((operation, outcome): &Self::Operation, state: &S::State) -> (bool, S::State) {
        let next = S::new().step(state, operation, outcome.as_ref());
        (next.is_some(), next.unwrap_or_else(|| state.clone()))
    }
}

/// What todc-utils says. Every operation must be answered, and there must be one.
pub(crate) fn todc_utils<S: Object<Next = Option<<S as Specification>::State>>>(lived: &[Lived<S>]) -> bool {
    let actions = events(lived).into_iter().map(|(index, is_answer)| {
        let Lived { operation, answered, .. } = &lived[index];
        let outcome = answered.as_ref().map(|(_, outcome)| outcome.clone());
        let action = if is_answer {
            Action::Response((operation.clone(), outcome))
        } else {
            Action::Call((operation.clone(), None))
        };
        (lived[index].client as usize, action)
    });
    WGLChecker::<Told<S>>::is_linearizable(History::from_actions(actions.collect()))
}
