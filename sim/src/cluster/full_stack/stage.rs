//! What all hosts of one simulation share: the plan's faults, the dice, the disks and the history.

use crate::checker::{Violation, claim};
use crate::clock::NodeClock;
use crate::cluster::client::{Ask, Client, Desk, Errand, Occasion, Unanswered};
use crate::cluster::disk::Disk;
use crate::cluster::environment::{Phases, Setting};
use crate::cluster::faults::{Faults, Passage};
use crate::cluster::history::{End, Event};
use crate::cluster::judges::{Judges, claims};
use crate::cluster::{Cluster, Machines, Node, Staged, View};
use crate::die::Die;
use crate::history::Recorder;
use crate::plan::{FaultKind, Link, Plan};
use crate::turmoil::Life;
use core::num::NonZeroU32;
use core::task::{Context, Waker};
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::{Effect, Protocol};
use purlin_tokio::Handle;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// The full stack counts whole milliseconds.
pub(super) const GRAIN_NANOS: u64 = 1_000_000;

type P<C> = <C as Cluster>::Protocol;
type History<C> = Recorder<Judges<P<C>, <C as Cluster>::Judge>>;

/// What a node has announced, for the clients.
pub(super) type Notices<C> = mpsc::UnboundedReceiver<(u32, <P<C> as Protocol>::Event)>;

/// Shared by all hosts of one simulation, which all run on one thread.
pub(super) struct Stage<C: Cluster> {
    props: Mutex<Props<C>>,
    notices: mpsc::UnboundedSender<(u32, <P<C> as Protocol>::Event)>,
    revived: Vec<Notify>,
}

struct Props<C: Cluster> {
    setting: Setting<C::Options>,
    phases: Phases,
    faults: Faults,
    links: Die,
    nodes: Vec<Station<P<C>>>,
    seats: Vec<(C::Client, Die)>,
    asks: u64,
    steps: u64,
    entries: u64,
    /// Taken away when the curtain falls, so that what is torn down afterwards leaves no trace.
    recorder: Option<History<C>>,
}

/// A node, whether or not its process lives.
struct Station<P: Protocol> {
    setup: Node<P>,
    clock: NodeClock,
    die: Die,
    disk_die: Die,
    disk: Disk<P>,
    /// The machine as it stood after its last step.
    machine: Option<P>,
    handle: Option<Handle<P>>,
    life: Life,
    lives: u32,
    down: u32,
    paused: u32,
    usurpers: u32,
    is_usurped: bool,
    /// How many faults keep it without power.
    dark: u32,
    sleepers: Vec<Waker>,
}

/// A journal refuses what is written to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused;

impl<C: Cluster> Stage<C> {
    pub(super) fn new(plan: &Plan<Staged<C>>, traced: bool) -> (Arc<Self>, Notices<C>) {
        let setting = plan.options.setting.clone();
        let (recovery, phases) = (C::recovery(&setting), plan.options.phases());
        let judges = Judges::new(C::judge(&setting), C::SOMETIMES, &plan.faults, recovery, phases);
        let die = |index, who: &str| Die::new(plan.noise, &format!("{who} {index}"));
        let clocks = setting.environment.clocks.iter();
        let nodes = (0..).zip(C::nodes(&setting.workload)).zip(clocks);
        let nodes: Vec<_> = nodes
            .map(|((index, node), error): ((u32, _), _)| {
                Station::new(node, error.clock(), [die(index, "node"), die(index, "disk")])
            })
            .collect();
        let clients = (0..).zip(C::clients(&setting));
        let (notices, heard) = mpsc::unbounded_channel();
        let revived = nodes.iter().map(|_| Notify::new()).collect();
        let props = Props {
            phases,
            faults: Faults::new(&plan.faults, GRAIN_NANOS),
            links: Die::new(plan.noise, "links"),
            nodes,
            seats: clients.map(|(index, client): (u32, _)| (client, die(index, "client"))).collect(),
            asks: 0,
            steps: 0,
            entries: 0,
            recorder: Some(Recorder::new(judges, traced)),
            setting,
        };
        (Arc::new(Self { props: Mutex::new(props), notices, revived }), heard)
    }

