//! One part of a history, laid out for the search.

use super::history::Moment;
use super::specification::{Foresight, Specification, Told};
use crate::hash::Fingerprint;
use core::hash::BuildHasherDefault;
use std::collections::HashMap;

/// An operation to be put in order. One without an answer may be taken at any time after its call, or never.
#[derive(Debug)]
pub(super) struct Task<'h, S: Specification> {
    /// Its number in the history.
    pub(super) call: usize,
    pub(super) operation: &'h S::Operation,
    pub(super) called: Moment,
    pub(super) answer: Option<(Moment, &'h S::Outcome)>,
}

impl<'h, S: Specification> Clone for Task<'h, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'h, S: Specification> Copy for Task<'h, S> {}

impl<'h, S: Specification> Task<'h, S> {
    pub(super) fn outcome(&self) -> Option<&'h S::Outcome> {
        self.answer.map(|(_, outcome)| outcome)
    }

    /// The same, held to nothing.
    pub(super) fn excused(self) -> Self {
        Self { answer: None, ..self }
    }
}

/// An operation among the events.
pub(super) struct Operation<'h, S: Specification> {
    pub(super) task: Task<'h, S>,
    /// The event of its call.
    pub(super) call: u32,
    pub(super) span: Span,
    /// Operations that ask the same and hear the same are of one class.
    pub(super) class: u32,
    /// Whether it may alter the state, wherever it stands.
    pub(super) changes: bool,
}

/// When an operation is open, and which bit stands for it meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span {
    /// Until this event, which is the `rank`-th answer.
    Answered { event: u32, rank: u32, bit: u32 },
    /// For ever.
    Pending { bit: u32 },
}

impl Span {
    /// By which answer at the latest the operation must be taken.
    pub(super) fn deadline(self) -> u32 {
        match self {
            Self::Answered { rank, .. } => rank,
            Self::Pending { .. } => u32::MAX,
        }
    }
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Call(u32),
    Answer(u32),
}

pub(super) struct Problem<'h, S: Specification> {
    pub(super) specification: &'h S,
    pub(super) foresight: Option<Foresight<'h, S::State>>,
    pub(super) operations: Vec<Operation<'h, S>>,
    /// In the order of time.
    pub(super) events: Vec<Event>,
    /// The operations in the order of their answers.
    pub(super) answers: Vec<u32>,
    pub(super) classes: u32,
    pub(super) open_bits: u32,
    pub(super) pending_bits: u32,
}

impl<'h, S: Specification> Problem<'h, S> {
    /// With all that the answers tell in advance.
    pub(super) fn new(specification: &'h S, tasks: &[Task<'h, S>]) -> Self {
        Self { foresight: specification.foresee(&told(tasks)), ..Self::unforeseen(specification, tasks) }
    }

    /// With no more than the answers before the frontier tell.
    pub(super) fn unforeseen(specification: &'h S, tasks: &[Task<'h, S>]) -> Self {
        let (operations, classes) = operations(specification, tasks);
        let mut problem = Self {
            specification,
            foresight: None,
            operations,
            events: events_in_order(tasks),
            answers: Vec::new(),
            classes,
            open_bits: 0,
            pending_bits: 0,
        };
        problem.lay_out();
        problem
    }

    /// The bit of the operation whose answer is the `rank`-th; `None` after the last answer.
    pub(super) fn open_bit_of_answer(&self, rank: u32) -> Option<u32> {
        let operation = *self.answers.get(rank as usize)?;
        match self.operations[operation as usize].span {
            Span::Answered { bit, .. } => Some(bit),
            Span::Pending { .. } => None,
        }
    }

    /// Gives every operation its events and its bit. A bit is free again once its operation is answered.
    fn lay_out(&mut self) {
        let mut free = Vec::new();
        for (event, happening) in self.events.iter().enumerate() {
            let event = event as u32;
            match *happening {
                Event::Call(index) => {
                    let operation = &mut self.operations[index as usize];
                    operation.call = event;
                    let next = match operation.span {
                        Span::Pending { .. } => next(&mut self.pending_bits),
                        Span::Answered { .. } => free.pop().unwrap_or_else(|| next(&mut self.open_bits)),
                    };
                    operation.span = operation.span.with_bit(next);
                }
                Event::Answer(index) => {
                    let operation = &mut self.operations[index as usize];
                    if let Span::Answered { bit, .. } = operation.span {
                        free.push(bit);
                        operation.span = Span::Answered { event, rank: self.answers.len() as u32, bit };
                    }
                    self.answers.push(index);
                }
            }
        }
    }
}

impl Span {
    fn with_bit(self, bit: u32) -> Self {
        match self {
            Self::Answered { event, rank, .. } => Self::Answered { event, rank, bit },
            Self::Pending { .. } => Self::Pending { bit },
        }
    }
}

/// The tasks with the numbers of their events.
pub(super) fn told<'h, S: Specification>(tasks: &[Task<'h, S>]) -> Vec<Told<'h, S::Operation, S::Outcome>> {
    let unanswered =
        |task: &Task<'h, S>| Told { operation: task.operation, outcome: task.outcome(), called: 0, answered: u32::MAX };
    let mut told: Vec<_> = tasks.iter().map(unanswered).collect();
    for (event, happening) in (0..).zip(events_in_order(tasks)) {
        match happening {
            Event::Call(task) => told[task as usize].called = event,
            Event::Answer(task) => told[task as usize].answered = event,
        }
    }
    told
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}

fn events_in_order<S: Specification>(tasks: &[Task<'_, S>]) -> Vec<Event> {
    let mut events = Vec::with_capacity(tasks.len() * 2);
    for (index, task) in tasks.iter().enumerate() {
        let index = index as u32;
        events.push((task.called, 0, Event::Call(index)));
        events.extend(task.answer.map(|(answered, _)| (answered, 1, Event::Answer(index))));
    }
    // Calls stand before answers of the same moment: both may then be taken in either order. The sort is stable.
    events.sort_by_key(|(moment, kind, _)| (*moment, *kind));
    events.into_iter().map(|(_, _, event)| event).collect()
}

fn operations<'h, S: Specification>(specification: &S, tasks: &[Task<'h, S>]) -> (Vec<Operation<'h, S>>, u32) {
    let mut classes: HashMap<_, u32, BuildHasherDefault<Fingerprint>> = HashMap::default();
    let operations = tasks.iter().map(|task| {
        let fresh = classes.len() as u32;
        let class = *classes.entry((task.operation, task.outcome())).or_insert(fresh);
        let span = match task.answer {
            Some(_) => Span::Answered { event: 0, rank: 0, bit: 0 },
            None => Span::Pending { bit: 0 },
        };
        let changes = specification.footprint(task.operation, task.outcome()).changes;
        Operation { task: *task, call: 0, span, class, changes }
    });
    let operations = operations.collect();
    (operations, classes.len() as u32)
}
