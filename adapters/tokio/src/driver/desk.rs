//! The journal, and what waits for it.

use super::ahead::Ahead;
use crate::journal::{Journal, JournalError};
use crate::options::Options;
use core::future::pending;
use core::mem;
use core::pin::Pin;
use core::time::Duration;
use purlin::protocol::Protocol;
use std::collections::VecDeque;
use tokio::time::Instant;

/// One thing at a time is done with the journal, while records and loads for the next gather here. A journal with a
/// pipeline gathers records itself, and gets them at once.
pub(super) struct Desk<P: Protocol, J: Journal<P>> {
    state: State<P, J>,
    ahead: Option<Ahead<P, J::Error>>,
    /// Persisted by the machine and in no append yet.
    unwritten: VecDeque<P::Record>,
    /// Each with how many records must be durable before it may be read.
    loads: VecDeque<(u64, P::Load)>,
    /// Records that the machine has persisted since it was recovered, and how many of them are durable.
    persisted: u64,
    durable: u64,
    /// Whether the last thing done was a load, so that neither loads nor appends starve.
    loaded_last: bool,
}

enum State<P: Protocol, J: Journal<P>> {
    Idle(J),
    Busy(Pin<Box<dyn Future<Output = Finished<P, J>> + Send>>),
    /// Only while a future is being made, and after a failure.
    Gone,
}

/// A kind of work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Load,
    Compaction,
    Append,
}

type Finished<P, J> = (J, Result<Done<P>, JournalError<<J as Journal<P>>::Error>>);

/// What the journal has done.
#[derive(Debug)]
pub(super) enum Done<P: Protocol> {
    /// So many of all records that were ever persisted are durable.
    Written { durable: u64, records: usize, took: Duration },
    /// What was asked for, if there is such a thing.
    Loaded(Option<P::Loaded>),
}

/// What will have been written.
pub(super) struct Writing {
    durable: u64,
    pub(super) records: usize,
    began: Instant,
}

impl Writing {
    pub(super) fn done<P: Protocol>(self) -> Done<P> {
        Done::Written { durable: self.durable, records: self.records, took: self.began.elapsed() }
    }
}

impl<P: Protocol, J: Journal<P>> Desk<P, J> {
    pub(super) fn new(journal: J) -> Self {
        let (unwritten, loads, ahead) = (VecDeque::new(), VecDeque::new(), journal.pipeline().map(Ahead::new));
        let state = State::Idle(journal);
        Self { state, ahead, unwritten, loads, persisted: 0, durable: 0, loaded_last: false }
    }

    pub(super) fn persist(&mut self, record: P::Record) {
        self.persisted += 1;
        self.unwritten.push_back(record);
    }

    pub(super) fn load(&mut self, load: P::Load) {
        self.loads.push_back((self.persisted, load));
    }

    /// Records that were persisted so far: what comes after them in the machine's effects waits until they are durable.
    pub(super) fn persisted(&self) -> u64 {
        self.persisted
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    /// Records that wait for a write to end before their own begins.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.len() + self.ahead.as_ref().map_or(0, Ahead::waiting)
    }

    /// Nothing is under way and nothing waits.
    pub(super) fn is_quiet(&self) -> bool {
        let idle = !matches!(self.state, State::Busy(_)) && self.nothing_is_ahead();
        idle && self.unwritten.is_empty() && self.loads.is_empty()
    }

    fn nothing_is_ahead(&self) -> bool {
        self.ahead.as_ref().is_none_or(Ahead::is_empty)
    }

    /// What the journal is to do next, if it can take it and there is anything.
    fn next(&self, options: &Options) -> Option<Work> {
        let State::Idle(journal) = &self.state else { return None };
        let load_is_due = self.loads.front().is_some_and(|(after, _)| *after <= self.durable);
        if load_is_due && (self.unwritten.is_empty() || !self.loaded_last) {
            return Some(Work::Load);
        }
        let full = journal.records() >= options.compact_after.get() as u64;
        let write = if full { Work::Compaction } else { Work::Append };
        (!self.unwritten.is_empty()).then_some(write)
    }

    /// Begins the next piece of work. The image is that of all records persisted so far, so writing it makes them durable
    /// just as appending them would.
    pub(super) fn begin(&mut self, options: &Options, image: impl FnOnce() -> P::Image) {
        match self.next(options) {
            Some(Work::Load) => self.once_nothing_is_ahead(Self::begin_load),
            Some(Work::Compaction) => self.once_nothing_is_ahead(|desk| desk.begin_compaction(image())),
            Some(Work::Append) => self.begin_append(options.append_max.get()),
            None => {}
        }
    }

    /// Begins an append, if that is what comes next. A compaction is not begun before a step: the image would have left the
    /// machine, but not yet reached the journal, while records that are not in it were persisted.
    pub(super) fn begin_append_early(&mut self, options: &Options) {
        if self.next(options) == Some(Work::Append) {
            self.begin_append(options.append_max.get());
        }
    }

    fn once_nothing_is_ahead(&mut self, begin: impl FnOnce(&mut Self)) {
        if self.nothing_is_ahead() {
            begin(self);
        }
    }

    fn begin_load(&mut self) {
        let Some((_, load)) = self.loads.pop_front() else { return };
        self.loaded_last = true;
        self.work(|mut journal| async move {
            let result = journal.load(load).await.map(Done::Loaded);
            (journal, result)
        });
    }

    fn begin_append(&mut self, append_max: usize) {
        let count = self.unwritten.len().min(append_max);
        let records: Vec<_> = self.unwritten.drain(..count).collect();
        let durable = self.persisted - self.unwritten.len() as u64;
        let writing = Writing { durable, records: count, began: Instant::now() };
        self.loaded_last = false;
        if let Some(ahead) = &mut self.ahead {
            ahead.hand_over(records, writing);
        } else {
            self.work(|mut journal| async move {
                let result = journal.append(records).await;
                (journal, result.map(|()| writing.done()))
            });
        }
    }

    fn begin_compaction(&mut self, image: P::Image) {
        let writing = Writing { durable: self.persisted, records: self.unwritten.len(), began: Instant::now() };
        self.unwritten.clear();
        self.loaded_last = false;
        self.work(|mut journal| async move {
            let result = journal.compact(image).await;
            (journal, result.map(|()| writing.done()))
        });
    }

    fn work<F>(&mut self, work: impl FnOnce(J) -> F)
    where
        F: Future<Output = Finished<P, J>> + Send + 'static,
    {
        self.state = match mem::replace(&mut self.state, State::Gone) {
            State::Idle(journal) => State::Busy(Box::pin(work(journal))),
            other => other,
        };
    }

    /// Waits for what is under way; for ever if nothing is. Dropping the future loses nothing.
    pub(super) async fn finished(&mut self) -> Result<Done<P>, JournalError<J::Error>> {
        let result = match (&mut self.state, &mut self.ahead) {
            (State::Busy(work), _) => {
                let (journal, result) = work.await;
                self.state = State::Idle(journal);
                result
            }
            (_, Some(ahead)) => ahead.first().await,
            (_, None) => pending().await,
        };
        match &result {
            Ok(Done::Written { durable, .. }) => self.durable = *durable,
            Ok(Done::Loaded(_)) => {}
            Err(_) => self.state = State::Gone,
        }
        result
    }

    /// The journal, unless it has failed or is at work.
    pub(super) fn into_journal(self) -> Option<J> {
        if let State::Idle(journal) = self.state { Some(journal) } else { None }
    }
}
