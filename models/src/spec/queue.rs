//! The queue's specification: its scopes, and the code's world at each.

mod abstraction;
mod trace;

pub use abstraction::QueueAbstraction;
pub use trace::{Observation, QueueRun};

use super::scope::World;
use super::{Comparison, Constants, ConstantsError, Source, SpecScope, Value};
use crate::cluster::{Budgets, Claims, Cluster, ClusterModel, ClusterScope, NOW, NodeScope, Past, Requests};
use crate::refinement::Terms;
use core::time::Duration;
use purlin::protocol::Protocol;
use purlin::queue::{NewMessage, Queue, Request, Settings, Token};
use std::collections::BTreeMap;

/// How long a tick is.
const TICK_MS: u32 = 1_000;

/// Far above what any scope needs; a mutant's endless counter meets it soon.
const STATES_MAX: usize = 200_000;

macro_rules! spec_file {
    ($name:expr) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/queue/", $name)
    };
}

macro_rules! scope {
    ($name:literal, $module:literal) => {
        SpecScope {
            room: "queue",
            folder: "queue",
            name: $name,
            module: $module,
            sources: [
                Source { name: "Queue.tla", text: include_str!(spec_file!("Queue.tla")) },
                Source { name: concat!($module, ".tla"), text: include_str!(spec_file!(concat!($module, ".tla"))) },
                Source { name: concat!($module, ".cfg"), text: include_str!(spec_file!(concat!($module, ".cfg"))) },
            ],
            golden: include_bytes!(spec_file!(concat!($module, ".graph.gz"))),
            world,
        }
    };
}

/// The scopes, each small, together covering every rule of the specification.
pub fn scopes() -> Vec<SpecScope<QueueAbstraction>> {
    vec![
        scope!("crash", "MCQueueCrash"),
        scope!("keys", "MCQueueKeys"),
        scope!("blocked", "MCQueueBlocked"),
        scope!("dedup", "MCQueueDedup"),
        scope!("batch", "MCQueueBatch"),
    ]
}

pub(crate) fn comparisons() -> Vec<Box<dyn Comparison>> {
    scopes().into_iter().map(|scope| Box::new(scope) as Box<dyn Comparison>).collect()
}

/// The code's world, set up from the constants that TLC reads.
fn world(configuration: &str, constants: &Constants) -> Result<World<QueueAbstraction>, ConstantsError> {
    let config = settings(constants)?.validate().map_err(|error| ConstantsError::Refused(error.to_string()))?;
    let asking = Asking::read(constants)?;
    let scope = ClusterScope {
        requests: Requests::by(move |state, node, ask| asking.each(state, node, ask)),
        open_requests: constants.number("OpenMax")? as usize,
        budgets: Budgets { crashes: crashes(constants)?, ..Budgets::CALM },
        tick: Duration::from_millis(TICK_MS.into()),
        lateness: None,
        past: Past::OrderBeyond(Duration::ZERO),
        ..ClusterScope::new([NodeScope::alone(config.clone())])
    };
    let abstraction = QueueAbstraction { config, tick: scope.tick };
    let terms = Terms { refusals: Vec::new(), fair: fair_labels(configuration), states_max: STATES_MAX };
    Ok(World { abstraction, model: ClusterModel::new(scope, Claims::default()), terms })
}

fn crashes(constants: &Constants) -> Result<u8, ConstantsError> {
    let crashes = constants.number("CrashesMax")?;
    u8::try_from(crashes).map_err(|_| ConstantsError::Refused(format!("{crashes} crashes are more than a path holds")))
}

fn settings(constants: &Constants) -> Result<Settings, ConstantsError> {
    let above_zero = |name| constants.number(name).map(|number| (number > 0).then_some(number));
    Ok(Settings {
        lease_ms: in_millis(constants.number("LeaseTicks")?),
        max_attempts: constants.number("AttemptsMax")?,
        dedup_retention_ms: in_millis(constants.number("DedupTicks")?),
        dead_blocks_key: constants.is("DeadBlocksKey")?,
        max_in_flight: above_zero("InFlightMax")?,
        max_in_flight_per_worker: above_zero("WorkerMax")?,
        max_messages: constants.number("MessagesMax")?,
        max_done: constants.number("DoneMax")?,
        max_dedup_ids: constants.number("DedupMax")?,
    })
}

fn in_millis(ticks: u32) -> u64 {
    u64::from(ticks) * u64::from(TICK_MS)
}

/// What is asked at a scope. Whoever asks may use any token, also one that was never issued.
struct Asking {
    /// Asked whatever the state is.
    always: Vec<Request>,
    /// Asked while tokens last: a claim, and how many it may use up.
    claims: Vec<(Request, u64)>,
    tokens_max: u64,
    tail_max: usize,
}

