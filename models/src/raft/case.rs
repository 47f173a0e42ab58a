//! How a model of replicas is put together.

use super::{History, Ledger, Replica, claims, member};
use crate::cluster::{
    Budgets, Claims, ClusterModel, ClusterScope, Hasty, Node, NodeScope, Packet, Past, Requests, SomeStep, Sometimes,
};
use crate::{Model, ModelOf, Scope};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::log::Boundary;
use purlin::raft::{
    Applied, Body, Consistency, Entry, Image, Member, Membership, Payload, Record, Request, RoleName, Settings, Slice,
    Snapshot, Timer,
};
use std::sync::Arc;

/// One tick of time: the grain of a model's settings.
pub const TICK: Duration = Duration::from_millis(1);

/// Settings as small as they come: no pre-vote, no quorum check, no batches, no snapshots of their own, and a drawn wait that is
/// always the same.
pub fn small(me: usize, founders: usize) -> Settings {
    Settings {
        election_timeout_ms: 2,
        heartbeat_ms: 1,
        election_spread: NonZeroU32::MIN,
        pre_vote: false,
        check_quorum: false,
        batching: false,
        snapshot_every: 0,
        trailing_entries: 0,
        ..Settings::founding(member(me), (0..founders).map(member))
    }
}

/// A model in the making.
pub struct Case {
    name: &'static str,
    scope: Scope,
    founders: usize,
    settings: Vec<Settings>,
    disks: Vec<Vec<Record<Ledger>>>,
    world: ClusterScope<Replica, History>,
    claims: Claims<Replica, History>,
}

impl Case {
    /// So many founders, whom nobody asks for anything and whom nothing befalls. Time stands still.
    pub fn new(name: &'static str, scope: Scope, founders: usize) -> Self {
        let settings: Vec<Settings> = (0..founders).map(|node| small(node, founders)).collect();
        let world = ClusterScope {
            ignores: ignores_what_is_over,
            supersedes: says_as_much,
            own_first: true,
            in_flight: 16,
            past: Past::Exact,
            looks_up: Some(Image::look_up),
            ..ClusterScope::new([])
        };
        let claims = Claims { always: claims::always(), every_step: claims::every_step(), ..Claims::default() };
        Self { name, scope, founders, settings, disks: Vec::new(), world, claims }
    }

    /// Nodes that are no founders and join later.
    #[must_use]
    pub fn joiners(mut self, count: usize) -> Self {
        let next = self.settings.len();
        self.settings.extend(
            (next..next + count).map(|node| Settings { founders: Membership::default(), ..small(node, self.founders) }),
        );
        self
    }

    /// Other settings, on every node.
    #[must_use]
    pub fn with(mut self, change: impl Fn(&mut Settings)) -> Self {
        self.settings.iter_mut().for_each(change);
        self
    }

    /// What is written on the disks at the beginning: one list of records each, behind that of the first process's begin.
    #[must_use]
    pub fn seeds(mut self, disks: impl IntoIterator<Item = Vec<Record<Ledger>>>) -> Self {
        self.disks = disks.into_iter().collect();
        self
    }

    fn node_scopes(&self) -> Vec<NodeScope<Replica>> {
        let configs = self.settings.iter().cloned().map(|it| it.validate().expect("a model's settings are valid"));
        let scopes = configs.map(|config| NodeScope::at(config.me(), config));
        let mut scopes: Vec<NodeScope<Replica>> = scopes.collect();
        for (scope, records) in scopes.iter_mut().zip(&self.disks) {
            let founders = Arc::new(scope.config.settings().founders.clone());
            scope.records = core::iter::once(Record::Began { founders }).chain(records.iter().cloned()).collect();
        }
        scopes
    }

    /// A timer fires at any moment, so often on all of these nodes together.
    #[must_use]
    pub fn hasty(mut self, timer: Timer, nodes: impl Into<Vec<usize>>, times: u8) -> Self {
        self.world.hasty.push(Hasty { timer, nodes: nodes.into(), times });
        self
    }

    /// These nodes stand for election, so often all together.
    #[must_use]
    pub fn elections(self, nodes: impl Into<Vec<usize>>, times: u8) -> Self {
        self.hasty(Timer::Election, nodes, times)
    }

    /// What may happen, and how often.
    #[must_use]
    pub fn befall(mut self, budgets: Budgets) -> Self {
        let requests = self.world.budgets.requests;
        self.world.budgets = Budgets { requests, ..budgets };
        self
    }

