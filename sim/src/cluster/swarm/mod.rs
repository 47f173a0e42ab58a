//! A cluster as a swarm: machines on a discrete-event loop.
//!
//! It keeps the [laws of hosts](purlin::protocol#the-laws-of-hosts). Every input is a batch of its own, so effects that
//! need not wait go at once; while a disk syncs the machine steps on, and the next sync serves all that was persisted
//! meanwhile.

mod clients;
mod effects;
mod faults;
mod inputs;
mod lives;

use super::client::{Ask, Errand, Occasion};
use super::disk::Disk;
use super::environment::{Phases, Setting};
use super::faults::Faults;
use super::history::Event;
use super::judges::Judges;
use super::process::Process;
use super::slab::Slab;
use super::{Cluster, Staged};
use crate::clock::NodeClock;
use crate::die::{Dice, Die};
use crate::history::{Recorder, Watch};
use crate::plan::{Fault, Link, Plan};
use crate::scenario::Played;
use crate::simulation::Simulation;
use crate::world::World;
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::{Effect, Protocol};
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) fn open<C: Cluster>(plan: &Plan<Staged<C>>, watch: Watch) -> Box<dyn Simulation> {
    let mut swarm = Swarm::<C>::new(plan, watch);
    swarm.start(plan);
    Box::new(swarm)
}

/// What happens in this world.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client's alarm goes off.
    Wake { client: u32, serial: u64 },
    /// A node takes an ask from its inbox.
    Take { node: u32, inquiry: u32 },
    /// A message arrives.
    Deliver { node: u32, parcel: u32 },
    /// A timer fires.
    Fire { node: u32, life: u32, serial: u64 },
    /// What was written is synced.
    Synced { node: u32, life: u32 },
    /// Something was read back.
    Loaded { node: u32, life: u32, loaded: u32 },
    /// A node has opened its journal.
    Opened { node: u32, life: u32 },
    /// A slow node has done with one thing, and takes the next.
    Work { node: u32, life: u32 },
    /// A flapping partition falls or rises.
    Flap { fault: u32 },
    /// A fault of the plan begins.
    Begin { fault: u32 },
    /// A fault of the plan is over.
    End { fault: u32 },
    /// The safety phase is over.
    Heal,
}

impl Step {
    /// The node whose process takes it.
    fn node(self) -> Option<u32> {
        match self {
            Self::Take { node, .. } | Self::Deliver { node, .. } | Self::Fire { node, .. } => Some(node),
            Self::Synced { node, .. } | Self::Loaded { node, .. } | Self::Opened { node, .. } => Some(node),
            Self::Work { node, .. } => Some(node),
            Self::Wake { .. } | Self::Flap { .. } | Self::Begin { .. } | Self::End { .. } | Self::Heal => None,
        }
    }

    /// Whether it is something that comes in, over which a slow node takes its time.
    fn is_input(self) -> bool {
        matches!(self, Self::Take { .. } | Self::Deliver { .. } | Self::Fire { .. } | Self::Loaded { .. })
    }
}

type P<C> = <C as Cluster>::Protocol;

#[derive_where(Clone)]
struct Swarm<C: Cluster> {
    setting: Arc<Setting<C::Options>>,
    dice: Dice,
    phases: Phases,
    asserts_recovery: bool,
    recorder: Recorder<Judges<P<C>, C::Judge>>,
    world: World<Step>,
    /// What happens next, at this same instant.
    soon: VecDeque<Step>,
    faults: Faults,
    nodes: Vec<Station<P<C>>>,
    seats: Vec<Seat<C::Client>>,
    links: Die,
    asks: u64,
    serials: u64,
    steps: u64,
    events: u64,
    inquiries: Slab<Inquiry<P<C>>>,
    parcels: Slab<Parcel<P<C>>>,
    loaded: Slab<<P<C> as Protocol>::Loaded>,
    /// Messages that wait for a partition to end.
    parked: Vec<Parcel<P<C>>>,
    effects: Vec<Effect<P<C>>>,
    errands: Vec<Errand<P<C>>>,
}

