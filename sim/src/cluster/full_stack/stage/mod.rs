//! What all hosts of one simulation share: the plan's faults, the dice, the disks and the history.

mod driver;
mod lives;
mod traffic;

pub(super) use lives::Beginning;

use crate::checker::{Violation, claim};
use crate::clock::NodeClock;
use crate::cluster::disk::Disk;
use crate::cluster::environment::{Phases, Setting};
use crate::cluster::faults::Faults;
use crate::cluster::history::{End, Event, picture};
use crate::cluster::judges::{Judges, claims};
use crate::cluster::{Cluster, Node, Staged};
use crate::die::{Dice, Die, Throws};
use crate::history::{Recorder, Watch};
use crate::plan::Plan;
use crate::stack::Life;
use core::task::Waker;
use purlin::Instant;
use purlin::protocol::Protocol;
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
    /// Told when everybody who rests is to stop resting.
    pub(super) herd: Notify,
}

struct Props<C: Cluster> {
    setting: Setting<C::Options>,
    phases: Phases,
    faults: Faults,
    links: Die,
    nodes: Vec<Station<P<C>>>,
    seats: Vec<(C::Client, Die)>,
    dice: Dice,
    asks: u64,
    steps: u64,
    entries: u64,
    /// Taken away when the curtain falls, so that what is torn down afterwards leaves no trace.
    recorder: Option<History<C>>,
}

/// A node, whether or not its process lives.
struct Station<P: Protocol> {
    setup: Node<P>,
    /// Which version of its software it runs.
    version: u32,
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
    /// Whether its disk keeps it down, and whether it is being shut down in good order.
    is_fallen: bool,
    is_stopping: bool,
    /// The latest time that its process has seen.
    floor: Instant,
    /// How many faults keep it without power.
    dark: u32,
    sleepers: Vec<Waker>,
}

/// A journal refuses what is written to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    /// Another process has taken it over.
    Usurped,
    /// Its disk fails.
    DiskFailed,
}

impl<C: Cluster> Stage<C> {
    pub(super) fn new(plan: &Plan<Staged<C>>, watch: Watch) -> (Arc<Self>, Notices<C>) {
        let setting = plan.options.setting.clone();
        let (recovery, phases) = (C::recovery(&setting), plan.options.phases().within(&plan.budget));
        let judges = Judges::new(C::judge(&setting), C::SOMETIMES, &plan.faults, recovery, phases);
        let dice = plan.dice(watch.throws);
        let die = |index, who: &str| dice.die(&format!("{who} {index}"));
        let clocks = setting.environment.clocks.iter();
        let nodes = (0..).zip(C::nodes(&setting.workload)).zip(clocks);
        let nodes: Vec<_> = nodes
            .map(|((index, node), error): ((u32, _), _)| {
                let mut disk_die = die(index, "disk");
                let disk = Disk::new(index, &plan.faults, &mut disk_die);
                Station::new(node, error.clock(), disk, [die(index, "node"), disk_die])
            })
            .collect();
        let clients = (0..).zip(C::clients(&setting));
        let (notices, heard) = mpsc::unbounded_channel();
        let revived: Vec<_> = nodes.iter().map(|_| Notify::new()).collect();
        let props = Props {
            phases,
            faults: Faults::new(&plan.faults, revived.len() as u32, GRAIN_NANOS),
            links: dice.die("links"),
            nodes,
            seats: clients.map(|(index, client): (u32, _)| (client, die(index, "client"))).collect(),
            asks: 0,
            steps: 0,
            entries: 0,
            recorder: Some(Recorder::new(judges, watch)),
            setting,
            dice,
        };
        (Arc::new(Self { props: Mutex::new(props), notices, revived, herd: Notify::new() }), heard)
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

    /// What was thrown, if that was to be written down.
    pub(super) fn thrown(&self) -> Option<Throws> {
        self.lock().dice.thrown()
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
    fn new(setup: Node<P>, clock: NodeClock, disk: Disk<P>, [die, disk_die]: [Die; 2]) -> Self {
        Self {
            setup,
            version: 0,
            clock,
            die,
            disk_die,
            disk,
            machine: None,
            handle: None,
            life: Life::default(),
            lives: 0,
            down: 0,
            paused: 0,
            usurpers: 0,
            is_usurped: false,
            is_fallen: false,
            is_stopping: false,
            floor: Instant::ORIGIN,
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

    /// Shows the state of a node's machine, if anybody looks.
    fn depict(&mut self, at: Instant, node: u32, machine: &P<C>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.depict(at, || picture(node, machine));
        }
    }

    fn note(&mut self, found: Result<(), Violation>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(found);
        }
    }

    fn clock(&self, at: Instant, node: u32) -> Instant {
        let Station { clock, floor, .. } = &self.nodes[node as usize];
        clock.read(at).max(*floor)
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
        if machine.take().is_some() || end == End::Destroyed {
            self.record(at, &Event::Ended { node, end, records, lost });
        }
    }
}
