//! A transport of frames over any network of byte streams.
//!
//! ```text
//!   send ──▶ two queues for each peer ──▶ links: dial, say hello, write in batches, dial again ──▶ its listener
//!   receive ◀── two inbound queues ◀── connections that came in or were dialled ◀── frames ◀──────┘
//! ```
//!
//! Two of each, because what is large and rare has a [lane](Lane) of its own.

mod codec;
mod connection;
mod frame;
mod hello;
mod lanes;
mod link;
mod metrics;
mod network;
mod observer;
mod outbox;
mod peers;

pub use codec::{Codec, CodecError, Lane, Postcard, Versions};
pub use connection::ConnectionError;
pub use frame::FrameError;
pub use hello::HelloError;
pub use metrics::WireMetrics;
pub use network::{Network, Tcp};
pub use observer::WireObserver;
pub use peers::Directory;

use crate::transport::Transport;
use connection::Line;
use core::time::Duration;
use lanes::Inbox;
use peers::Peers;
use purlin::protocol::Protocol;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A node, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site<P: Protocol> {
    /// Nodes of different clusters refuse each other, so that a wrong place does no harm.
    pub cluster: String,
    /// This node's address.
    pub address: P::Address,
    /// Where it listens. A node that only dials needs no place: others reach it by the connections that it keeps.
    pub listen: Option<String>,
    /// The nodes that it dials, each with its place. A [`Directory`] tells of others later.
    pub peers: BTreeMap<P::Address, String>,
}

/// The bounds of a framed transport. Both ends need the same `frame_max`, and heartbeats shorter than each other's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The longest message, encoded, in bytes. Default 16 MiB.
    pub frame_max: usize,
    /// How many messages wait for one peer. When that many do, **the newest is lost**. Default 4,096.
    pub queue_max: usize,
    /// How many messages of the bulk lane wait for one peer, and, of all peers, for the driver. Default 8.
    pub bulk_max: usize,
    /// How many messages go into one write. Default 1,024.
    pub write_max: usize,
    /// After how many bytes a write is full, in bytes; one message may be longer. Default 256 KiB.
    pub write_bytes_max: usize,
    /// How many messages that came in wait for the driver. When that many do, peers wait. Default 4,096.
    pub inbound_max: usize,
    /// After how long without a message "I am still here" is sent. Default 1 second.
    pub heartbeat: Duration,
    /// After how long without a word, or a hello, a connection is given up, and after how long in which nothing could be sent.
    /// A connection of the bulk lane is also given up when nothing was to be sent for so long. Default 5 seconds.
    pub silence_max: Duration,
    /// How long to wait before a lost connection is dialled again; doubled at each failure in a row. Default 50 milliseconds.
    pub backoff_min: Duration,
    /// The longest such wait; a connection that ends sooner than that counts as a failure too. Default 2 seconds.
    pub backoff_max: Duration,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            frame_max: 16 << 20,
            queue_max: 4_096,
            bulk_max: 8,
            write_max: 1_024,
            write_bytes_max: 256 << 10,
            inbound_max: 4_096,
            heartbeat: Duration::from_secs(1),
            silence_max: Duration::from_secs(5),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
        }
    }
}

impl Wire {
    /// How many messages of a lane wait for one peer.
    fn waiting_max(&self, lane: Lane) -> usize {
        match lane {
            Lane::Normal => self.queue_max.max(1),
            Lane::Bulk => self.bulk_max.max(1),
        }
    }
}

/// What a framed transport is made of. What is not given is as a protocol with small messages wants it.
pub struct Framing<P: Protocol, N> {
    network: N,
    site: Site<P>,
    wire: Wire,
    codec: Arc<dyn Codec<P>>,
    observer: Arc<dyn WireObserver<P>>,
}

