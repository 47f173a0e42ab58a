//! What goes out of a node of the swarm.

use super::{P, Parcel, Station, Step, Swarm};
use crate::checker::Violation;
use crate::cluster::Cluster;
use crate::cluster::client::Occasion;
use crate::cluster::faults::{Passage, size};
use crate::cluster::history::Event;
use crate::cluster::judges::claims;
use crate::cluster::process::Fenced;
use crate::plan::Link;
use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};

impl<C: Cluster> Swarm<C> {
    pub(super) fn run_effects(&mut self, node: u32) {
        let mut effects = core::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.run_effect(node, effect);
        }
        self.effects = effects;
    }

    pub(super) fn run_effect(&mut self, node: u32, effect: Effect<P<C>>) {
        match effect {
            Effect::Persist(record) => self.station(node).disk.persist(record),
            Effect::Load(load) => self.load(node, load),
            Effect::Send { to, message, fence: Fence::None } => self.send(node, &to, message),
            Effect::Send { to, message, fence: Fence::Durable } => self.fence(node, Fenced::Send { to, message }),
            Effect::Arm { timer, after } => self.arm(node, timer, after),
            Effect::Disarm(timer) => {
                if let Some(process) = &mut self.station(node).process {
                    process.disarm(&timer);
                }
            }
            Effect::Answer { ticket, answer } => self.fence(node, Fenced::Answer { ticket, answer }),
            Effect::Notify(event) => self.fence(node, Fenced::Notify(event)),
        }
    }

    /// Goes at once if everything before it is durable.
    pub(super) fn fence(&mut self, node: u32, fenced: Fenced<P<C>>) {
        let Station { disk, process, .. } = self.station(node);
        if disk.is_settled() {
            return self.let_go(node, fenced);
        }
        if let Some(process) = process {
            process.hold(disk.records().len() as u64, fenced);
        }
    }

    pub(super) fn let_go(&mut self, node: u32, fenced: Fenced<P<C>>) {
        match fenced {
            Fenced::Send { to, message } => self.send(node, &to, message),
            Fenced::Answer { ticket, answer } => self.answer(node, ticket, &answer),
            Fenced::Notify(event) => self.notify(node, &event),
        }
    }

    pub(super) fn answer(&mut self, node: u32, ticket: Ticket, answer: &<P<C> as Protocol>::Answer) {
        let clock = self.clock(node);
        let asked = self.station(node).process.as_mut().and_then(|process| process.close(ticket));
        let Some((client, ask)) = asked else {
            let detail = format!("node {node} answers ticket {}, which is not open: {answer:?}", ticket.0);
            return self.recorder.note(Err(Violation::new(claims::EVERY_ANSWER_BELONGS_TO_AN_ASK, detail)));
        };
        self.record(&Event::Answered { client, node, ask, clock, answer });
        self.act(client, Occasion::Answered { ask, answer });
    }

    pub(super) fn notify(&mut self, node: u32, event: &<P<C> as Protocol>::Event) {
        let clock = self.clock(node);
        self.record(&Event::Notified { node, clock, event });
        (0..self.seats.len() as u32).for_each(|client| self.act(client, Occasion::Notified { node, event }));
    }

    pub(super) fn arm(&mut self, node: u32, timer: <P<C> as Protocol>::Timer, after: Duration) {
        self.serials += 1;
        let serial = self.serials;
        let station = self.station(node);
        let (life, after) = (station.life, station.clock.real(after));
        if let Some(process) = &mut station.process {
            process.arm(timer, serial);
            self.world.after(after, Step::Fire { node, life, serial });
        }
    }

    pub(super) fn load(&mut self, node: u32, load: <P<C> as Protocol>::Load) {
        let sync = self.setting.environment.sync;
        let Station { disk, disk_die, life, .. } = &mut self.nodes[node as usize];
        if !disk.is_readable() {
            return self.disk_failed(node);
        }
        if let Some(loaded) = P::<C>::lookup(disk.records(), load) {
            let (life, takes) = (*life, self.faults.sync(self.world.now(), disk_die, sync, node));
            let loaded = self.loaded.put(loaded);
            self.world.after(takes, Step::Loaded { node, life, loaded });
        }
    }
}

/// The network.
impl<C: Cluster> Swarm<C> {
    pub(super) fn send(&mut self, from: u32, to: &<P<C> as Protocol>::Address, message: <P<C> as Protocol>::Message) {
        let receiver = self.nodes.iter().position(|station| station.address.as_ref() == Some(to));
        match receiver {
            Some(to) if to == from as usize => self.send_to_itself(from, message),
            Some(to) => self.send_over(Link { from, to: to as u32 }, message),
            None => {}
        }
    }

    pub(super) fn send_to_itself(&mut self, node: u32, message: <P<C> as Protocol>::Message) {
        let Station { address, process, .. } = self.station(node);
        if let (Some(from), Some(process)) = (address.clone(), process) {
            process.own.push_back(Input::Message { from, message });
        }
    }

    pub(super) fn send_over(&mut self, link: Link, message: <P<C> as Protocol>::Message) {
        self.record(&Event::Sent { from: link.from, to: link.to, message: &message });
        match self.faults.passage(&mut self.links, link) {
            Passage::Lost => {}
            Passage::Held => self.parked.push(Parcel { link, message }),
            Passage::Free { copies } => {
                (1..copies).for_each(|_| self.dispatch(Parcel { link, message: message.clone() }));
                self.dispatch(Parcel { link, message });
            }
        }
    }

    /// How long a message waits before a narrow link; `None` if it is lost there.
    fn squeeze(&mut self, parcel: &Parcel<P<C>>) -> Option<Duration> {
        self.faults.squeeze(self.world.now(), parcel.link, || size(&parcel.message))
    }

    pub(super) fn dispatch(&mut self, parcel: Parcel<P<C>>) {
        let (link, usual) = (parcel.link, self.setting.environment.link);
        let latency = self.faults.latency(self.world.now(), &mut self.links, usual, link);
        let Some(waits) = self.squeeze(&parcel) else { return };
        let parcel = self.parcels.put(parcel);
        self.world.after(latency + waits, Step::Deliver { node: link.to, parcel });
    }

    /// What waited for a partition goes on, where the way is free.
    pub(super) fn unpark(&mut self) {
        let parked = core::mem::take(&mut self.parked);
        let (waiting, free) = parked.into_iter().partition(|parcel| self.faults.is_cut(parcel.link));
        self.parked = waiting;
        let free: Vec<_> = free;
        free.into_iter().for_each(|parcel| self.dispatch(parcel));
    }
}
