//! The journal as a driver takes it: a thread that owns the file.

use crate::error::{OpenError, SqliteError};
use crate::file::JournalFile;
use core::future::Future;
use purlin::protocol::Protocol;
use purlin_tokio::{Appending, Journal, JournalError, Pipeline};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

type Failure = JournalError<SqliteError>;

/// Appends that wait go into one transaction, until it has so many records.
const TRANSACTION_RECORDS_MAX: usize = 16_384;

type Work<P> = Box<dyn FnOnce(&mut JournalFile<P>) + Send>;

enum Job<P: Protocol> {
    Append(Append<P>),
    Other(Work<P>),
}

struct Append<P: Protocol> {
    records: Vec<P::Record>,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// The records of one protocol in a SQLite file. See the [crate].
///
/// The file belongs to a thread of its own, which ends when this is dropped: SQLite blocks, and tokio's tasks must not.
/// Appends that are handed over while a transaction is under way become durable together, in the next one.
pub struct SqliteJournal<P: Protocol> {
    generation: u64,
    counts: Arc<Counts>,
    desk: Desk<P>,
    thread: JoinHandle<Result<(), SqliteError>>,
}

/// What the thread counts.
#[derive(Default)]
struct Counts {
    /// Beside the image that was written last.
    records: AtomicU64,
    transactions: AtomicU64,
}

impl Counts {
    /// Something was written.
    fn count<P: Protocol>(&self, file: &JournalFile<P>) {
        self.records.store(file.records(), Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }
}

impl<P: Protocol> SqliteJournal<P> {
    /// Opens a file, or makes it if there is none, takes the next generation, and gives what the file holds. `room` names
    /// the protocol: a file of another one is refused.
    ///
    /// It blocks for as long as reading takes. Whoever had the file open before is refused from now on.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is as it was, and so is its generation.
    pub fn open(file: impl AsRef<Path>, room: &str) -> Result<(Self, P::Image), OpenError> {
        let file: Arc<Path> = Arc::from(file.as_ref());
        let (open, image) = JournalFile::<P>::open(&file, room)?;
        let (generation, counts) = (open.generation(), Arc::new(Counts::default()));
        counts.records.store(open.records(), Ordering::Relaxed);
        let (jobs, waiting) = mpsc::channel();
        let clerk = Clerk { file: open, counts: Arc::clone(&counts) };
        let thread = thread::Builder::new().name("purlin-sqlite".into()).spawn(move || clerk.work(&waiting));
        let thread = thread.map_err(|source| OpenError::Io { file: file.to_path_buf(), source })?;
        Ok((Self { generation, counts, desk: Desk { file, jobs }, thread }, image))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.desk.file
    }

    /// How many times the file has been opened, this time included.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many transactions were committed since it was opened: one for all appends that waited while the one before was
    /// under way.
    pub fn transactions(&self) -> u64 {
        self.counts.transactions.load(Ordering::Relaxed)
    }

    /// Closes the file and waits until it is closed.
    ///
    /// # Errors
    /// SQLite could not close it. Nothing that was durable is lost.
    pub fn close(self) -> Result<(), SqliteError> {
        let Self { desk, thread, .. } = self;
        let file = PathBuf::from(&*desk.file);
        drop(desk);
        thread.join().unwrap_or(Err(SqliteError::Ended { file }))
    }
}

/// Where jobs are left for the thread.
struct Desk<P: Protocol> {
    file: Arc<Path>,
    jobs: mpsc::Sender<Job<P>>,
}

impl<P: Protocol> Desk<P> {
    /// If the thread has ended, so has the other end of the answer: that tells.
    fn leave(&self, job: Job<P>) {
        let _ = self.jobs.send(job);
    }

    fn append(&self, records: Vec<P::Record>) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        let (done, told) = oneshot::channel();
        self.leave(Job::Append(Append { records, done }));
        answer(told, Arc::clone(&self.file))
    }

    fn ask<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut JournalFile<P>) -> Result<R, Failure> + Send + 'static,
    ) -> impl Future<Output = Result<R, Failure>> + Send + 'static {
        let (done, told) = oneshot::channel();
        // Perhaps nobody waits any more.
        self.leave(Job::Other(Box::new(move |file| drop(done.send(job(file))))));
        answer(told, Arc::clone(&self.file))
    }
}

async fn answer<R>(told: oneshot::Receiver<Result<R, Failure>>, file: Arc<Path>) -> Result<R, Failure> {
    told.await.unwrap_or_else(|_| Err(JournalError::Failed(SqliteError::Ended { file: file.to_path_buf() })))
}

/// The thread.
struct Clerk<P> {
    file: JournalFile<P>,
    counts: Arc<Counts>,
}

impl<P: Protocol> Clerk<P> {
    fn work(mut self, jobs: &mpsc::Receiver<Job<P>>) -> Result<(), SqliteError> {
        let mut next = jobs.recv().ok();
        while let Some(job) = next.take() {
            match job {
                Job::Append(first) => next = self.append(first, jobs),
                Job::Other(work) => work(&mut self.file),
            }
            next = next.or_else(|| jobs.recv().ok());
        }
        self.file.close()
    }

    /// One transaction for this append and those that wait behind it. Gives the job that comes after them, if one was
    /// found.
    fn append(&mut self, first: Append<P>, jobs: &mpsc::Receiver<Job<P>>) -> Option<Job<P>> {
        let (mut records, mut waiting, mut next) = (first.records, vec![first.done], None);
        while records.len() < TRANSACTION_RECORDS_MAX && next.is_none() {
            match jobs.try_recv() {
                Ok(Job::Append(append)) => {
                    records.extend(append.records);
                    waiting.push(append.done);
                }
                Ok(other) => next = Some(other),
                Err(_) => break,
            }
        }
        let result = self.file.append(&records);
        self.counts.count(&self.file);
        tell(waiting, result);
        next
    }
}

/// The reason of a failure is told once; the appends behind the first hear only that nothing more is written.
fn tell(waiting: Vec<oneshot::Sender<Result<(), Failure>>>, result: Result<(), Failure>) {
    let mut waiting = waiting.into_iter();
    match result {
        Ok(()) => waiting.for_each(|done| drop(done.send(Ok(())))),
        Err(reason) => drop(waiting.next().map(|first| first.send(Err(reason)))),
    }
}

impl<P: Protocol> Pipeline<P, SqliteError> for Desk<P> {
    fn append(&mut self, records: Vec<P::Record>) -> Appending<SqliteError> {
        Box::pin(Desk::append(self, records))
    }
}

impl<P: Protocol> Journal<P> for SqliteJournal<P> {
    type Error = SqliteError;

    fn append(&mut self, records: Vec<P::Record>) -> impl Future<Output = Result<(), Failure>> + Send {
        self.desk.append(records)
    }

    fn load(&mut self, load: P::Load) -> impl Future<Output = Result<Option<P::Loaded>, Failure>> + Send {
        self.desk.ask(move |file| file.load(load))
    }

    fn compact(&mut self, image: P::Image) -> impl Future<Output = Result<(), Failure>> + Send {
        let counts = Arc::clone(&self.counts);
        self.desk.ask(move |file| {
            file.compact(&image)?;
            counts.count(file);
            Ok(())
        })
    }

    fn records(&self) -> u64 {
        self.counts.records.load(Ordering::Relaxed)
    }

    fn pipeline(&self) -> Option<Box<dyn Pipeline<P, SqliteError>>> {
        Some(Box::new(Desk { file: Arc::clone(&self.desk.file), jobs: self.desk.jobs.clone() }))
    }
}