impl<P: Protocol, N: Network> Framing<P, N> {
    /// A transport of this node over this network.
    pub fn new(network: N, site: Site<P>) -> Self {
        Self { network, site, wire: Wire::default(), codec: Arc::new(Postcard), observer: Arc::new(()) }
    }

    /// Keeps to these bounds.
    #[must_use]
    pub fn wire(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// Writes messages like this, instead of as [`Postcard`] does.
    #[must_use]
    pub fn codec(self, codec: impl Codec<P>) -> Self {
        Self { codec: Arc::new(codec), ..self }
    }

    /// Tells this observer what happens to connections.
    #[must_use]
    pub fn observer(self, observer: impl WireObserver<P>) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// Listens, if the site says where, and begins to dial its peers.
    ///
    /// # Errors
    /// The place cannot be listened at; nothing was started.
    pub async fn open(self) -> io::Result<FramedTransport<P>> {
        let Self { network, site: Site { cluster, address, listen, peers: places }, wire, codec, observer } = self;
        let listener = match &listen {
            Some(place) => Some(network.listen(place).await?),
            None => None,
        };
        let (inbound, inbox) = Inbox::new(wire.inbound_max, wire.bulk_max);
        let (peers, beginning) = Peers::new(address.clone(), wire, Arc::clone(&codec));
        let peers = Arc::new(peers);
        places.into_iter().for_each(|(address, place)| peers.set_place(address, place));
        let (versions, lanes, losses) = (codec.versions(), Arc::clone(&codec), Arc::clone(&observer));
        let line = Line { network, wire, cluster, address: address.clone(), versions, codec, observer, inbound };
        let line = Arc::new(line);
        link::start_links(&line, beginning);
        let place = listener.map(|(listener, place)| {
            link::listen(&line, &peers, listener);
            place
        });
        Ok(FramedTransport { address, place, peers, codec: lanes, observer: losses, inbox })
    }
}

/// Carries messages in frames, each with a checksum, over connections that are dialled again when they break.
///
/// What it is given while a peer is being dialled waits, up to [`Wire::queue_max`]; when that attempt fails, or a connection
/// breaks, what waits is lost. On one connection messages keep their order. Its tasks end when it is dropped, after they
/// have sent what was queued.
///
/// Everything that comes in is bounded and checked: whoever does not belong here, or sends what is no message, loses its
/// connection and nothing else happens. A [`WireObserver`] is told why.
pub struct FramedTransport<P: Protocol> {
    address: P::Address,
    place: Option<String>,
    peers: Arc<Peers<P>>,
    codec: Arc<dyn Codec<P>>,
    observer: Arc<dyn WireObserver<P>>,
    inbox: Inbox<(P::Address, P::Message)>,
}

impl<P: Protocol> FramedTransport<P> {
    /// A transport whose messages are written by [`Postcard`]; [`Framing`] says more.
    ///
    /// # Errors
    /// The place cannot be listened at; nothing was started.
    pub async fn open<N: Network>(network: N, site: Site<P>, wire: Wire) -> io::Result<Self> {
        Framing::new(network, site).wire(wire).open().await
    }

    /// Where it listens, if it does.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Whom it dials, to be changed while it runs.
    pub fn directory(&self) -> Directory<P> {
        self.peers.directory()
    }
}

impl<P: Protocol> Transport<P> for FramedTransport<P> {
    fn address(&self) -> Option<&P::Address> {
        Some(&self.address)
    }

    async fn receive(&mut self) -> (P::Address, P::Message) {
        self.inbox.take().await
    }

    fn try_receive(&mut self) -> Option<(P::Address, P::Message)> {
        self.inbox.try_take()
    }

    fn send(&mut self, to: P::Address, message: P::Message) {
        let lane = self.codec.lane(&message);
        if !self.peers.send(&to, lane, message) {
            tracing::debug!(
                ?to,
                lane = lane.name(),
                "a message was lost: nobody is reached there, or too many wait already"
            );
            self.observer.lost(&to, lane);
        }
    }
}
