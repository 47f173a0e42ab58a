//! What comes in at a node of the swarm, and the steps of its machine.

use super::{Inquiry, P, Parcel, Station, Swarm};
use crate::cluster::client::Unanswered;
use crate::cluster::history::{Event, picture};
use crate::cluster::process::Errands;
use crate::cluster::{Cluster, Machines, View};
use purlin::Instant;
use purlin::machine::Machine;
use purlin::protocol::{Input, Protocol};

impl<C: Cluster> Swarm<C> {
    pub(super) fn take(&mut self, node: u32, inquiry: u32) {
        let Some(Inquiry { client, ask, request }) = self.inquiries.take(inquiry) else { return };
        let Some(process) = &mut self.station(node).process else {
            return self.turn_away(client, node, ask, Unanswered::ShutDown);
        };
        let ticket = process.open(client, ask);
        self.input(node, Input::Request { ticket, request });
    }

    pub(super) fn deliver(&mut self, node: u32, parcel: u32) {
        let Some(Parcel { link, message }) = self.parcels.take(parcel) else { return };
        let from = self.station(link.from).address.clone();
        if let (Some(from), true) = (from, self.station(node).process.is_some()) {
            self.record(&Event::Arrived { from: link.from, to: node, message: &message });
            self.input(node, Input::Message { from, message });
        }
    }

    pub(super) fn fire(&mut self, node: u32, life: u32, serial: u64) {
        let station = self.station(node);
        let process = station.process.as_mut().filter(|_| station.life == life);
        match process.and_then(|process| process.fire(serial)) {
            Some(timer) => self.input(node, Input::Timer(timer)),
            None => self.events -= 1,
        }
    }

    pub(super) fn loaded(&mut self, node: u32, life: u32, loaded: u32) {
        let Some(loaded) = self.loaded.take(loaded) else { return };
        if self.station(node).lives(life) {
            self.input(node, Input::Loaded(loaded));
        }
    }

    pub(super) fn input(&mut self, node: u32, input: Input<P<C>>) {
        self.step_machine(node, input);
        self.settle(node);
    }

    /// The batch is over: messages to itself, then a sync of all that there is to sync.
    pub(super) fn settle(&mut self, node: u32) {
        while let Some(input) = self.station(node).process.as_mut().and_then(|process| process.own.pop_front()) {
            self.step_machine(node, input);
        }
        self.write(node);
    }

    pub(super) fn step_machine(&mut self, node: u32, input: Input<P<C>>) {
        let at = self.world.now();
        let Station { process, config, clock, floor, die, .. } = &mut self.nodes[node as usize];
        let Some(process) = process else { return };
        *floor = clock.read(at).max(*floor);
        let (clock, faults, recorder, effects) = (*floor, &self.faults, &mut self.recorder, &mut self.effects);
        process.machine.step(config, input, &mut Errands { at, clock, node, die, faults, recorder, effects });
        self.inspect(node);
        self.run_effects(node);
    }

    pub(super) fn inspect(&mut self, node: u32) {
        self.steps += 1;
        self.depict(node);
        let panorama = Panorama { nodes: &self.nodes, now: self.world.now() };
        let view = View { stepped: node, steps: self.steps, now: panorama.now, machines: &panorama };
        self.recorder.note(C::inspect(&self.setting, &view));
    }
}

impl<C: Cluster> Swarm<C> {
    /// Shows the state of a node's machine, if anybody looks.
    fn depict(&mut self, node: u32) {
        let Station { process: Some(process), .. } = &self.nodes[node as usize] else { return };
        self.recorder.depict(self.world.now(), || picture(node, &process.machine));
    }
}

/// The swarm's machines, to be looked at.
struct Panorama<'a, P: Protocol> {
    nodes: &'a [Station<P>],
    now: Instant,
}

impl<P: Protocol> Machines<P> for Panorama<'_, P> {
    fn machine(&self, node: u32) -> Option<&P> {
        self.nodes.get(node as usize)?.process.as_ref().map(|process| &process.machine)
    }

    fn clock(&self, node: u32) -> Instant {
        self.nodes.get(node as usize).map_or(Instant::ORIGIN, |station| station.clock.read(self.now).max(station.floor))
    }

    fn count(&self) -> u32 {
        self.nodes.len() as u32
    }
}
