//! The journal, and what waits for it.

use crate::journal::{Journal, JournalError};
use crate::options::Options;
use core::future::pending;
use core::mem;
use core::pin::Pin;
use core::time::Duration;
use purlin::protocol::Protocol;
use std::collections::VecDeque;
use tokio::time::Instant;

/// One thing at a time is done with the journal, while records and loads for the next gather here.
pub(super) struct Desk<P: Protocol, J: Journal<P>> {
    state: State<P, J>,
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
struct Writing {
    durable: u64,
    records: usize,
}

impl Writing {
    fn done<P: Protocol>(self, began: Instant) -> Done<P> {
        Done::Written { durable: self.durable, records: self.records, took: began.elapsed() }
    }
}

impl<P: Protocol, J: Journal<P>> Desk<P, J> {
    pub(super) fn new(journal: J) -> Self {
        let (unwritten, loads) = (VecDeque::new(), VecDeque::new());
        Self { state: State::Idle(journal), unwritten, loads, persisted: 0, durable: 0, loaded_last: false }
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

    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// Nothing is under way and nothing waits.
    pub(super) fn is_quiet(&self) -> bool {
        !matches!(self.state, State::Busy(_)) && self.unwritten.is_empty() && self.loads.is_empty()
    }

    /// Begins the next piece of work, if the journal is free and there is any. The image is that of all records persisted
    /// so far, so writing it makes them durable just as appending them would.
    pub(super) fn begin(&mut self, options: &Options, image: impl FnOnce() -> P::Image) {
        let State::Idle(journal) = &self.state else { return };
        let load_is_due = self.loads.front().is_some_and(|(after, _)| *after <= self.durable);
        if load_is_due && (self.unwritten.is_empty() || !self.loaded_last) {
            self.begin_load();
        } else if !self.unwritten.is_empty() {
            let compact = journal.records() >= options.compact_after.get() as u64;
            if compact { self.begin_compaction(image()) } else { self.begin_append(options.append_max.get()) }
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
        let written = Writing { durable: self.persisted - self.unwritten.len() as u64, records: count };
        self.loaded_last = false;
        self.work(|mut journal| async move {
            let began = Instant::now();
            let result = journal.append(records).await;
            (journal, result.map(|()| written.done(began)))
        });
    }

    fn begin_compaction(&mut self, image: P::Image) {
        let written = Writing { durable: self.persisted, records: self.unwritten.len() };
        self.unwritten.clear();
        self.loaded_last = false;
        self.work(|mut journal| async move {
            let began = Instant::now();
            let result = journal.compact(image).await;
            (journal, result.map(|()| written.done(began)))
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
        let State::Busy(work) = &mut self.state else { return pending().await };
        let (journal, result) = work.await;
        self.state = if result.is_ok() { State::Idle(journal) } else { State::Gone };
        if let Ok(Done::Written { durable, .. }) = &result {
            self.durable = *durable;
        }
        result
    }

    /// The journal, unless it has failed or is at work.
    pub(super) fn into_journal(self) -> Option<J> {
        if let State::Idle(journal) = self.state { Some(journal) } else { None }
    }
}
