//! A cluster as a swarm: machines on a discrete-event loop.
//!
//! It keeps the [laws of hosts](purlin::protocol#the-laws-of-hosts). Every input is a batch of its own, so effects that
//! need not wait go at once; while a disk syncs the machine steps on, and the next sync serves all that was persisted
//! meanwhile.

use super::client::{Ask, Client, Desk, Errand, Occasion, Unanswered};
use super::disk::Disk;
use super::environment::{Phases, Setting};
use super::faults::{Faults, Passage};
use super::history::{End, Event};
use super::judges::{Judges, claims};
use super::process::{Errands, Fenced, Process, real};
use super::slab::Slab;
use super::{Cluster, Machines, Staged, View};
use crate::checker::{Violation, claim};
use crate::clock::NodeClock;
use crate::die::Die;
use crate::history::Recorder;
use crate::plan::{FaultKind, Link, Plan};
use crate::scenario::Played;
use crate::world::World;
use core::time::Duration;
use purlin::Instant;
use purlin::machine::Machine;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use std::collections::VecDeque;

pub(super) fn play<C: Cluster>(plan: &Plan<Staged<C>>, traced: bool) -> Played {
    let mut swarm = Swarm::<C>::new(plan, traced);
    swarm.start(plan);
    swarm.run()
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
            Self::Wake { .. } | Self::Begin { .. } | Self::End { .. } | Self::Heal => None,
        }
    }
}

type P<C> = <C as Cluster>::Protocol;

struct Swarm<'a, C: Cluster> {
    setting: &'a Setting<C::Options>,
    phases: Phases,
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
    /// What came in while it stood still.
    deferred: Vec<Step>,
}

/// A client and what it has set going.
struct Seat<K> {
    client: K,
    die: Die,
    alarm: u64,
}

/// An ask on its way into a node.
struct Inquiry<P: Protocol> {
    client: u32,
    ask: Ask,
    request: P::Request,
}

/// A message on its way.
struct Parcel<P: Protocol> {
    link: Link,
    message: P::Message,
}

