//! The plan comes true in the swarm.

use super::{P, Station, Step, Swarm};
use crate::cluster::Cluster;
use crate::cluster::client::Occasion;
use crate::cluster::history::{End, Event};
use crate::plan::FaultKind;
use core::time::Duration;

impl<C: Cluster> Swarm<C> {
    pub(super) fn begin(&mut self, fault: u32) {
        self.record(&Event::Began { fault });
        let kind = self.faults.begin(fault);
        match kind {
            FaultKind::Kill { node } => self.strike(node, End::Killed),
            FaultKind::PowerLoss { node } => self.strike(node, End::PowerLost),
            FaultKind::TornWrite { node } => self.strike(node, End::Torn),
            FaultKind::Destroy { node } => self.strike(node, End::Destroyed),
            FaultKind::Restart { node } => self.shut_down(node),
            FaultKind::Upgrade { node, version } => {
                self.shut_down(node);
                self.install(node, version);
            }
            FaultKind::Usurp { node } => self.station(node).usurpers += 1,
            FaultKind::Pause { node } => self.station(node).paused += 1,
            FaultKind::Flap { cut_ms, .. } => {
                self.world.after(Duration::from_millis(cut_ms), Step::Flap { fault });
            }
            FaultKind::Herd => self.wake_all(),
            _ => self.begin_on_node(kind),
        }
    }

    /// What befalls a node's clock and its disk.
    fn begin_on_node(&mut self, kind: FaultKind) {
        let now = self.world.now();
        let Some(node) = kind.node() else { return };
        let clock = &mut self.station(node).clock;
        match kind {
            FaultKind::ClockJump { forward_ms, .. } => *clock = clock.set_forward(Duration::from_millis(forward_ms)),
            FaultKind::ClockBack { back_ms, .. } => *clock = clock.set_back(Duration::from_millis(back_ms)),
            FaultKind::ClockFreeze { .. } => *clock = clock.stop(now),
            FaultKind::ClockDrift { drift_ppm, .. } => *clock = clock.drift(now, Some(drift_ppm)),
            FaultKind::BitRot { .. } | FaultKind::ReadError { .. } => {
                self.bounce(node);
                self.fail_disk(node, &kind);
            }
            FaultKind::FsyncError { .. } | FaultKind::FullDisk { .. } | FaultKind::MisdirectedWrite { .. } => {
                self.fail_disk(node, &kind);
            }
            _ => {}
        }
    }

    fn fail_disk(&mut self, node: u32, kind: &FaultKind) {
        let Station { disk, disk_die, .. } = self.station(node);
        disk.fail(kind, disk_die);
    }

    pub(super) fn end(&mut self, fault: u32) {
        self.record(&Event::Over { fault });
        let kind = self.faults.end(fault);
        match kind {
            FaultKind::Kill { node } | FaultKind::PowerLoss { node } | FaultKind::TornWrite { node } => self.lift(node),
            FaultKind::Restart { node } | FaultKind::Upgrade { node, .. } => self.lift(node),
            FaultKind::Usurp { node } => self.retreat(node),
            FaultKind::Pause { node } => self.resume(node),
            FaultKind::SlowNode { node, .. } => self.catch_up(node),
            FaultKind::Partition { .. } | FaultKind::Bridge { .. } | FaultKind::Ring | FaultKind::Flap { .. } => {
                self.unpark();
            }
            _ => self.end_on_node(kind),
        }
    }

    fn end_on_node(&mut self, kind: FaultKind) {
        let now = self.world.now();
        let Some(node) = kind.node() else { return };
        let drift = self.faults.drift(node);
        let clock = &mut self.station(node).clock;
        match kind {
            FaultKind::ClockBack { back_ms, .. } => *clock = clock.set_right(Duration::from_millis(back_ms)),
            FaultKind::ClockFreeze { .. } => *clock = clock.start(),
            FaultKind::ClockDrift { .. } => *clock = clock.drift(now, drift),
            FaultKind::MisdirectedWrite { .. } => {
                self.bounce(node);
                self.mend_disk(node, &kind);
            }
            FaultKind::BitRot { .. }
            | FaultKind::ReadError { .. }
            | FaultKind::FsyncError { .. }
            | FaultKind::FullDisk { .. } => self.mend_disk(node, &kind),
            _ => {}
        }
    }

    /// The disk is in order again; a process that could not begin on it does.
    fn mend_disk(&mut self, node: u32, kind: &FaultKind) {
        let station = self.station(node);
        station.disk.recover(kind);
        if core::mem::take(&mut station.is_fallen) {
            self.lift(node);
        }
    }

    pub(super) fn flap(&mut self, fault: u32) {
        if let Some(stays) = self.faults.flap(fault) {
            self.world.after(stays, Step::Flap { fault });
            self.unpark();
        }
    }

    fn install(&mut self, node: u32, version: u32) {
        let upgraded = C::nodes_of(&self.setting.workload, version).into_iter().nth(node as usize);
        if let Some(upgraded) = upgraded {
            self.station(node).config = upgraded.config;
        }
    }

    /// Everybody who rests stops resting.
    fn wake_all(&mut self) {
        for client in 0..self.seats.len() as u32 {
            if core::mem::take(&mut self.seats[client as usize].alarm) > 0 {
                self.act(client, Occasion::<P<C>>::Woken);
            }
        }
    }

    /// The usurper leaves. If the process has found out about it and ended, it is started again.
    fn retreat(&mut self, node: u32) {
        let station = self.station(node);
        station.usurpers -= 1;
        if station.usurpers == 0 && core::mem::take(&mut station.is_usurped) {
            self.lift(node);
        }
    }

    fn resume(&mut self, node: u32) {
        let station = self.station(node);
        station.paused -= 1;
        if station.paused == 0 {
            let deferred = core::mem::take(&mut station.deferred);
            self.soon.extend(deferred);
        }
    }

    /// What a slow node had not come to is taken at once, unless it still is slow.
    fn catch_up(&mut self, node: u32) {
        let Station { disk_die, backlog, is_at_work, .. } = &mut self.nodes[node as usize];
        if self.faults.service(disk_die, node).is_none() {
            *is_at_work = false;
            let backlog = core::mem::take(backlog);
            self.soon.extend(backlog);
        }
    }
}
