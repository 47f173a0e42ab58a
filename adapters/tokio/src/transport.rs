//! How nodes reach each other.

use core::future::{Future, pending};
use purlin::protocol::Protocol;

/// Carries messages between nodes. It may lose, repeat, delay and reorder them; it must not alter them.
///
/// Messages to oneself never get here: the driver keeps them, because they must not be lost.
pub trait Transport<P: Protocol>: Send + 'static {
    /// This node's own address, if it has one.
    fn address(&self) -> Option<&P::Address>;

    /// The next message and who sent it. Dropping the future loses nothing; what is lost for good never resolves it.
    fn receive(&mut self) -> impl Future<Output = (P::Address, P::Message)> + Send;

    /// The next message, if there is one already.
    fn try_receive(&mut self) -> Option<(P::Address, P::Message)>;

    /// Sends a message, or loses it. Never waits.
    fn send(&mut self, to: P::Address, message: P::Message);
}

/// For a protocol that has no other nodes, or none that it talks to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl<P: Protocol> Transport<P> for Alone {
    fn address(&self) -> Option<&P::Address> {
        None
    }

    fn receive(&mut self) -> impl Future<Output = (P::Address, P::Message)> + Send {
        pending()
    }

    fn try_receive(&mut self) -> Option<(P::Address, P::Message)> {
        None
    }

    fn send(&mut self, _to: P::Address, _message: P::Message) {}
}
