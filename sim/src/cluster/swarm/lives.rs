//! Disks, lives and deaths in the swarm.

use super::{Inquiry, P, Station, Step, Swarm};
use crate::checker::claim;
use crate::cluster::Cluster;
use crate::cluster::client::Unanswered;
use crate::cluster::history::{End, Event};
use crate::cluster::judges::claims;
use crate::cluster::process::{Errands, Process};
use crate::plan::FaultKind;
use core::time::Duration;
use purlin::protocol::Protocol;

/// Disks.
impl<C: Cluster> Swarm<C> {
    /// Begins a sync of all that was persisted, unless one is under way: then the next one serves it.
    pub(super) fn write(&mut self, node: u32) {
        let (now, sync) = (self.world.now(), self.setting.environment.sync);
        let Station { disk, disk_die, process, life, usurpers, .. } = &mut self.nodes[node as usize];
        if process.is_none() || disk.is_settled() || disk.is_syncing() {
            return;
        }
        if *usurpers > 0 {
            return self.refuse(node);
        }
        for record in disk.write(disk.unwritten().len()) {
            self.recorder.record(now, &Event::Written { node, record });
        }
        let takes = self.faults.sync(disk_die, sync, node);
        self.world.after(takes, Step::Synced { node, life: *life });
    }

    pub(super) fn synced(&mut self, node: u32, life: u32) {
        if !self.station(node).lives(life) {
            return;
        }
        self.station(node).disk.sync();
        let records = self.station(node).disk.synced();
        self.record(&Event::Synced { node, records });
        while let Some(fenced) = self.station(node).process.as_mut().and_then(|process| process.release(records)) {
            self.let_go(node, fenced);
        }
        self.settle(node);
    }

    /// Another process has opened the journal since: this one ends, and what it has not written goes with it.
    pub(super) fn refuse(&mut self, node: u32) {
        let station = self.station(node);
        station.is_usurped = true;
        station.down += 1;
        self.end_process(node, End::Usurped);
    }

    pub(super) fn check_images(&mut self) {
        (0..self.nodes.len() as u32).for_each(|node| self.check_image(node));
    }

    pub(super) fn check_image(&mut self, node: u32) {
        let Station { disk, process: Some(process), .. } = &self.nodes[node as usize] else { return };
        let holds = disk.folds_to(process.machine.image());
        let told = || format!("what node {node} knows is not what its {} records say", disk.records().len());
        self.recorder.note(claim(claims::IMAGE_IS_THE_FOLD_OF_ITS_RECORDS, holds, told));
    }
}

/// Lives and deaths.
impl<C: Cluster> Swarm<C> {
    pub(super) fn begin_process(&mut self, node: u32) {
        let (at, clock) = (self.world.now(), self.clock(node));
        let Station { disk, config, die, .. } = &mut self.nodes[node as usize];
        let image = disk.open().clone();
        let records = disk.synced();
        self.recorder.record(at, &Event::Recovered { node, clock, records });
        let (recorder, effects) = (&mut self.recorder, &mut self.effects);
        let machine = P::<C>::recover(config, image, &mut Errands { at, clock, node, die, recorder, effects });
        self.station(node).process = Some(Process::new(machine));
        self.inspect(node);
        self.run_effects(node);
        self.settle(node);
    }

    pub(super) fn end_process(&mut self, node: u32, end: End) {
        self.check_image(node);
        let Station { process, disk, disk_die, life, deferred, .. } = &mut self.nodes[node as usize];
        let (records, lost) = disk.end(end, disk_die);
        *life += 1;
        let (process, deferred) = (process.take(), core::mem::take(deferred));
        if let Some(process) = process {
            self.record(&Event::Ended { node, end, records, lost });
            for (client, ask) in process.tickets.into_values() {
                self.turn_away(client, node, ask, Unanswered::Unknown);
            }
        }
        deferred.into_iter().for_each(|step| self.discard(node, step));
    }

    /// What had come in and was not taken yet goes down with the process.
    pub(super) fn discard(&mut self, node: u32, step: Step) {
        match step {
            Step::Take { inquiry, .. } => {
                if let Some(Inquiry { client, ask, .. }) = self.inquiries.take(inquiry) {
                    self.turn_away(client, node, ask, Unanswered::Unknown);
                }
            }
            Step::Deliver { parcel, .. } => drop(self.parcels.take(parcel)),
            Step::Loaded { loaded, .. } => drop(self.loaded.take(loaded)),
            _ => {}
        }
    }

    /// Opens the journal, which takes a sync.
    pub(super) fn restart(&mut self, node: u32) {
        let sync = self.setting.environment.sync;
        let Station { life, disk_die, .. } = &mut self.nodes[node as usize];
        *life += 1;
        let (life, takes) = (*life, self.faults.sync(disk_die, sync, node));
        self.world.after(takes, Step::Opened { node, life });
    }

    pub(super) fn opened(&mut self, node: u32, life: u32) {
        if self.station(node).life == life {
            self.begin_process(node);
        }
    }

    pub(super) fn begin(&mut self, fault: u32) {
        self.record(&Event::Began { fault });
        match self.faults.begin(fault) {
            FaultKind::Kill { node } => self.strike(node, End::Killed),
            FaultKind::PowerLoss { node } => self.strike(node, End::PowerLost),
            FaultKind::Usurp { node } => self.station(node).usurpers += 1,
            FaultKind::Pause { node } => self.station(node).paused += 1,
            FaultKind::ClockJump { node, forward_ms } => {
                let clock = &mut self.station(node).clock;
                *clock = clock.set_forward(Duration::from_millis(forward_ms));
            }
            _ => {}
        }
    }

    pub(super) fn end(&mut self, fault: u32) {
        self.record(&Event::Over { fault });
        match self.faults.end(fault) {
            FaultKind::Kill { node } | FaultKind::PowerLoss { node } => self.lift(node),
            FaultKind::Usurp { node } => self.retreat(node),
            FaultKind::Pause { node } => self.resume(node),
            FaultKind::Partition { .. } => self.unpark(),
            _ => {}
        }
    }

    pub(super) fn strike(&mut self, node: u32, end: End) {
        self.station(node).down += 1;
        self.end_process(node, end);
    }

    pub(super) fn lift(&mut self, node: u32) {
        self.station(node).down -= 1;
        if self.station(node).down == 0 {
            self.restart(node);
        }
    }

    /// The usurper leaves. If the process has found out about it and ended, it is started again.
    pub(super) fn retreat(&mut self, node: u32) {
        let station = self.station(node);
        station.usurpers -= 1;
        if station.usurpers == 0 && core::mem::take(&mut station.is_usurped) {
            self.lift(node);
        }
    }

    pub(super) fn resume(&mut self, node: u32) {
        let station = self.station(node);
        station.paused -= 1;
        if station.paused == 0 {
            let deferred = core::mem::take(&mut station.deferred);
            self.soon.extend(deferred);
        }
    }
}
