//! A small protocol of four nodes in which each kind of fault has something to break.
//!
//! What is said on one node is told to the others until they have it; each node greets the others when it begins, and
//! beats while it lives; tokens pass around and must not multiply; each node takes a lease now and then and acts on it;
//! and whoever asks for one draws an id that nobody else has.
//!
//! [`Bug`] plants one mistake.

use crate::bugs::{Bug, Doubts};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Host, Machine};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Word = u64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) own: u32,
    pub(crate) nodes: u32,
    pub(crate) version: u32,
    pub(crate) bug: Option<Bug>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    Say(Word),
    /// How many words of each node are known.
    Count,
    /// An id that nobody else has. It is asked for at that nanosecond.
    Draw(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Answer {
    Said,
    Count(Vec<u64>),
    Drawn([u64; 4]),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    /// A process has begun, or was away.
    Hello {
        boot: u64,
    },
    Welcome {
        boot: u64,
        own_boot: u64,
    },
    /// What the sender hears from, and the last beat of the receiver's that it has heard.
    Beat {
        boot: u64,
        seq: u64,
        echo: u64,
        hears: Vec<u32>,
    },
    /// Something large.
    Bulk(String),
    Tell(Word),
    /// The same as the next version says it.
    TellAnew(Word),
    Got(Word),
    Token {
        seq: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Record {
    Begun,
    Known { word: Word, own: bool },
    Given,
    Taken { from: u32, seq: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Nothing;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum News {
    Took { from: u32, seq: u64 },
    Leased,
    Acted,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) boots: u64,
    words: BTreeSet<Word>,
    own: BTreeSet<Word>,
    given: u64,
    taken: BTreeMap<u32, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Timer {
    Tick,
    Act,
}

/// What a node knows of another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Peer {
    boot: u64,
    welcomes: bool,
    /// The tick of the latest beat from it.
    pub(crate) heard: u64,
    pub(crate) seq: u64,
    pub(crate) echo: u64,
    pub(crate) hears: BTreeSet<u32>,
    /// What a mistake makes of all that.
    pub(crate) doubts: Doubts,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Waiting {
    ticket: Ticket,
    is_durable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Team {
    image: Image,
    boot: u64,
    pub(crate) ticks: u64,
    ticked_nanos: u64,
    /// Own words, who has not got them, and how often they were told.
    pub(crate) untold: BTreeMap<Word, BTreeMap<u32, u32>>,
    waiting: BTreeMap<Word, Waiting>,
    /// Words on their way to the disk, and when that was begun.
    pub(crate) writing: BTreeMap<Word, u64>,
    pub(crate) peers: BTreeMap<u32, Peer>,
    leased_nanos: u64,
    draws: BTreeMap<u64, u64>,
    pub(crate) doubts: Doubts,
}

purlin::nameless!(Request, Answer, Message, Record, Nothing, News, Image, Team);

const TICK: Duration = Duration::from_millis(100);
const PREPARATION: Duration = Duration::from_millis(400);
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);
/// How many ticks a peer may be silent and still count as heard.
pub(crate) const SILENCE: u64 = 5;
const BULK_BYTES: usize = 200;

impl Machine for Team {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request } => self.asked(config, ticket, request, host),
            Input::Message { from, message } => self.hear(config, from, message, host),
            Input::Timer(Timer::Tick) => self.tick(config, host),
            Input::Timer(Timer::Act) => self.act(config, host),
            Input::Loaded(Nothing) => {}
        }
    }
}

impl Protocol for Team {
    const FORMAT: u32 = 1;
    type Address = u32;
    type Timer = Timer;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Record = Record;
    type Load = Nothing;
    type Loaded = Nothing;
    type Event = News;
    type Image = Image;

    fn fold(image: &mut Image, record: Record) {
        match record {
            Record::Begun => image.boots += 1,
            Record::Known { word, own } => {
                image.words.insert(word);
                if own {
                    image.own.insert(word);
                }
            }
            Record::Given => image.given += 1,
            Record::Taken { from, seq } => drop(image.taken.insert(from, seq)),
        }
    }

    fn image(&self) -> &Image {
        &self.image
    }

    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let nanos = host.now().as_nanos();
        let others: Vec<u32> = (0..config.nodes).filter(|node| *node != config.own).collect();
        let fresh = Peer { doubts: Doubts::since(nanos), ..Peer::default() };
        let mut team = Self {
            untold: image.own.iter().map(|word| (*word, others.iter().map(|node| (*node, 0)).collect())).collect(),
            peers: others.iter().map(|node| (*node, fresh.clone())).collect(),
            image,
            boot: 0,
            ticks: 0,
            ticked_nanos: nanos,
            waiting: BTreeMap::new(),
            writing: BTreeMap::new(),
            leased_nanos: nanos,
            draws: BTreeMap::new(),
            doubts: Doubts::default(),
        };
        if config.bug == Some(Bug::UntoldIsForgotten) {
            team.untold.clear();
        }
        team.persist(Record::Begun, host);
        team.boot = if config.bug == Some(Bug::BootIsTheTime) { nanos / 1_000_000 } else { team.image.boots };
        host.emit(Effect::Arm { timer: Timer::Tick, after: TICK });
        team
    }

    fn lookup(_journal: &[Record], _load: Nothing) -> Option<Nothing> {
        None
    }
}

/// Requests.
impl Team {
    fn asked(
        &mut self,
        config: &Config,
        ticket: Ticket,
        request: Request,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) {
        match request {
            Request::Say(word) => self.say(config, ticket, word, host),
            Request::Count => {
                let count =
                    |node: u32| self.image.words.iter().filter(|word| **word / 1_000 == u64::from(node)).count();
                let counts = (0..config.nodes).map(|node| count(node) as u64).collect();
                host.emit(Effect::Answer { ticket, answer: Answer::Count(counts) });
            }
            Request::Draw(at_nanos) => {
                let id = self.draw(config, at_nanos, host);
                host.emit(Effect::Answer { ticket, answer: Answer::Drawn(id) });
            }
        }
    }

    fn say(&mut self, config: &Config, ticket: Ticket, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.waiting.insert(word, Waiting { ticket, is_durable: false });
        if !self.image.own.contains(&word) {
            self.persist(Record::Known { word, own: true }, host);
            self.untold.insert(word, self.peers.keys().map(|node| (*node, 0)).collect());
            self.tell(config, host);
        }
        self.writing.entry(word).or_insert(self.ticks);
        host.emit(Effect::Send { to: config.own, message: Message::Got(word), fence: Fence::Durable });
    }

    fn answer(&mut self, config: &Config, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let waits_for_others = config.bug == Some(Bug::WaitsForEverybody) && self.untold.contains_key(&word);
        if self.waiting.get(&word).is_some_and(|waiting| waiting.is_durable) && !waits_for_others {
            let ticket = self.waiting.remove(&word).map(|waiting| waiting.ticket);
            ticket.into_iter().for_each(|ticket| host.emit(Effect::Answer { ticket, answer: Answer::Said }));
        }
    }

    /// An id is made of the node, the number of its process and a counter.
    fn draw(&mut self, config: &Config, at_nanos: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> [u64; 4] {
        let (own, boot) = (u64::from(config.own), self.image.boots);
        let mut count = |key: u64| {
            let count = self.draws.entry(key).or_default();
            *count += 1;
            *count
        };
        let second = at_nanos / 1_000_000_000;
        match config.bug {
            Some(Bug::DrawnIsUnique) => [own, 0, 0, host.choose(NonZeroU32::MAX).into()],
            Some(Bug::SmallCounterASecond) => [own, boot, second, count(second) % 64],
            Some(Bug::FourInAnInstant) => [own, boot, at_nanos, count(at_nanos) % 4],
            _ => [own, boot, 0, count(0)],
        }
    }
}

/// Messages.
impl Team {
    fn hear(&mut self, config: &Config, from: u32, message: Message, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match message {
            Message::Hello { boot } => self.greeted(from, boot, host),
            Message::Welcome { boot, own_boot } => self.welcomed(from, boot, own_boot),
            Message::Beat { boot, seq, echo, hears } if self.is_present(from, boot) => {
                self.beat(config, from, seq, echo, hears, host.now().as_nanos());
            }
            Message::Beat { .. } => {}
            Message::Bulk(_) => self.doubts_of(from).smalls = 0,
            Message::Tell(word) => self.told(config, from, word, host),
            Message::TellAnew(word) if config.version > 0 => self.told(config, from, word, host),
            Message::TellAnew(_) => {}
            Message::Got(word) => self.got(config, from, word, host),
            Message::Token { seq } => self.take(config, from, seq, host),
        }
    }

    /// Whoever greets has forgotten what it was told and could not write down. What an earlier life of it has said comes too
    /// late.
    fn greeted(&mut self, from: u32, boot: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let ticks = self.ticks;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if boot < peer.boot {
            return;
        }
        (peer.boot, peer.seq, peer.heard) = (boot, 0, ticks);
        peer.doubts.greeted();
        self.untold.values_mut().filter_map(|tries| tries.get_mut(&from)).for_each(|tries| *tries = 0);
        let message = Message::Welcome { boot, own_boot: self.boot };
        host.emit(Effect::Send { to: from, message, fence: Fence::Durable });
    }

    /// Whether this is the life of that node that has greeted last.
    fn is_present(&self, node: u32, boot: u64) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.boot == boot)
    }

    fn welcomed(&mut self, from: u32, boot: u64, own_boot: u64) {
        let ticks = self.ticks;
        let Some(peer) = self.peers.get_mut(&from).filter(|_| boot == self.boot) else { return };
        peer.welcomes = true;
        if own_boot > peer.boot {
            (peer.boot, peer.seq, peer.heard) = (own_boot, 0, ticks);
        }
    }

    fn beat(&mut self, config: &Config, from: u32, seq: u64, echo: u64, hears: Vec<u32>, nanos: u64) {
        let ticks = self.ticks;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.note_beat(config.bug, seq, ticks, nanos);
        peer.heard = ticks;
        if seq > peer.seq {
            (peer.seq, peer.echo, peer.hears) = (seq, echo, hears.into_iter().collect());
        }
    }

    fn told(&mut self, config: &Config, from: u32, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let fence = self.fence_of_acknowledgement(config.bug, self.image.words.contains(&word));
        if !self.image.words.contains(&word) {
            self.persist(Record::Known { word, own: false }, host);
            self.writing.insert(word, self.ticks);
            host.emit(Effect::Send { to: config.own, message: Message::Got(word), fence: Fence::Durable });
        }
        host.emit(Effect::Send { to: from, message: Message::Got(word), fence });
    }

    fn got(&mut self, config: &Config, from: u32, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if from == config.own {
            self.writing.remove(&word);
            self.waiting.entry(word).and_modify(|waiting| waiting.is_durable = true);
        } else {
            self.forget(word, from);
        }
        self.answer(config, word, host);
    }

    /// There is no need to tell it this word any more.
    pub(crate) fn forget(&mut self, word: Word, node: u32) {
        if let Some(tries) = self.untold.get_mut(&word) {
            tries.remove(&node);
        }
        self.untold.retain(|_, tries| !tries.is_empty());
    }

    /// Only what comes after all that was taken before is new.
    fn take(&mut self, config: &Config, from: u32, seq: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let latest = self.image.taken.get(&from).copied().unwrap_or_default();
        if seq > latest || config.bug == Some(Bug::TokensAreTakenTwice) {
            self.persist(Record::Taken { from, seq }, host);
            host.emit(Effect::Notify(News::Took { from, seq }));
        }
    }
}

