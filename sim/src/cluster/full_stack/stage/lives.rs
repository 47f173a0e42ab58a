//! Lives and deaths of nodes: what the director does to them, and what their hosts make of it.

use super::{P, Props, Stage, Station};
use crate::cluster::disk::Unopened;
use crate::cluster::history::{End, Event};
use crate::cluster::{Cluster, Node};
use crate::plan::{FaultKind, Link};
use crate::stack::{HostTime, Life};
use core::task::{Context, Waker};
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::Protocol;
use purlin_tokio::{Codec, Handle};

/// Lives and deaths, by the director.
impl<C: Cluster> Stage<C> {
    /// Begins a fault. How long it is until a flapping partition lets everything pass again.
    pub(in crate::cluster::full_stack) fn begin(&self, at: Instant, fault: u32) -> Option<Duration> {
        let mut props = self.lock();
        props.record(at, &Event::Began { fault });
        let kind = props.faults.begin(fault);
        match kind {
            FaultKind::Kill { node } => strike(&mut props, at, node, End::Killed),
            FaultKind::PowerLoss { node } => strike(&mut props, at, node, End::PowerLost),
            FaultKind::TornWrite { node } => strike(&mut props, at, node, End::Torn),
            FaultKind::Destroy { node } => strike(&mut props, at, node, End::Destroyed),
            FaultKind::Restart { node } => shut_down(&mut props, at, node),
            FaultKind::Upgrade { node, version } => {
                shut_down(&mut props, at, node);
                install(&mut props, node, version);
            }
            FaultKind::Usurp { node } => props.station(node).usurpers += 1,
            FaultKind::Pause { node } => props.station(node).paused += 1,
            FaultKind::Flap { cut_ms, .. } => return Some(Duration::from_millis(cut_ms)),
            FaultKind::Herd => self.herd.notify_one(),
            _ => begin_on_node(&mut props, at, kind),
        }
        None
    }

    /// Lets a flapping partition fall or rise. How long it stays so.
    pub(in crate::cluster::full_stack) fn flap(&self, fault: u32) -> Option<Duration> {
        self.lock().faults.flap(fault)
    }

    /// Ends a fault. A node comes back when the last that kept it down is over.
    pub(in crate::cluster::full_stack) fn end(&self, at: Instant, fault: u32) {
        let mut props = self.lock();
        props.record(at, &Event::Over { fault });
        let kind = props.faults.end(fault);
        match kind {
            FaultKind::Kill { node } | FaultKind::Restart { node } | FaultKind::Upgrade { node, .. } => {
                self.lift(&mut props, node);
            }
            FaultKind::PowerLoss { node } | FaultKind::TornWrite { node } => {
                props.station(node).dark -= 1;
                self.lift(&mut props, node);
            }
            FaultKind::Usurp { node } => self.retreat(&mut props, node),
            FaultKind::Pause { node } => resume(props.station(node)),
            _ => self.end_on_node(&mut props, at, kind),
        }
    }

    fn end_on_node(&self, props: &mut Props<C>, at: Instant, kind: FaultKind) {
        let Some(node) = kind.node() else { return };
        let drift = props.faults.drift(node);
        let clock = &mut props.station(node).clock;
        match kind {
            FaultKind::ClockBack { back_ms, .. } => *clock = clock.set_right(Duration::from_millis(back_ms)),
            FaultKind::ClockFreeze { .. } => *clock = clock.start(),
            FaultKind::ClockDrift { .. } => *clock = clock.drift(at, drift),
            FaultKind::MisdirectedWrite { .. } => {
                bounce(props, at, node);
                self.mend_disk(props, node, &kind);
            }
            FaultKind::BitRot { .. }
            | FaultKind::ReadError { .. }
            | FaultKind::FsyncError { .. }
            | FaultKind::FullDisk { .. } => self.mend_disk(props, node, &kind),
            _ => {}
        }
    }

