//! Who is told what happens to connections.

use super::codec::Lane;
use super::connection::ConnectionError;
use purlin::protocol::Protocol;
use std::sync::Arc;

/// Is told what becomes of a transport's connections, on their own tasks, and can change nothing. Keep it short: the
/// connection waits.
///
/// `()` observes nothing; a pair tells both. The same is told to `tracing`.
pub trait WireObserver<P: Protocol>: Send + Sync + 'static {
    /// Both ends have said hello and speak this version. A peer may have several connections: the one that it dialled, the
    /// one that was dialled from here, and those of its bulk messages.
    fn connected(&self, _peer: &P::Address, _lane: Lane, _version: u32) {}
    /// Such a connection has ended; without a reason if this end was done with it.
    fn parted(&self, _peer: &P::Address, _lane: Lane, _why: Option<&ConnectionError>) {}
    /// No connection came about: nobody was reached, or one end has refused the other. The peer is who was dialled; nobody
    /// knows who else it was.
    fn failed(&self, _peer: Option<&P::Address>, _why: &ConnectionError) {}
    /// A message was lost before it was sent: nobody is reached there, too many wait already, or it cannot be written.
    fn lost(&self, _to: &P::Address, _lane: Lane) {}
}

impl<P: Protocol> WireObserver<P> for () {}

impl<P: Protocol, A: WireObserver<P>, B: WireObserver<P>> WireObserver<P> for (A, B) {
    fn connected(&self, peer: &P::Address, lane: Lane, version: u32) {
        self.0.connected(peer, lane, version);
        self.1.connected(peer, lane, version);
    }

    fn parted(&self, peer: &P::Address, lane: Lane, why: Option<&ConnectionError>) {
        self.0.parted(peer, lane, why);
        self.1.parted(peer, lane, why);
    }

    fn failed(&self, peer: Option<&P::Address>, why: &ConnectionError) {
        self.0.failed(peer, why);
        self.1.failed(peer, why);
    }

    fn lost(&self, to: &P::Address, lane: Lane) {
        self.0.lost(to, lane);
        self.1.lost(to, lane);
    }
}

impl<P: Protocol, O: WireObserver<P>> WireObserver<P> for Arc<O> {
    fn connected(&self, peer: &P::Address, lane: Lane, version: u32) {
        (**self).connected(peer, lane, version);
    }

    fn parted(&self, peer: &P::Address, lane: Lane, why: Option<&ConnectionError>) {
        (**self).parted(peer, lane, why);
    }

    fn failed(&self, peer: Option<&P::Address>, why: &ConnectionError) {
        (**self).failed(peer, why);
    }

    fn lost(&self, to: &P::Address, lane: Lane) {
        (**self).lost(to, lane);
    }
}
