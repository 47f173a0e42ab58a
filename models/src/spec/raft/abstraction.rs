//! α for Raft: what `Raft.tla` would call a state of the code's world, and a step of it.

use super::knowledge::Knowledge;
use super::{Tape, words};
use crate::cluster::{Action, Cluster, ClusterModel, Kind, Node, Packet};
use crate::refinement::Abstraction;
use crate::spec::{Value, View};
use purlin::protocol::{Effect, Input, Protocol};
use purlin::raft::{Image, Member, Raft, Timer};
use std::collections::{BTreeMap, BTreeSet};

type Replicas = Cluster<Raft<Tape>>;

/// How replicas look in the words of `Raft.tla`.
///
/// Timers may fire at any moment once they are set, and messages stay under way: to come twice is to come again. Where a disk
/// lags it does so at every moment: a step that is followed by its sync at once is a step and then a sync. Dying on the way
/// through a step is dying after it, with as much lost: nobody has seen the difference.
#[derive(Clone, Debug)]
pub struct RaftAbstraction {
    pub(super) candidates: BTreeSet<usize>,
    pub(super) lagging: BTreeSet<usize>,
    pub(super) mortals: BTreeSet<usize>,
    pub(super) heard: BTreeSet<String>,
    pub(super) terms_max: u64,
    pub(super) heartbeats_max: u64,
    pub(super) tail_max: usize,
}

impl Abstraction for RaftAbstraction {
    type Model = ClusterModel<Raft<Tape>>;

