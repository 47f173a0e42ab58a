//! The journal as a driver takes it: a thread that owns the file.

use crate::error::{OpenError, SqliteError};
use crate::file::JournalFile;
use core::future::Future;
use purlin::protocol::Protocol;
use purlin_tokio::{Journal, JournalError};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

type Failure = JournalError<SqliteError>;
type Job<P> = Box<dyn FnOnce(&mut JournalFile<P>) + Send>;

/// The records of one protocol in a SQLite file. See the [crate].
///
/// The file belongs to a thread of its own, which ends when this is dropped: SQLite blocks, and tokio's tasks must not.
pub struct SqliteJournal<P: Protocol> {
    file: PathBuf,
    generation: u64,
    /// Beside the image that was written last.
    records: u64,
    jobs: mpsc::Sender<Job<P>>,
    thread: JoinHandle<Result<(), SqliteError>>,
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
        let file = file.as_ref().to_owned();
        let (open, image) = JournalFile::<P>::open(&file, room)?;
        let (generation, records) = (open.generation(), open.records());
        let (jobs, waiting) = mpsc::channel();
        let thread = thread::Builder::new().name("purlin-sqlite".into()).spawn(move || work(open, &waiting));
        let thread = thread.map_err(|source| OpenError::Io { file: file.clone(), source })?;
        Ok((Self { file, generation, records, jobs, thread }, image))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How many times the file has been opened, this time included.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Closes the file and waits until it is closed.
    ///
    /// # Errors
    /// SQLite could not close it. Nothing that was durable is lost.
    pub fn close(self) -> Result<(), SqliteError> {
        let Self { file, jobs, thread, .. } = self;
        drop(jobs);
        thread.join().unwrap_or(Err(SqliteError::Ended { file }))
    }

    async fn ask<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut JournalFile<P>) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let (sender, done) = oneshot::channel();
        // If nobody waits any more, or the thread is gone, the other end sees it.
        let job: Job<P> = Box::new(move |file| drop(sender.send(job(file))));
        let _ = self.jobs.send(job);
        done.await.unwrap_or_else(|_| Err(JournalError::Failed(SqliteError::Ended { file: self.file.clone() })))
    }
}

fn work<P: Protocol>(mut file: JournalFile<P>, jobs: &mpsc::Receiver<Job<P>>) -> Result<(), SqliteError> {
    jobs.iter().for_each(|job| job(&mut file));
    file.close()
}

impl<P: Protocol> Journal<P> for SqliteJournal<P> {
    type Error = SqliteError;

    async fn append(&mut self, records: Vec<P::Record>) -> Result<(), Failure> {
        let count = records.len() as u64;
        self.ask(move |file| file.append(&records)).await?;
        self.records += count;
        Ok(())
    }

    fn load(&mut self, load: P::Load) -> impl Future<Output = Result<Option<P::Loaded>, Failure>> + Send {
        self.ask(move |file| file.load(load))
    }

    async fn compact(&mut self, image: P::Image) -> Result<(), Failure> {
        self.ask(move |file| file.compact(&image)).await?;
        self.records = 0;
        Ok(())
    }

    fn records(&self) -> u64 {
        self.records
    }
}