/// A node, whether or not its process lives.
#[derive_where(Clone)]
struct Station<P: Protocol> {
    address: Option<P::Address>,
    config: P::Config,
    clock: NodeClock,
    die: Die,
    disk_die: Die,
    disk: Disk<P>,
    process: Option<Process<P>>,
    /// How often a process has begun to begin. What an earlier life has set going is lost.
    life: u32,
    /// How many faults keep it down, and how many make it stand still.
    down: u32,
    paused: u32,
    /// How many others have taken the journal over, and whether the process has found out.
    usurpers: u32,
    is_usurped: bool,
    /// Whether its disk keeps it down.
    is_fallen: bool,
    /// The latest time that its process has seen: the clock never runs back for it.
    floor: Instant,
    /// What came in while it stood still.
    deferred: Vec<Step>,
    /// What a slow node has not come to, and whether it is busy with something.
    backlog: VecDeque<Step>,
    is_at_work: bool,
}

/// A client and what it has set going.
#[derive(Clone)]
struct Seat<K> {
    client: K,
    die: Die,
    alarm: u64,
}

/// An ask on its way into a node.
#[derive_where(Clone)]
struct Inquiry<P: Protocol> {
    client: u32,
    ask: Ask,
    request: P::Request,
}

/// A message on its way.
#[derive_where(Clone)]
struct Parcel<P: Protocol> {
    link: Link,
    message: P::Message,
}

impl<C: Cluster> Swarm<C> {
    fn new(plan: &Plan<Staged<C>>, watch: Watch) -> Self {
        let (setting, dice) = (Arc::new(plan.options.setting.clone()), plan.dice(watch.throws));
        let (recovery, phases) = (C::recovery(&setting), plan.options.phases().within(&plan.budget));
        let judges = Judges::new(C::judge(&setting), C::SOMETIMES, &plan.faults, recovery, phases);
        Self {
            phases,
            asserts_recovery: plan.budget.liveness,
            recorder: Recorder::new(judges, watch),
            world: World::default(),
            soon: VecDeque::new(),
            faults: Faults::new(&plan.faults, C::nodes(&setting.workload).len() as u32, setting.environment.grain_ns),
            nodes: stations::<C>(&setting, &plan.faults, &dice),
            seats: seats::<C>(&setting, &dice),
            links: dice.die("links"),
            setting,
            dice,
            asks: 0,
            serials: 0,
            steps: 0,
            events: 0,
            inquiries: Slab::default(),
            parcels: Slab::default(),
            loaded: Slab::default(),
            parked: Vec::new(),
            effects: Vec::new(),
            errands: Vec::new(),
        }
    }

    fn start(&mut self, plan: &Plan<Staged<C>>) {
        for (fault, planned) in (0..).zip(&plan.faults) {
            self.world.after(planned.start(), Step::Begin { fault });
            self.world.after(planned.end(), Step::End { fault });
        }
        self.world.after(self.phases.healed, Step::Heal);
        (0..self.nodes.len() as u32).for_each(|node| self.begin_process(node));
        (0..self.seats.len() as u32).for_each(|client| self.act(client, Occasion::Started));
    }

    fn step(&mut self, step: Step) {
        if let Some(node) = step.node()
            && self.station(node).paused > 0
        {
            return self.station(node).deferred.push(step);
        }
        if step.is_input() && self.is_put_off(step) {
            return;
        }
        self.events += 1;
        self.take_step(step);
    }

    /// Whether a slow node has to do something else first. Then the step stands in its backlog.
    fn is_put_off(&mut self, step: Step) -> bool {
        let Some(node) = step.node() else { return false };
        let Station { disk_die, backlog, is_at_work, life, .. } = &mut self.nodes[node as usize];
        let Some(takes) = self.faults.service(disk_die, node) else { return false };
        backlog.push_back(step);
        if !*is_at_work {
            *is_at_work = true;
            self.world.after(takes, Step::Work { node, life: *life });
        }
        true
    }

