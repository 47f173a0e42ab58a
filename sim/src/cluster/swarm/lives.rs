//! Disks, lives and deaths in the swarm.

use super::{Inquiry, P, Station, Step, Swarm};
use crate::checker::claim;
use crate::cluster::Cluster;
use crate::cluster::client::Unanswered;
use crate::cluster::disk::{DiskFailed, Unopened};
use crate::cluster::history::{End, Event};
use crate::cluster::judges::claims;
use crate::cluster::process::{Errands, Process};
use purlin::protocol::Protocol;

/// Disks.
impl<C: Cluster> Swarm<C> {
    /// Begins a sync of all that was persisted, unless one is under way: then the next one serves it.
    pub(super) fn write(&mut self, node: u32) {
        let sync = self.setting.environment.sync;
        let Station { disk, process, usurpers, .. } = &self.nodes[node as usize];
        if process.is_none() || disk.is_settled() || disk.is_syncing() {
            return;
        }
        if *usurpers > 0 {
            return self.refuse(node);
        }
        if self.hand_over(node) == Err(DiskFailed) {
            return self.disk_failed(node);
        }
        let Station { disk_die, life, .. } = &mut self.nodes[node as usize];
        let takes = self.faults.sync(self.world.now(), disk_die, sync, node);
        self.world.after(takes, Step::Synced { node, life: *life });
    }

    fn hand_over(&mut self, node: u32) -> Result<(), DiskFailed> {
        let disk = &mut self.nodes[node as usize].disk;
        for record in disk.write(disk.unwritten().len())? {
            self.recorder.record(self.world.now(), &Event::Written { node, record });
        }
        Ok(())
    }

    pub(super) fn synced(&mut self, node: u32, life: u32) {
        if !self.station(node).lives(life) {
            return;
        }
        match self.station(node).disk.sync() {
            Ok(()) => self.go_on_after_sync(node),
            Err(DiskFailed) => self.disk_failed(node),
        }
    }

    fn go_on_after_sync(&mut self, node: u32) {
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

    /// The process cannot go on, and none can begin until a fault of the disk is over.
    pub(super) fn disk_failed(&mut self, node: u32) {
        self.station(node).fall();
        self.end_process(node, End::DiskFailed);
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
        let at = self.world.now();
        let Station { disk, floor, clock, .. } = &mut self.nodes[node as usize];
        let image = match disk.open() {
            Ok(image) => image.clone(),
            Err(why) => return self.stay_down(node, why),
        };
        let (records, clock) = (disk.synced(), clock.read(at));
        *floor = clock;
        self.recorder.record(at, &Event::Recovered { node, clock, records });
        let Station { config, die, .. } = &mut self.nodes[node as usize];
        let (recorder, effects, faults) = (&mut self.recorder, &mut self.effects, &self.faults);
        let machine = P::<C>::recover(config, image, &mut Errands { at, clock, node, die, faults, recorder, effects });
        self.station(node).process = Some(Process::new(machine));
        self.inspect(node);
        self.run_effects(node);
        self.settle(node);
    }

    fn stay_down(&mut self, node: u32, why: Unopened) {
        match why {
            Unopened::Refused(why) => self.record(&Event::Refused { node, why: &why }),
            Unopened::Wrong(violation) => self.recorder.note(Err(violation)),
        }
        self.station(node).fall();
    }

    pub(super) fn end_process(&mut self, node: u32, end: End) {
        self.check_image(node);
        let station = &mut self.nodes[node as usize];
        let Station { process, disk, disk_die, life, deferred, backlog, is_at_work, .. } = station;
        let (records, lost) = disk.end(end, disk_die);
        *life += 1;
        *is_at_work = false;
        let (process, deferred, backlog) = (process.take(), core::mem::take(deferred), core::mem::take(backlog));
        if process.is_some() || end == End::Destroyed {
            self.record(&Event::Ended { node, end, records, lost });
        }
        if let Some(process) = process {
            for (client, ask) in process.asked() {
                self.turn_away(client, node, ask, Unanswered::Unknown);
            }
        }
        deferred.into_iter().chain(backlog).for_each(|step| self.discard(node, step));
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
        let (life, takes) = (*life, self.faults.sync(self.world.now(), disk_die, sync, node));
        self.world.after(takes, Step::Opened { node, life });
    }

    pub(super) fn opened(&mut self, node: u32, life: u32) {
        let station = self.station(node);
        if station.life == life && station.down == 0 {
            self.begin_process(node);
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

    /// Whoever watches over the process starts it again at once.
    pub(super) fn bounce(&mut self, node: u32) {
        if self.station(node).down == 0 {
            self.end_process(node, End::Killed);
            self.restart(node);
        }
    }

    /// Everything is synced and answered before the process ends.
    pub(super) fn shut_down(&mut self, node: u32) {
        let station = self.station(node);
        station.down += 1;
        let end = if station.process.is_some() && station.paused == 0 { self.sync_all(node) } else { End::Killed };
        if self.station(node).process.is_some() {
            self.end_process(node, end);
        }
    }

    fn sync_all(&mut self, node: u32) -> End {
        while let Station { disk, process: Some(_), usurpers, .. } = self.station(node)
            && !disk.is_settled()
        {
            if *usurpers > 0 {
                return End::Usurped;
            }
            if !disk.is_syncing() && self.hand_over(node).is_err() || self.station(node).disk.sync().is_err() {
                return End::DiskFailed;
            }
            self.go_on_after_sync(node);
        }
        End::Stopped
    }
}
