//! A closed world of several nodes that run any protocol: with disks, timers, clocks and a network of their own.
//!
//! ```text
//!   clients ─ request ─▶ ┌──────────┐ ─ unfenced ─▶ network ─ deliver, twice, never ─▶ other nodes
//!   timers ── fire ────▶ │ protocol │ ─ records ──▶ tail ─ sync ─▶ disk ─ restart ─▶ recover
//!   network ─ deliver ─▶ └──────────┘ ─ fenced ───▶ tail (leaves once all records before it are durable)
//! ```
//!
//! A process may die between any two effects that somebody else can see, and any prefix of what was not durable may have
//! reached its disk. A disk may be slow over several steps; a sync that ends may serve a part of what waits. Clocks run
//! within a stated distance of each other, and may be set while their process is down.
//!
//! States are made finite by counting all instants from the slowest clock ([`NOW`]), and by keeping only the order of
//! those that are long past ([`Past`]). Whether a protocol computes with what is past is for its scope to say, and it can be
//! tried: under a budget of ticks the verdicts must be those of [`Past::Exact`]. Epochs stay as they are, and no machine is
//! settled: what else only grows is bounded by budgets or by the scope's boundary.
//!
//! What is not modelled: a process that still runs while another has taken its journal over. It ends when it persists.
//!
//! # A model of one's own
//! ```
//! use core::time::Duration;
//! use purlin::protocol::Protocol;
//! use purlin::queue::{NewMessage, Queue, Request, Settings};
//! use purlin_models::cluster::{Always, Budgets, Claims, ClusterScope, NodeScope, Past, Requests, Sometimes};
//! use purlin_models::{Model, ProtocolModel, Scope};
//!
//! let config = Settings::default().validate().expect("the defaults are valid");
//! let enqueue = Request::Enqueue(NewMessage { id: "a".into(), ..NewMessage::default() });
//! let claim = Request::Claim { worker: "w".into(), max: 1, lease_ms: None };
//! let world = ClusterScope {
//!     requests: Requests::any_of([enqueue, claim]),
//!     budgets: Budgets { requests: 4, crashes: 1, ..Budgets::CALM },
//!     tick: Duration::from_secs(1),
//!     past: Past::OrderBeyond(Duration::ZERO), // time has no end here; the queue only compares what is past
//!     ..ClusterScope::<Queue>::new([NodeScope::alone(config)])
//! };
//! let claims = Claims::<Queue> {
//!     always: vec![Always {
//!         name: "what is durable is known",
//!         holds: |state, _| state.machine(0).is_none_or(|queue| queue.image() == &state.nodes[0].written()),
//!     }],
//!     sometimes: vec![Sometimes { name: "the queue is down", holds: |state, _| !state.nodes[0].is_up() }],
//!     ..Claims::default()
//! };
//! let model: Box<dyn Model> = Box::new(ProtocolModel::new("queue", "an example", Scope::Quick, world, claims));
//! let report = model.check(&|_| ());
//! assert!(report.holds(), "{report:#?}");
//! ```

mod action;
pub mod claims;
mod describe;
mod errands;
mod ghost;
mod normal;
mod offer;
mod scope;
mod shared;
mod state;
mod step;

pub use crate::caller::NOW;
pub use crate::world::{Broken, Fairness};
pub use action::{Action, Fate, Kind};
pub use claims::{ANSWERS_ARE_ASKED_FOR, Always, Claims, EveryStep, LeadsTo, SomeStep, Sometimes, Step};
pub use ghost::{Ghost, Seen};
pub use scope::{Budgets, ClusterScope, Hasty, HostFault, LookUp, NodeScope, Past, Requests};
pub use shared::Shared;
pub use state::{Cluster, Node, Packet};

use crate::odometer::every_throw;
use crate::properties::assert_few;
use crate::world::{ClaimKind, Watch, World};
use derive_where::derive_where;
use purlin::protocol::Protocol;
use std::sync::Arc;

/// The stateright model of a protocol on its nodes.
#[derive_where(Debug)]
pub struct ClusterModel<P: Protocol, G: Ghost<P> = ()> {
    /// How large the world is.
    pub scope: Arc<ClusterScope<P, G>>,
    /// What is claimed of it.
    pub claims: Arc<Claims<P, G>>,
    /// Present while a checker runs: what it has seen already.
    watch: Option<Watch>,
    /// Everything seen is noted, though no claim asks for it: for paths in words.
    tells: bool,
}