    /// Whoever leads is asked for so many commands, one after the other: each has its number.
    #[must_use]
    pub fn proposals(self, count: u8) -> Self {
        self.asks(count, move |state, node, ask| {
            if state.machine(node).is_some_and(|replica| replica.role() == RoleName::Leader) {
                ask(Request::Propose { stamp: None, command: count - state.left.requests });
            }
        })
    }

    /// So many requests, as a function of the state.
    #[must_use]
    pub fn asks(
        mut self,
        count: u8,
        ask: impl Fn(&claims::State, usize, &mut dyn FnMut(Request<Ledger>)) + Send + Sync + 'static,
    ) -> Self {
        self.world.budgets.requests = count;
        self.world.open_requests = usize::from(count);
        self.world.requests = Requests::by(ask);
        self
    }

    /// How many requests there are.
    pub fn requests(&self) -> u8 {
        self.world.budgets.requests
    }

    /// Leaders are elected, and nothing is heard of them.
    #[must_use]
    pub fn only_votes(mut self) -> Self {
        self.world.ignores = all_but_votes;
        self
    }

    /// Messages that are dropped: by default those that can mean nothing any more to their receiver.
    #[must_use]
    pub fn ignores(mut self, ignores: fn(&Node<Replica>, &Packet<Replica>) -> bool) -> Self {
        self.world.ignores = ignores;
        self
    }

    /// The world, to be changed.
    #[must_use]
    pub fn world(mut self, change: impl FnOnce(&mut ClusterScope<Replica, History>)) -> Self {
        change(&mut self.world);
        self
    }

    /// With witnesses among the states.
    #[must_use]
    pub fn sometimes(mut self, witnesses: impl IntoIterator<Item = Sometimes<Replica, History>>) -> Self {
        self.claims.sometimes.extend(witnesses);
        self
    }

    /// With witnesses among the steps.
    #[must_use]
    pub fn some_step(mut self, witnesses: impl IntoIterator<Item = SomeStep<Replica, History>>) -> Self {
        self.claims.some_step.extend(witnesses);
        self
    }

    /// Without a claim about steps: for worlds in which it is known not to hold.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.every_step.retain(|it| it.name != claim);
        self
    }

    /// Its world and its claims.
    pub fn into_parts(mut self) -> (ClusterScope<Replica, History>, Claims<Replica, History>) {
        self.world.nodes = self.node_scopes();
        (self.world, self.claims)
    }

    pub(super) fn boxed(self) -> Box<dyn Model> {
        let (name, scope) = (self.name, self.scope);
        let (world, claims) = self.into_parts();
        Box::new(ModelOf::of("raft", name, scope, ClusterModel::new(world, claims)))
    }
}

/// A linearizable read.
pub fn read() -> Request<Ledger> {
    Request::Read { consistency: Consistency::Linearizable, query: () }
}

/// The records of a log of these terms, in a later term or that of its last entry, of which so many entries are known to be
/// committed. Its commands are its indices.
pub fn log(term: u64, terms: &[u64], commit: u64) -> Vec<Record<Ledger>> {
    let payloads = (100..).zip(terms).map(|(command, term)| (*term, Payload::Command(command)));
    entries(term, payloads.collect(), commit)
}

/// The records of a log of these entries: each with its term and what it says.
pub(super) fn entries(term: u64, entries: Vec<(u64, Payload<Ledger>)>, commit: u64) -> Vec<Record<Ledger>> {
    let entry = |(index, (term, payload))| Entry { index, term, payload };
    let entries: Slice<Ledger> = (1..).zip(entries).map(entry).collect::<Vec<_>>().into();
    let mut records = vec![Record::Term { term, vote: None }];
    if !entries.is_empty() {
        records.push(Record::Append { entries, commit });
    }
    records
}

/// And a vote that was given in that term.
pub(super) fn voted(mut records: Vec<Record<Ledger>>, term: u64, node: usize) -> Vec<Record<Ledger>> {
    records.push(Record::Term { term, vote: Some(member(node)) });
    records
}