    /// The disk is in order again; a process that could not begin on it does.
    fn mend_disk(&self, props: &mut Props<C>, node: u32, kind: &FaultKind) {
        let station = props.station(node);
        station.disk.recover(kind);
        if core::mem::take(&mut station.is_fallen) {
            self.lift(props, node);
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
    station.dark += u32::from(matches!(end, End::PowerLost | End::Torn | End::Destroyed));
    station.life.end();
    props.end_process(at, node, end);
}

/// What befalls a node's clock and its disk.
fn begin_on_node<C: Cluster>(props: &mut Props<C>, at: Instant, kind: FaultKind) {
    let Some(node) = kind.node() else { return };
    let clock = &mut props.station(node).clock;
    match kind {
        FaultKind::ClockJump { forward_ms, .. } => *clock = clock.set_forward(Duration::from_millis(forward_ms)),
        FaultKind::ClockBack { back_ms, .. } => *clock = clock.set_back(Duration::from_millis(back_ms)),
        FaultKind::ClockFreeze { .. } => *clock = clock.stop(at),
        FaultKind::ClockDrift { drift_ppm, .. } => *clock = clock.drift(at, Some(drift_ppm)),
        FaultKind::BitRot { .. } | FaultKind::ReadError { .. } => {
            bounce(props, at, node);
            fail_disk(props.station(node), &kind);
        }
        FaultKind::FsyncError { .. } | FaultKind::FullDisk { .. } | FaultKind::MisdirectedWrite { .. } => {
            fail_disk(props.station(node), &kind);
        }
        _ => {}
    }
}

fn fail_disk<P: Protocol>(station: &mut Station<P>, kind: &FaultKind) {
    let Station { disk, disk_die, .. } = station;
    disk.fail(kind, disk_die);
}

/// Whoever watches over the process starts it again at once.
fn bounce<C: Cluster>(props: &mut Props<C>, at: Instant, node: u32) {
    let station = props.station(node);
    if station.down == 0 {
        station.life.end();
        props.end_process(at, node, End::Killed);
    }
}

/// The driver is told to end. One that stands still cannot be.
fn shut_down<C: Cluster>(props: &mut Props<C>, at: Instant, node: u32) {
    let station = props.station(node);
    match station.handle.take().filter(|_| station.paused == 0) {
        Some(handle) => {
            station.down += 1;
            station.is_stopping = true;
            handle.shutdown();
        }
        None => strike(props, at, node, End::Killed),
    }
}

fn install<C: Cluster>(props: &mut Props<C>, node: u32, version: u32) {
    let upgraded = C::nodes_of(&props.setting.workload, version).into_iter().nth(node as usize);
    if let Some(upgraded) = upgraded {
        let station = props.station(node);
        (station.setup.config, station.version) = (upgraded.config, version);
    }
}

fn resume<P: Protocol>(station: &mut Station<P>) {
    station.paused -= 1;
    if station.paused == 0 {
        core::mem::take(&mut station.sleepers).into_iter().for_each(Waker::wake);
    }
}

/// What a process begins with.
pub(in crate::cluster::full_stack) struct Beginning<P: Protocol> {
    pub(in crate::cluster::full_stack) setup: Node<P>,
    pub(in crate::cluster::full_stack) image: P::Image,
    /// How many records the journal holds.
    pub(in crate::cluster::full_stack) records: u64,
}

/// The life of a node, by its host.
impl<C: Cluster> Stage<C> {
    /// Waits until nothing keeps the node down, and begins a life. Tells how long its journal takes to be opened.
    pub(in crate::cluster::full_stack) async fn revive(&self, time: HostTime, node: u32) -> (Life, Duration) {
        while self.lock().station(node).down > 0 {
            self.revived[node as usize].notified().await;
        }
        let at = time.now();
        let Props { setting, faults, nodes, .. } = &mut *self.lock();
        let Station { life, lives, is_stopping, disk_die, .. } = &mut nodes[node as usize];
        *life = Life::default();
        *is_stopping = false;
        *lives += 1;
        let takes = faults.sync(at, disk_die, setting.environment.sync, node);
        (life.clone(), if *lives == 1 { Duration::ZERO } else { takes })
    }

    /// What the node begins with.
    pub(in crate::cluster::full_stack) fn recover(&self, at: Instant, node: u32) -> Option<Beginning<P<C>>> {
        let mut props = self.lock();
        let Station { setup, clock, floor, disk, .. } = props.station(node);
        let image = match disk.open() {
            Ok(image) => image.clone(),
            Err(why) => {
                props.stay_down(at, node, why);
                return None;
            }
        };
        let (setup, clock, records) = (setup.clone(), clock.read(at), disk.synced());
        *floor = clock;
        props.record(at, &Event::Recovered { node, clock, records });
        Some(Beginning { setup, image, records })
    }

    /// How the node is set up, and all that can be reached, in order.
    pub(in crate::cluster::full_stack) fn addresses(&self) -> Vec<Option<<P<C> as Protocol>::Address>> {
        self.lock().nodes.iter().map(|station| station.setup.address.clone()).collect()
    }

    /// How the node writes messages.
    pub(in crate::cluster::full_stack) fn codec(&self, node: u32) -> impl Codec<P<C>> + use<C> {
        let mut props = self.lock();
        let version = props.station(node).version;
        C::codec(&props.setting.workload, version)
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

    /// The process has ended because its disk failed.
    pub(in crate::cluster::full_stack) fn disk_failed(&self, at: Instant, node: u32) {
        let mut props = self.lock();
        props.station(node).fall();
        props.end_process(at, node, End::DiskFailed);
    }

    /// The process has ended. Whether it was told to.
    pub(in crate::cluster::full_stack) fn stopped(&self, at: Instant, node: u32) -> bool {
        let mut props = self.lock();
        let station = props.station(node);
        let told = core::mem::take(&mut station.is_stopping);
        if told {
            station.life.end();
            props.end_process(at, node, End::Stopped);
        }
        told
    }

    /// How long the node is busy with each thing, if it is slow.
    pub(in crate::cluster::full_stack) fn service(&self, node: u32) -> Option<Duration> {
        let Props { faults, nodes, .. } = &mut *self.lock();
        faults.service(&mut nodes[node as usize].disk_die, node)
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

impl<C: Cluster> Props<C> {
    fn stay_down(&mut self, at: Instant, node: u32, why: Unopened) {
        match why {
            Unopened::Refused(why) => self.record(at, &Event::Refused { node, why: &why }),
            Unopened::Wrong(violation) => self.note(Err(violation)),
        }
        self.station(node).fall();
    }
}

impl<P: Protocol> Station<P> {
    /// Its disk keeps it down from now on.
    fn fall(&mut self) {
        self.down += 1;
        self.is_fallen = true;
        self.life.end();
    }
}