    /// A slow node has worked on the first thing in its backlog long enough.
    fn work(&mut self, node: u32, life: u32) {
        let Station { disk_die, backlog, is_at_work, life: present, .. } = &mut self.nodes[node as usize];
        if life != *present || !*is_at_work {
            return;
        }
        let done = backlog.pop_front();
        match self.faults.service(disk_die, node) {
            Some(takes) if !backlog.is_empty() => self.world.after(takes, Step::Work { node, life }),
            _ => *is_at_work = false,
        }
        if let Some(step) = done {
            self.take_step(step);
        }
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Wake { client, serial } => self.wake(client, serial),
            Step::Take { node, inquiry } => self.take(node, inquiry),
            Step::Deliver { node, parcel } => self.deliver(node, parcel),
            Step::Fire { node, life, serial } => self.fire(node, life, serial),
            Step::Synced { node, life } => self.synced(node, life),
            Step::Loaded { node, life, loaded } => self.loaded(node, life, loaded),
            Step::Opened { node, life } => self.opened(node, life),
            Step::Work { node, life } => self.work(node, life),
            Step::Flap { fault } => self.flap(fault),
            Step::Begin { fault } => self.begin(fault),
            Step::End { fault } => self.end(fault),
            Step::Heal => self.record(&Event::Healed),
        }
    }

    fn record(&mut self, event: &Event<'_, P<C>>) {
        self.recorder.record(self.world.now(), event);
    }

    fn station(&mut self, node: u32) -> &mut Station<P<C>> {
        &mut self.nodes[node as usize]
    }

    /// What a node's process sees.
    fn clock(&self, node: u32) -> Instant {
        let Station { clock, floor, .. } = &self.nodes[node as usize];
        clock.read(self.world.now()).max(*floor)
    }
}

impl<C: Cluster> Simulation for Swarm<C> {
    fn now(&self) -> Instant {
        self.world.now()
    }

    fn advance(&mut self, until: Instant) -> bool {
        let until = until.min(Instant::ORIGIN + self.phases.end);
        while !self.recorder.is_violated() {
            match self.soon.pop_front().or_else(|| self.world.next_until(until)) {
                Some(step) => self.step(step),
                None => return until < Instant::ORIGIN + self.phases.end,
            }
        }
        false
    }

    fn reseed(&mut self, noise: u64) {
        self.dice = Dice::new(noise, None, false);
        self.links = self.dice.die("links");
        for (index, Station { die, disk_die, .. }) in self.nodes.iter_mut().enumerate() {
            *die = self.dice.die(&format!("node {index}"));
            *disk_die = self.dice.die(&format!("disk {index}"));
        }
        for (index, seat) in self.seats.iter_mut().enumerate() {
            seat.die = self.dice.die(&format!("client {index}"));
        }
    }

    fn fork(&self) -> Box<dyn Simulation> {
        Box::new(self.clone())
    }

    fn finish(mut self: Box<Self>) -> Played {
        if !self.recorder.is_violated() {
            self.check_images();
        }
        let end = Instant::ORIGIN + self.phases.end;
        let now = if self.recorder.is_violated() { self.world.now() } else { end };
        let simulated = now.saturating_since(Instant::ORIGIN);
        let (throws, is_whole) = (self.dice.thrown(), self.asserts_recovery);
        let recorded = if is_whole { self.recorder.finish(now) } else { self.recorder.stop() };
        Played { recorded, events: self.events, simulated, throws }
    }
}

fn stations<C: Cluster>(setting: &Setting<C::Options>, faults: &[Fault], dice: &Dice) -> Vec<Station<P<C>>> {
    let clocks = setting.environment.clocks.iter();
    let nodes = (0..).zip(C::nodes(&setting.workload)).zip(clocks);
    let stations = nodes.map(|((index, node), error): ((u32, _), _)| {
        let mut disk_die = dice.die(&format!("disk {index}"));
        Station {
            address: node.address,
            config: node.config,
            clock: error.clock(),
            die: dice.die(&format!("node {index}")),
            disk: Disk::new(index, faults, &mut disk_die),
            disk_die,
            process: None,
            life: 0,
            down: 0,
            paused: 0,
            usurpers: 0,
            is_usurped: false,
            is_fallen: false,
            floor: Instant::ORIGIN,
            deferred: Vec::new(),
            backlog: VecDeque::new(),
            is_at_work: false,
        }
    });
    stations.collect()
}

fn seats<C: Cluster>(setting: &Setting<C::Options>, dice: &Dice) -> Vec<Seat<C::Client>> {
    let clients = (0..).zip(C::clients(setting));
    let seats =
        clients.map(|(index, client): (u32, _)| Seat { client, die: dice.die(&format!("client {index}")), alarm: 0 });
    seats.collect()
}

impl<P: Protocol> Station<P> {
    /// Its disk keeps it down from now on.
    fn fall(&mut self) {
        self.down += 1;
        self.is_fallen = true;
    }

    /// Whether its process is the one of that life.
    fn lives(&self, life: u32) -> bool {
        self.process.is_some() && self.life == life
    }
}
