//! The tasks of a transport: one that listens, one for each connection that came in, one that starts links, one for each lane
//! of a peer that is dialled.

use super::codec::Lane;
use super::connection::{Connection, ConnectionError, Ended, Line};
use super::network::Network;
use super::outbox::Outbox;
use super::peers::{LinkEnd, Peers};
use core::time::Duration;
use purlin::protocol::Protocol;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Takes connections in until the transport is dropped. The tasks keep no queue alive: a queue that nobody can fill any
/// more ends its connection, once what it holds is sent.
pub(super) fn listen<P: Protocol, N: Network>(
    line: &Arc<Line<P, N>>,
    peers: &Arc<Peers<P>>,
    mut listener: N::Listener,
) {
    let (line, peers) = (Arc::clone(line), Arc::downgrade(peers));
    line.network.clone().spawn(async move {
        while let Some(stream) = line.next_stream(&mut listener).await {
            let (line, peers) = (Arc::clone(&line), Weak::clone(&peers));
            line.network.clone().spawn(async move { line.host(&peers, stream).await });
        }
    });
}

/// Starts the tasks of links as they begin, until the transport is dropped.
pub(super) fn start_links<P: Protocol, N: Network>(
    line: &Arc<Line<P, N>>,
    mut beginning: mpsc::UnboundedReceiver<LinkEnd<P>>,
) {
    let line = Arc::clone(line);
    line.network.clone().spawn(async move {
        while let Some(end) = beginning.recv().await {
            let line = Arc::clone(&line);
            line.network.clone().spawn(async move { line.keep_dialling(end).await });
        }
    });
}

impl<P: Protocol, N: Network> Line<P, N> {
    /// The next connection that comes in; `None` once the transport is dropped.
    async fn next_stream(&self, listener: &mut N::Listener) -> Option<N::Stream> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.inbound.normal.closed() => return None,
                accepted = self.network.accept(listener) => accepted,
            };
            match accepted {
                Ok(stream) => return Some(stream),
                // Most likely too many files are open: waiting helps, and trying again at once would only spin.
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            }
            sleep(self.wire.backoff_min).await;
        }
    }

    /// A connection that came in.
    async fn host(&self, peers: &Weak<Peers<P>>, stream: N::Stream) {
        match self.greet(stream, None).await {
            Ok(connection) => self.receive_guest(peers, connection).await,
            Err(error) => self.tell_refused(&error),
        }
    }

    fn tell_refused(&self, error: &ConnectionError) {
        tracing::warn!(%error, "a connection was refused");
        self.observer.failed(None, error);
    }

    async fn receive_guest(&self, peers: &Weak<Peers<P>>, connection: Connection<P, N::Stream>) {
        let (peer, lane) = (connection.with.peer.clone(), connection.with.lane);
        let (sender, queue) = mpsc::channel(self.wire.waiting_max(lane));
        let present = sender.downgrade();
        // It is not held while the guest stays: the transport must be able to go.
        let Some(arrived) = peers.upgrade().map(|peers| peers.arrive(&peer, lane, sender)) else { return };
        if let Err(refusal) = arrived {
            self.turn_away(connection, &refusal).await;
            return self.tell_refused(&refusal.into());
        }
        match self.serve(connection, &mut Outbox::new(queue), false).await {
            Err(error @ (ConnectionError::Frame(_) | ConnectionError::Stuck(_) | ConnectionError::Refused { .. })) => {
                tracing::warn!(?peer, %error, "a guest was sent away");
            }
            ended => tracing::debug!(?peer, ?ended, "a guest has left"),
        }
        if let Some(peers) = peers.upgrade() {
            peers.leave(&peer, lane, &present);
        }
    }

    /// The bulk lane is dialled only when there is something to send.
    async fn keep_dialling(&self, end: LinkEnd<P>) {
        let LinkEnd { peer, place, lane, queue, mut kept } = end;
        let (mut outbox, mut backoff) = (Outbox::new(queue), Backoff::new(&self.wire));
        while lane == Lane::Normal || outbox.wait(1).await {
            match self.dial_once(&peer, &place, lane, &mut outbox, &mut backoff).await {
                Ok(Ended::Over) => return,
                Ok(Ended::Idle) => continue,
                Err(error) => tracing::warn!(?peer, place, lane = lane.name(), %error, "the link is down"),
            }
            // What waited meanwhile is old by the next attempt.
            (0..outbox.clear()).for_each(|_| self.observer.lost(&peer, lane));
            tokio::select! {
                biased;
                _ = kept.changed() => return,
                () = sleep(backoff.next()) => {}
            }
        }
    }

    async fn dial_once(
        &self,
        peer: &P::Address,
        place: &str,
        lane: Lane,
        outbox: &mut Outbox<P>,
        backoff: &mut Backoff,
    ) -> Result<Ended, ConnectionError> {
        let connection = match self.reach(peer, place, lane).await {
            Ok(connection) => connection,
            Err(error) => {
                self.observer.failed(Some(peer), &error);
                return Err(error);
            }
        };
        tracing::debug!(?peer, place, lane = lane.name(), version = connection.with.version, "the link is up");
        let begun = Instant::now();
        let ended = self.serve(connection, outbox, lane == Lane::Bulk).await;
        // Whoever hangs up at once would otherwise be dialled at once, for ever.
        if begun.elapsed() >= self.wire.backoff_max {
            backoff.reset();
        }
        ended
    }

    async fn reach(
        &self,
        peer: &P::Address,
        place: &str,
        lane: Lane,
    ) -> Result<Connection<P, N::Stream>, ConnectionError> {
        let silent = ConnectionError::Silent(self.wire.silence_max);
        let stream = timeout(self.wire.silence_max, self.network.connect(place)).await.map_err(|_| silent)??;
        self.greet(stream, Some((peer, lane))).await
    }
}

/// How long to wait before the next attempt.
struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    fn new(wire: &super::Wire) -> Self {
        Self { min: wire.backoff_min, max: wire.backoff_max, next: wire.backoff_min }
    }

    fn reset(&mut self) {
        self.next = self.min;
    }

    fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.max.min(wait.saturating_mul(2));
        wait
    }
}
