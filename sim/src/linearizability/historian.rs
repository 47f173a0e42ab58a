//! A judge of clusters: it collects what their clients asked and heard, and judges it.

use super::Checker;
use super::history::{End, History, Invocation, Moment};
use super::specification::Specification;
use super::verdict::Verdict;
use crate::checker::{Coverage, Judge, Violation};
use crate::cluster::{Ask, Event, Unanswered};
use core::marker::PhantomData;
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::Protocol;
use std::collections::BTreeMap;

/// How the requests and answers of a protocol are operations of an object.
pub trait Translation {
    /// The protocol.
    type Protocol: Protocol;
    /// The object.
    type Specification: Specification;

    /// What a request came to by its answer: each operation that it was, and what that answered. Without an answer nobody
    /// knows, and it may have been done at any time, or never. Nothing, if it is no operation of this object, or surely was
    /// not done.
    fn operations(
        &self,
        request: &<Self::Protocol as Protocol>::Request,
        answer: Option<&<Self::Protocol as Protocol>::Answer>,
    ) -> Vec<Translated<Self::Specification>>;
}

/// An operation, and what it answered, if anybody knows.
pub type Translated<S> = (<S as Specification>::Operation, Option<<S as Specification>::Outcome>);

/// Claims that the history of a cluster's clients is linearizable: a [`Judge`], or part of one.
///
/// A client that was turned away, since the node was busy or down, has done nothing. Whatever else was not answered may have
/// been done. The detail of a [`Violation`] is the verdict in words, with the operations that show it.
#[derive_where(Clone; T, T::Specification)]
pub struct Historian<T: Translation> {
    property: &'static str,
    translation: T,
    checker: Checker<T::Specification>,
    every: Option<usize>,
    decided: Option<u32>,
    history: History<Operation<T>, Outcome<T>>,
    open: BTreeMap<Ask, Open<T::Protocol>>,
    unjudged: usize,
    undecided: u32,
    coverage: Coverage,
}

type Operation<T> = <<T as Translation>::Specification as Specification>::Operation;
type Outcome<T> = <<T as Translation>::Specification as Specification>::Outcome;

/// What a client waits for.
#[derive_where(Clone)]
struct Open<P: Protocol> {
    client: u32,
    called: Moment,
    request: P::Request,
    protocol: PhantomData<fn() -> P>,
}

impl<T: Translation> Historian<T> {
    /// Claims `property` at the end.
    pub fn new(property: &'static str, translation: T, checker: Checker<T::Specification>) -> Self {
        Self {
            property,
            translation,
            checker,
            every: None,
            decided: None,
            history: History::default(),
            open: BTreeMap::new(),
            unjudged: 0,
            undecided: 0,
            coverage: Coverage::default(),
        }
    }

    /// Claims it after every so many answers, too (at least one): what is broken is then found early. Each time the whole
    /// history is judged.
    #[must_use]
    pub fn judging_every(self, answers: usize) -> Self {
        Self { every: Some(answers.max(1)), ..self }
    }

    /// Notes as seen, by this index of a scenario's `SOMETIMES`, that a history with answers was decided. One that could
    /// not be decided within the limits breaks no claim.
    #[must_use]
    pub fn noting_decided(self, index: u32) -> Self {
        Self { decided: Some(index), ..self }
    }

    /// How often the history could not be decided.
    pub fn undecided(&self) -> u32 {
        self.undecided
    }

    /// What clients did so far, and what they heard; what is still open is not in it.
    pub fn history(&self) -> &History<Operation<T>, Outcome<T>> {
        &self.history
    }

    /// Judges what clients did so far.
    ///
    /// # Errors
    /// It is not linearizable.
    pub fn judge(&mut self) -> Result<(), Violation> {
        self.unjudged = 0;
        let verdict = self.checker.judge(&self.with_open()).verdict;
        match (&verdict, self.decided) {
            (Verdict::Unknown(_), _) => self.undecided += 1,
            (_, Some(index)) if !self.history.is_empty() => self.coverage.note(index),
            _ => {}
        }
        verdict.claim(self.property)
    }

    /// The history, and what may have been done already.
    fn with_open(&self) -> History<Operation<T>, Outcome<T>> {
        let mut history = self.history.clone();
        for open in self.open.values() {
            for (operation, _) in self.translation.operations(&open.request, None) {
                history.add(open.pending(operation));
            }
        }
        history
    }

    fn asked(&mut self, at: Instant, client: u32, ask: Ask, request: &<T::Protocol as Protocol>::Request) {
        let called = self.history.moment(at);
        self.open.insert(ask, Open { client, called, request: request.clone(), protocol: PhantomData });
    }

    fn answered(
        &mut self,
        at: Instant,
        ask: Ask,
        answer: Option<&<T::Protocol as Protocol>::Answer>,
    ) -> Result<(), Violation> {
        let Some(open) = self.open.remove(&ask) else {
            return Ok(());
        };
        let answered = self.history.moment(at);
        for (operation, outcome) in self.translation.operations(&open.request, answer) {
            let end = outcome.map_or(End::Pending, |outcome| End::Answered(answered, outcome));
            self.history.add(Invocation { end, ..open.pending(operation) });
            self.unjudged += 1;
        }
        if self.every.is_some_and(|every| self.unjudged >= every) { self.judge() } else { Ok(()) }
    }
}

impl<P: Protocol> Open<P> {
    fn pending<O, R>(&self, operation: O) -> Invocation<O, R> {
        Invocation { client: self.client, operation, called: self.called, end: End::Pending }
    }
}

impl<T: Translation> Judge for Historian<T> {
    type Event<'a> = Event<'a, T::Protocol>;

    fn observe(&mut self, at: Instant, event: &Event<'_, T::Protocol>) -> Result<(), Violation> {
        match *event {
            Event::Asked { client, ask, request, .. } => self.asked(at, client, ask, request),
            Event::Answered { ask, answer, .. } => return self.answered(at, ask, Some(answer)),
            Event::Unanswered { ask, why: Unanswered::Unknown, .. } => return self.answered(at, ask, None),
            Event::Unanswered { ask, why: Unanswered::Busy | Unanswered::ShutDown, .. } => {
                self.open.remove(&ask);
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        self.judge()
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}