/// Time.
impl Team {
    fn tick(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let nanos = host.now().as_nanos();
        let passed = nanos.saturating_sub(self.ticked_nanos);
        (self.ticks, self.ticked_nanos) = (self.ticks + 1, nanos);
        if passed > 500_000_000 {
            self.peers.values_mut().for_each(|peer| peer.welcomes = false);
        }
        self.doubt(config.bug, nanos, passed);
        self.beat_all(host);
        self.greet(host);
        self.tell(config, host);
        if self.ticks.is_multiple_of(5) {
            self.give(config, host);
        }
        if self.ticks.is_multiple_of(10) {
            self.lease(nanos, host);
        }
        self.send_bulk(host);
        host.emit(Effect::Arm { timer: Timer::Tick, after: TICK });
    }

    fn beat_all(&self, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let heard = self.peers.iter().filter(|(_, peer)| peer.heard + SILENCE > self.ticks);
        let hears: Vec<u32> = heard.map(|(node, _)| *node).collect();
        for (node, peer) in &self.peers {
            let message = Message::Beat { boot: self.boot, seq: self.ticks, echo: peer.seq, hears: hears.clone() };
            host.emit(Effect::Send { to: *node, message, fence: Fence::None });
        }
    }

    fn greet(&self, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for (node, _) in self.peers.iter().filter(|(_, peer)| !peer.welcomes) {
            let message = Message::Hello { boot: self.boot };
            host.emit(Effect::Send { to: *node, message, fence: Fence::Durable });
        }
    }

