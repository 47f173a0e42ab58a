//! The scenario as a swarm: the breaker's machine among simulated clients and a simulated bank.

use super::Plan;
use super::faults::{Fate, Faults};
use super::history::{Answer, Event};
use super::judges::Judges;
use crate::checker::{Violation, claim};
use crate::clock::NodeClock;
use crate::die::Die;
use crate::history::{Recorder, Watch};
use crate::plan::{FaultKind, InvalidPlan};
use crate::scenario::Played;
use crate::scene::{Kind, Scene};
use crate::simulation::Simulation;
use crate::world::World;
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::breaker::{Breaker, Config, Event as Announcement, Input, Outcome, Permit, Reply, invariants};
use purlin::{Clock, Epoch, Host, Instant, Machine, Policy};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn open(plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
    let config = plan.options.config()?;
    let breaker = Breaker::new(&config, &mut Onlooker);
    Ok(Box::new(Swarm::new(plan, config, breaker, watch)?))
}

/// Whatever decides as a breaker does: the machine itself, or in tests one with a planted fault.
pub(super) trait Subject: Clone + 'static {
    fn step(&mut self, config: &Config, input: Input, host: &mut Errands<'_>) -> Reply;

    /// The machine, where there is one to be looked into.
    fn machine(&self) -> Option<&Breaker>;
}

impl Subject for Breaker {
    fn step(&mut self, config: &Config, input: Input, host: &mut Errands<'_>) -> Reply {
        Machine::step(self, config, input, host)
    }

    fn machine(&self) -> Option<&Breaker> {
        Some(self)
    }
}

/// What happens in this world.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client begins a call.
    Call { client: u32, rest: u64 },
    /// A client's call arrives at the checkout.
    Arrive { client: u32, call: u64 },
    /// Something arrives over the link between checkout and bank.
    Deliver(Message),
    /// The bank has done its work on a call, unless it died meanwhile.
    Worked { call: u64, well: bool, life: u32 },
    /// A client hears how its call went.
    Hear { client: u32, call: u64, answer: Answer },
    /// A client's patience is over.
    LosePatience { client: u32, call: u64 },
    /// The checkout has waited for the bank long enough.
    TimeOut { call: u64 },
    /// The checkout notices that its client has gone.
    Abandon { call: u64 },
    /// A fault of the plan begins.
    Begin { fault: u32 },
    /// A fault of the plan is over.
    End { fault: u32 },
    /// The safety phase is over.
    Heal,
}

/// What passes between checkout and bank.
#[derive(Clone, Copy, Debug)]
enum Message {
    Request { call: u64 },
    Response { call: u64, well: bool },
}

/// A call that the breaker admitted and that has not ended.
#[derive(Clone, Copy, Debug)]
struct Flight {
    client: u32,
    permit: Permit,
    at_bank: bool,
}

#[derive(Clone)]
pub(super) struct Swarm<S> {
    plan: Arc<Plan>,
    config: Config,
    subject: S,
    clock: NodeClock,
    recorder: Recorder<Judges>,
    world: World<Step>,
    faults: Faults,
    dice: Dice,
    box_of_dice: crate::die::Dice,
    /// Each client's present call, if it has one.
    waiting: Vec<Option<u64>>,
    /// Which of its rests each client takes; 0 is none.
    resting: Vec<u64>,
    calls: u64,
    flights: BTreeMap<u64, Flight>,
    held: Vec<Message>,
    /// How often the bank has died. What an earlier life was working on is lost.
    life: u32,
}

/// One die for each who throws, so that one more throw by one shifts nobody else's.
#[derive(Clone)]
struct Dice {
    clients: Die,
    links: Die,
    bank: Die,
    breaker: Die,
}

impl Dice {
    fn of(dice: &crate::die::Dice) -> Self {
        let [clients, links, bank, breaker] = ["clients", "links", "bank", "breaker"].map(|name| dice.die(name));
        Self { clients, links, bank, breaker }
    }
}

impl<S: Subject> Simulation for Swarm<S> {
    fn now(&self) -> Instant {
        self.world.now()
    }