impl<P: Protocol, G: Ghost<P>> Clone for ClusterModel<P, G> {
    fn clone(&self) -> Self {
        let (scope, claims) = (Arc::clone(&self.scope), Arc::clone(&self.claims));
        Self { scope, claims, watch: None, tells: self.tells }
    }
}

impl<P: Protocol, G: Ghost<P>> ClusterModel<P, G> {
    /// Claims about steps that are part of every model.
    const LAWS: [&'static str; 1] = [ANSWERS_ARE_ASKED_FOR];

    /// A model of `scope` under `claims`.
    pub fn new(scope: ClusterScope<P, G>, claims: Claims<P, G>) -> Self {
        let Claims { always, sometimes, every_step, some_step, .. } = &claims;
        assert_few([always.len(), sometimes.len(), Self::LAWS.len() + every_step.len(), some_step.len()]);
        Self { scope: Arc::new(scope), claims: Arc::new(claims), watch: None, tells: false }
    }

    /// Whether anybody wants to know what was seen.
    fn is_watching(&self) -> bool {
        self.tells || size_of::<G>() > 0 || !self.claims.every_step.is_empty() || !self.claims.some_step.is_empty()
    }

    fn telling(&self) -> Self {
        Self { tells: true, ..self.clone() }
    }

    fn watch_step(&self, step: &Step<'_, P, G>) {
        let Some(watch) = &self.watch else { return };
        for (index, witness) in self.claims.some_step.iter().enumerate() {
            watch.meets_step(index, || (witness.holds)(step));
        }
    }
}

impl<P: Protocol, G: Ghost<P>> stateright::Model for ClusterModel<P, G> {
    type State = Cluster<P, G>;
    type Action = Action<P>;

    fn init_states(&self) -> Vec<Self::State> {
        every_throw(|die| self.first_state(die))
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.offer(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(self.successor(state, &action))
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        (self.scope.boundary)(state)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        crate::properties::properties(self)
    }

    fn format_action(&self, action: &Self::Action) -> String {
        self.describe_action(action)
    }

    fn format_step(&self, state: &Self::State, action: Self::Action) -> Option<String> {
        Some(self.describe_step(state, &action))
    }
}

impl<P: Protocol, G: Ghost<P>> World for ClusterModel<P, G> {
    fn claimed(&self, kind: ClaimKind) -> Vec<&'static str> {
        let Claims { always, sometimes, every_step, some_step, leads_to } = &*self.claims;
        match kind {
            ClaimKind::Always => always.iter().map(|claim| claim.name).collect(),
            ClaimKind::Sometimes => sometimes.iter().map(|claim| claim.name).collect(),
            ClaimKind::EveryStep => Self::LAWS.into_iter().chain(every_step.iter().map(|claim| claim.name)).collect(),
            ClaimKind::SomeStep => some_step.iter().map(|claim| claim.name).collect(),
            ClaimKind::LeadsTo => leads_to.iter().map(|claim| claim.name).collect(),
        }
    }

    fn holds(&self, always: usize, state: &Self::State) -> bool {
        (self.claims.always[always].holds)(state, &self.scope)
    }

    fn holds_always(&self, state: &Self::State) -> bool {
        self.claims.always.iter().all(|claim| (claim.holds)(state, &self.scope))
    }

    fn witnesses(&self, sometimes: usize, state: &Self::State) -> bool {
        (self.claims.sometimes[sometimes].holds)(state, &self.scope)
    }

    fn begins(&self, leads_to: usize, state: &Self::State) -> bool {
        (self.claims.leads_to[leads_to].from)(state, &self.scope)
    }

    fn keeps(&self, leads_to: usize, state: &Self::State) -> bool {
        (self.claims.leads_to[leads_to].to)(state, &self.scope)
    }

    fn fairness(&self, leads_to: usize, action: &Self::Action, state: &Self::State) -> Option<Fairness> {
        (self.claims.leads_to[leads_to].fair)(action, state)
    }

    fn broken(&self, state: &Self::State) -> Option<Broken> {
        state.broken
    }

    fn watched(&self) -> Self {
        Self { watch: Some(Watch::default()), ..self.clone() }
    }

    fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }
}
