//! Who is reached how: the nodes that are dialled, and those that have dialled.

use super::Wire;
use super::codec::{Codec, Lane};
use super::hello::{self, HelloError};
use super::lanes::Lanes;
use purlin::protocol::Protocol;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{mpsc, watch};

type Queue<P> = mpsc::Sender<<P as Protocol>::Message>;
type WeakQueue<P> = mpsc::WeakSender<<P as Protocol>::Message>;

/// Tells a running transport where nodes stand. Clones tell the same transport, also while a driver owns it; once it is
/// dropped they do nothing.
///
/// Whoever is not told of is no enemy: a node that dials is answered on the connection that it keeps, for as long as no
/// other address of the [same node](Codec::is_same_node) is known. What it may do is the protocol's to say.
pub struct Directory<P: Protocol> {
    peers: Weak<Peers<P>>,
}

impl<P: Protocol> Directory<P> {
    /// The node stands here: it is dialled from now on, and messages to it may be sent at once. If it stood somewhere else,
    /// what was queued for that place goes there still. Another incarnation of it that has dialled is hung up on; one that is
    /// dialled stays until it is [forgotten](Self::forget).
    pub fn set_place(&self, address: P::Address, place: impl Into<String>) {
        if let Some(peers) = self.peers.upgrade() {
            peers.set_place(address, place.into());
        }
    }

    /// The node is not dialled any more, and is hung up on, once what was queued for it is sent.
    pub fn forget(&self, address: &P::Address) {
        if let Some(peers) = self.peers.upgrade() {
            peers.forget(address);
        }
    }

    /// The nodes that are dialled, each with its place.
    pub fn places(&self) -> BTreeMap<P::Address, String> {
        self.peers.upgrade().map(|peers| peers.places()).unwrap_or_default()
    }
}

impl<P: Protocol> Clone for Directory<P> {
    fn clone(&self) -> Self {
        Self { peers: Weak::clone(&self.peers) }
    }
}

impl<P: Protocol> fmt::Debug for Directory<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Directory").field("places", &self.places()).finish()
    }
}

/// Everybody whom a transport reaches. Only the transport keeps it alive, so that its tasks end after it.
pub(super) struct Peers<P: Protocol> {
    this_node: P::Address,
    wire: Wire,
    codec: Arc<dyn Codec<P>>,
    roster: Mutex<Roster<P>>,
    /// Where links go whose tasks are to be started. There are never more than calls to `set_place`.
    begun: mpsc::UnboundedSender<LinkEnd<P>>,
}

struct Roster<P: Protocol> {
    links: BTreeMap<P::Address, Link<P>>,
    /// Nodes that have dialled, whether or not they are dialled from here too.
    guests: Lanes<BTreeMap<P::Address, Queue<P>>>,
}

/// The way to a node that is dialled.
struct Link<P: Protocol> {
    place: String,
    queues: Lanes<Queue<P>>,
    /// Dropped with the link, so that no task waits for the next attempt.
    _kept: watch::Sender<()>,
}

/// The other end of one lane of a link, which its task holds.
pub(super) struct LinkEnd<P: Protocol> {
    pub(super) peer: P::Address,
    pub(super) place: String,
    pub(super) lane: Lane,
    pub(super) queue: mpsc::Receiver<P::Message>,
    pub(super) kept: watch::Receiver<()>,
}

impl<P: Protocol> Peers<P> {
    /// Nobody yet; and where links come out whose tasks are to be started.
    pub(super) fn new(
        this_node: P::Address,
        wire: Wire,
        codec: Arc<dyn Codec<P>>,
    ) -> (Self, mpsc::UnboundedReceiver<LinkEnd<P>>) {
        let (begun, beginning) = mpsc::unbounded_channel();
        let guests = Lanes { normal: BTreeMap::new(), bulk: BTreeMap::new() };
        let roster = Mutex::new(Roster { links: BTreeMap::new(), guests });
        (Self { this_node, wire, codec, roster, begun }, beginning)
    }

    pub(super) fn directory(self: &Arc<Self>) -> Directory<P> {
        Directory { peers: Arc::downgrade(self) }
    }

    pub(super) fn set_place(&self, address: P::Address, place: String) {
        let mut roster = self.lock();
        let stands_there = roster.links.get(&address).is_some_and(|link| link.place == place);
        if stands_there || address == self.this_node {
            return;
        }
        roster.hang_up(|guest| *guest != address && self.codec.is_same_node(guest, &address));
        let link = self.begin(&address, place);
        roster.links.insert(address, link);
    }

    /// Its tasks are started in a moment; meanwhile what is sent waits.
    fn begin(&self, peer: &P::Address, place: String) -> Link<P> {
        let (kept, keeps) = watch::channel(());
        let queue = |lane| {
            let (sender, queue) = mpsc::channel(self.wire.waiting_max(lane));
            let end = LinkEnd { peer: peer.clone(), place: place.clone(), lane, queue, kept: keeps.clone() };
            // Fails only while the whole transport goes.
            let _ = self.begun.send(end);
            sender
        };
        let queues = Lanes { normal: queue(Lane::Normal), bulk: queue(Lane::Bulk) };
        Link { place, queues, _kept: kept }
    }

    fn forget(&self, address: &P::Address) {
        let mut roster = self.lock();
        roster.links.remove(address);
        roster.hang_up(|guest| guest == address);
    }

    fn places(&self) -> BTreeMap<P::Address, String> {
        self.lock().links.iter().map(|(address, link)| (address.clone(), link.place.clone())).collect()
    }

    /// Puts a message into the queue to a node; `false` if it is lost. Whoever has dialled may have one connection only: then
    /// everything goes there.
    pub(super) fn send(&self, to: &P::Address, lane: Lane, message: P::Message) -> bool {
        let roster = self.lock();
        let queue = match roster.links.get(to) {
            Some(link) => Some(link.queues.of(lane)),
            None => roster.guests.of(lane).get(to).or_else(|| roster.guests.normal.get(to)),
        };
        queue.is_some_and(|queue| queue.try_send(message).is_ok())
    }

    /// Somebody has dialled. A newer connection takes the place of the older one, which ends when its queue does.
    pub(super) fn arrive(&self, guest: &P::Address, lane: Lane, queue: Queue<P>) -> Result<(), HelloError> {
        let mut roster = self.lock();
        if !roster.links.contains_key(guest)
            && let Some(known) = roster.links.keys().find(|known| self.codec.is_same_node(known, guest))
        {
            return Err(hello::another_incarnation(known, guest));
        }
        roster.guests.of_mut(lane).insert(guest.clone(), queue);
        Ok(())
    }

    pub(super) fn leave(&self, guest: &P::Address, lane: Lane, queue: &WeakQueue<P>) {
        let Some(queue) = queue.upgrade() else { return };
        let mut roster = self.lock();
        let guests = roster.guests.of_mut(lane);
        if guests.get(guest).is_some_and(|present| present.same_channel(&queue)) {
            guests.remove(guest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Roster<P>> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol> Roster<P> {
    /// Lets the queues of these guests end, and with them their connections.
    fn hang_up(&mut self, on: impl Fn(&P::Address) -> bool) {
        for lane in Lane::ALL {
            self.guests.of_mut(lane).retain(|guest, _| !on(guest));
        }
    }
}
