//! A node: its replica, its disk, its clock, and what waits for its disk.

use super::super::membership::{id, member};
use super::injected::made_up_entry;
use super::payloads::Payloads;
use super::script::{Beginning, Options, ReadMode};
use crate::conform::compare::Mismatch;
use core::num::NonZeroU32;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::raft::{
    Answer, Config, Consistency, Image, Lease, Membership, Message, Raft, Record, Refusal, Request, RoleName, Settings,
    Timer,
};
use purlin::{Clock, Host, Instant, Machine};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};

type Replica = Raft<Payloads>;

pub(super) struct Node {
    id: u64,
    founders: Membership,
    options: Map<String, Value>,
    config: Config,
    host: Hand,
    pub(super) disk: Image<Payloads>,
    pub(super) replica: Option<Replica>,
    is_stalled: bool,
    /// What each input has written and what waits for that, in order.
    pending: VecDeque<Vec<Effect<Replica>>>,
    checkpoints: BTreeMap<String, Image<Payloads>>,
    tickets: u64,
    asked: BTreeMap<Ticket, String>,
    /// The reads that were answered, and what each has seen.
    pub(super) served: BTreeMap<String, u64>,
}

/// What a node says to another.
pub(super) struct Sent {
    pub(super) to: u64,
    pub(super) message: Message<Payloads>,
}

#[derive(Default)]
struct Hand {
    now: Instant,
    effects: Vec<Effect<Replica>>,
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Replica>> for Hand {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Replica>) {
        self.effects.push(effect);
    }
}

impl Node {
    pub(super) fn new(
        beginning: &Beginning,
        founders: Membership,
        options: Map<String, Value>,
    ) -> Result<Self, Mismatch> {
        let config = config(beginning.id, &founders, &options)?;
        Ok(Self {
            id: beginning.id,
            disk: disk(beginning, &founders)?,
            founders,
            options,
            config,
            host: Hand::default(),
            replica: None,
            is_stalled: false,
            pending: VecDeque::new(),
            checkpoints: BTreeMap::new(),
            tickets: 0,
            asked: BTreeMap::new(),
            served: BTreeMap::new(),
        })
    }

    /// Begins with what is on the disk.
    pub(super) fn start(&mut self) -> Vec<Sent> {
        self.replica = Some(Replica::recover(&self.config, self.disk.clone(), &mut self.host));
        let effects = core::mem::take(&mut self.host.effects);
        let mut now = Now::default();
        self.stage(effects, &mut now);
        self.run(now)
    }

    pub(super) fn restart(
        &mut self,
        checkpoint: Option<&str>,
        options: &Map<String, Value>,
    ) -> Result<Vec<Sent>, Mismatch> {
        self.stop();
        if let Some(name) = checkpoint {
            let image = self.checkpoints.get(name).cloned();
            let missing = || Mismatch::unreadable(format_args!("there is no checkpoint `{name}`"));
            self.disk = image.ok_or_else(missing)?;
        }
        self.options.extend(options.clone());
        self.config = config(self.id, &self.founders, &self.options)?;
        Ok(self.start())
    }

    pub(super) fn checkpoint(&mut self, name: String) {
        self.checkpoints.insert(name, self.disk.clone());
    }

    pub(super) fn stop(&mut self) {
        self.replica = None;
        self.is_stalled = false;
        self.pending.clear();
        self.asked.clear();
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    fn leads(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.role() == RoleName::Leader)
    }

    /// Asks for something: what becomes of it at once, and what the node says.
    pub(super) fn ask(&mut self, request: Request<Payloads>) -> (Asked, Vec<Sent>) {
        let ticket = self.next_ticket();
        let effects = self.step(Input::Request { ticket, request });
        let asked = if self.replica.is_some() { asked(ticket, &effects) } else { Asked::Refused };
        let mut now = Now::default();
        self.stage(effects, &mut now);
        (asked, self.run(now))
    }

