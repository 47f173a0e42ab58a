//! What clients do in the swarm.

use super::{Inquiry, P, Step, Swarm};
use crate::cluster::Cluster;
use crate::cluster::client::{Ask, Client, Desk, Errand, Occasion, Unanswered};
use crate::cluster::history::Event;
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::Protocol;

impl<C: Cluster> Swarm<C> {
    pub(super) fn act(&mut self, client: u32, occasion: Occasion<'_, P<C>>) {
        let now = self.world.now();
        let seat = &mut self.seats[client as usize];
        let mut desk = Desk {
            now,
            phase: self.phases.at(now.saturating_since(Instant::ORIGIN)),
            grain_nanos: self.setting.environment.grain_ns,
            haste: self.faults.haste(),
            die: &mut seat.die,
            asks: &mut self.asks,
            errands: &mut self.errands,
        };
        seat.client.act(occasion, &mut desk);
        self.run_errands(client);
    }

    pub(super) fn run_errands(&mut self, client: u32) {
        let mut errands = core::mem::take(&mut self.errands);
        for errand in errands.drain(..) {
            match errand {
                Errand::Ask { ask, node, request } => self.ask(client, ask, node, request),
                Errand::Wake { after } => self.set_alarm(client, after),
            }
        }
        self.errands = errands;
    }

    pub(super) fn ask(&mut self, client: u32, ask: Ask, node: u32, request: <P<C> as Protocol>::Request) {
        let clock = self.clock(node);
        self.record(&Event::Asked { client, node, ask, clock, request: &request });
        let inquiry = self.inquiries.put(Inquiry { client, ask, request });
        self.soon.push_back(Step::Take { node, inquiry });
    }

    pub(super) fn set_alarm(&mut self, client: u32, after: Duration) {
        self.serials += 1;
        let serial = self.serials;
        self.seats[client as usize].alarm = serial;
        self.world.after(after, Step::Wake { client, serial });
    }

    pub(super) fn wake(&mut self, client: u32, serial: u64) {
        if self.seats[client as usize].alarm == serial {
            self.seats[client as usize].alarm = 0;
            self.act(client, Occasion::Woken);
        }
    }

    pub(super) fn turn_away(&mut self, client: u32, node: u32, ask: Ask, why: Unanswered) {
        self.record(&Event::Unanswered { client, node, ask, why });
        self.act(client, Occasion::Unanswered { ask, why });
    }
}
