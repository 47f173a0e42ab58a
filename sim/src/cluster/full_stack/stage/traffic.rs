//! Messages between nodes, and what clients ask.

use super::{GRAIN_NANOS, P, Props, Stage};
use crate::cluster::Cluster;
use crate::cluster::client::{Ask, Client, Desk, Errand, Occasion, Unanswered};
use crate::cluster::faults::{Passage, size};
use crate::cluster::history::Event;
use crate::plan::Link;
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::Protocol;
use purlin_tokio::Handle;

/// Messages.
impl<C: Cluster> Stage<C> {
    /// A message is sent. What becomes of it, and how much longer than usual each copy takes. A partition that holds
    /// both ways is the network's affair.
    pub(in crate::cluster::full_stack) fn send(
        &self,
        at: Instant,
        link: Link,
        message: &<P<C> as Protocol>::Message,
    ) -> Vec<Duration> {
        let mut props = self.lock();
        props.record(at, &Event::Sent { from: link.from, to: link.to, message });
        let back = Link { from: link.to, to: link.from };
        let Props { faults, links, .. } = &mut *props;
        let bytes = || size(message);
        let held = faults.is_cut(link) && faults.is_cut(back);
        let copies = match faults.passage(links, link) {
            Passage::Free { copies } => copies,
            Passage::Held if held => 1,
            Passage::Held | Passage::Lost => 0,
        };
        let delays = (0..copies).map(|_| Some(faults.delay(at, links, link) + faults.squeeze(at, link, bytes)?));
        delays.flatten().collect()
    }

    pub(in crate::cluster::full_stack) fn arrived(
        &self,
        at: Instant,
        from: u32,
        to: u32,
        message: &<P<C> as Protocol>::Message,
    ) {
        self.record(at, &Event::Arrived { from, to, message });
    }
}

/// Clients.
impl<C: Cluster> Stage<C> {
    /// Lets a client act. What it wants done.
    pub(in crate::cluster::full_stack) fn act(
        &self,
        at: Instant,
        client: u32,
        occasion: Occasion<'_, P<C>>,
    ) -> Vec<Errand<P<C>>> {
        let Props { seats, asks, phases, faults, .. } = &mut *self.lock();
        let (client, die) = &mut seats[client as usize];
        let phase = phases.at(at.saturating_since(Instant::ORIGIN));
        let mut errands = Vec::new();
        let (haste, errands_asked) = (faults.haste(), &mut errands);
        let mut desk = Desk { now: at, phase, grain_nanos: GRAIN_NANOS, haste, die, asks, errands: errands_asked };
        client.act(occasion, &mut desk);
        errands
    }

    /// A client asks a node. How the node is reached, if it lives.
    pub(in crate::cluster::full_stack) fn ask(
        &self,
        at: Instant,
        client: u32,
        ask: Ask,
        node: u32,
        request: &<P<C> as Protocol>::Request,
    ) -> Option<Handle<P<C>>> {
        let mut props = self.lock();
        let clock = props.clock(at, node);
        props.record(at, &Event::Asked { client, node, ask, clock, request });
        props.station(node).handle.clone()
    }

    pub(in crate::cluster::full_stack) fn answered(
        &self,
        at: Instant,
        client: u32,
        node: u32,
        ask: Ask,
        result: &Result<<P<C> as Protocol>::Answer, Unanswered>,
    ) {
        let mut props = self.lock();
        let clock = props.clock(at, node);
        props.record(
            at,
            &match result {
                Ok(answer) => Event::Answered { client, node, ask, clock, answer },
                Err(why) => Event::Unanswered { client, node, ask, why: *why },
            },
        );
    }
}
