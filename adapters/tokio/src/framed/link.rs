//! The tasks of a transport: one that listens, one for each connection that came in, one for each peer that is dialled.

use super::connection::{ConnectionError, Line};
use super::network::Network;
use core::time::Duration;
use purlin::protocol::Protocol;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

type Queue<P> = mpsc::Sender<<P as Protocol>::Message>;
type WeakQueue<P> = mpsc::WeakSender<<P as Protocol>::Message>;
type Queues<P> = BTreeMap<<P as Protocol>::Address, Queue<P>>;

/// Nodes that are not dialled from here, but have dialled: they are answered on the connection that they keep.
pub(super) struct Guests<P: Protocol> {
    queues: Mutex<Queues<P>>,
}

impl<P: Protocol> Guests<P> {
    pub(super) fn new() -> Self {
        Self { queues: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn send(&self, to: &P::Address, message: P::Message) -> bool {
        self.lock().get(to).is_some_and(|queue| queue.try_send(message).is_ok())
    }

    /// A newer connection of the same node takes the place of the older one, which ends when its queue does.
    fn arrive(&self, address: &P::Address, queue: Queue<P>) {
        self.lock().insert(address.clone(), queue);
    }

    fn leave(&self, address: &P::Address, queue: &WeakQueue<P>) {
        let Some(queue) = queue.upgrade() else { return };
        let mut queues = self.lock();
        if queues.get(address).is_some_and(|present| present.same_channel(&queue)) {
            queues.remove(address);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues<P>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections in until the transport is dropped. The tasks keep no queue alive: a queue that nobody can fill any
/// more ends its connection, once what it holds is sent.
pub(super) fn listen<P: Protocol, N: Network>(
    line: &Arc<Line<P, N>>,
    guests: &Arc<Guests<P>>,
    mut listener: N::Listener,
) {
    let (line, guests) = (Arc::clone(line), Arc::downgrade(guests));
    line.network.clone().spawn(async move {
        while let Some(stream) = line.next_stream(&mut listener).await {
            let (line, guests) = (Arc::clone(&line), Weak::clone(&guests));
            line.network.clone().spawn(async move { line.host(&guests, stream).await });
        }
    });
}

/// One link for each peer.
pub(super) fn dial_all<P: Protocol, N: Network>(line: &Arc<Line<P, N>>) -> Queues<P> {
    let peers = line.site.peers.clone().into_iter().filter(|(address, _)| *address != line.site.address);
    peers.map(|(address, place)| (address.clone(), dial(line, address, place))).collect()
}

fn dial<P: Protocol, N: Network>(line: &Arc<Line<P, N>>, peer: P::Address, place: String) -> Queue<P> {
    let (sender, mut queue) = mpsc::channel(line.wire.queue_max.max(1));
    let line = Arc::clone(line);
    line.network.clone().spawn(async move { line.keep_dialling(&peer, &place, &mut queue).await });
    sender
}

impl<P: Protocol, N: Network> Line<P, N> {
    /// The next connection that comes in; `None` once the transport is dropped.
    async fn next_stream(&self, listener: &mut N::Listener) -> Option<N::Stream> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.inbound.closed() => return None,
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
    async fn host(&self, guests: &Weak<Guests<P>>, stream: N::Stream) {
        let connection = match self.greet(stream, None).await {
            Ok(connection) => connection,
            Err(error) => return tracing::warn!(%error, "a connection was refused"),
        };
        let (sender, mut queue) = mpsc::channel(self.wire.queue_max.max(1));
        let (peer, present) = (connection.peer.clone(), sender.downgrade());
        let Some(hosts) = guests.upgrade() else { return };
        hosts.arrive(&peer, sender);
        drop(hosts);
        let result = self.serve(connection, &mut queue).await;
        tracing::debug!(?peer, ?result, "a guest has left");
        if let Some(hosts) = guests.upgrade() {
            hosts.leave(&peer, &present);
        }
    }

    async fn keep_dialling(&self, peer: &P::Address, place: &str, queue: &mut mpsc::Receiver<P::Message>) {
        let mut backoff = Backoff::new(self.wire.backoff_min, self.wire.backoff_max);
        while !self.inbound.is_closed() {
            match self.dial_once(peer, place, queue, &mut backoff).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(?peer, place, %error, "the link is down"),
            }
            // What waited meanwhile is old by the next attempt.
            while queue.try_recv().is_ok() {}
            tokio::select! {
                biased;
                () = self.inbound.closed() => return,
                () = sleep(backoff.next()) => {}
            }
        }
    }

    async fn dial_once(
        &self,
        peer: &P::Address,
        place: &str,
        queue: &mut mpsc::Receiver<P::Message>,
        backoff: &mut Backoff,
    ) -> Result<(), ConnectionError> {
        let silent = ConnectionError::Silent(self.wire.silence_max);
        let stream = timeout(self.wire.silence_max, self.network.connect(place)).await.map_err(|_| silent)??;
        let connection = self.greet(stream, Some(peer)).await?;
        tracing::debug!(?peer, place, "the link is up");
        backoff.reset();
        self.serve(connection, queue).await
    }
}

/// How long to wait before the next attempt.
struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
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
