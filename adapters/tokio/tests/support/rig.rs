//! A driver whose journal, transport and time the test holds in its hands.

use super::laws::FencedEffectsWait;
use super::puppet::{Errand, Puppet, Script, Word, Words};
use core::future::Future;
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::Protocol;
use purlin::{Clock, Instant};
use purlin_tokio::{
    Appending, Handle, Journal, JournalError, Options, Pipeline, Setup, Surroundings, Transport, Unanswered,
};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

/// This node's address.
pub(crate) const HERE: u8 = 1;
/// Another's.
pub(crate) const THERE: u8 = 2;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk is broken")]
pub(crate) struct Broken;

type Outcome = Result<(), JournalError<Broken>>;

/// What the journal is asked to make durable. The test decides when, and whether.
#[derive(Debug)]
pub(crate) enum Write {
    Append(Vec<u32>, oneshot::Sender<Outcome>),
    Compact(Vec<u32>, oneshot::Sender<Outcome>),
}

impl Write {
    pub(crate) fn words(&self) -> &[u32] {
        match self {
            Self::Append(words, _) | Self::Compact(words, _) => words,
        }
    }

    pub(crate) fn resolve(self, outcome: Outcome) {
        let (Self::Append(_, held) | Self::Compact(_, held)) = self;
        let _ = held.send(outcome);
    }
}

/// What a restart would find.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) image: Vec<u32>,
    pub(crate) appended: Vec<u32>,
}

impl Disk {
    pub(crate) fn words(&self) -> Vec<u32> {
        self.image.iter().chain(&self.appended).copied().collect()
    }
}

/// A journal whose writes the test holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    disk: Arc<Mutex<Disk>>,
    writes: mpsc::UnboundedSender<Write>,
    durable: Arc<AtomicU64>,
    piped: bool,
}

impl Held {
    pub(crate) fn disk(&self) -> Disk {
        self.disk.lock().unwrap().clone()
    }

    fn written(&self, change: impl FnOnce(&mut Disk)) {
        let mut disk = self.disk.lock().unwrap();
        change(&mut disk);
        self.durable.store(disk.words().len() as u64, Ordering::SeqCst);
    }

    /// The write begins at once, and ends when the test says so.
    fn write(&self, write: impl FnOnce(oneshot::Sender<Outcome>) -> Write) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        let _ = self.writes.send(write(sender));
        outcome
    }

    fn begin_append(&self, records: Vec<Word>) -> Appending<Broken> {
        let words: Vec<u32> = records.into_iter().map(|Word(word)| word).collect();
        let (outcome, journal) = (self.write(|held| Write::Append(words.clone(), held)), self.clone());
        Box::pin(async move {
            outcome.await.unwrap_or(Ok(()))?;
            journal.written(|disk| disk.appended.extend(words));
            Ok(())
        })
    }
}

impl Pipeline<Puppet, Broken> for Held {
    fn append(&mut self, records: Vec<Word>) -> Appending<Broken> {
        self.begin_append(records)
    }
}

impl Journal<Puppet> for Held {
    type Error = Broken;

    async fn append(&mut self, records: Vec<Word>) -> Outcome {
        assert!(!self.piped, "everything goes through the pipeline, if there is one");
        self.begin_append(records).await
    }

    async fn load(&mut self, load: Word) -> Result<Option<Word>, JournalError<Broken>> {
        let journal: Vec<Word> = self.disk().words().into_iter().map(Word).collect();
        Ok(Puppet::lookup(&journal, load))
    }

    async fn compact(&mut self, image: Words) -> Outcome {
        self.write(|held| Write::Compact(image.0.clone(), held)).await.unwrap_or(Ok(()))?;
        self.written(|disk| *disk = Disk { image: image.0, appended: vec![] });
        Ok(())
    }

    fn records(&self) -> u64 {
        self.disk().appended.len() as u64
    }

    fn pipeline(&self) -> Option<Box<dyn Pipeline<Puppet, Broken>>> {
        self.piped.then(|| Box::new(self.clone()) as Box<_>)
    }
}

/// A transport that shows the test what is sent.
pub(crate) struct Shown {
    sent: mpsc::UnboundedSender<(u8, Script)>,
    received: mpsc::UnboundedReceiver<(u8, Script)>,
}

impl Transport<Puppet> for Shown {
    fn address(&self) -> Option<&u8> {
        Some(&HERE)
    }

