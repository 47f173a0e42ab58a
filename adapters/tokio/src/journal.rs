//! Where a protocol's records are kept.

use core::convert::Infallible;
use core::future::{Future, ready};
use core::pin::Pin;
use purlin::protocol::Protocol;

/// Keeps the records of one protocol, in their order.
///
/// It is opened elsewhere, which gives the journal and the image of what it holds. The driver calls one method at a time
/// and lets each future run to its end, unless the driver itself is dropped: then what was under way may or may not have
/// happened, as in any crash.
pub trait Journal<P: Protocol>: Send + 'static {
    /// Why it fails.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Appends the records, all of them or none. They are durable once this resolves.
    fn append(&mut self, records: Vec<P::Record>)
    -> impl Future<Output = Result<(), JournalError<Self::Error>>> + Send;

    /// Reads something back: see [`Protocol::lookup`]. It sees everything that was appended before.
    fn load(
        &mut self,
        load: P::Load,
    ) -> impl Future<Output = Result<Option<P::Loaded>, JournalError<Self::Error>>> + Send;

    /// Puts the image in the place of everything that was appended, all of it or nothing. It is durable once this resolves.
    /// The image also holds what was persisted since the last append, and none of that is appended again.
    fn compact(&mut self, image: P::Image) -> impl Future<Output = Result<(), JournalError<Self::Error>>> + Send;

    /// How many records it holds beside its image: what a compaction would spare the next start.
    fn records(&self) -> u64;

    /// A way to hand over an append while earlier ones are under way, for a journal that gathers by itself what is to
    /// become durable together. The driver asks once; if there is one, every append goes that way, and everything else
    /// waits until none is under way.
    fn pipeline(&self) -> Option<Box<dyn Pipeline<P, Self::Error>>> {
        None
    }
}

/// An append that is under way.
pub type Appending<E> = Pin<Box<dyn Future<Output = Result<(), JournalError<E>>> + Send>>;

/// Takes one append after another without waiting. So the disk need not wait for the driver between two of them.
pub trait Pipeline<P: Protocol, E>: Send {
    /// Appends the records after all that were handed over before, all of them or none, and none after an append that was
    /// refused or has failed. They are durable once the future resolves; those of earlier appends are by then.
    fn append(&mut self, records: Vec<P::Record>) -> Appending<E>;
}

/// A journal did not do what it was asked. Either way the machine that asked has ended: what it holds in memory is no
/// longer what a restart would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError<E> {
    /// Somebody else has opened the journal since. Nothing was written, nor will be: this process is the old one.
    #[error("the journal was opened by somebody else since, who goes on in our place; nothing was written")]
    Refused,
    /// It failed, and what it was asked may or may not have been done. Opening it again tells.
    #[error("the journal failed")]
    Failed(#[source] E),
}

/// Keeps nothing: for a protocol whose image need not outlive its process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volatile;

impl<P: Protocol> Journal<P> for Volatile {
    type Error = Infallible;

    fn append(
        &mut self,
        _records: Vec<P::Record>,
    ) -> impl Future<Output = Result<(), JournalError<Infallible>>> + Send {
        ready(Ok(()))
    }

    fn load(
        &mut self,
        _load: P::Load,
    ) -> impl Future<Output = Result<Option<P::Loaded>, JournalError<Infallible>>> + Send {
        ready(Ok(None))
    }

    fn compact(&mut self, _image: P::Image) -> impl Future<Output = Result<(), JournalError<Infallible>>> + Send {
        ready(Ok(()))
    }

    fn records(&self) -> u64 {
        0
    }
}
