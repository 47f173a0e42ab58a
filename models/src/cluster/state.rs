//! A state of a cluster: nodes with their disks, what is under way between them, and what may still befall them.

use super::{Budgets, Ghost, Shared};
use crate::world::Broken;
use derive_where::derive_where;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::{Epoch, Instant, Names};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// A state of the closed world of several nodes.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster<P: Protocol, G: Ghost<P> = ()> {
    /// The nodes, in the order of the scope's.
    pub nodes: SmallVec<[Arc<Node<P>>; 3]>,
    /// What is under way, sorted: a message may come at any later moment, or never.
    pub network: SmallVec<[Shared<Packet<P>>; 4]>,
    /// What may still happen.
    pub left: Budgets,
    /// How often each of the scope's hasty timers may still fire.
    pub hasty: SmallVec<[u8; 6]>,
    /// What a claim remembers of the past.
    pub ghost: G,
    /// What the step into this state broke, if anything.
    pub broken: Option<Broken>,
}

impl<P: Protocol, G: Ghost<P>> Cluster<P, G> {
    /// The machine of a node that is up.
    pub fn machine(&self, node: usize) -> Option<&P> {
        self.nodes[node].machine.as_deref()
    }

    /// A node, to be changed: for the renamings of a scope. See [`super::ClusterScope::symmetries`].
    pub fn node_mut(&mut self, node: usize) -> &mut Node<P> {
        Arc::make_mut(&mut self.nodes[node])
    }
}

/// One node: its process, its disk and its clock.
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node<P: Protocol> {
    /// The machine, while the process is up.
    pub machine: Option<Shared<P>>,
    /// The fold of every record that is durable.
    pub disk: Shared<P::Image>,
    /// What is not durable yet, in its order: records ([`Effect::Persist`]) and the effects that wait behind them.
    pub tail: SmallVec<[Shared<Effect<P>>; 2]>,
    /// The disk is slow: nothing becomes durable until a sync ends.
    pub is_stalled: bool,
    /// The timers that are set and when each is due on this node's clock, by name.
    pub timers: SmallVec<[(P::Timer, Instant); 1]>,
    /// Messages to itself, in their order, that wait for their turn.
    pub own: SmallVec<[Shared<Input<P>>; 1]>,
    /// What was read back and not yet told, sorted.
    pub loaded: SmallVec<[Shared<Input<P>>; 1]>,
    /// The tickets of its open requests, sorted.
    pub asked: SmallVec<[Ticket; 2]>,
    /// Its own clock. It goes on while the process is down.
    pub now: Instant,
    /// By how many ticks its clock was set on or back, all in all.
    pub set_off: i16,
    /// Every durable record, if the scope says that the protocol reads back.
    pub journal: Option<Shared<Vec<P::Record>>>,
}

impl<P: Protocol> Node<P> {
    /// The process is up.
    pub const fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    /// How many records are not durable yet.
    pub fn records_in_tail(&self) -> usize {
        self.tail.iter().filter(|effect| matches!(***effect, Effect::Persist(_))).count()
    }

    /// When a timer is due, if it is set.
    pub fn due(&self, timer: &P::Timer) -> Option<Instant> {
        self.timers.iter().find(|(name, _)| name == timer).map(|(_, due)| *due)
    }

    /// The image as it would be if the process died now and all of the tail had reached the disk.
    pub fn written(&self) -> P::Image {
        let mut image = (*self.disk).clone();
        for effect in &self.tail {
            if let Effect::Persist(record) = &**effect {
                P::fold(&mut image, record.clone());
            }
        }
        image
    }
}

/// A message on its way.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct Packet<P: Protocol> {
    /// The node that sent it.
    pub from: usize,
    /// The node that it is for.
    pub to: usize,
    /// What it says.
    pub message: P::Message,
}

impl<P: Protocol> Names for Packet<P> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.message.instants(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.message.epochs(each);
    }
}