    fn view(&self, model: &Self::Model, state: &Replicas) -> Result<View, String> {
        if let Some(broken) = &state.broken {
            return Err(format!("the step broke: {broken:?}"));
        }
        let members: Vec<Member> = model.scope.nodes.iter().map(|node| node.config.me()).collect();
        let journals: Vec<Vec<Image<Tape>>> = state.nodes.iter().map(|node| journal(node)).collect();
        entries_agree(&journals)?;
        let mut views = Vec::new();
        for ((node, me), journal) in state.nodes.iter().zip(&members).zip(&journals) {
            views.push(NodeView::of(node, *me, journal)?);
        }
        let messages: Result<_, _> = state.network.iter().map(|packet| packet_value(&members, packet)).collect();
        let each =
            |value: fn(&NodeView) -> &Value| Value::Sequence(views.iter().map(|view| value(view).clone()).collect());
        let fields = [
            ("journal", each(|view| &view.journal)),
            ("owed", each(|view| &view.owed)),
            ("own", each(|view| &view.own)),
            ("mind", each(|view| &view.mind)),
            ("messages", Value::Set(messages?)),
            ("proposals", u32::from(state.left.requests).into()),
            ("crashes", u32::from(state.left.crashes).into()),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn label(&self, _: &Self::Model, _: &Replicas, action: &Action<Raft<Tape>>, _: &Replicas) -> Option<String> {
        let label = match &action.kind {
            Kind::Deliver { packet, .. } => label_of(packet)?,
            Kind::Fire { timer: Timer::Election, .. } => "Timeout",
            Kind::Fire { timer: Timer::Heartbeat, .. } => "Heartbeat",
            Kind::Request { .. } => "Propose",
            Kind::Own { .. } => "HearOneself",
            Kind::Sync { .. } => "Sync",
            Kind::Crash { .. } => "Crash",
            Kind::Restart { .. } => "Restart",
            _ => return None,
        };
        Some(label.to_owned())
    }

    fn offers(&self, _: &Self::Model, state: &Replicas, action: &Action<Raft<Tape>>) -> bool {
        action.fate.is_whole() && self.happens(state, &action.kind)
    }

    fn refresh(&self, state: &mut Replicas) {
        for place in 0..state.nodes.len() {
            let node = state.node_mut(place);
            node.is_stalled = self.lagging.contains(&place);
            let now = node.now;
            node.timers.iter_mut().for_each(|(_, due)| *due = now);
        }
    }
}

/// The bounds of the specification's world.
impl RaftAbstraction {
    fn happens(&self, state: &Replicas, kind: &Kind<Raft<Tape>>) -> bool {
        let is_quiet = state.nodes.iter().all(|node| node.own.is_empty());
        match kind {
            Kind::Own { .. } => true,
            _ if !is_quiet => false,
            Kind::Deliver { packet, twice } => {
                let comes = words::kind(&packet.message.body).is_some_and(|kind| self.heard.contains(kind));
                *twice && comes && self.is_free(state, packet.to)
            }
            Kind::Fire { node, timer } => self.is_free(state, *node) && self.fires(state, *node, *timer),
            Kind::Request { node, .. } => self.is_free(state, *node),
            Kind::Crash { node, .. } => self.mortals.contains(node),
            _ => true,
        }
    }

    fn is_free(&self, state: &Replicas, node: usize) -> bool {
        state.nodes[node].records_in_tail() < self.tail_max
    }

    fn fires(&self, state: &Replicas, node: usize, timer: Timer) -> bool {
        let Some(raft) = state.machine(node) else { return false };
        match timer {
            Timer::Election => self.candidates.contains(&node) && raft.term() < self.terms_max,
            Timer::Heartbeat => Knowledge::of(raft).is_ok_and(|known| known.round() <= self.heartbeats_max),
            Timer::Stickiness | Timer::CheckQuorum | Timer::Transfer | Timer::RetryReads => false,
        }
    }
}

fn label_of(packet: &Packet<Raft<Tape>>) -> Option<&'static str> {
    Some(match words::kind(&packet.message.body)? {
        "pre_vote" => "HandlePreVote",
        "pre_voted" => "HandlePreVoted",
        "vote" => "HandleVote",
        "voted" => "HandleVoted",
        "append" => "HandleAppend",
        "appended" => "HandleAppended",
        "not_appended" => "HandleNotAppended",
        _ => return None,
    })
}

/// One node in the words of the specification.
struct NodeView {
    journal: Value,
    owed: Value,
    own: Value,
    mind: Value,
}

impl NodeView {
    fn of(node: &Node<Raft<Tape>>, me: Member, journal: &[Image<Tape>]) -> Result<Self, String> {
        Ok(Self {
            journal: Value::Sequence(journal.iter().map(words::image).collect()),
            owed: Value::Sequence(owed(node, me)?),
            own: Value::Sequence(own(node, me)?),
            mind: mind(node, me, journal)?,
        })
    }
}

/// What each prefix of the journal adds up to, from the durable one on.
fn journal(node: &Node<Raft<Tape>>) -> Vec<Image<Tape>> {
    let mut image = (*node.disk).clone();
    let mut images = vec![image.clone()];
    for effect in &node.tail {
        if let Effect::Persist(record) = &**effect {
            Raft::fold(&mut image, record.clone());
            images.push(image.clone());
        }
    }
    images
}

/// The specification shows an entry's term only: index and term tell what it says.
fn entries_agree(journals: &[Vec<Image<Tape>>]) -> Result<(), String> {
    let mut known = BTreeMap::new();
    for entry in journals.iter().flatten().flat_map(|image| image.log.held_from(1)) {
        let first = known.entry((entry.index, entry.term)).or_insert(&entry.payload);
        if *first != &entry.payload {
            return Err(format!("there are two entries {} of term {}", entry.index, entry.term));
        }
    }
    Ok(())
}

/// What is said to others, and to oneself, once the records before it are durable.
fn owed(node: &Node<Raft<Tape>>, me: Member) -> Result<Vec<Value>, String> {
    let mut records: u32 = 0;
    let mut owed = Vec::new();
    for effect in &node.tail {
        match &**effect {
            Effect::Persist(_) => records += 1,
            Effect::Send { to, message, .. } => {
                let message = words::message(me, *to, message)?;
                owed.push(Value::record([("message", message), ("after", records.into())]));
            }
            _ => {}
        }
    }
    Ok(owed)
}

fn own(node: &Node<Raft<Tape>>, me: Member) -> Result<Vec<Value>, String> {
    let said = node.own.iter().map(|input| match &**input {
        Input::Message { message, .. } => words::message(me, me, message),
        other => Err(format!("{other:?} is no message to oneself")),
    });
    said.collect()
}

fn mind(node: &Node<Raft<Tape>>, me: Member, journal: &[Image<Tape>]) -> Result<Value, String> {
    let Some(raft) = &node.machine else { return Ok(words::asleep()) };
    if Some(raft.image()) != journal.last() {
        return Err("what the replica goes by is not what it wrote".to_owned());
    }
    let knowledge = Knowledge::of(raft)?;
    if knowledge.applied != knowledge.commit {
        return Err(format!("{} is committed and {} is applied", knowledge.commit, knowledge.applied));
    }
    Ok(words::awake(me, &knowledge))
}

fn packet_value(members: &[Member], packet: &Packet<Raft<Tape>>) -> Result<Value, String> {
    words::message(members[packet.from], members[packet.to], &packet.message)
}
