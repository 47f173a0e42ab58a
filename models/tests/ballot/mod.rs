//! A small protocol with everything in it: votes that must be durable before they are told, a vote of one's own that
//! counts once it is durable, retries by timer, a lease that each node counts on its own clock, and a journal that is read
//! back. With a fault of choice.

#![allow(dead_code, reason = "each test file uses its part")]

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Epoch, Host, Instant, Machine, Names, nameless};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const TICK: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    None,
    /// A vote leaves before it is durable.
    TellsTooEarly,
    /// A candidate counts its own vote before it is durable.
    CountsItselfAtOnce,
    /// Two copies of a vote are two votes.
    CountsCopies,
    /// A candidate asks once and never again.
    NeverAsksAgain,
    /// The promise not to vote for another is forgotten by a crash.
    ForgetsItsPromise,
    /// Every request is answered twice.
    AnswersTwice,
    /// A vote that comes late is nothing it has thought of.
    PanicsAtALateVote,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) name: u8,
    pub(crate) others: Vec<u8>,
    /// How many votes elect.
    pub(crate) quorum: u32,
    /// For how long a vote binds.
    pub(crate) lease: Duration,
    /// By how many ticks at most an asking waits at random before it asks again, if it waits at random at all.
    pub(crate) jitter: Option<NonZeroU32>,
    /// By how much a leader's clock may be slower than a voter's meanwhile.
    pub(crate) drift: Duration,
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    Stand,
    Recall,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Answer {
    Standing,
    Bound,
    Voted(Vec<u64>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    Ask {
        term: u64,
    },
    Vote {
        term: u64,
    },
    /// To everybody, from whoever was elected. It need not wait for the disk: everything it rests on is durable.
    Lead {
        term: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Timer {
    AskAgain,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Elected {
    pub(crate) term: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Recalled {
    ticket: Ticket,
    terms: Vec<u64>,
}

/// A vote as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub(crate) term: u64,
    pub(crate) to: Option<u8>,
    pub(crate) until: Instant,
}

nameless!(Request, Answer, Message, Elected, Recalled, Recall);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Recall(Ticket);

impl Names for Vote {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        each(&mut self.until);
    }

    fn epochs(&mut self, _: &mut dyn FnMut(&mut Epoch)) {}
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Ballot {
    pub(crate) vote: Vote,
    pub(crate) candidacy: Option<Candidacy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Candidacy {
    pub(crate) asked_at: Instant,
    pub(crate) votes: BTreeMap<u8, u32>,
    pub(crate) elected: bool,
}

impl Ballot {
    /// Whether this node believes that it leads.
    pub(crate) fn leads(&self, config: &Config, now: Instant) -> bool {
        let candidacy = self.candidacy.as_ref().filter(|candidacy| candidacy.elected);
        candidacy.is_some_and(|it| now < it.asked_at + (config.lease.saturating_sub(config.drift)))
    }

    fn stand(&mut self, config: &Config, ticket: Ticket, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let now = host.now();
        if now < self.vote.until && self.vote.to != Some(config.name) {
            host.emit(Effect::Answer { ticket, answer: Answer::Bound });
            return;
        }
        self.write(config, self.vote.term + 1, config.name, host);
        self.candidacy = Some(Candidacy { asked_at: now, votes: BTreeMap::new(), elected: false });
        self.ask(config, host);
        let message = Message::Vote { term: self.vote.term };
        if config.fault == Fault::CountsItselfAtOnce {
            self.count(config, config.name, self.vote.term, host);
        } else {
            host.emit(Effect::Send { to: config.name, message, fence: Fence::Durable });
        }
        host.emit(Effect::Answer { ticket, answer: Answer::Standing });
        if config.fault == Fault::AnswersTwice {
            host.emit(Effect::Answer { ticket, answer: Answer::Standing });
        }
    }

    fn write(&mut self, config: &Config, term: u64, to: u8, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.vote = Vote { term, to: Some(to), until: host.now() + config.lease };
        host.emit(Effect::Persist(self.vote.clone()));
    }

    fn ask(&self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for to in config.others.iter().copied() {
            // Where a candidate counts itself at once, it does not wait for its disk before it asks either.
            let fence = if config.fault == Fault::CountsItselfAtOnce { Fence::None } else { Fence::Durable };
            host.emit(Effect::Send { to, message: Message::Ask { term: self.vote.term }, fence });
        }
        if config.fault != Fault::NeverAsksAgain {
            let extra = config.jitter.map_or(0, |bound| host.choose(bound));
            host.emit(Effect::Arm { timer: Timer::AskAgain, after: TICK * (1 + extra) });
        }
    }

    fn asked(&mut self, config: &Config, from: u8, term: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let is_bound = host.now() < self.vote.until && self.vote.to != Some(from);
        if term > self.vote.term && !is_bound {
            self.write(config, term, from, host);
            self.candidacy = None;
            host.emit(Effect::Disarm(Timer::AskAgain));
        }
        if term == self.vote.term && self.vote.to == Some(from) {
            let fence = if config.fault == Fault::TellsTooEarly { Fence::None } else { Fence::Durable };
            host.emit(Effect::Send { to: from, message: Message::Vote { term }, fence });
        }
    }

    fn count(&mut self, config: &Config, from: u8, term: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let is_mine = term == self.vote.term && self.vote.to == Some(config.name);
        assert!(is_mine || config.fault != Fault::PanicsAtALateVote, "a late vote");
        let Some(candidacy) = self.candidacy.as_mut().filter(|it| is_mine && !it.elected) else { return };
        let votes = candidacy.votes.entry(from).or_default();
        *votes = if config.fault == Fault::CountsCopies { *votes + 1 } else { 1 };
        if candidacy.votes.values().sum::<u32>() >= config.quorum {
            candidacy.elected = true;
            host.emit(Effect::Disarm(Timer::AskAgain));
            host.emit(Effect::Notify(Elected { term }));
            for to in config.others.iter().copied() {
                host.emit(Effect::Send { to, message: Message::Lead { term }, fence: Fence::None });
            }
        }
    }
}

impl Names for Ballot {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.vote.instants(each);
        self.candidacy.iter_mut().for_each(|candidacy| each(&mut candidacy.asked_at));
    }

    fn epochs(&mut self, _: &mut dyn FnMut(&mut Epoch)) {}
}

impl Machine for Ballot {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request: Request::Stand } => self.stand(config, ticket, host),
            Input::Request { ticket, request: Request::Recall } => host.emit(Effect::Load(Recall(ticket))),
            Input::Message { from, message: Message::Ask { term } } => self.asked(config, from, term, host),
            Input::Message { from, message: Message::Vote { term } } => self.count(config, from, term, host),
            Input::Message { message: Message::Lead { .. }, .. } => {}
            Input::Timer(Timer::AskAgain) => {
                if self.candidacy.as_ref().is_some_and(|candidacy| !candidacy.elected) {
                    self.ask(config, host);
                }
            }
            Input::Loaded(Recalled { ticket, terms }) => {
                host.emit(Effect::Answer { ticket, answer: Answer::Voted(terms) });
            }
        }
    }
}

impl Protocol for Ballot {
    const FORMAT: u32 = 1;
    type Address = u8;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Timer = Timer;
    type Record = Vote;
    type Load = Recall;
    type Loaded = Recalled;
    type Event = Elected;
    type Image = Vote;

    fn fold(image: &mut Vote, record: Vote) {
        *image = record;
    }

    fn image(&self) -> &Vote {
        &self.vote
    }

    fn recover(config: &Config, image: Vote, _: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let forgets = config.fault == Fault::ForgetsItsPromise;
        let until = if forgets { Instant::ORIGIN } else { image.until };
        Self { vote: Vote { until, ..image }, candidacy: None }
    }

    fn lookup(journal: &[Vote], load: Recall) -> Option<Recalled> {
        Some(Recalled { ticket: load.0, terms: journal.iter().map(|vote| vote.term).collect() })
    }
}
