//! Purlin's Raft. Its records need nothing done: the machine keeps what they fold to. So nothing waits at a fence either.

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

const MEMBERS: [Member; NODES] = [Member::new(1), Member::new(2), Member::new(3)];

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

/// Takes the errands of the node whose turn it is.
struct Desk {
    me: Member,
    inboxes: Inboxes<(Member, Message<Counter>)>,
    /// What the node says to itself, which it hears once its inbox is empty.
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
            Effect::Send { to, message, .. } => self.inboxes.send(to.id.get() as usize - 1, (self.me, message)),
            Effect::Answer { answer: Answer::Applied { .. }, .. } => self.answered += 1,
            Effect::Answer { answer: Answer::Read { view, .. }, .. } => self.view = view,
            Effect::Answer { answer, .. } => panic!("this load is never answered by {answer:?}"),
            Effect::Load(load) => panic!("all entries fit in memory, but {load:?}"),
            Effect::Persist(_) | Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_) => {}
        }
    }
}

struct Node {
    raft: Raft<Counter>,
    config: Config,
}

pub(crate) struct Cluster {
    nodes: [Node; NODES],
    desk: Desk,
}

impl Cluster {
    /// Three nodes of which the first leads.
    pub(crate) fn elect() -> Self {
        let mut desk = Desk {
            me: MEMBERS[0],
            inboxes: Inboxes::empty(),
            to_itself: VecDeque::new(),
            answered: 0,
            view: Counter::default(),
        };
        let nodes = MEMBERS.map(|member| Node::new(member, &mut desk));
        let mut cluster = Self { nodes, desk };
        cluster.step(0, Input::Timer(Timer::Election));
        (0..10).for_each(|_| cluster.round());
        cluster
    }

    fn step(&mut self, own: usize, input: Input<Raft<Counter>>) {
        let Node { raft, config } = &mut self.nodes[own];
        self.desk.me = MEMBERS[own];
        raft.step(config, input, &mut self.desk);
    }

    /// A node hears what has arrived, then what it says to itself meanwhile.
    fn turn(&mut self, own: usize) {
        while let Some((from, message)) = self.desk.inboxes.next(own) {
            self.step(own, Input::Message { from, message });
        }
        while let Some(message) = self.desk.to_itself.pop_front() {
            self.step(own, Input::Message { from: MEMBERS[own], message });
        }
    }

    fn look(&mut self, own: usize) -> Applied {
        let request = Request::Read { consistency: Consistency::Stale, query: Query };
        self.step(own, Input::Request { ticket: Ticket(0), request });
        let Counter { proposals, bytes } = self.desk.view;
        Applied { proposals, bytes }
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        let request = Request::Propose { stamp: None, command: Command(vec![fill; bytes]) };
        self.step(0, Input::Request { ticket: Ticket(0), request });
    }

    fn round(&mut self) {
        (0..NODES).for_each(|own| self.turn(own));
    }

    fn led(&self) -> u64 {
        self.desk.answered
    }

    fn applied(&mut self) -> [Applied; NODES] {
        std::array::from_fn(|own| self.look(own))
    }

    fn sent(&self) -> u64 {
        self.desk.inboxes.sent()
    }
}

impl Node {
    fn new(me: Member, desk: &mut Desk) -> Self {
        let settings = Settings {
            message_bytes_max: 1 << 20,
            inflight_messages_max: 256,
            snapshot_every: COMPACT_AFTER - KEEP,
            trailing_entries: KEEP,
            ..Settings::founding(me, MEMBERS)
        };
        let config = settings.validate().expect("the settings are valid");
        let raft = Raft::recover(&config, Image::default(), desk);
        Self { raft, config }
    }
}
