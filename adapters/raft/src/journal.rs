//! The journal as a driver takes it: a thread that owns the log.

use crate::cabinet::Cabinet;
use crate::error::{OpenError, StoreError};
use crate::store::{Shelf, Store};
use core::future::Future;
use core::time::Duration;
use purlin::log::Blocks;
use purlin::raft::{Application, Image, Load, Loaded, Raft, Record};
use purlin_tokio::{Appending, Journal, JournalError, Pipeline};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

type Failure = JournalError<StoreError>;

/// Appends that wait are synced together, until they have so many records.
const RECORDS_MAX: usize = 16_384;

/// How often it is looked whether a snapshot has been written, while nothing else happens.
const GLANCE: Duration = Duration::from_millis(10);

enum Job<S: Application> {
    Append(Append<S>),
    Load(Load, oneshot::Sender<Result<Loaded<S>, Failure>>),
    Close,
}

struct Append<S: Application> {
    records: Vec<Record<S>>,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// The records of one replica in its directory. See the [crate].
///
/// The log belongs to a thread of its own, which ends when this is dropped. Appends that are handed over while a sync is under
/// way become durable together, with the next one.
pub struct RaftJournal<S: Application> {
    place: String,
    desk: Desk<S>,
    syncs: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl<S: Application> RaftJournal<S> {
    pub(crate) fn start<B: Blocks + Send + 'static, C: Cabinet>(store: Store<S, B, C>) -> Result<Self, OpenError> {
        let place = store.cabinet.lock().place();
        let (jobs, waiting) = mpsc::channel();
        let syncs = Arc::new(AtomicU64::new(0));
        let clerk = Clerk { store, syncs: Arc::clone(&syncs), background: None };
        let thread = thread::Builder::new().name("purlin-raft".into()).spawn(move || clerk.work(&waiting));
        let thread = thread.map_err(|source| OpenError::Io { path: PathBuf::from(&place), source })?;
        Ok(Self { place, desk: Desk { jobs }, syncs, thread: Some(thread) })
    }

    /// The directory, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How often it has synced since it was opened: once for all appends that came together.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, and closes the directory.
    ///
    /// # Errors
    /// Something was not written. What was confirmed is not lost.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.desk.leave(Job::Close);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or(Err(StoreError::Ended))
    }
}

/// Without waiting: whoever opens the directory next may find it in use for a moment.
impl<S: Application> Drop for RaftJournal<S> {
    fn drop(&mut self) {
        self.desk.leave(Job::Close);
    }
}

/// Where jobs are left for the thread.
struct Desk<S: Application> {
    jobs: mpsc::Sender<Job<S>>,
}

impl<S: Application> Desk<S> {
    /// If the thread has ended, so has the other end of the answer: that tells.
    fn leave(&self, job: Job<S>) {
        let _ = self.jobs.send(job);
    }

    fn append(&self, records: Vec<Record<S>>) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        let (done, told) = oneshot::channel();
        self.leave(Job::Append(Append { records, done }));
        answer(told)
    }
}

async fn answer<R>(told: oneshot::Receiver<Result<R, Failure>>) -> Result<R, Failure> {
    told.await.unwrap_or(Err(JournalError::Failed(StoreError::Ended)))
}

/// The thread.
struct Clerk<S: Application, B, C: Cabinet> {
    store: Store<S, B, C>,
    syncs: Arc<AtomicU64>,
    /// A snapshot that is being written.
    background: Option<JoinHandle<Result<Shelf<C::Sheet>, StoreError>>>,
}

impl<S: Application, B: Blocks, C: Cabinet> Clerk<S, B, C> {
    fn work(mut self, jobs: &mpsc::Receiver<Job<S>>) -> Result<(), StoreError> {
        let worked = self.work_until_closed(jobs);
        if worked.is_err() {
            // The cabinet is free once this ends.
            self.background.take().map(JoinHandle::join);
            return worked;
        }
        self.finish_background()?;
        self.store.sync()
    }

    fn work_until_closed(&mut self, jobs: &mpsc::Receiver<Job<S>>) -> Result<(), StoreError> {
        let mut next = None;
        loop {
            let Some(job) = next.take().or_else(|| self.wait(jobs)) else { return Ok(()) };
            match job {
                Some(Job::Append(first)) => next = self.append(first, jobs)?.map(Some),
                Some(Job::Load(load, done)) => self.load(load, done)?,
                Some(Job::Close) => return Ok(()),
                None => {}
            }
            self.keep_background()?;
        }
    }

