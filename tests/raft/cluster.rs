//! A small cluster whose every move is told.

use crate::describe::{Letters, effect, message, standing};
use core::num::NonZeroU32;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::raft::{Config, Image, Member, Membership, Message, Raft, Request, Settings, Timer};
use purlin::{Clock, Host, Instant, Machine};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Replica = Raft<Letters>;

#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) settings: Map<String, Value>,
    pub(crate) told: Vec<String>,
    nodes: BTreeMap<Member, Node>,
    flying: Vec<Letter>,
    cut_off: BTreeSet<Member>,
    tickets: u64,
}

struct Node {
    config: Config,
    disk: Image<Letters>,
    replica: Option<Replica>,
}

/// A message on its way.
#[derive(Clone)]
struct Letter {
    from: Member,
    to: Member,
    message: Message<Letters>,
}

/// Time stands still: a clock is read for leases only.
#[derive(Default)]
struct Hand(Vec<Effect<Replica>>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::default()
    }
}

impl Host<Effect<Replica>> for Hand {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Replica>) {
        self.0.push(effect);
    }
}

impl Cluster {
    pub(crate) fn found(&mut self, members: &[Member]) {
        let founders = Membership::of_voters(members.iter().copied());
        members.iter().for_each(|member| self.add(*member, &founders));
    }

    pub(crate) fn join(&mut self, member: Member) {
        self.add(member, &Membership::default());
    }

    fn add(&mut self, me: Member, founders: &Membership) {
        let mut settings = self.settings.clone();
        settings.extend([("me".to_owned(), json!(me)), ("founders".to_owned(), json!(founders))]);
        let settings: Settings = serde_json::from_value(settings.into()).unwrap();
        let node = Node { config: settings.validate().unwrap(), disk: Image::default(), replica: None };
        self.nodes.insert(me, node);
        self.start(me);
    }

    pub(crate) fn start(&mut self, me: Member) {
        let node = self.nodes.get_mut(&me).unwrap();
        let mut host = Hand::default();
        node.replica = Some(Replica::recover(&node.config, node.disk.clone(), &mut host));
        let mut inbox = VecDeque::new();
        host.0.into_iter().for_each(|effect| self.carry_out(me, effect, &mut inbox));
        self.run(me, inbox);
    }

    /// What was on its way to it is lost with it.
    pub(crate) fn crash(&mut self, me: Member) {
        self.nodes.get_mut(&me).unwrap().replica = None;
        self.flying.retain(|letter| letter.to != me);
    }

    pub(crate) fn fire(&mut self, me: Member, timer: Timer) {
        self.run(me, [Input::Timer(timer)].into());
    }

    pub(crate) fn ask(&mut self, me: Member, request: Request<Letters>) {
        self.tickets += 1;
        self.run(me, [Input::Request { ticket: Ticket(self.tickets), request }].into());
    }

    /// Works off the input and all that the replica then says to itself.
    fn run(&mut self, me: Member, mut inbox: VecDeque<Input<Replica>>) {
        while let Some(input) = inbox.pop_front() {
            let node = self.nodes.get_mut(&me).unwrap();
            let mut host = Hand::default();
            node.replica.as_mut().unwrap_or_else(|| panic!("{me} is down")).step(&node.config, input, &mut host);
            host.0.into_iter().for_each(|effect| self.carry_out(me, effect, &mut inbox));
        }
    }

    fn carry_out(&mut self, me: Member, effect: Effect<Replica>, inbox: &mut VecDeque<Input<Replica>>) {
        self.told.extend(self::effect(&effect).map(|told| format!("{me} {told}")));
        let node = self.nodes.get_mut(&me).unwrap();
        match effect {
            Effect::Persist(record) => Replica::fold(&mut node.disk, record),
            Effect::Load(load) => inbox.extend(node.disk.look_up(load).map(Input::Loaded)),
            Effect::Send { to, message, .. } if to == me => inbox.push_back(Input::Message { from: me, message }),
            Effect::Send { to, message, .. } => self.send(Letter { from: me, to, message }),
            Effect::Answer { .. } | Effect::Notify(_) | Effect::Arm { .. } | Effect::Disarm(_) => {}
        }
    }

    fn send(&mut self, letter: Letter) {
        let told = format!("{} -> {} {}", letter.from, letter.to, message(&letter.message));
        if self.cut_off.contains(&letter.from) || self.cut_off.contains(&letter.to) {
            return self.told.push(format!("{told} (cut off)"));
        }
        self.told.push(told);
        self.flying.push(letter);
    }

    pub(crate) fn deliver(&mut self, link: Option<(Member, Member)>) {
        let meant = |letter: &mut Letter| is_on(letter, link);
        let letters: Vec<Letter> = self.flying.extract_if(.., meant).collect();
        letters.into_iter().for_each(|letter| self.hand_over(letter));
    }

    pub(crate) fn settle(&mut self) {
        while !self.flying.is_empty() {
            self.deliver(None);
        }
    }

    fn hand_over(&mut self, Letter { from, to, message }: Letter) {
        if self.nodes.get(&to).is_some_and(|node| node.replica.is_some()) {
            self.run(to, [Input::Message { from, message }].into());
        }
    }

    pub(crate) fn lose(&mut self, link: Option<(Member, Member)>) {
        self.flying.retain(|letter| !is_on(letter, link));
    }

    pub(crate) fn cut(&mut self, members: &[Member]) {
        self.cut_off.extend(members);
        self.flying.retain(|letter| !members.contains(&letter.from) && !members.contains(&letter.to));
    }

    pub(crate) fn heal(&mut self) {
        self.cut_off.clear();
    }

    pub(crate) fn show(&mut self) {
        for (member, node) in &self.nodes {
            self.told.push(match &node.replica {
                Some(replica) => format!("{member} {}", standing(replica)),
                None => format!("{member} down"),
            });
        }
    }
}

fn is_on(letter: &Letter, link: Option<(Member, Member)>) -> bool {
    link.is_none_or(|link| link == (letter.from, letter.to))
}
