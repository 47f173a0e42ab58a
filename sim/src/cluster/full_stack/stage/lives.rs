//! Lives and deaths of nodes: what the director does to them, and what their hosts make of it.

use super::{P, Props, Stage, Station};
use crate::cluster::history::{End, Event};
use crate::cluster::{Cluster, Node};
use crate::plan::{FaultKind, Link};
use crate::turmoil::Life;
use core::task::{Context, Waker};
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::Protocol;
use purlin_tokio::Handle;

/// Lives and deaths, by the director.
impl<C: Cluster> Stage<C> {
    /// Begins a fault.
    pub(in crate::cluster::full_stack) fn begin(&self, at: Instant, fault: u32) {
        let mut props = self.lock();
        props.record(at, &Event::Began { fault });
        match props.faults.begin(fault) {
            FaultKind::Kill { node } => strike(&mut props, at, node, End::Killed),
            FaultKind::PowerLoss { node } => strike(&mut props, at, node, End::PowerLost),
            FaultKind::Usurp { node } => props.station(node).usurpers += 1,
            FaultKind::Pause { node } => props.station(node).paused += 1,
            FaultKind::ClockJump { node, forward_ms } => {
                let clock = &mut props.station(node).clock;
                *clock = clock.set_forward(Duration::from_millis(forward_ms));
            }
            _ => {}
        }
    }

    /// Ends a fault. A node comes back when the last that kept it down is over.
    pub(in crate::cluster::full_stack) fn end(&self, at: Instant, fault: u32) {
        let mut props = self.lock();
        props.record(at, &Event::Over { fault });
        match props.faults.end(fault) {
            FaultKind::Kill { node } => self.lift(&mut props, node),
            FaultKind::PowerLoss { node } => {
                props.station(node).dark -= 1;
                self.lift(&mut props, node);
            }
            FaultKind::Usurp { node } => self.retreat(&mut props, node),
            FaultKind::Pause { node } => resume(props.station(node)),
            _ => {}
        }
    }

    fn lift(&self, props: &mut Props<C>, node: u32) {
        let station = props.station(node);
        station.down -= 1;
        if station.down == 0 {
            self.revived[node as usize].notify_one();
        }
    }

    fn retreat(&self, props: &mut Props<C>, node: u32) {
        let station = props.station(node);
        station.usurpers -= 1;
        if station.usurpers == 0 && core::mem::take(&mut station.is_usurped) {
            self.lift(props, node);
        }
    }

    /// Whether both nodes have power, and whether a partition lies between them.
    pub(in crate::cluster::full_stack) fn link(&self, link: Link) -> (bool, bool) {
        let mut props = self.lock();
        let has_power = props.station(link.from).dark == 0 && props.station(link.to).dark == 0;
        let back = Link { from: link.to, to: link.from };
        (has_power, props.faults.is_cut(link) && props.faults.is_cut(back))
    }

    /// Draws the latency of a link for this tick.
    pub(in crate::cluster::full_stack) fn latency(&self) -> Duration {
        let Props { setting, faults, links, .. } = &mut *self.lock();
        faults.draw(links, setting.environment.link)
    }
}

fn strike<C: Cluster>(props: &mut Props<C>, at: Instant, node: u32, end: End) {
    let station = props.station(node);
    station.down += 1;
    station.dark += u32::from(end == End::PowerLost);
    station.life.end();
    props.end_process(at, node, end);
}

fn resume<P: Protocol>(station: &mut Station<P>) {
    station.paused -= 1;
    if station.paused == 0 {
        core::mem::take(&mut station.sleepers).into_iter().for_each(Waker::wake);
    }
}

/// The life of a node, by its host.
impl<C: Cluster> Stage<C> {
    /// Waits until nothing keeps the node down, and begins a life. Tells how long its journal takes to be opened.
    pub(in crate::cluster::full_stack) async fn revive(&self, node: u32) -> (Life, Duration) {
        while self.lock().station(node).down > 0 {
            self.revived[node as usize].notified().await;
        }
        let Props { setting, faults, nodes, .. } = &mut *self.lock();
        let Station { life, lives, disk_die, .. } = &mut nodes[node as usize];
        *life = Life::default();
        *lives += 1;
        let takes = faults.sync(disk_die, setting.environment.sync, node);
        (life.clone(), if *lives == 1 { Duration::ZERO } else { takes })
    }

    /// What the node begins with.
    pub(in crate::cluster::full_stack) fn recover(
        &self,
        at: Instant,
        node: u32,
    ) -> (Node<P<C>>, <P<C> as Protocol>::Image, u64) {
        let mut props = self.lock();
        let Station { setup, clock, disk, .. } = props.station(node);
        let (setup, image, clock) = (setup.clone(), disk.open().clone(), clock.read(at));
        let records = disk.synced();
        props.record(at, &Event::Recovered { node, clock, records });
        (setup, image, records)
    }

    /// How the node is set up, and all that can be reached, in order.
    pub(in crate::cluster::full_stack) fn addresses(&self) -> Vec<Option<<P<C> as Protocol>::Address>> {
        self.lock().nodes.iter().map(|station| station.setup.address.clone()).collect()
    }

    /// From now on the node takes asks.
    pub(in crate::cluster::full_stack) fn serve(&self, node: u32, handle: Handle<P<C>>) {
        self.lock().station(node).handle = Some(handle);
    }

    /// The process has found its journal taken over, and ended.
    pub(in crate::cluster::full_stack) fn usurped(&self, at: Instant, node: u32) {
        let mut props = self.lock();
        let station = props.station(node);
        station.is_usurped = true;
        station.down += 1;
        station.life.end();
        props.end_process(at, node, End::Usurped);
    }

    /// Whether the node stands still; whoever asks is woken when it goes on.
    pub(in crate::cluster::full_stack) fn is_paused(&self, node: u32, context: &Context<'_>) -> bool {
        let mut props = self.lock();
        let station = props.station(node);
        let paused = station.paused > 0;
        if paused && !station.sleepers.iter().any(|sleeper| sleeper.will_wake(context.waker())) {
            station.sleepers.push(context.waker().clone());
        }
        paused
    }

    pub(in crate::cluster::full_stack) fn has_power(&self, node: u32) -> bool {
        self.lock().station(node).dark == 0
    }
}