impl Asking {
    fn read(constants: &Constants) -> Result<Self, ConstantsError> {
        let tokens_max = u64::from(constants.number("TokensMax")?);
        let always = [enqueues(constants)?, of_holders(constants, tokens_max)?, controls(constants)?].concat();
        let tail_max = constants.number("TailMax")? as usize;
        Ok(Self { always, claims: claims(constants)?, tokens_max, tail_max })
    }

    fn each(&self, state: &Cluster<Queue>, node: usize, ask: &mut dyn FnMut(Request)) {
        let Some(queue) = state.machine(node) else { return };
        if state.nodes[node].records_in_tail() >= self.tail_max {
            return;
        }
        let issued = queue.image().next_token().0;
        let claims = self.claims.iter().filter(|(_, size)| issued + size <= self.tokens_max);
        self.always.iter().chain(claims.map(|(claim, _)| claim)).cloned().for_each(ask);
    }
}

fn enqueues(constants: &Constants) -> Result<Vec<Request>, ConstantsError> {
    let messages = constants.records("NewMessages")?.into_iter().map(new_message);
    messages.map(|message| message.map(Request::Enqueue)).collect()
}

fn new_message(fields: &BTreeMap<String, Value>) -> Result<NewMessage, ConstantsError> {
    let absent = |name: &str| ConstantsError::Refused(format!("a new message has no {name}"));
    let text = |name| fields.get(name).and_then(Value::as_text).ok_or_else(|| absent(name));
    let unless_empty = |name| text(name).map(|text| (!text.is_empty()).then(|| text.to_owned()));
    let delay = fields.get("delay").and_then(Value::as_integer).and_then(|delay| u32::try_from(delay).ok());
    let delay = Duration::from_millis(in_millis(delay.ok_or_else(|| absent("delay"))?));
    Ok(NewMessage {
        id: text("id")?.to_owned(),
        payload: String::new(),
        key: unless_empty("key")?,
        not_before: (!delay.is_zero()).then(|| NOW + delay),
        dedup_id: unless_empty("dedup")?,
    })
}

fn claims(constants: &Constants) -> Result<Vec<(Request, u64)>, ConstantsError> {
    let sizes = constants.numbers("ClaimSizes")?;
    let claim = |worker: &str, max: u32| Request::Claim { worker: worker.to_owned(), max, lease_ms: None };
    let workers = constants.texts("Workers")?.into_iter();
    Ok(workers.flat_map(|worker| sizes.iter().map(move |size| (claim(worker, *size), u64::from(*size)))).collect())
}

fn of_holders(constants: &Constants, tokens_max: u64) -> Result<Vec<Request>, ConstantsError> {
    let nacks = constants.numbers("NackTicks")?.into_iter().map(in_millis);
    let nacks = nacks.map(|delay_ms| move |token| Request::Nack { token, delay_ms });
    let extends = constants.numbers("ExtendTicks")?.into_iter().map(in_millis);
    let extends = extends.map(|lease_ms| move |token| Request::Extend { token, lease_ms });
    let tokens = || (0..tokens_max).map(Token);
    let acks = tokens().map(|token| Request::Ack { token });
    let acks_and_nacks = acks.chain(nacks.flat_map(|nack| tokens().map(nack)));
    Ok(acks_and_nacks.chain(extends.flat_map(|extend| tokens().map(extend))).collect())
}

fn controls(constants: &Constants) -> Result<Vec<Request>, ConstantsError> {
    let messages = constants.records("NewMessages")?.into_iter().map(new_message);
    let ids: Vec<String> = messages.map(|message| message.map(|it| it.id)).collect::<Result<_, _>>()?;
    let controls: Result<Vec<Vec<Request>>, _> =
        constants.texts("Controls")?.into_iter().map(|name| controls_called(name, &ids)).collect();
    Ok(controls?.concat())
}

fn controls_called(name: &str, ids: &[String]) -> Result<Vec<Request>, ConstantsError> {
    let each = |ask: fn(String) -> Request| Ok(ids.iter().cloned().map(ask).collect());
    match name {
        "kill" => each(|id| Request::Kill { id }),
        "redrive" => Ok(vec![Request::Redrive { ids: None }]),
        "redrive_one" => each(|id| Request::Redrive { ids: Some(vec![id]) }),
        "sweep" => Ok(vec![Request::Expire]),
        "look" => each(|id| Request::Status { id }),
        other => Err(ConstantsError::Refused(format!("nobody asks to {other}"))),
    }
}

/// The labels under the fairness of the specification that a configuration names.
fn fair_labels(configuration: &str) -> Vec<&'static str> {
    if configuration.lines().any(|line| line.trim() == "SPECIFICATION Working") {
        vec!["Tick", "Expire", "Sync", "Restart", "Claim"]
    } else {
        Vec::new()
    }
}
