//! What every model can do, whatever it is a model of.

use crate::caller::{CallerModel, CallerScope, Claims, Ghost};
use crate::cluster::{self, ClusterModel, ClusterScope};
use crate::report::{CheckReport, Progress, Scope};
use crate::world::World;
use crate::{check, dot};
use purlin::Policy;
use purlin::protocol::Protocol;
use stateright::Checker;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// One closed world of one room.
pub trait Model: Send + Sync {
    /// The room.
    fn room(&self) -> &'static str;
    /// The model's name within its room and scope.
    fn name(&self) -> &'static str;
    /// How much it takes on.
    fn scope(&self) -> Scope;
    /// Explores it to its end and judges every property. `progress` is told now and then.
    fn check(&self, progress: &dyn Fn(Progress)) -> CheckReport;
    /// Distinct and generated states by stateright's own breadth-first search. [`Model::check`] must agree; it takes a part
    /// of the time and memory.
    fn count_by_stateright(&self) -> (u64, u64);
    /// Opens stateright's explorer in the browser's reach and serves it until the process ends.
    ///
    /// # Errors
    /// [`ExploreError`] if the address cannot be listened on; nothing was started.
    fn explore(&self, address: SocketAddr) -> Result<Infallible, ExploreError>;
    /// Draws its state graph in Graphviz's language.
    ///
    /// # Errors
    /// The output's, or [`io::ErrorKind::InvalidInput`] if the graph is too large to be drawn.
    fn dot(&self, out: &mut dyn io::Write) -> io::Result<()>;
}

/// Why the explorer did not open.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The address cannot be listened on.
    #[error("cannot serve the explorer on {address}: {source}; give another address, for example 127.0.0.1:3001")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The explorer ended, which it does not do by itself.
    #[error("the explorer on {address} ended by itself")]
    Ended {
        /// The address.
        address: SocketAddr,
    },
}

/// A closed world with a name, as a [`Model`].
#[derive(Clone, Debug)]
pub struct ModelOf<W> {
    room: &'static str,
    name: &'static str,
    scope: Scope,
    world: W,
}

/// A model of a policy among its callers.
pub type PolicyModel<P, G = ()> = ModelOf<CallerModel<P, G>>;

impl<P: Policy, G: Ghost<P>> ModelOf<CallerModel<P, G>> {
    /// A model with a name of its own within its room.
    pub fn new(
        room: &'static str,
        name: &'static str,
        scope: Scope,
        world: CallerScope<P>,
        claims: Claims<P, G>,
    ) -> Self {
        Self::of(room, name, scope, CallerModel::new(world, claims))
    }
}

/// A model of a protocol on its nodes.
pub type ProtocolModel<P, G = ()> = ModelOf<ClusterModel<P, G>>;

impl<P: Protocol, G: cluster::Ghost<P>> ModelOf<ClusterModel<P, G>> {
    /// A model with a name of its own within its room.
    pub fn new(
        room: &'static str,
        name: &'static str,
        scope: Scope,
        world: ClusterScope<P, G>,
        claims: cluster::Claims<P, G>,
    ) -> Self {
        Self::of(room, name, scope, ClusterModel::new(world, claims))
    }
}

impl<W: World> ModelOf<W> {
    /// A world with a name of its own within its room.
    pub const fn of(room: &'static str, name: &'static str, scope: Scope, world: W) -> Self {
        Self { room, name, scope, world }
    }

    /// The stateright model inside.
    pub const fn world(&self) -> &W {
        &self.world
    }
}

impl<W: World> Model for ModelOf<W> {
    fn room(&self) -> &'static str {
        self.room
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    fn check(&self, progress: &dyn Fn(Progress)) -> CheckReport {
        let began = std::time::Instant::now();
        let outcome = check::check(&self.world, progress);
        CheckReport {
            room: self.room,
            model: self.name,
            scope: self.scope,
            complete: outcome.complete,
            unique_states: outcome.unique_states,
            generated_states: outcome.generated_states,
            seconds: began.elapsed().as_secs_f64(),
            properties: outcome.properties,
        }
    }

    fn count_by_stateright(&self) -> (u64, u64) {
        let checker = stateright::Model::checker(self.world.clone()).threads(2).spawn_bfs().join();
        (checker.unique_state_count() as u64, checker.state_count() as u64)
    }

    fn explore(&self, address: SocketAddr) -> Result<Infallible, ExploreError> {
        // stateright unwraps its bind, so a taken port is found out here first.
        drop(TcpListener::bind(address).map_err(|source| ExploreError::Address { address, source })?);
        stateright::Model::checker(self.world.clone()).serve(address);
        Err(ExploreError::Ended { address })
    }

    fn dot(&self, out: &mut dyn io::Write) -> io::Result<()> {
        dot::write(&self.world, out)
    }
}