    fn advance(&mut self, until: Instant) -> bool {
        let end = self.curtain();
        while !self.recorder.is_violated() {
            match self.world.next_until(until.min(end)) {
                Some(step) => self.step(step),
                None => return until < end,
            }
        }
        false
    }

    fn reseed(&mut self, noise: u64) {
        self.box_of_dice = crate::die::Dice::new(noise, None, false);
        self.dice = Dice::of(&self.box_of_dice);
    }

    fn fork(&self) -> Box<dyn Simulation> {
        Box::new(self.clone())
    }

    fn finish(self: Box<Self>) -> Played {
        let now = if self.recorder.is_violated() { self.world.now() } else { self.curtain() };
        Played {
            throws: self.box_of_dice.thrown(),
            recorded: self.recorder.finish(now),
            events: self.world.happened(),
            simulated: now.saturating_since(Instant::ORIGIN),
        }
    }
}

impl<S: Subject> Swarm<S> {
    pub(super) fn new(plan: &Plan, config: Config, subject: S, watch: Watch) -> Result<Self, InvalidPlan> {
        let box_of_dice = plan.dice(watch.throws);
        let mut swarm = Self {
            plan: Arc::new(plan.clone()),
            config,
            subject,
            clock: plan.options.breaker_clock(),
            recorder: Recorder::new(Judges::new(&plan.options)?, watch),
            world: World::default(),
            faults: Faults::new(plan, plan.options.grain_ns),
            dice: Dice::of(&box_of_dice),
            box_of_dice,
            waiting: vec![None; plan.options.clients as usize],
            resting: vec![0; plan.options.clients as usize],
            calls: 0,
            flights: BTreeMap::new(),
            held: Vec::new(),
            life: 0,
        };
        swarm.schedule_plan();
        Ok(swarm)
    }

    fn curtain(&self) -> Instant {
        Instant::ORIGIN + self.plan.options.phases().end
    }

    fn schedule_plan(&mut self) {
        let plan = Arc::clone(&self.plan);
        for (fault, planned) in (0..).zip(&plan.faults) {
            self.world.after(planned.start(), Step::Begin { fault });
            self.world.after(planned.end(), Step::End { fault });
        }
        self.world.after(self.plan.options.phases().healed, Step::Heal);
        (0..self.plan.options.clients).for_each(|client| self.rest(client));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call { client, rest } => self.stop_resting(client, rest),
            Step::Arrive { client, call } => self.arrive(client, call),
            Step::Deliver(message) => self.deliver(message),
            Step::Worked { call, well, life } => self.worked(call, well, life),
            Step::Hear { client, call, answer } => self.hear(client, call, answer),
            Step::LosePatience { client, call } => self.lose_patience(client, call),
            Step::TimeOut { call } => self.respond(call, false),
            Step::Abandon { call } => self.abandon(call),
            Step::Begin { fault } => self.begin(fault),
            Step::End { fault } => self.end(fault),
            Step::Heal => self.record(&Event::Healed),
        }
    }

    fn record(&mut self, event: &Event) {
        self.recorder.record(self.world.now(), event);
    }
}

/// Clients.
impl<S: Subject> Swarm<S> {
    fn rest(&mut self, client: u32) {
        let rest = self.faults.rest(&mut self.dice.clients, self.plan.options.rest);
        self.calls += 1;
        self.resting[client as usize] = self.calls;
        self.world.after(rest, Step::Call { client, rest: self.calls });
    }

    fn stop_resting(&mut self, client: u32, rest: u64) {
        if self.resting[client as usize] == rest {
            self.call(client);
        }
    }

    /// Everybody who rests calls at once.
    fn herd(&mut self) {
        for client in 0..self.plan.options.clients {
            if self.resting[client as usize] > 0 {
                self.call(client);
            }
        }
    }

    fn call(&mut self, client: u32) {
        self.calls += 1;
        let call = self.calls;
        self.resting[client as usize] = 0;
        self.waiting[client as usize] = Some(call);
        self.record(&Event::Called { client });
        let latency = self.client_latency();
        self.world.after(latency, Step::Arrive { client, call });
        let patience = self.faults.patience(self.plan.options.patience_ms);
        self.world.after(patience, Step::LosePatience { client, call });
    }