impl<'a, C: Cluster> Swarm<'a, C> {
    fn new(plan: &'a Plan<Staged<C>>, traced: bool) -> Self {
        let setting = &plan.options.setting;
        let (recovery, phases) = (C::recovery(setting), plan.options.phases());
        let judges = Judges::new(C::judge(setting), C::SOMETIMES, &plan.faults, recovery, phases);
        Self {
            setting,
            phases,
            recorder: Recorder::new(judges, traced),
            world: World::default(),
            soon: VecDeque::new(),
            faults: Faults::new(&plan.faults, setting.environment.grain_ns),
            nodes: stations::<C>(setting, plan.noise),
            seats: seats::<C>(setting, plan.noise),
            links: Die::new(plan.noise, "links"),
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

    fn run(mut self) -> Played {
        let end = Instant::ORIGIN + self.phases.end;
        while let Some(step) = self.soon.pop_front().or_else(|| self.world.next_until(end)) {
            self.step(step);
            if self.recorder.is_violated() {
                let now = self.world.now();
                return self.finish(now);
            }
        }
        self.check_images();
        self.finish(end)
    }

    fn finish(self, now: Instant) -> Played {
        let simulated = now.saturating_since(Instant::ORIGIN);
        Played { recorded: self.recorder.finish(now), events: self.events, simulated }
    }

    fn step(&mut self, step: Step) {
        if let Some(node) = step.node()
            && self.station(node).paused > 0
        {
            return self.station(node).deferred.push(step);
        }
        self.events += 1;
        match step {
            Step::Wake { client, serial } => self.wake(client, serial),
            Step::Take { node, inquiry } => self.take(node, inquiry),
            Step::Deliver { node, parcel } => self.deliver(node, parcel),
            Step::Fire { node, life, serial } => self.fire(node, life, serial),
            Step::Synced { node, life } => self.synced(node, life),
            Step::Loaded { node, life, loaded } => self.loaded(node, life, loaded),
            Step::Opened { node, life } => self.opened(node, life),
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

    fn clock(&self, node: u32) -> Instant {
        self.nodes[node as usize].clock.read(self.world.now())
    }
}

fn stations<C: Cluster>(setting: &Setting<C::Options>, noise: u64) -> Vec<Station<P<C>>> {
    let clocks = setting.environment.clocks.iter();
    let nodes = (0..).zip(C::nodes(&setting.workload)).zip(clocks);
    let stations = nodes.map(|((index, node), error): ((u32, _), _)| Station {
        address: node.address,
        config: node.config,
        clock: error.clock(),
        die: Die::new(noise, &format!("node {index}")),
        disk_die: Die::new(noise, &format!("disk {index}")),
        disk: Disk::new(),
        process: None,
        life: 0,
        down: 0,
        paused: 0,
        usurpers: 0,
        is_usurped: false,
        deferred: Vec::new(),
    });
    stations.collect()
}

fn seats<C: Cluster>(setting: &Setting<C::Options>, noise: u64) -> Vec<Seat<C::Client>> {
    let clients = (0..).zip(C::clients(setting));
    let seats = clients.map(|(index, client): (u32, _)| Seat {
        client,
        die: Die::new(noise, &format!("client {index}")),
        alarm: 0,
    });
    seats.collect()
}

/// Clients.
impl<C: Cluster> Swarm<'_, C> {
    fn act(&mut self, client: u32, occasion: Occasion<'_, P<C>>) {
        let now = self.world.now();
        let seat = &mut self.seats[client as usize];
        let mut desk = Desk {
            now,
            phase: self.phases.at(now.saturating_since(Instant::ORIGIN)),
            grain_nanos: self.setting.environment.grain_ns,
            die: &mut seat.die,
            asks: &mut self.asks,
            errands: &mut self.errands,
        };
        seat.client.act(occasion, &mut desk);
        self.run_errands(client);
    }

    fn run_errands(&mut self, client: u32) {
        let mut errands = core::mem::take(&mut self.errands);
        for errand in errands.drain(..) {
            match errand {
                Errand::Ask { ask, node, request } => self.ask(client, ask, node, request),
                Errand::Wake { after } => self.set_alarm(client, after),
            }
        }
        self.errands = errands;
    }

    fn ask(&mut self, client: u32, ask: Ask, node: u32, request: <P<C> as Protocol>::Request) {
        let clock = self.clock(node);
        self.record(&Event::Asked { client, node, ask, clock, request: &request });
        let inquiry = self.inquiries.put(Inquiry { client, ask, request });
        self.soon.push_back(Step::Take { node, inquiry });
    }

    fn set_alarm(&mut self, client: u32, after: Duration) {
        self.serials += 1;
        let serial = self.serials;
        self.seats[client as usize].alarm = serial;
        self.world.after(after, Step::Wake { client, serial });
    }

    fn wake(&mut self, client: u32, serial: u64) {
        if self.seats[client as usize].alarm == serial {
            self.act(client, Occasion::Woken);
        }
    }

    fn turn_away(&mut self, client: u32, node: u32, ask: Ask, why: Unanswered) {
        self.record(&Event::Unanswered { client, node, ask, why });
        self.act(client, Occasion::Unanswered { ask, why });
    }
}

/// What comes in.
impl<C: Cluster> Swarm<'_, C> {
    fn take(&mut self, node: u32, inquiry: u32) {
        let Some(Inquiry { client, ask, request }) = self.inquiries.take(inquiry) else { return };
        let Some(process) = &mut self.station(node).process else {
            return self.turn_away(client, node, ask, Unanswered::ShutDown);
        };
        let ticket = Ticket(ask.0);
        process.tickets.insert(ticket, (client, ask));
        self.input(node, Input::Request { ticket, request });
    }

    fn deliver(&mut self, node: u32, parcel: u32) {
        let Some(Parcel { link, message }) = self.parcels.take(parcel) else { return };
        let from = self.station(link.from).address.clone();
        if let (Some(from), true) = (from, self.station(node).process.is_some()) {
            self.record(&Event::Arrived { from: link.from, to: node, message: &message });
            self.input(node, Input::Message { from, message });
        }
    }

    fn fire(&mut self, node: u32, life: u32, serial: u64) {
        let station = self.station(node);
        let process = station.process.as_mut().filter(|_| station.life == life);
        match process.and_then(|process| process.fire(serial)) {
            Some(timer) => self.input(node, Input::Timer(timer)),
            None => self.events -= 1,
        }
    }

    fn loaded(&mut self, node: u32, life: u32, loaded: u32) {
        let Some(loaded) = self.loaded.take(loaded) else { return };
        if self.station(node).lives(life) {
            self.input(node, Input::Loaded(loaded));
        }
    }

    fn input(&mut self, node: u32, input: Input<P<C>>) {
        self.step_machine(node, input);
        self.settle(node);
    }

    /// The batch is over: messages to itself, then a sync of all that there is to sync.
    fn settle(&mut self, node: u32) {
        while let Some(input) = self.station(node).process.as_mut().and_then(|process| process.own.pop_front()) {
            self.step_machine(node, input);
        }
        self.write(node);
    }

    fn step_machine(&mut self, node: u32, input: Input<P<C>>) {
        let at = self.world.now();
        let Station { process, config, clock, die, .. } = &mut self.nodes[node as usize];
        let Some(process) = process else { return };
        let (clock, recorder, effects) = (clock.read(at), &mut self.recorder, &mut self.effects);
        process.machine.step(config, input, &mut Errands { at, clock, node, die, recorder, effects });
        self.inspect(node);
        self.run_effects(node);
    }

    fn inspect(&mut self, node: u32) {
        self.steps += 1;
        let panorama = Panorama { nodes: &self.nodes, now: self.world.now() };
        let view = View { stepped: node, steps: self.steps, now: panorama.now, machines: &panorama };
        self.recorder.note(C::inspect(self.setting, &view));
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
        self.nodes.get(node as usize).map_or(Instant::ORIGIN, |station| station.clock.read(self.now))
    }

    fn count(&self) -> u32 {
        self.nodes.len() as u32
    }
}

/// What goes out.
impl<C: Cluster> Swarm<'_, C> {
    fn run_effects(&mut self, node: u32) {
        let mut effects = core::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.run_effect(node, effect);
        }
        self.effects = effects;
    }