/// And a snapshot of the first entries, which are dropped. No session began in them.
pub(super) fn compacted(mut records: Vec<Record<Ledger>>, through: u64) -> Vec<Record<Ledger>> {
    let mut image = Image::default();
    image.fold(Record::Began { founders: Arc::new(Membership::of_voters((0..3).map(member))) });
    records.iter().cloned().for_each(|record| image.fold(record));
    let mut state = Ledger::default();
    for entry in image.log.held_from(1).take_while(|entry| entry.index <= through) {
        if let Payload::Command(command) = entry.payload {
            state.0.push(command);
        }
    }
    let (membership_index, membership) = image.membership_at(through);
    let at = Boundary { index: through, term: image.log.term(through).expect("what is dropped was there") };
    let applied = Applied { state, ..Applied::default() };
    let snapshot = Snapshot { at, membership_index, membership: Arc::clone(membership), applied };
    records.push(Record::Compact { snapshot: Arc::new(snapshot), through: at });
    records
}

/// Messages of an earlier term, and those that only another role of their term could take, are not kept. Who sent them hears
/// nothing, as if they were lost.
pub fn ignores_what_is_over(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    is_of_the_past(node, packet) || means_nothing(node, packet)
}

/// Besides, no entries are heard of.
pub(super) fn all_but_votes(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    let votes = |body: &_| {
        matches!(body, Body::Vote { .. } | Body::Voted { .. } | Body::PreVote { .. } | Body::PreVoted { .. })
    };
    !votes(&packet.message.body) || ignores_what_is_over(node, packet)
}

/// Only votes are heard of, those of earlier terms as well.
pub(super) fn all_but_votes_however_late(_node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    !matches!(packet.message.body, Body::Vote { .. } | Body::Voted { .. })
}

/// Besides, the third replica is cut off.
pub(super) fn silent_third(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    packet.from == 2 || packet.to == 2 || ignores_what_is_over(node, packet)
}

/// Besides, the first and the third replica hear nothing of each other.
pub(super) fn silent_first_and_third(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    packet.from + packet.to == 2 && packet.from != 1 || ignores_what_is_over(node, packet)
}

/// Besides, only neighbours in this row hear of each other: the fourth, the first, the second, the third.
pub(super) fn in_a_row(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    let are_neighbours = [(0, 3), (0, 1), (1, 2)].contains(&(packet.from.min(packet.to), packet.from.max(packet.to)));
    !are_neighbours || ignores_what_is_over(node, packet)
}

fn term_of(node: &Node<Replica>) -> u64 {
    node.machine.as_ref().map_or(node.disk.term, |replica| replica.term())
}

fn is_of_the_past(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    let has_a_term = !matches!(packet.message.body, Body::ReadIndex { .. } | Body::ReadIndexIs { .. });
    has_a_term && packet.message.term < term_of(node)
}

/// Messages that no role of this node can ever take in this term, and word of what it knows.
pub fn means_nothing(node: &Node<Replica>, packet: &Packet<Replica>) -> bool {
    let Some(replica) = node.machine.as_ref().filter(|replica| replica.term() == packet.message.term) else {
        return false;
    };
    match &packet.message.body {
        Body::Voted { .. } => replica.role() != RoleName::Candidate,
        Body::Appended { .. } | Body::NotAppended { .. } | Body::ChunkTaken { .. } => {
            replica.role() != RoleName::Leader
        }
        Body::Append { round: 0, prev, commit, entries } => {
            let is_known = entries.is_empty() && *commit <= replica.commit() && has(replica, *prev);
            is_known && replica.leader() == Some(member(packet.from))
        }
        _ => false,
    }
}

/// A later message says all that an earlier one does, and more.
pub fn says_as_much(later: &Packet<Replica>, earlier: &Packet<Replica>) -> bool {
    if later.message.term != earlier.message.term {
        return false;
    }
    match (&later.message.body, &earlier.message.body) {
        (Body::Append { round, prev, commit, entries }, Body::Append { round: a, prev: b, commit: c, entries: d }) => {
            let is_within = prev.index <= b.index && b.index + d.len() as u64 <= prev.index + entries.len() as u64;
            is_within && round >= a && commit >= c
        }
        (Body::Appended { round, matched }, Body::Appended { round: a, matched: b }) => round >= a && matched >= b,
        _ => false,
    }
}

fn has(replica: &Replica, at: Boundary) -> bool {
    at.index <= replica.commit() || replica.log().matches(at)
}

/// A node's name as a member.
pub fn named(node: usize) -> Member {
    member(node)
}