    fn hear(&mut self, client: u32, call: u64, answer: Answer) {
        if self.waiting[client as usize] == Some(call) {
            self.waiting[client as usize] = None;
            self.record(&Event::Answered { client, answer });
            self.rest(client);
        }
    }

    fn lose_patience(&mut self, client: u32, call: u64) {
        if self.waiting[client as usize] == Some(call) {
            self.hear(client, call, Answer::GivenUp);
            let latency = self.client_latency();
            self.world.after(latency, Step::Abandon { call });
        }
    }

    fn client_latency(&mut self) -> Duration {
        self.faults.draw(&mut self.dice.clients, self.plan.options.link)
    }
}

/// The checkout and its breaker.
impl<S: Subject> Swarm<S> {
    fn arrive(&mut self, client: u32, call: u64) {
        match Breaker::granted(self.ask()) {
            Ok(permit) => {
                self.flights.insert(call, Flight { client, permit, at_bank: false });
                self.send(Message::Request { call });
                let timeout = Duration::from_millis(self.plan.options.attempt_timeout_ms);
                self.world.after(timeout, Step::TimeOut { call });
            }
            Err(_) => self.answer(client, call, Answer::Rejected),
        }
    }

    fn respond(&mut self, call: u64, well: bool) {
        let Some(flight) = self.flights.remove(&call) else { return };
        let outcome = if well { Outcome::Success } else { Outcome::Failure };
        self.tell(flight.permit, outcome);
        self.answer(flight.client, call, if well { Answer::Served } else { Answer::Failed });
    }

    fn abandon(&mut self, call: u64) {
        if let Some(flight) = self.flights.remove(&call) {
            self.tell(flight.permit, Outcome::Cancelled);
        }
    }

    fn answer(&mut self, client: u32, call: u64, answer: Answer) {
        let latency = self.client_latency();
        self.world.after(latency, Step::Hear { client, call, answer });
    }

    fn ask(&mut self) -> Reply {
        self.take(Input::Ask, |clock, reply| Event::Asked { clock, reply })
    }

    fn tell(&mut self, permit: Permit, outcome: Outcome) {
        let input = Input::End { permit, outcome };
        self.take(input, |clock, reply| Event::Ended { clock, permit, outcome, reply });
    }

    fn take(&mut self, input: Input, entry: impl FnOnce(Instant, Reply) -> Event) -> Reply {
        let at = self.world.now();
        let clock = self.clock.read(at);
        let before = self.subject.machine().cloned();
        let mut host = Errands { at, clock, die: &mut self.dice.breaker, recorder: &mut self.recorder };
        let reply = self.subject.step(&self.config, input, &mut host);
        self.record(&entry(clock, reply));
        if let (Some(before), Some(after)) = (before, self.subject.machine()) {
            let held = self.held_in(after.epoch()) + u32::from(matches!(reply, Reply::Admitted(_)));
            self.recorder.depict(at, || picture(after));
            let found = check_machine(&self.config, &before, input, clock, &reply, after);
            self.recorder.note(found.and_then(|()| check_probes(after, held)));
        }
        reply
    }

    /// Permits that are out and were given in this epoch.
    fn held_in(&self, epoch: Epoch) -> u32 {
        self.flights.values().filter(|flight| flight.permit.epoch == epoch).count() as u32
    }
}