    fn run_effect(&mut self, node: u32, effect: Effect<P<C>>) {
        match effect {
            Effect::Persist(record) => self.station(node).disk.persist(record),
            Effect::Load(load) => self.load(node, load),
            Effect::Send { to, message, fence: Fence::None } => self.send(node, &to, message),
            Effect::Send { to, message, fence: Fence::Durable } => self.fence(node, Fenced::Send { to, message }),
            Effect::Arm { timer, after } => self.arm(node, timer, after),
            Effect::Disarm(timer) => {
                if let Some(process) = &mut self.station(node).process {
                    process.disarm(&timer);
                }
            }
            Effect::Answer { ticket, answer } => self.fence(node, Fenced::Answer { ticket, answer }),
            Effect::Notify(event) => self.fence(node, Fenced::Notify(event)),
        }
    }

    /// Goes at once if everything before it is durable.
    fn fence(&mut self, node: u32, fenced: Fenced<P<C>>) {
        let Station { disk, process, .. } = self.station(node);
        if disk.is_settled() {
            return self.let_go(node, fenced);
        }
        if let Some(process) = process {
            process.hold(disk.records().len() as u64, fenced);
        }
    }

    fn let_go(&mut self, node: u32, fenced: Fenced<P<C>>) {
        match fenced {
            Fenced::Send { to, message } => self.send(node, &to, message),
            Fenced::Answer { ticket, answer } => self.answer(node, ticket, &answer),
            Fenced::Notify(event) => self.notify(node, &event),
        }
    }

    fn answer(&mut self, node: u32, ticket: Ticket, answer: &<P<C> as Protocol>::Answer) {
        let clock = self.clock(node);
        let asked = self.station(node).process.as_mut().and_then(|process| process.tickets.remove(&ticket));
        let Some((client, ask)) = asked else {
            let detail = format!("node {node} answers ticket {}, which is not open: {answer:?}", ticket.0);
            return self.recorder.note(Err(Violation::new(claims::EVERY_ANSWER_BELONGS_TO_AN_ASK, detail)));
        };
        self.record(&Event::Answered { client, node, ask, clock, answer });
        self.act(client, Occasion::Answered { ask, answer });
    }

    fn notify(&mut self, node: u32, event: &<P<C> as Protocol>::Event) {
        let clock = self.clock(node);
        self.record(&Event::Notified { node, clock, event });
        (0..self.seats.len() as u32).for_each(|client| self.act(client, Occasion::Notified { node, event }));
    }

    fn arm(&mut self, node: u32, timer: <P<C> as Protocol>::Timer, after: Duration) {
        self.serials += 1;
        let (now, serial) = (self.world.now(), self.serials);
        let station = self.station(node);
        let (life, after) = (station.life, real(station.clock, now, after));
        if let Some(process) = &mut station.process {
            process.arm(timer, serial);
            self.world.after(after, Step::Fire { node, life, serial });
        }
    }

    fn load(&mut self, node: u32, load: <P<C> as Protocol>::Load) {
        let sync = self.setting.environment.sync;
        let Station { disk, disk_die, life, .. } = &mut self.nodes[node as usize];
        if let Some(loaded) = P::<C>::lookup(disk.records(), load) {
            let (life, takes) = (*life, self.faults.sync(disk_die, sync, node));
            let loaded = self.loaded.put(loaded);
            self.world.after(takes, Step::Loaded { node, life, loaded });
        }
    }
}

