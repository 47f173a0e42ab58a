//! Purlin's Raft. What it sends is collected and leaves at the end of a node's turn. Its records need nothing more, since the
//! machine keeps what they fold to; so nothing waits at a fence either.

use crate::workload::{Applied, COMPACT_AFTER, Engine, Inboxes, KEEP, NODES};
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::raft::{Answer, Application, Config, Consistency, Image, Member, Message, Raft, Request, Settings, Timer};
use purlin::{Clock, Host, Instant, Machine, nameless};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
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
}

/// Where a node's errands go.
struct Desk {
    me: Member,
    /// What was said to others.
    outgoing: Vec<(Member, Message<Counter>)>,
    /// What it says to itself, which it hears once its inbox is empty.
    to_itself: VecDeque<Message<Counter>>,
    answered: u64,
    view: Counter,
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
        match effect {
            Effect::Send { to, message, .. } if to == self.me => self.to_itself.push_back(message),
            Effect::Send { to, message, .. } => self.outgoing.push((to, message)),
            Effect::Answer { answer: Answer::Applied { .. }, .. } => self.answered += 1,
            Effect::Answer { answer: Answer::Read { view, .. }, .. } => self.view = view,
            Effect::Answer { answer, .. } => panic!("this load is never answered by {answer:?}"),
            Effect::Load(load) => panic!("all entries fit in memory, but {load:?}"),
            Effect::Persist(_) | Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_) => {}
        }
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
        cluster.nodes[0].step(Input::Timer(Timer::Election));
        (0..10).for_each(|_| cluster.round());
        cluster
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        let request = Request::Propose { stamp: None, command: Command(vec![fill; bytes]) };
        self.nodes[0].step(Input::Request { ticket: Ticket(0), request });
    }

    fn round(&mut self) {
        for (own, node) in self.nodes.iter_mut().enumerate() {
            node.turn(own, &mut self.inboxes);
        }
    }

    fn led(&self) -> u64 {
        self.nodes[0].desk.answered
    }

    fn applied(&mut self) -> [Applied; NODES] {
        self.nodes.each_mut().map(Node::look)
    }

    fn sent(&self) -> u64 {
        self.inboxes.sent()
    }
}

impl Node {
    fn new(own: usize) -> Self {
        let members = std::array::from_fn::<_, NODES, _>(|place| Member::new(place as u32 + 1));
        let me = members[own];
        let settings = Settings {
            message_bytes_max: 1 << 20,
            inflight_messages_max: 256,
            snapshot_every: COMPACT_AFTER - KEEP,
            trailing_entries: KEEP,
            ..Settings::founding(me, members)
        };
        let config = settings.validate().expect("the settings are valid");
        let (outgoing, to_itself) = (Vec::new(), VecDeque::new());
        let mut desk = Desk { me, outgoing, to_itself, answered: 0, view: Counter::default() };
        let raft = Raft::recover(&config, Image::default(), &mut desk);
        Self { raft, config, desk }
    }

    /// Hears what has arrived, then what it says to itself meanwhile; and sends.
    fn turn(&mut self, own: usize, inboxes: &mut Inboxes<Letter>) {
        let mut arrived = inboxes.take(own);
        for (from, message) in arrived.drain(..) {
            self.step(Input::Message { from, message });
        }
        inboxes.give_back(own, arrived);
        while let Some(message) = self.desk.to_itself.pop_front() {
            self.step(Input::Message { from: self.desk.me, message });
        }
        for (to, message) in self.desk.outgoing.drain(..) {
            inboxes.send(to.id.get() as usize - 1, (self.desk.me, message));
        }
    }

    fn step(&mut self, input: Input<Raft<Counter>>) {
        self.raft.step(&self.config, input, &mut self.desk);
    }

    fn look(&mut self) -> Applied {
        self.step(Input::Request {
            ticket: Ticket(0),
            request: Request::Read { consistency: Consistency::Stale, query: Query },
        });
        let Counter { proposals, bytes } = self.desk.view;
        Applied { proposals, bytes }
    }
}