    /// Tells everybody who listens what it has not got.
    fn tell(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for (word, nodes) in &mut self.untold {
            for (node, tries) in nodes {
                if self.peers.get(node).is_some_and(|peer| peer.welcomes && peer.doubts.let_pass(config.bug, *tries)) {
                    *tries += 1;
                    let newer = config.bug == Some(Bug::NewFormAtOnce) && config.version > 0;
                    let message = if newer { Message::TellAnew(*word) } else { Message::Tell(*word) };
                    host.emit(Effect::Send { to: *node, message, fence: Fence::None });
                }
            }
        }
    }

    fn give(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.persist(Record::Given, host);
        let (to, message) = ((config.own + 1) % config.nodes, Message::Token { seq: self.image.given });
        host.emit(Effect::Send { to, message, fence: Fence::Durable });
    }

    fn lease(&mut self, nanos: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.leased_nanos = nanos;
        host.emit(Effect::Notify(News::Leased));
        host.emit(Effect::Arm { timer: Timer::Act, after: PREPARATION });
    }

    fn act(&self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let passed = host.now().as_nanos().saturating_sub(self.leased_nanos);
        let holds = u128::from(passed) < LEASE.as_nanos() / 2;
        if holds || config.bug == Some(Bug::LeaseIsNotLookedAtAgain) {
            host.emit(Effect::Notify(News::Acted));
        }
    }

    fn send_bulk(&self, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for node in self.peers.keys() {
            let message = Message::Bulk("x".repeat(BULK_BYTES));
            host.emit(Effect::Send { to: *node, message, fence: Fence::None });
        }
    }

    fn persist(&mut self, record: Record, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        Self::fold(&mut self.image, record.clone());
        host.emit(Effect::Persist(record));
    }

    fn doubts_of(&mut self, node: u32) -> &mut Doubts {
        &mut self.peers.entry(node).or_default().doubts
    }
}