/// The bank and the link to it.
impl<S: Subject> Swarm<S> {
    fn send(&mut self, message: Message) {
        if self.faults.loses_message(&mut self.dice.links) {
            return;
        }
        if self.faults.is_cut() {
            self.held.push(message);
            return;
        }
        let latency = self.faults.draw(&mut self.dice.links, self.plan.options.link);
        let delay = self.faults.delay(&mut self.dice.links);
        self.world.after(latency + delay, Step::Deliver(message));
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Request { call } if self.faults.is_crashed() => self.send(Message::Response { call, well: false }),
            Message::Request { call } => self.serve(call),
            Message::Response { call, well } => self.respond(call, well),
        }
    }

    fn serve(&mut self, call: u64) {
        self.record(&Event::Reached);
        if let Some(flight) = self.flights.get_mut(&call) {
            flight.at_bank = true;
        }
        let life = self.life;
        match self.faults.fate(self.world.now(), &mut self.dice.bank) {
            Fate::Answered { well, work } => self.world.after(work, Step::Worked { call, well, life }),
            Fate::Aborted => self.worked(call, false, life),
            Fate::Silence => {}
        }
    }

    fn worked(&mut self, call: u64, well: bool, life: u32) {
        if life != self.life {
            return;
        }
        if let Some(flight) = self.flights.get_mut(&call) {
            flight.at_bank = false;
        }
        self.send(Message::Response { call, well });
    }

    /// The bank's process dies, and the system beneath it closes its connections.
    fn die(&mut self) {
        self.life += 1;
        let cut_off: Vec<u64> =
            self.flights.iter().filter(|(_, flight)| flight.at_bank).map(|(call, _)| *call).collect();
        for call in cut_off {
            self.flights.entry(call).and_modify(|flight| flight.at_bank = false);
            self.send(Message::Response { call, well: false });
        }
    }

    fn begin(&mut self, fault: u32) {
        self.record(&Event::Began { fault });
        match self.faults.begin(fault) {
            FaultKind::Crash => self.die(),
            FaultKind::Herd => self.herd(),
            _ => {}
        }
    }

    fn end(&mut self, fault: u32) {
        self.record(&Event::Over { fault });
        if self.faults.end(fault) == FaultKind::Cut && !self.faults.is_cut() {
            let held = core::mem::take(&mut self.held);
            held.into_iter().for_each(|message| self.world.after(Duration::ZERO, Step::Deliver(message)));
        }
    }
}

/// The breaker's host: a clock, a die, and a history for all it announces.
pub(super) struct Errands<'a> {
    at: Instant,
    clock: Instant,
    die: &'a mut Die,
    recorder: &'a mut Recorder<Judges>,
}

impl Clock for Errands<'_> {
    fn now(&self) -> Instant {
        self.clock
    }
}

impl Host<Announcement> for Errands<'_> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        let face = self.die.choose(bound);
        self.recorder.record(self.at, &Event::Thrown { face });
        face
    }

    fn emit(&mut self, announcement: Announcement) {
        self.recorder.record(self.at, &Event::Announced(announcement));
    }
}

/// The host of a breaker that is being made, at the origin of its clock; a closed one throws and announces nothing.
pub(super) struct Onlooker;

impl Clock for Onlooker {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Host<Announcement> for Onlooker {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, _announcement: Announcement) {}
}

fn check_probes(breaker: &Breaker, held_in_epoch: u32) -> Result<(), Violation> {
    let holds = invariants::every_probe_is_accounted_for(breaker, held_in_epoch);
    claim("every_probe_is_accounted_for", holds, || format!("{held_in_epoch} permits are out, and {breaker:?}"))
}

fn picture(breaker: &Breaker) -> Scene {
    let state = serde_json::to_string(breaker).unwrap_or_else(|error| format!("\"{error}\""));
    Scene::new(Kind::State, state).on("breaker")
}

/// The machine's own invariants, each a property by its own name.
fn check_machine(
    config: &Config,
    before: &Breaker,
    input: Input,
    clock: Instant,
    reply: &Reply,
    after: &Breaker,
) -> Result<(), Violation> {
    let told = || format!("after {input:?} and {reply:?}: {after:?}");
    claim("window_counts_its_calls", invariants::window_counts_its_calls(after), told)?;
    claim("no_decision_is_due", invariants::no_decision_is_due(after, config), told)?;
    claim("probes_are_bounded", invariants::probes_are_bounded(after, config), told)?;
    claim("epochs_rise_with_transitions", invariants::epochs_rise_with_transitions(before, after), told)?;
    claim("waiting_has_a_deadline", invariants::waiting_has_a_deadline(after, config), told)?;
    if matches!(reply, Reply::Late) {
        let (before, after) = (before.at(config, clock), after.at(config, clock));
        let holds = invariants::late_results_change_nothing(&before, &input, reply, &after);
        claim("late_results_change_nothing", holds, told)?;
    }
    Ok(())
}