    /// The next job; none inside, if it is time to look after the background, and none at all, if there will be no more.
    fn wait(&self, jobs: &mpsc::Receiver<Job<S>>) -> Option<Option<Job<S>>> {
        if self.background.is_none() {
            return jobs.recv().ok().map(Some);
        }
        match jobs.recv_timeout(GLANCE) {
            Ok(job) => Some(Some(job)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// One sync for this append and those that wait behind it. Gives the job that comes after them, if one was found.
    fn append(&mut self, first: Append<S>, jobs: &mpsc::Receiver<Job<S>>) -> Result<Option<Job<S>>, StoreError> {
        let (mut records, mut waiting, mut next) = (first.records, vec![first.done], None);
        while records.len() < RECORDS_MAX && next.is_none() {
            match jobs.try_recv() {
                Ok(Job::Append(append)) => {
                    records.extend(append.records);
                    waiting.push(append.done);
                }
                Ok(other) => next = Some(other),
                Err(_) => break,
            }
        }
        let written = self.store.take(records).and_then(|()| self.store.sync());
        self.syncs.fetch_add(1, Ordering::Relaxed);
        tell(waiting, &written);
        written?;
        Ok(next)
    }

    fn load(&mut self, load: Load, done: oneshot::Sender<Result<Loaded<S>, Failure>>) -> Result<(), StoreError> {
        let loaded = self.store.load(load);
        let failed = loaded.as_ref().err().cloned();
        // Perhaps nobody waits any more.
        drop(done.send(loaded.map_err(JournalError::Failed)));
        failed.map_or(Ok(()), Err)
    }

    /// Takes in a snapshot that has been written, and begins with the next.
    fn keep_background(&mut self) -> Result<(), StoreError> {
        if self.background.as_ref().is_some_and(JoinHandle::is_finished) {
            self.finish_background()?;
            self.store.sync()?;
        }
        if self.background.is_none() {
            self.background = self.store.take_draft().map(|draft| {
                let cabinet = self.store.cabinet.clone();
                thread::spawn(move || draft.write(&cabinet))
            });
        }
        Ok(())
    }

    fn finish_background(&mut self) -> Result<(), StoreError> {
        let Some(background) = self.background.take() else { return Ok(()) };
        let shelf = background.join().unwrap_or(Err(StoreError::Ended))?;
        self.store.keep(shelf)
    }
}

/// The reason of a failure is told once; the appends behind the first hear only that nothing more is written.
fn tell(waiting: Vec<oneshot::Sender<Result<(), Failure>>>, result: &Result<(), StoreError>) {
    let mut reason = result.as_ref().err().cloned();
    for done in waiting {
        let failure = result.as_ref().err().map(|_| reason.take().unwrap_or(StoreError::Ended));
        drop(done.send(failure.map_or(Ok(()), |error| Err(JournalError::Failed(error)))));
    }
}

impl<S: Application> Pipeline<Raft<S>, StoreError> for Desk<S> {
    fn append(&mut self, records: Vec<Record<S>>) -> Appending<StoreError> {
        Box::pin(Desk::append(self, records))
    }
}

impl<S: Application> Journal<Raft<S>> for RaftJournal<S> {
    type Error = StoreError;

    fn append(&mut self, records: Vec<Record<S>>) -> impl Future<Output = Result<(), Failure>> + Send {
        self.desk.append(records)
    }

    fn load(&mut self, load: Load) -> impl Future<Output = Result<Option<Loaded<S>>, Failure>> + Send {
        let (done, told) = oneshot::channel();
        self.desk.leave(Job::Load(load, done));
        async { answer(told).await.map(Some) }
    }

    /// The driver never asks for it, as [`records`](Self::records) says that there is nothing to spare.
    fn compact(&mut self, _image: Image<S>) -> impl Future<Output = Result<(), Failure>> + Send {
        core::future::ready(Err(JournalError::Failed(StoreError::Image)))
    }

    fn records(&self) -> u64 {
        0
    }

    fn pipeline(&self) -> Option<Box<dyn Pipeline<Raft<S>, StoreError>>> {
        Some(Box::new(Desk { jobs: self.desk.jobs.clone() }))
    }
}