    pub(super) fn nodes(&self) -> u32 {
        self.revived.len() as u32
    }

    pub(super) fn clients(&self) -> u32 {
        self.lock().seats.len() as u32
    }

    pub(super) fn record(&self, at: Instant, event: &Event<'_, P<C>>) {
        self.lock().record(at, event);
    }

    pub(super) fn note(&self, found: Result<(), Violation>) {
        self.lock().note(found);
    }

    pub(super) fn is_violated(&self) -> bool {
        self.lock().recorder.as_ref().is_some_and(Recorder::is_violated)
    }

    /// Takes the history away, with the number of its entries.
    pub(super) fn close(&self) -> Option<(History<C>, u64)> {
        let mut props = self.lock();
        (0..props.nodes.len()).for_each(|node| props.check_image(node));
        let entries = props.entries;
        props.recorder.take().map(|recorder| (recorder, entries))
    }

    fn lock(&self) -> MutexGuard<'_, Props<C>> {
        self.props.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol> Station<P> {
    fn new(setup: Node<P>, clock: NodeClock, [die, disk_die]: [Die; 2]) -> Self {
        Self {
            setup,
            clock,
            die,
            disk_die,
            disk: Disk::new(),
            machine: None,
            handle: None,
            life: Life::default(),
            lives: 0,
            down: 0,
            paused: 0,
            usurpers: 0,
            is_usurped: false,
            dark: 0,
            sleepers: Vec::new(),
        }
    }
}

impl<C: Cluster> Props<C> {
    fn record(&mut self, at: Instant, event: &Event<'_, P<C>>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(at, event);
            self.entries += 1;
        }
    }

    fn note(&mut self, found: Result<(), Violation>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(found);
        }
    }

    fn station(&mut self, node: u32) -> &mut Station<P<C>> {
        &mut self.nodes[node as usize]
    }

    fn check_image(&mut self, node: usize) {
        let Station { disk, machine: Some(machine), .. } = &self.nodes[node] else { return };
        let holds = disk.folds_to(machine.image());
        let told = || format!("what node {node} knows is not what its {} records say", disk.records().len());
        let found = claim(claims::IMAGE_IS_THE_FOLD_OF_ITS_RECORDS, holds, told);
        self.note(found);
    }

    /// The process ends: its machine is gone, and what nobody had written.
    fn end_process(&mut self, at: Instant, node: u32, end: End) {
        self.check_image(node as usize);
        let Station { disk, disk_die, machine, handle, .. } = self.station(node);
        let (records, lost) = disk.end(end, disk_die);
        *handle = None;
        if machine.take().is_some() {
            self.record(at, &Event::Ended { node, end, records, lost });
        }
    }
}