    pub(super) fn read(&mut self, id: String) -> Vec<Sent> {
        let ticket = self.next_ticket();
        self.asked.insert(ticket, id);
        let request = Request::Read { consistency: Consistency::Linearizable, query: () };
        self.take(Input::Request { ticket, request })
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(super) fn fire(&mut self, timer: Timer) -> Vec<Sent> {
        self.take(Input::Timer(timer))
    }

    /// An election timeout passes, in which nobody stands for election.
    pub(super) fn elapse(&mut self) -> Vec<Sent> {
        self.host.now = self.host.now + self.config.election_timeout();
        let due: &[Timer] = if self.leads() { &[Timer::CheckQuorum, Timer::Transfer] } else { &[Timer::Stickiness] };
        due.iter().flat_map(|timer| self.fire(*timer)).collect()
    }

    pub(super) fn hear(&mut self, from: u64, message: Message<Payloads>) -> Result<Vec<Sent>, Mismatch> {
        Ok(self.take(Input::Message { from: member(from)?, message }))
    }

    fn take(&mut self, input: Input<Replica>) -> Vec<Sent> {
        self.run(Now { inbox: [input].into(), sent: Vec::new() })
    }

    /// Works off all that this node has to tell itself, and what that brings.
    fn run(&mut self, mut now: Now) -> Vec<Sent> {
        while let Some(input) = now.inbox.pop_front() {
            let effects = self.step(input);
            self.stage(effects, &mut now);
        }
        now.sent
    }

    fn step(&mut self, input: Input<Replica>) -> Vec<Effect<Replica>> {
        if let Some(replica) = &mut self.replica {
            replica.step(&self.config, input, &mut self.host);
        }
        core::mem::take(&mut self.host.effects)
    }

    /// Carries out what may be done now; the rest waits for the disk.
    fn stage(&mut self, effects: Vec<Effect<Replica>>, now: &mut Now) {
        if !self.is_stalled && self.pending.is_empty() {
            return effects.into_iter().for_each(|effect| self.carry_out(effect, now));
        }
        let (waiting, free): (Vec<_>, Vec<_>) = effects.into_iter().partition(waits);
        free.into_iter().for_each(|effect| self.carry_out(effect, now));
        match self.pending.back_mut() {
            _ if waiting.iter().any(|effect| matches!(effect, Effect::Persist(_))) => self.pending.push_back(waiting),
            Some(last) => last.extend(waiting),
            None => waiting.into_iter().for_each(|effect| self.carry_out(effect, now)),
        }
    }

    fn carry_out(&mut self, effect: Effect<Replica>, now: &mut Now) {
        match effect {
            Effect::Persist(record) => self.disk.fold(record),
            Effect::Load(load) => now.inbox.extend(self.disk.look_up(load).map(Input::Loaded)),
            Effect::Send { to, message, .. } if id(to) == self.id => {
                now.inbox.push_back(Input::Message { from: to, message })
            }
            Effect::Send { to, message, .. } => now.sent.push(Sent { to: id(to), message }),
            Effect::Answer { ticket, answer } => self.note_answer(ticket, &answer),
            Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_) => {}
        }
    }

    fn note_answer(&mut self, ticket: Ticket, answer: &Answer<Payloads>) {
        if let (Some(id), Answer::Read { index, .. }) = (self.asked.get(&ticket), answer) {
            self.served.insert(id.clone(), *index);
        }
    }

    pub(super) fn stall(&mut self) {
        self.is_stalled = true;
    }

    /// The oldest writes are done: so many of them, or all, which ends the stall.
    pub(super) fn release(&mut self, count: Option<usize>) -> Vec<Sent> {
        self.is_stalled = count.is_some();
        let count = count.unwrap_or(usize::MAX).min(self.pending.len());
        let mut now = Now::default();
        let done: Vec<_> = self.pending.drain(..count).flatten().collect();
        done.into_iter().for_each(|effect| self.carry_out(effect, &mut now));
        self.run(now)
    }
}

/// What becomes of a request at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    Taken,
    Refused,
    /// Another one leads.
    NotLeader {
        leader: u64,
    },
}

fn asked(ticket: Ticket, effects: &[Effect<Replica>]) -> Asked {
    let refusal = |effect: &Effect<Replica>| match effect {
        Effect::Answer { ticket: asked, answer: Answer::Refused(refusal) } if *asked == ticket => Some(*refusal),
        _ => None,
    };
    match effects.iter().find_map(refusal) {
        None => Asked::Taken,
        Some(Refusal::NotLeader { leader: Some(leader) }) => Asked::NotLeader { leader: id(leader) },
        Some(_) => Asked::Refused,
    }
}

/// What a node does before it rests.
#[derive(Default)]
struct Now {
    inbox: VecDeque<Input<Replica>>,
    sent: Vec<Sent>,
}

fn waits(effect: &Effect<Replica>) -> bool {
    match effect {
        Effect::Send { fence, .. } => *fence == Fence::Durable,
        Effect::Persist(_) | Effect::Load(_) | Effect::Answer { .. } | Effect::Notify(_) => true,
        Effect::Arm { .. } | Effect::Disarm(_) => false,
    }
}

fn config(id: u64, founders: &Membership, options: &Map<String, Value>) -> Result<Config, Mismatch> {
    let options: Options = super::script::read(options.clone())?;
    let has_lease = options.read_mode == ReadMode::Lease;
    let settings = Settings {
        founders: founders.clone(),
        election_spread: NonZeroU32::MIN,
        pre_vote: options.pre_vote,
        check_quorum: options.check_quorum,
        lease: has_lease.then_some(Lease { max_drift_ppm: 0, max_pause_ms: 0 }),
        batching: false,
        message_bytes_max: options.max_entry_bytes_per_message.unwrap_or(usize::MAX),
        inflight_messages_max: options.max_inflight,
        snapshot_every: 0,
        chunk_bytes: u64::MAX,
        ..Settings::joining(member(id)?)
    };
    settings.validate().map_err(Mismatch::unreadable)
}

/// What is on the disk before the first step.
fn disk(beginning: &Beginning, founders: &Membership) -> Result<Image<Payloads>, Mismatch> {
    let initial = &beginning.initial;
    let vote = (initial.vote > 0).then(|| member(initial.vote)).transpose()?;
    let entries: Vec<_> = initial.log.iter().zip(1..).map(|(term, index)| made_up_entry(index, *term, None)).collect();
    let mut disk = Image::default();
    disk.fold(Record::Began { founders: founders.clone().into() });
    disk.fold(Record::Term { term: initial.term, vote });
    disk.fold(Record::Append { entries: entries.into(), commit: initial.commit });
    Ok(disk)
}
