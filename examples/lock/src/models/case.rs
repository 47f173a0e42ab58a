//! How a model of the lock is put together.

use super::{Locklike, Memory, claims};
use crate::{Image, Message, Node, Record, Request, Settings};
use core::time::Duration;
use purlin::protocol::Effect;
use purlin_models::cluster::{self, Budgets, Claims, LeadsTo, NodeScope, Packet, Past, Requests, Shared, SomeStep};
use purlin_models::{Cluster, ClusterScope, Model, ProtocolModel, Scope};

/// One tick of time: the grain of a model's settings.
pub const TICK: Duration = Duration::from_millis(1);

/// Settings as small as they come: a lease and a margin of so many ticks, and questions that are asked again after one.
pub fn ticks(lease: u64, margin: u64) -> Settings {
    Settings { lease_ms: lease, margin_ms: margin, retry_ms: 1, ..Settings::default() }
}

/// A model in the making.
pub struct Case<P: Locklike> {
    name: &'static str,
    scope: Scope,
    world: ClusterScope<P, Memory>,
    claims: Claims<P, Memory>,
}

impl<P: Locklike> Case<P> {
    /// Node 0 keeps the lock; so many others ask for it and give it back.
    ///
    /// # Panics
    /// If the settings do not hold.
    pub fn new(name: &'static str, scope: Scope, clients: u8, settings: Settings) -> Self {
        let lease = Duration::from_millis(settings.lease_ms);
        let config = settings.validate().expect("a model's settings are valid");
        let nodes = (0..=clients).map(|node| NodeScope::at(Node(node), config.clone()));
        let world = ClusterScope {
            tick: TICK,
            ignores,
            // A question that was asked a lease ago is as good as one that was asked before it.
            past: Past::OrderBeyond(lease),
            symmetries: if clients == 2 { vec![exchange_clients] } else { Vec::new() },
            ..ClusterScope::new(nodes)
        };
        let claims = Claims { always: claims::always(), every_step: claims::every_step(), ..Claims::default() };
        Self { name, scope, world, claims }.asked_of(1..=usize::from(clients))
    }

    /// What may happen, and how often.
    #[must_use]
    pub fn befall(mut self, budgets: Budgets) -> Self {
        self.world.budgets = budgets;
        self
    }

    /// Timers may fire at any later moment, or never.
    #[must_use]
    pub fn late_timers(mut self) -> Self {
        self.world.lateness = None;
        self
    }

    /// How many requests of one node may be open at once.
    #[must_use]
    pub fn open_requests(mut self, count: usize) -> Self {
        self.world.open_requests = count;
        self
    }

    /// Clocks may lie so many ticks apart.
    #[must_use]
    pub fn skew(mut self, ticks: u32) -> Self {
        self.world.skew = ticks;
        self
    }

    /// By how many ticks clocks may be set while their process is down.
    #[must_use]
    pub fn jumps(mut self, ticks: impl Into<Vec<i16>>) -> Self {
        self.world.jumps = ticks.into();
        self
    }

    /// The nodes that are asked for the lock; and for its release, if they hold it or wait for it.
    #[must_use]
    pub fn asked_of(self, nodes: impl IntoIterator<Item = usize>) -> Self {
        let nodes: Vec<usize> = nodes.into_iter().collect();
        self.asks(move |state, node, ask| {
            if nodes.contains(&node) {
                ask(Request::Acquire);
                let is_busy = |machine: &P| machine.lock().hold.is_some() || machine.lock().asks_since().is_some();
                state.machine(node).is_some_and(is_busy).then(|| ask(Request::Release));
            }
        })
    }

    /// What is asked, by a function of the state.
    #[must_use]
    pub fn asks(
        mut self,
        ask: impl Fn(&Cluster<P, Memory>, usize, &mut dyn FnMut(Request)) + Send + Sync + 'static,
    ) -> Self {
        self.world.requests = Requests::by(ask);
        self
    }

    /// The clients are told apart.
    #[must_use]
    pub fn asymmetric(mut self) -> Self {
        self.world.symmetries.clear();
        self
    }

    /// The world ends with this token.
    #[must_use]
    pub fn up_to_token<const TOKENS: u64>(mut self) -> Self {
        self.world.boundary = |state| state.nodes[0].written().token.0 <= TOKENS;
        self
    }

    /// This is not claimed: to see what holds all the same.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.always.retain(|it| it.name != claim);
        self.claims.every_step.retain(|it| it.name != claim);
        self
    }

    pub(super) fn sometimes(mut self, witnesses: impl IntoIterator<Item = SomeStep<P, Memory>>) -> Self {
        self.claims.some_step.extend(witnesses);
        self
    }

    pub(super) fn leads_to(mut self, promises: impl IntoIterator<Item = LeadsTo<P, Memory>>) -> Self {
        self.claims.leads_to.extend(promises);
        self
    }

    /// The model.
    pub fn boxed(self) -> Box<dyn Model> {
        Box::new(ProtocolModel::new("lock", self.name, self.scope, self.world, self.claims))
    }
}

/// No two questions of a life bear one name, and no two grants one token.
fn ignores<P: Locklike>(to: &cluster::Node<P>, packet: &Packet<P>) -> bool {
    let Some(lock) = to.machine.as_ref().map(|machine| machine.lock()) else { return false };
    match packet.message {
        Message::Denied(attempt) => lock.asking.as_ref().is_none_or(|asking| asking.question.attempt != attempt),
        Message::Release(token) => lock.image.lease.is_none_or(|lease| lease.token != token),
        Message::Ask(_) | Message::Granted(_) => false,
    }
}

/// Clients 1 and 2 change places.
fn exchange_clients<P: Locklike>(state: &mut Cluster<P, Memory>) {
    state.nodes.swap(1, 2);
    let keeper = state.node_mut(0);
    keeper.disk.edit(exchange_in_image);
    keeper.machine.iter_mut().for_each(|machine| machine.edit(|it| exchange_in_image(&mut it.lock_mut().image)));
    keeper.tail.iter_mut().for_each(|effect| effect.edit(exchange_in_effect));
    for packet in &mut state.network {
        let mut renamed = (**packet).clone();
        renamed.from = other_client(renamed.from);
        renamed.to = other_client(renamed.to);
        *packet = Shared::new(renamed);
    }
    state.ghost.to.iter_mut().for_each(|(node, _)| exchange(node));
}

fn exchange_in_effect<P: Locklike>(effect: &mut Effect<P>) {
    match effect {
        Effect::Persist(Record::Leased(lease)) => exchange(&mut lease.holder),
        Effect::Send { to, .. } => exchange(to),
        _ => {}
    }
}

fn exchange_in_image(image: &mut Image) {
    image.lease.iter_mut().for_each(|lease| exchange(&mut lease.holder));
}

fn exchange(node: &mut Node) {
    node.0 = other_client(usize::from(node.0)) as u8;
}

const fn other_client(node: usize) -> usize {
    match node {
        1 => 2,
        2 => 1,
        other => other,
    }
}