/// Lives and deaths, by the director.
impl<C: Cluster> Stage<C> {
    /// Begins a fault.
    pub(super) fn begin(&self, at: Instant, fault: u32) {
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
    pub(super) fn end(&self, at: Instant, fault: u32) {
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
    pub(super) fn link(&self, link: Link) -> (bool, bool) {
        let mut props = self.lock();
        let has_power = props.station(link.from).dark == 0 && props.station(link.to).dark == 0;
        let back = Link { from: link.to, to: link.from };
        (has_power, props.faults.is_cut(link) && props.faults.is_cut(back))
    }

    /// Draws the latency of a link for this tick.
    pub(super) fn latency(&self) -> Duration {
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
    pub(super) async fn revive(&self, node: u32) -> (Life, Duration) {
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
    pub(super) fn recover(&self, at: Instant, node: u32) -> (Node<P<C>>, <P<C> as Protocol>::Image, u64) {
        let mut props = self.lock();
        let Station { setup, clock, disk, .. } = props.station(node);
        let (setup, image, clock) = (setup.clone(), disk.open().clone(), clock.read(at));
        let records = disk.synced();
        props.record(at, &Event::Recovered { node, clock, records });
        (setup, image, records)
    }

    /// How the node is set up, and all that can be reached, in order.
    pub(super) fn addresses(&self) -> Vec<Option<<P<C> as Protocol>::Address>> {
        self.lock().nodes.iter().map(|station| station.setup.address.clone()).collect()
    }

    /// From now on the node takes asks.
    pub(super) fn serve(&self, node: u32, handle: Handle<P<C>>) {
        self.lock().station(node).handle = Some(handle);
    }

    /// The process has found its journal taken over, and ended.
    pub(super) fn usurped(&self, at: Instant, node: u32) {
        let mut props = self.lock();
        let station = props.station(node);
        station.is_usurped = true;
        station.down += 1;
        station.life.end();
        props.end_process(at, node, End::Usurped);
    }

    /// Whether the node stands still; whoever asks is woken when it goes on.
    pub(super) fn is_paused(&self, node: u32, context: &Context<'_>) -> bool {
        let mut props = self.lock();
        let station = props.station(node);
        let paused = station.paused > 0;
        if paused && !station.sleepers.iter().any(|sleeper| sleeper.will_wake(context.waker())) {
            station.sleepers.push(context.waker().clone());
        }
        paused
    }

    pub(super) fn has_power(&self, node: u32) -> bool {
        self.lock().station(node).dark == 0
    }
}

/// What a driver leans on.
impl<C: Cluster> Stage<C> {
    pub(super) fn clock(&self, node: u32) -> NodeClock {
        self.lock().station(node).clock
    }

    pub(super) fn choose(&self, at: Instant, node: u32, bound: NonZeroU32) -> u32 {
        let mut props = self.lock();
        let face = props.station(node).die.choose(bound);
        props.record(at, &Event::Thrown { node, face });
        face
    }

    /// A machine has stepped, and asks for this.
    pub(super) fn stepped(&self, at: Instant, node: u32, machine: &P<C>, effects: &[Effect<P<C>>]) {
        let mut props = self.lock();
        props.steps += 1;
        let station = props.station(node);
        station.machine = Some(machine.clone());
        for effect in effects {
            if let Effect::Persist(record) = effect {
                station.disk.persist(record.clone());
            }
        }
        let panorama = Panorama { nodes: &props.nodes, now: at };
        let view = View { stepped: node, steps: props.steps, now: at, machines: &panorama };
        let found = C::inspect(&props.setting, &view);
        props.note(found);
    }

    pub(super) fn notify(&self, at: Instant, node: u32, event: &<P<C> as Protocol>::Event) {
        let clock = self.clock(node).read(at);
        self.record(at, &Event::Notified { node, clock, event });
        // The clients may be gone already, at the end.
        let _ = self.notices.send((node, event.clone()));
    }

    /// Hands records to the disk: those that the machine has persisted, in its order. Tells how long the sync takes.
    pub(super) fn write(
        &self,
        at: Instant,
        node: u32,
        records: &[<P<C> as Protocol>::Record],
    ) -> Result<Duration, Refused> {
        let mut props = self.lock();
        let fits = props.station(node).disk.unwritten().starts_with(records);
        props.note(claim(claims::RECORDS_ARE_WRITTEN_IN_ORDER, fits, || {
            format!("node {node} writes {records:?}, which is not what its machine has persisted first")
        }));
        props.hand_over(at, node, records.len())
    }

    /// Puts the image in the place of all records.
    pub(super) fn compact(
        &self,
        at: Instant,
        node: u32,
        image: &<P<C> as Protocol>::Image,
    ) -> Result<Duration, Refused> {
        let mut props = self.lock();
        let disk = &props.station(node).disk;
        let (holds, all) = (disk.folds_to(image), disk.unwritten().len());
        props.note(claim(claims::IMAGE_IS_THE_FOLD_OF_ITS_RECORDS, holds, || {
            format!("node {node} compacts its journal into an image that is not what its records say")
        }));
        props.hand_over(at, node, all)
    }

    /// What was handed over is durable.
    pub(super) fn synced(&self, at: Instant, node: u32) {
        let mut props = self.lock();
        let disk = &mut props.station(node).disk;
        disk.sync();
        let records = disk.synced();
        props.record(at, &Event::Synced { node, records });
    }

    pub(super) fn load(
        &self,
        node: u32,
        load: <P<C> as Protocol>::Load,
    ) -> (Option<<P<C> as Protocol>::Loaded>, Duration) {
        let Props { setting, faults, nodes, .. } = &mut *self.lock();
        let Station { disk, disk_die, .. } = &mut nodes[node as usize];
        let takes = faults.sync(disk_die, setting.environment.sync, node);
        (P::<C>::lookup(disk.records(), load), takes)
    }
}

impl<C: Cluster> Props<C> {
    fn hand_over(&mut self, at: Instant, node: u32, records: usize) -> Result<Duration, Refused> {
        let Self { setting, faults, nodes, recorder, entries, .. } = self;
        let Station { disk, disk_die, usurpers, .. } = &mut nodes[node as usize];
        if *usurpers > 0 {
            return Err(Refused);
        }
        for record in disk.write(records) {
            if let Some(recorder) = recorder {
                recorder.record(at, &Event::Written { node, record });
                *entries += 1;
            }
        }
        Ok(faults.sync(disk_die, setting.environment.sync, node))
    }
}

/// The machines as they stood after their last steps.
struct Panorama<'a, P: Protocol> {
    nodes: &'a [Station<P>],
    now: Instant,
}

impl<P: Protocol> Machines<P> for Panorama<'_, P> {
    fn machine(&self, node: u32) -> Option<&P> {
        self.nodes.get(node as usize)?.machine.as_ref()
    }

    fn clock(&self, node: u32) -> Instant {
        self.nodes.get(node as usize).map_or(Instant::ORIGIN, |station| station.clock.read(self.now))
    }

    fn count(&self) -> u32 {
        self.nodes.len() as u32
    }
}

/// Messages.
impl<C: Cluster> Stage<C> {
    /// A message is sent. What becomes of it, and how much longer than usual each copy takes. A partition that holds
    /// both ways is the network's affair.
    pub(super) fn send(&self, at: Instant, link: Link, message: &<P<C> as Protocol>::Message) -> Vec<Duration> {
        let mut props = self.lock();
        props.record(at, &Event::Sent { from: link.from, to: link.to, message });
        let back = Link { from: link.to, to: link.from };
        let Props { faults, links, .. } = &mut *props;
        let held = faults.is_cut(link) && faults.is_cut(back);
        let copies = match faults.passage(links, link) {
            Passage::Free { copies } => copies,
            Passage::Held if held => 1,
            Passage::Held | Passage::Lost => 0,
        };
        (0..copies).map(|_| faults.delay(links, link)).collect()
    }

    pub(super) fn arrived(&self, at: Instant, from: u32, to: u32, message: &<P<C> as Protocol>::Message) {
        self.record(at, &Event::Arrived { from, to, message });
    }
}

/// Clients.
impl<C: Cluster> Stage<C> {
    /// Lets a client act. What it wants done.
    pub(super) fn act(&self, at: Instant, client: u32, occasion: Occasion<'_, P<C>>) -> Vec<Errand<P<C>>> {
        let Props { seats, asks, phases, .. } = &mut *self.lock();
        let (client, die) = &mut seats[client as usize];
        let phase = phases.at(at.saturating_since(Instant::ORIGIN));
        let mut errands = Vec::new();
        let mut desk = Desk { now: at, phase, grain_nanos: GRAIN_NANOS, die, asks, errands: &mut errands };
        client.act(occasion, &mut desk);
        errands
    }

    /// A client asks a node. How the node is reached, if it lives.
    pub(super) fn ask(
        &self,
        at: Instant,
        client: u32,
        ask: Ask,
        node: u32,
        request: &<P<C> as Protocol>::Request,
    ) -> Option<Handle<P<C>>> {
        let mut props = self.lock();
        let clock = props.station(node).clock.read(at);
        props.record(at, &Event::Asked { client, node, ask, clock, request });
        props.station(node).handle.clone()
    }

    pub(super) fn answered(
        &self,
        at: Instant,
        client: u32,
        node: u32,
        ask: Ask,
        result: &Result<<P<C> as Protocol>::Answer, Unanswered>,
    ) {
        let mut props = self.lock();
        let clock = props.station(node).clock.read(at);
        props.record(
            at,
            &match result {
                Ok(answer) => Event::Answered { client, node, ask, clock, answer },
                Err(why) => Event::Unanswered { client, node, ask, why: *why },
            },
        );
    }
}
