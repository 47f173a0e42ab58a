//! A transport of frames over any network of byte streams.
//!
//! ```text
//!   send ──▶ a queue for each peer ──▶ link: dials, says hello, writes in batches, dials again ──▶ its listener
//!   receive ◀── one inbound queue ◀── connections that came in or were dialled ◀── frames ◀───────┘
//! ```

mod codec;
mod connection;
mod hello;
mod link;
mod network;

pub use codec::FrameError;
pub use hello::HelloError;
pub use network::{Network, Tcp};

use crate::transport::Transport;
use connection::Line;
use core::time::Duration;
use link::Guests;
use purlin::protocol::Protocol;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A node, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site<P: Protocol> {
    /// Nodes of different clusters refuse each other, so that a wrong place does no harm.
    pub cluster: String,
    /// This node's address.
    pub address: P::Address,
    /// Where it listens. A node that only dials needs no place: others reach it by the connections that it keeps.
    pub listen: Option<String>,
    /// The nodes that it dials, each with its place.
    pub peers: BTreeMap<P::Address, String>,
}

/// The bounds of a framed transport. Both ends need the same `frame_max`, and heartbeats shorter than each other's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The longest message, encoded, in bytes. Default 16 MiB.
    pub frame_max: usize,
    /// How many messages wait for one peer. When that many do, **the newest is lost**. Default 4,096.
    pub queue_max: usize,
    /// How many messages go into one write. Default 1,024.
    pub write_max: usize,
    /// How many messages that came in wait for the driver. When that many do, peers wait. Default 4,096.
    pub inbound_max: usize,
    /// After how long without a message "I am still here" is sent. Default 1 second.
    pub heartbeat: Duration,
    /// After how long without a word, or a hello, a connection is given up. Default 5 seconds.
    pub silence_max: Duration,
    /// How long to wait before a lost connection is dialled again; doubled at each failure in a row. Default 50 milliseconds.
    pub backoff_min: Duration,
    /// The longest such wait. Default 2 seconds.
    pub backoff_max: Duration,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            frame_max: 16 << 20,
            queue_max: 4_096,
            write_max: 1_024,
            inbound_max: 4_096,
            heartbeat: Duration::from_secs(1),
            silence_max: Duration::from_secs(5),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
        }
    }
}

/// Carries messages in frames, each with a checksum, over connections that are dialled again when they break.
///
/// What it is given while a peer is being dialled waits, up to [`Wire::queue_max`]; when that attempt fails, or a connection
/// breaks, what waits is lost. On one connection messages keep their order. Its tasks end when it is dropped, after they
/// have sent what was queued.
pub struct FramedTransport<P: Protocol> {
    address: P::Address,
    place: Option<String>,
    queues: BTreeMap<P::Address, mpsc::Sender<P::Message>>,
    guests: Arc<Guests<P>>,
    inbound: mpsc::Receiver<(P::Address, P::Message)>,
}

impl<P: Protocol> FramedTransport<P> {
    /// Listens, if the site says where, and begins to dial its peers.
    ///
    /// # Errors
    /// The place cannot be listened at; nothing was started.
    pub async fn open<N: Network>(network: N, site: Site<P>, wire: Wire) -> io::Result<Self> {
        let listener = match &site.listen {
            Some(place) => Some(network.listen(place).await?),
            None => None,
        };
        let (sender, inbound) = mpsc::channel(wire.inbound_max.max(1));
        let (address, guests) = (site.address.clone(), Arc::new(Guests::new()));
        let line = Arc::new(Line { network, site, wire, inbound: sender });
        let queues = link::dial_all(&line);
        let place = listener.map(|(listener, place)| {
            link::listen(&line, &guests, listener);
            place
        });
        Ok(Self { address, place, queues, guests, inbound })
    }

    /// Where it listens, if it does.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl<P: Protocol> Transport<P> for FramedTransport<P> {
    fn address(&self) -> Option<&P::Address> {
        Some(&self.address)
    }

    async fn receive(&mut self) -> (P::Address, P::Message) {
        match self.inbound.recv().await {
            Some(received) => received,
            None => core::future::pending().await,
        }
    }

    fn try_receive(&mut self) -> Option<(P::Address, P::Message)> {
        self.inbound.try_recv().ok()
    }

    fn send(&mut self, to: P::Address, message: P::Message) {
        let sent = match self.queues.get(&to) {
            Some(queue) => queue.try_send(message).is_ok(),
            None => self.guests.send(&to, message),
        };
        if !sent {
            tracing::debug!(?to, "a message was lost: nobody is reached there, or too many wait already");
        }
    }
}
