//! What a claim remembers of the past, where the state alone cannot tell; and what clients know.

use super::Cluster;
use core::fmt::Debug;
use core::hash::Hash;
use derive_where::derive_where;
use purlin::Names;
use purlin::protocol::{Fence, Protocol, Ticket};

/// A memory of a model's own, beside the nodes and unseen by them. It becomes part of the state, so it must stay small.
///
/// It may also be the memory of the clients: a scope's requests are a function of the state, ghost included.
pub trait Ghost<P: Protocol>: Names + Clone + Debug + Default + Eq + Hash + Send + Sync + 'static {
    /// Sees everything that can be seen from outside, in its order. `after` is the world after the whole action, with the
    /// ghost as it was before.
    fn observe(&mut self, seen: &Seen<P>, after: &Cluster<P, Self>);

    /// Sees the world after a whole action, whether or not anything could be seen of it from outside.
    fn conclude(&mut self, _after: &Cluster<P, Self>) {}
}

/// Remembers nothing.
impl<P: Protocol> Ghost<P> for () {
    fn observe(&mut self, _seen: &Seen<P>, _after: &Cluster<P, Self>) {}
}

/// What can be seen from outside.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seen<P: Protocol> {
    /// Somebody asked.
    Asked {
        /// Which node.
        node: usize,
        /// For the answer. Of a node's open requests each has its own; later ones take the free numbers again.
        ticket: Ticket,
        /// For what.
        request: P::Request,
    },
    /// An answer left its node.
    Answered {
        /// Which node.
        node: usize,
        /// The request's.
        ticket: Ticket,
        /// What was answered.
        answer: P::Answer,
    },
    /// An announcement left its node.
    Notified {
        /// Which node.
        node: usize,
        /// What was announced.
        event: P::Event,
    },
    /// A message left its node, to itself too.
    Sent {
        /// Which node.
        node: usize,
        /// To whom. There may be no such node in the scope.
        to: P::Address,
        /// What it says.
        message: P::Message,
        /// Whether it waited for the disk.
        fence: Fence,
    },
    /// A record was handed to the journal.
    Persisted {
        /// Of which node.
        node: usize,
        /// The record.
        record: P::Record,
    },
    /// Records became durable.
    Synced {
        /// On which node.
        node: usize,
        /// How many.
        records: usize,
    },
    /// A process died, and its open requests with it.
    Crashed {
        /// On which node.
        node: usize,
        /// How many records reached the disk that were not known to be durable.
        survived: usize,
    },
    /// A process ended because its journal was taken over.
    Refused {
        /// On which node.
        node: usize,
    },
    /// A process came up again, from its disk.
    Recovered {
        /// On which node.
        node: usize,
    },
}