    async fn receive(&mut self) -> (u8, Script) {
        match self.received.recv().await {
            Some(received) => received,
            None => core::future::pending().await,
        }
    }

    fn try_receive(&mut self) -> Option<(u8, Script)> {
        self.received.try_recv().ok()
    }

    fn send(&mut self, to: u8, message: Script) {
        let _ = self.sent.send((to, message));
    }
}

/// A clock that reads what it is told, one reading after another, and then stands still.
pub(crate) struct Readings(pub(crate) Vec<u64>, Cell<usize>);

impl Readings {
    pub(crate) fn of(seconds: Vec<u64>) -> Self {
        Self(seconds, Cell::new(0))
    }
}

impl Clock for Readings {
    fn now(&self) -> Instant {
        let at = self.1.replace(self.1.get() + 1).min(self.0.len() - 1);
        Instant::from_nanos(self.0[at] * 1_000_000_000)
    }
}

impl Surroundings for Readings {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        bound.get() - 1
    }
}

/// A running driver.
pub(crate) struct Rig {
    pub(crate) handle: Handle<Puppet>,
    pub(crate) writes: mpsc::UnboundedReceiver<Write>,
    pub(crate) sent: mpsc::UnboundedReceiver<(u8, Script)>,
    pub(crate) network: mpsc::UnboundedSender<(u8, Script)>,
    pub(crate) events: broadcast::Receiver<Word>,
    pub(crate) running: JoinHandle<Result<Held, JournalError<Broken>>>,
}

pub(crate) type Asked = JoinHandle<Result<Word, Unanswered>>;

impl Rig {
    pub(crate) fn start() -> Self {
        Self::with(Options::default(), Readings::of(vec![0]))
    }

    pub(crate) fn with(options: Options, clock: Readings) -> Self {
        Self::over(options, clock, false)
    }

    /// The first law is watched in every rig.
    pub(crate) fn over(options: Options, clock: Readings, piped: bool) -> Self {
        let (durable, (writer, writes)) = (Arc::new(AtomicU64::new(0)), mpsc::unbounded_channel());
        let (sender, sent) = mpsc::unbounded_channel();
        let (network, received) = mpsc::unbounded_channel();
        let journal = Held { disk: Arc::default(), writes: writer, durable: Arc::clone(&durable), piped };
        let setup = Setup::<Puppet, _>::new((), journal, Words::default())
            .transport(Shown { sent: sender, received })
            .surroundings(clock)
            .observer(FencedEffectsWait::new(durable))
            .options(options);
        let (driver, handle) = setup.build();
        let events = handle.events();
        Self { handle, writes, sent, network, events, running: tokio::spawn(driver.run()) }
    }

    /// Asks for these, and waits until the driver has nothing more to do.
    pub(crate) async fn ask(&self, errands: impl Into<Vec<Errand>>) -> Asked {
        let (handle, script) = (self.handle.clone(), Script(errands.into()));
        let asked = tokio::spawn(async move { handle.request(script).await });
        settle().await;
        asked
    }

    /// The write that is under way.
    pub(crate) fn write(&mut self) -> Write {
        self.writes.try_recv().expect("a write is under way")
    }

    pub(crate) fn no_write(&mut self) -> bool {
        self.writes.try_recv().is_err()
    }

    /// Lets the write that is under way succeed, and everything that follows from it happen.
    pub(crate) async fn sync(&mut self) -> Vec<u32> {
        let write = self.write();
        let words = write.words().to_vec();
        write.resolve(Ok(()));
        settle().await;
        words
    }

    pub(crate) fn sent(&mut self) -> Vec<(u8, Script)> {
        std::iter::from_fn(|| self.sent.try_recv().ok()).collect()
    }

    pub(crate) fn told(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|Word(word)| word).collect()
    }

    /// Shuts down; every write succeeds from now on.
    pub(crate) async fn shut_down(mut self) -> Result<Held, JournalError<Broken>> {
        self.handle.shutdown();
        self.writes.close();
        while let Ok(write) = self.writes.try_recv() {
            write.resolve(Ok(()));
        }
        self.running.await.expect("a driver does not panic")
    }
}

/// Time passes only when nobody has anything to do.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub(crate) async fn answer(asked: Asked) -> Result<u32, Unanswered> {
    asked.await.expect("a caller does not panic").map(|Word(word)| word)
}

/// What a caller knows now: `None` if it still waits.
pub(crate) async fn answered<T>(asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(1), asked).await.ok()
}
