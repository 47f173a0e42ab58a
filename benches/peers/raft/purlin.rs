//! Purlin's Raft, driven as its hosts drive it: what a step asks for is collected, and carried out behind it. Records need
//! nothing more, since the machine keeps what they fold to; so nothing waits at a fence either.

use crate::workload::{Applied, COMPACT_AFTER, Engine, Inboxes, KEEP, NODES};
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::raft::{Answer, Application, Config, Consistency, Image, Member, Message, Raft, Request, Settings, Timer};
use purlin::{Clock, Host, Instant, Machine, nameless};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// What is replicated: how many commands there were, and how long they were together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Counter {
    proposals: u64,
    bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Command(Vec<u8>);

/// Tells all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Query;

/// Says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Nothing;

nameless!(Counter, Command, Query, Nothing);

impl Application for Counter {
    type Command = Command;
    type Outcome = Nothing;
    type Query = Query;
    type View = Self;
    type Event = Nothing;

    fn apply(&mut self, _index: u64, Command(payload): &Command, _announce: &mut dyn FnMut(Nothing)) -> Nothing {
        self.proposals += 1;
        self.bytes += payload.len() as u64;
        Nothing
    }

    fn read(&self, _query: &Query) -> Self {
        self.clone()
    }

    fn size(Command(payload): &Command) -> usize {
        payload.len()
    }
}

type Letter = (Member, Message<Counter>);

struct Node {
    raft: Raft<Counter>,
    config: Config,
    desk: Desk,
    /// What it says to itself, which it hears once its inbox is empty.
    to_itself: Vec<Message<Counter>>,
    answered: u64,
    view: Counter,
}

/// Collects what a step asks for.
#[derive(Default)]
struct Desk {
    errands: Vec<Effect<Raft<Counter>>>,
}

impl Clock for Desk {
    /// No timer fires here, so time stands still.
    fn now(&self) -> Instant {
        Instant::default()
    }
}

impl Host<Effect<Raft<Counter>>> for Desk {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Raft<Counter>>) {
        self.errands.push(effect);
    }
}

pub(crate) struct Cluster {
    nodes: [Node; NODES],
    inboxes: Inboxes<Letter>,
}

impl Cluster {
    /// Three nodes of which the first leads.
    pub(crate) fn elect() -> Self {
        let mut cluster = Self { nodes: std::array::from_fn(Node::new), inboxes: Inboxes::empty() };
        cluster.nodes[0].step(Input::Timer(Timer::Election), &mut cluster.inboxes);
        (0..10).for_each(|_| cluster.round());
        cluster
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        let request = Request::Propose { stamp: None, command: Command(vec![fill; bytes]) };
        self.nodes[0].step(Input::Request { ticket: Ticket(0), request }, &mut self.inboxes);
    }

    fn round(&mut self) {
        for (own, node) in self.nodes.iter_mut().enumerate() {
            node.turn(own, &mut self.inboxes);
        }
    }

    fn led(&self) -> u64 {
        self.nodes[0].answered
    }

    fn applied(&mut self) -> [Applied; NODES] {
        let Self { nodes, inboxes } = self;
        nodes.each_mut().map(|node| node.look(inboxes))
    }

    fn sent(&self) -> u64 {
        self.inboxes.sent()
    }
}

impl Node {
    fn new(own: usize) -> Self {
        let members = std::array::from_fn::<_, NODES, _>(|place| Member::new(place as u32 + 1));
        let settings = Settings {
            message_bytes_max: 1 << 20,
            inflight_messages_max: 256,
            snapshot_every: COMPACT_AFTER - KEEP,
            trailing_entries: KEEP,
            ..Settings::founding(members[own], members)
        };
        let config = settings.validate().expect("the settings are valid");
        let mut desk = Desk::default();
        let raft = Raft::recover(&config, Image::default(), &mut desk);
        desk.errands.clear();
        Self { raft, config, desk, to_itself: Vec::new(), answered: 0, view: Counter::default() }
    }

    /// Hears what has arrived, and then what it says to itself meanwhile.
    fn turn(&mut self, own: usize, inboxes: &mut Inboxes<Letter>) {
        let mut arrived = inboxes.take(own);
        for (from, message) in arrived.drain(..) {
            self.step(Input::Message { from, message }, inboxes);
        }
        inboxes.give_back(own, arrived);
        while !self.to_itself.is_empty() {
            for message in std::mem::take(&mut self.to_itself) {
                self.step(Input::Message { from: self.config.me(), message }, inboxes);
            }
        }
    }

    fn step(&mut self, input: Input<Raft<Counter>>, inboxes: &mut Inboxes<Letter>) {
        self.raft.step(&self.config, input, &mut self.desk);
        let me = self.config.me();
        for errand in self.desk.errands.drain(..) {
            match errand {
                Effect::Send { to, message, .. } if to == me => self.to_itself.push(message),
                Effect::Send { to, message, .. } => inboxes.send(to.id.get() as usize - 1, (me, message)),
                Effect::Answer { answer: Answer::Applied { .. }, .. } => self.answered += 1,
                Effect::Answer { answer: Answer::Read { view, .. }, .. } => self.view = view,
                Effect::Answer { answer, .. } => panic!("this load is never answered by {answer:?}"),
                Effect::Load(load) => panic!("all entries fit in memory, but {load:?}"),
                Effect::Persist(_) | Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_) => {}
            }
        }
    }

    fn look(&mut self, inboxes: &mut Inboxes<Letter>) -> Applied {
        let request = Request::Read { consistency: Consistency::Stale, query: Query };
        self.step(Input::Request { ticket: Ticket(0), request }, inboxes);
        Applied { proposals: self.view.proposals, bytes: self.view.bytes }
    }
}
