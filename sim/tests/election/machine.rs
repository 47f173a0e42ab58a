//! A protocol of a user's: nodes elect a leader, as those of Raft do, at most one in each term.
//!
//! ```text
//!              nobody is heard for a while            most have voted
//!   follower ──────────────────────────────▶ candidate ─────────────▶ leader
//!       ▲                                        │                      │
//!       └────────── a later term, or the leader of this one ────────────┘
//! ```
//! A vote and the request for one are fenced: they wait until the voter's own record is durable. With [`Bug`] a vote does
//! not wait, so a node that loses its power may forget it, and vote again in the same term.

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Host, Machine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

type Term = u64;

/// What is wrong with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bug {
    None,
    VotesAreNotSynced,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) own: u32,
    pub(crate) nodes: u32,
    pub(crate) patience_ms: u64,
    pub(crate) beat_ms: u64,
    pub(crate) bug: Bug,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct DoYouLead;

/// Whether the node takes itself for the leader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Leads(pub(crate) bool);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    VoteForMe(Term),
    Vote(Term),
    ILead(Term),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Timer {
    Elect,
    Beat,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Elected(pub(crate) Term);

/// What a node promises never to forget: it is its own record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Ballot {
    term: Term,
    vote: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
enum Role {
    Follower,
    Candidate { votes: BTreeSet<u32> },
    Leader,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Election {
    ballot: Ballot,
    role: Role,
}

purlin::nameless!(DoYouLead, Leads, Message, Ballot, Elected, Election);

impl Machine for Election {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request: DoYouLead } => self.asked(ticket, host),
            Input::Message { from, message: Message::VoteForMe(term) } => self.asked_to_vote(config, from, term, host),
            Input::Message { from, message: Message::Vote(term) } => self.voted_for(config, from, term, host),
            Input::Message { message: Message::ILead(term), .. } => self.led(config, term, host),
            Input::Timer(Timer::Elect) => self.stand(config, host),
            Input::Timer(Timer::Beat) => self.beat(config, host),
            Input::Loaded(()) => {}
        }
    }
}

impl Protocol for Election {
    const FORMAT: u32 = 1;
    type Address = u32;
    type Timer = Timer;
    type Request = DoYouLead;
    type Answer = Leads;
    type Message = Message;
    type Record = Ballot;
    type Load = ();
    type Loaded = ();
    type Event = Elected;
    type Image = Ballot;

    fn fold(image: &mut Ballot, record: Ballot) {
        *image = record;
    }

    fn image(&self) -> &Ballot {
        &self.ballot
    }

    fn recover(config: &Config, image: Ballot, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        wait(config, host);
        Self { ballot: image, role: Role::Follower }
    }
}

impl Election {
    fn asked(&self, ticket: Ticket, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        host.emit(Effect::Answer { ticket, answer: Leads(self.role == Role::Leader) });
    }

    fn stand(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if self.role == Role::Leader {
            return;
        }
        self.promise(Ballot { term: self.ballot.term + 1, vote: Some(config.own) }, host);
        self.role = Role::Candidate { votes: BTreeSet::from([config.own]) };
        self.beat(config, host);
        wait(config, host);
    }

    fn asked_to_vote(&mut self, config: &Config, from: u32, term: Term, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.catch_up(config, term, host);
        let is_free = self.ballot.vote.is_none_or(|vote| vote == from);
        if term < self.ballot.term || !is_free {
            return;
        }
        self.promise(Ballot { term, vote: Some(from) }, host);
        let fence = if config.bug == Bug::VotesAreNotSynced { Fence::None } else { Fence::Durable };
        host.emit(Effect::Send { to: from, message: Message::Vote(term), fence });
        wait(config, host);
    }

    fn voted_for(&mut self, config: &Config, from: u32, term: Term, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let Role::Candidate { votes } = &mut self.role else { return };
        if term != self.ballot.term {
            return;
        }
        votes.insert(from);
        if votes.len() as u32 > config.nodes / 2 {
            self.role = Role::Leader;
            host.emit(Effect::Notify(Elected(term)));
            host.emit(Effect::Disarm(Timer::Elect));
            self.beat(config, host);
        }
    }

    fn led(&mut self, config: &Config, term: Term, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.catch_up(config, term, host);
        if term == self.ballot.term && self.role != Role::Leader {
            self.role = Role::Follower;
            wait(config, host);
        }
    }

    /// Candidates ask again and again, and leaders are heard again and again.
    fn beat(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let term = self.ballot.term;
        match self.role {
            Role::Follower => return,
            Role::Candidate { .. } => tell_all(config, &Message::VoteForMe(term), Fence::Durable, host),
            Role::Leader => tell_all(config, &Message::ILead(term), Fence::None, host),
        }
        host.emit(Effect::Arm { timer: Timer::Beat, after: Duration::from_millis(config.beat_ms) });
    }

    /// Whoever hears of a later term follows.
    fn catch_up(&mut self, config: &Config, term: Term, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if term <= self.ballot.term {
            return;
        }
        self.promise(Ballot { term, vote: None }, host);
        if self.role == Role::Leader {
            host.emit(Effect::Disarm(Timer::Beat));
            wait(config, host);
        }
        self.role = Role::Follower;
    }

    fn promise(&mut self, ballot: Ballot, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if ballot != self.ballot {
            self.ballot = ballot.clone();
            host.emit(Effect::Persist(ballot));
        }
    }
}

/// From once to twice the patience, so that rarely two stand at once.
fn wait(config: &Config, host: &mut (impl Host<Effect<Election>> + ?Sized)) {
    let width = u32::try_from(config.patience_ms).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let after = Duration::from_millis(config.patience_ms + u64::from(host.choose(width)));
    host.emit(Effect::Arm { timer: Timer::Elect, after });
}

fn tell_all(config: &Config, message: &Message, fence: Fence, host: &mut (impl Host<Effect<Election>> + ?Sized)) {
    for to in (0..config.nodes).filter(|to| *to != config.own) {
        host.emit(Effect::Send { to, message: message.clone(), fence });
    }
}
