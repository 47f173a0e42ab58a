//! How a queue model is put together.

use super::{Clients, claims};
use crate::cluster::{
    Budgets, Claims, Cluster, ClusterModel, ClusterScope, LeadsTo, NodeScope, Past, Requests, SomeStep, Sometimes,
};
use crate::{Model, ModelOf, Scope};
use core::time::Duration;
use purlin::queue::{NewMessage, Queue, Request, Settings, Token};

/// One tick of time in every queue model: the grain of its settings.
pub const TICK: Duration = Duration::from_millis(1);

/// Settings as small as they come: a lease of two ticks, two attempts.
pub fn small() -> Settings {
    Settings { lease_ms: 2, max_attempts: 2, ..Settings::default() }
}

/// What clients ask for. They know the messages, their own names, and every token that they were ever given.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    /// What is put in, in any order, and again.
    pub messages: Vec<NewMessage>,
    /// Who claims.
    pub workers: Vec<&'static str>,
    /// How many at once.
    pub claim_max: u32,
    /// Leases end with an ack.
    pub ack: bool,
    /// Leases are extended by so much.
    pub extend_ms: Option<u64>,
    /// Leases end with a nack and such a delay.
    pub nack_ms: Option<u64>,
    /// Messages are killed.
    pub kill: bool,
    /// Whatever is dead is redriven.
    pub redrive: bool,
    /// Everything that else is asked.
    pub others: Vec<Request>,
}

impl Asks {
    /// Messages of these names, two workers who claim one at a time, ack and nack.
    pub fn of(ids: &[&str]) -> Self {
        let message = |id: &&str| NewMessage { id: (*id).to_owned(), ..NewMessage::default() };
        Self {
            messages: ids.iter().map(message).collect(),
            workers: vec!["v", "w"],
            claim_max: 1,
            ack: true,
            nack_ms: Some(0),
            ..Self::default()
        }
    }

    /// Messages of one ordering key.
    pub fn of_key(ids: &[&str]) -> Self {
        let mut asks = Self::of(ids);
        asks.messages.iter_mut().for_each(|message| message.key = Some("k".to_owned()));
        asks
    }

    fn each(&self, state: &Cluster<Queue, Clients>, ask: &mut dyn FnMut(Request)) {
        self.messages.iter().cloned().map(Request::Enqueue).for_each(&mut *ask);
        for worker in &self.workers {
            ask(Request::Claim { worker: (*worker).to_owned(), max: self.claim_max, lease_ms: None });
        }
        state.ghost.delivered.keys().for_each(|token| self.each_of_token(*token, ask));
        let ids = self.messages.iter().filter(|_| self.kill).map(|message| message.id.clone());
        ids.for_each(|id| ask(Request::Kill { id }));
        if self.redrive {
            ask(Request::Redrive { ids: None });
        }
        self.others.iter().cloned().for_each(ask);
    }

    fn each_of_token(&self, token: Token, ask: &mut dyn FnMut(Request)) {
        if self.ack {
            ask(Request::Ack { token });
        }
        self.extend_ms.into_iter().for_each(|lease_ms| ask(Request::Extend { token, lease_ms }));
        self.nack_ms.into_iter().for_each(|delay_ms| ask(Request::Nack { token, delay_ms }));
    }
}

/// A queue model in the making.
pub struct Case {
    name: &'static str,
    scope: Scope,
    world: ClusterScope<Queue, Clients>,
    claims: Claims<Queue, Clients>,
}

impl Case {
    /// A queue whose clients ask without end, while time stands still and nothing befalls it.
    ///
    /// # Panics
    /// If the settings are invalid.
    pub fn new(name: &'static str, scope: Scope, settings: Settings, asks: Asks) -> Self {
        let config = settings.validate().expect("a model's settings are valid");
        let world = ClusterScope {
            requests: Requests::by(move |state, _, ask| asks.each(state, ask)),
            past: Past::OrderBeyond(Duration::ZERO),
            ..ClusterScope::new([NodeScope::alone(config)])
        };
        let claims = Claims { always: claims::always(), every_step: claims::every_step(), ..Claims::default() };
        Self { name, scope, world, claims }
    }

    /// Time passes; timers fire up to so many ticks late, or at any later moment.
    #[must_use]
    pub fn time(mut self, lateness: Option<u32>) -> Self {
        self.world.tick = TICK;
        self.world.lateness = lateness;
        self
    }

    /// What may befall the queue.
    #[must_use]
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.world.budgets = budgets;
        self
    }

    /// The clock may have been set, by so many ticks, when the process comes up again.
    #[must_use]
    pub fn jumps(mut self, jumps: &[i16]) -> Self {
        self.world.jumps = jumps.to_vec();
        self
    }

    /// So many requests may be open at once.
    #[must_use]
    pub fn open_requests(mut self, open: usize) -> Self {
        self.world.open_requests = open;
        self
    }

    /// The world ends where a token beyond this many is handed out: a message that is redriven for ever takes ever new
    /// ones.
    #[must_use]
    pub fn up_to_tokens<const MOST: u64>(mut self) -> Self {
        self.world.boundary = |state| {
            let live = claims::image(state).by_token.keys();
            live.chain(state.ghost.delivered.keys()).all(|token| token.0 < MOST)
        };
        self
    }

    /// With witnesses among the states.
    #[must_use]
    pub fn sometimes(mut self, witnesses: impl IntoIterator<Item = Sometimes<Queue, Clients>>) -> Self {
        self.claims.sometimes.extend(witnesses);
        self
    }

    /// With witnesses among the steps.
    #[must_use]
    pub fn some_step(mut self, witnesses: impl IntoIterator<Item = SomeStep<Queue, Clients>>) -> Self {
        self.claims.some_step.extend(witnesses);
        self
    }

    /// With promises.
    #[must_use]
    pub fn leads_to(mut self, promises: impl IntoIterator<Item = LeadsTo<Queue, Clients>>) -> Self {
        self.claims.leads_to.extend(promises);
        self
    }

    /// Its world and its claims, to be changed.
    pub fn into_parts(self) -> (ClusterScope<Queue, Clients>, Claims<Queue, Clients>) {
        (self.world, self.claims)
    }

    pub(super) fn boxed(self) -> Box<dyn Model> {
        Box::new(ModelOf::of("queue", self.name, self.scope, ClusterModel::new(self.world, self.claims)))
    }
}
