//! The lock's specification, `spec/Lock.tla`: its scopes, and the code's world at each.

mod abstraction;

pub use abstraction::LockAbstraction;

use crate::models::TICK;
use crate::{Config, Lock, Node, Request, Settings};
use purlin_models::cluster::{Budgets, Claims, Cluster, ClusterModel, ClusterScope, NodeScope, Past, Requests};
use purlin_models::refinement::Terms;
use purlin_models::spec::{Comparison, Constants, ConstantsError, Source, SpecScope, World};

/// Far above what any scope needs.
const STATES_MAX: usize = 200_000;

macro_rules! spec_file {
    ($name:expr) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/spec/", $name)
    };
}

macro_rules! scope {
    ($name:literal, $module:literal) => {
        SpecScope {
            room: "lock",
            folder: "../examples/lock/spec",
            name: $name,
            module: $module,
            sources: [
                Source { name: "Lock.tla", text: include_str!(spec_file!("Lock.tla")) },
                Source { name: concat!($module, ".tla"), text: include_str!(spec_file!(concat!($module, ".tla"))) },
                Source { name: concat!($module, ".cfg"), text: include_str!(spec_file!(concat!($module, ".cfg"))) },
            ],
            golden: include_bytes!(spec_file!(concat!($module, ".graph.gz"))),
            world,
        }
    };
}

/// The scopes, each small, together covering every rule of the specification.
pub fn scopes() -> Vec<SpecScope<LockAbstraction>> {
    vec![scope!("share", "MCLockShare"), scope!("crash", "MCLockCrash"), scope!("renew", "MCLockRenew")]
}

/// The comparisons of the lock with its specification, for whoever runs them beside those of Purlin's own rooms.
pub fn comparisons() -> Vec<Box<dyn Comparison>> {
    scopes().into_iter().map(|scope| Box::new(scope) as Box<dyn Comparison>).collect()
}

/// The code's world, set up from the constants that TLC reads.
fn world(_: &str, constants: &Constants) -> Result<World<LockAbstraction>, ConstantsError> {
    let config = config(constants)?;
    let scope = ClusterScope {
        requests: Requests::by(requests),
        budgets: budgets(constants)?,
        tick: TICK,
        lateness: None,
        in_flight: constants.number("InFlightMax")? as usize,
        // A question that was asked a lease ago is as good as one that was asked before it.
        past: Past::OrderBeyond(config.lease()),
        ..ClusterScope::new(nodes(constants, &config)?)
    };
    let abstraction = LockAbstraction {
        config,
        tokens_max: constants.number("TokensMax")?.into(),
        disk_lags: constants.is("DiskLags")?,
        tail_max: constants.number("TailMax")? as usize,
    };
    let terms = Terms { refusals: Vec::new(), fair: Vec::new(), states_max: STATES_MAX };
    Ok(World { abstraction, model: ClusterModel::new(scope, Claims::default()), terms })
}

fn config(constants: &Constants) -> Result<Config, ConstantsError> {
    let in_millis = |name| constants.number(name).map(|ticks| u64::from(ticks) * TICK.as_millis() as u64);
    let settings = Settings {
        keeper: abstraction::KEEPER_ADDRESS,
        lease_ms: in_millis("LeaseTicks")?,
        margin_ms: in_millis("MarginTicks")?,
        retry_ms: in_millis("RetryTicks")?,
    };
    settings.validate().map_err(|error| ConstantsError::Refused(error.to_string()))
}

/// The keeper, then the clients, who are numbered from 1.
fn nodes(constants: &Constants, config: &Config) -> Result<Vec<NodeScope<Lock>>, ConstantsError> {
    let clients = constants.numbers("Clients")?;
    if !clients.iter().copied().eq(1..=clients.len() as u32) {
        return Err(ConstantsError::Refused(format!("clients are numbered from 1 on, not {clients:?}")));
    }
    Ok((0..=clients.len() as u8).map(|node| NodeScope::at(Node(node), config.clone())).collect())
}

fn budgets(constants: &Constants) -> Result<Budgets, ConstantsError> {
    let budget = |name| {
        let number = constants.number(name)?;
        u8::try_from(number).map_err(|_| ConstantsError::Refused(format!("{name} is {number}, more than a path holds")))
    };
    Ok(Budgets {
        requests: budget("RequestsMax")?,
        crashes: budget("CrashesMax")?,
        duplicates: budget("DuplicatesMax")?,
        ..Budgets::CALM
    })
}

/// Clients ask for the lock, and give it back if they hold it.
fn requests(state: &Cluster<Lock>, node: usize, ask: &mut dyn FnMut(Request)) {
    if node == abstraction::KEEPER {
        return;
    }
    ask(Request::Acquire);
    if state.machine(node).and_then(|lock| lock.held_at(state.nodes[node].now)).is_some() {
        ask(Request::Release);
    }
}
