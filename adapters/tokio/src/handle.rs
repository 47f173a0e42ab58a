//! What callers hold of a driver.

use purlin::protocol::Protocol;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// A request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The inbox is full. Nothing was done: ask again later, or wait with [`Handle::request`].
    #[error("too many requests are waiting; nothing was done, ask again later")]
    Busy,
    /// The driver is shutting down or has ended. Nothing was done.
    #[error("the driver is shutting down or has ended; nothing was done")]
    ShutDown,
    /// The driver ended before it answered. It may have been done, or not: ask about it after the restart.
    #[error("the driver ended before it answered; it may have been done or not")]
    Unknown,
}

/// A request on its way to the machine.
pub(crate) struct Call<P: Protocol> {
    pub(crate) request: P::Request,
    pub(crate) reply: Reply<P>,
}

/// Where its answer goes.
pub(crate) type Reply<P> = oneshot::Sender<Result<<P as Protocol>::Answer, Unanswered>>;

/// Asks a driver, listens to it, and shuts it down. Cheap to clone; the driver shuts down when the last one is dropped.
#[derive(Debug)]
pub struct Handle<P: Protocol> {
    calls: mpsc::Sender<Call<P>>,
    shared: Arc<Shared<P>>,
}

#[derive(Debug)]
struct Shared<P: Protocol> {
    events: broadcast::WeakSender<P::Event>,
    shutdown: watch::Sender<bool>,
    refusals: Arc<AtomicU64>,
}

/// The driver's ends of all that a handle holds.
pub(crate) struct Ends<P: Protocol> {
    pub(crate) calls: mpsc::Receiver<Call<P>>,
    pub(crate) events: broadcast::Sender<P::Event>,
    pub(crate) shutdown: watch::Receiver<bool>,
    pub(crate) refusals: Arc<AtomicU64>,
}

impl<P: Protocol> Handle<P> {
    pub(crate) fn new(inbox_max: usize, events_max: usize) -> (Self, Ends<P>) {
        let (calls, taken) = mpsc::channel(inbox_max);
        let events = broadcast::Sender::new(events_max);
        let (shutdown, told) = watch::channel(false);
        let refusals = Arc::new(AtomicU64::new(0));
        let shared = Shared { events: events.downgrade(), shutdown, refusals: Arc::clone(&refusals) };
        let ends = Ends { calls: taken, events, shutdown: told, refusals };
        (Self { calls, shared: Arc::new(shared) }, ends)
    }

    /// Asks for something. Waits for room in the inbox, and then for the answer: what it says is durable.
    ///
    /// Dropping the future takes nothing back.
    ///
    /// # Errors
    /// [`Unanswered::ShutDown`] or [`Unanswered::Unknown`].
    pub async fn request(&self, request: P::Request) -> Result<P::Answer, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(Call { request, reply }).await.map_err(|_| Unanswered::ShutDown)?;
        answer.await.unwrap_or(Err(Unanswered::Unknown))
    }

    /// Asks for something, unless the inbox is full.
    ///
    /// # Errors
    /// [`Unanswered::Busy`] at once; else as [`Handle::request`].
    pub async fn try_request(&self, request: P::Request) -> Result<P::Answer, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.calls.try_send(Call { request, reply }).map_err(|refused| self.refuse(&refused))?;
        answer.await.unwrap_or(Err(Unanswered::Unknown))
    }

    fn refuse(&self, refused: &TrySendError<Call<P>>) -> Unanswered {
        match refused {
            TrySendError::Full(_) => {
                self.shared.refusals.fetch_add(1, Ordering::Relaxed);
                Unanswered::Busy
            }
            TrySendError::Closed(_) => Unanswered::ShutDown,
        }
    }

    /// What the machine announces from now on. What it says is durable. A listener that lags too far behind is told how
    /// much it has lost; the channel closes when the driver ends.
    pub fn events(&self) -> broadcast::Receiver<P::Event> {
        match self.shared.events.upgrade() {
            Some(events) => events.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Asks the driver to shut down gracefully: it takes no further request, finishes what it has, answers every ticket,
    /// and ends. What its [`run`](crate::Driver::run) returns tells when and how.
    pub fn shutdown(&self) {
        self.shared.shutdown.send_replace(true);
    }
}

impl<P: Protocol> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone(), shared: Arc::clone(&self.shared) }
    }
}