/// The network.
impl<C: Cluster> Swarm<'_, C> {
    fn send(&mut self, from: u32, to: &<P<C> as Protocol>::Address, message: <P<C> as Protocol>::Message) {
        let receiver = self.nodes.iter().position(|station| station.address.as_ref() == Some(to));
        match receiver {
            Some(to) if to == from as usize => self.send_to_itself(from, message),
            Some(to) => self.send_over(Link { from, to: to as u32 }, message),
            None => {}
        }
    }

    fn send_to_itself(&mut self, node: u32, message: <P<C> as Protocol>::Message) {
        let Station { address, process, .. } = self.station(node);
        if let (Some(from), Some(process)) = (address.clone(), process) {
            process.own.push_back(Input::Message { from, message });
        }
    }

    fn send_over(&mut self, link: Link, message: <P<C> as Protocol>::Message) {
        self.record(&Event::Sent { from: link.from, to: link.to, message: &message });
        match self.faults.passage(&mut self.links, link) {
            Passage::Lost => {}
            Passage::Held => self.parked.push(Parcel { link, message }),
            Passage::Free { copies } => {
                (1..copies).for_each(|_| self.dispatch(Parcel { link, message: message.clone() }));
                self.dispatch(Parcel { link, message });
            }
        }
    }

    fn dispatch(&mut self, parcel: Parcel<P<C>>) {
        let (link, usual) = (parcel.link, self.setting.environment.link);
        let latency = self.faults.latency(&mut self.links, usual, link);
        let parcel = self.parcels.put(parcel);
        self.world.after(latency, Step::Deliver { node: link.to, parcel });
    }

    /// What waited for a partition goes on, where the way is free.
    fn unpark(&mut self) {
        let parked = core::mem::take(&mut self.parked);
        let (waiting, free) = parked.into_iter().partition(|parcel| self.faults.is_cut(parcel.link));
        self.parked = waiting;
        let free: Vec<_> = free;
        free.into_iter().for_each(|parcel| self.dispatch(parcel));
    }
}

/// Disks.
impl<C: Cluster> Swarm<'_, C> {
    /// Begins a sync of all that was persisted, unless one is under way: then the next one serves it.
    fn write(&mut self, node: u32) {
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

    fn synced(&mut self, node: u32, life: u32) {
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
    fn refuse(&mut self, node: u32) {
        let station = self.station(node);
        station.is_usurped = true;
        station.down += 1;
        self.end_process(node, End::Usurped);
    }

    fn check_images(&mut self) {
        (0..self.nodes.len() as u32).for_each(|node| self.check_image(node));
    }

    fn check_image(&mut self, node: u32) {
        let Station { disk, process: Some(process), .. } = &self.nodes[node as usize] else { return };
        let holds = disk.folds_to(process.machine.image());
        let told = || format!("what node {node} knows is not what its {} records say", disk.records().len());
        self.recorder.note(claim(claims::IMAGE_IS_THE_FOLD_OF_ITS_RECORDS, holds, told));
    }
}

/// Lives and deaths.
impl<C: Cluster> Swarm<'_, C> {
    fn begin_process(&mut self, node: u32) {
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

    fn end_process(&mut self, node: u32, end: End) {
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
    fn discard(&mut self, node: u32, step: Step) {
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
    fn restart(&mut self, node: u32) {
        let sync = self.setting.environment.sync;
        let Station { life, disk_die, .. } = &mut self.nodes[node as usize];
        *life += 1;
        let (life, takes) = (*life, self.faults.sync(disk_die, sync, node));
        self.world.after(takes, Step::Opened { node, life });
    }

    fn opened(&mut self, node: u32, life: u32) {
        if self.station(node).life == life {
            self.begin_process(node);
        }
    }

    fn begin(&mut self, fault: u32) {
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

    fn end(&mut self, fault: u32) {
        self.record(&Event::Over { fault });
        match self.faults.end(fault) {
            FaultKind::Kill { node } | FaultKind::PowerLoss { node } => self.lift(node),
            FaultKind::Usurp { node } => self.retreat(node),
            FaultKind::Pause { node } => self.resume(node),
            FaultKind::Partition { .. } => self.unpark(),
            _ => {}
        }
    }

    fn strike(&mut self, node: u32, end: End) {
        self.station(node).down += 1;
        self.end_process(node, end);
    }

    fn lift(&mut self, node: u32) {
        self.station(node).down -= 1;
        if self.station(node).down == 0 {
            self.restart(node);
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
}

impl<P: Protocol> Station<P> {
    /// Whether its process is the one of that life.
    fn lives(&self, life: u32) -> bool {
        self.process.is_some() && self.life == life
    }
}
