//! α for the lock: what `Lock.tla` would call a state of the code's world, and a step of it.

use crate::models::TICK;
use crate::{Attempt, Config, Grant, Image, Lease, Lock, Message, Node, Timer};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Input, Protocol};
use purlin::time::nanos;
use purlin::{Clock, Host, Instant, Machine};
use purlin_models::cluster::{self, Action, Cluster, ClusterModel, Kind, Packet};
use purlin_models::refinement::Abstraction;
use purlin_models::spec::{Value, View};

/// The keeper's place among the nodes.
pub(super) const KEEPER: usize = 0;
/// Its address.
pub(super) const KEEPER_ADDRESS: Node = Node(0);

/// How a lock on its nodes looks in the words of `Lock.tla`.
///
/// Where the disk lags it does so at every moment: a step that is followed by its sync at once is a step and then a sync.
/// Dying on the way through a step is dying after it, with as much lost: nobody has seen the difference. A hold that is
/// over is none, whether its timer has noticed or not.
#[derive(Clone, Debug)]
pub struct LockAbstraction {
    pub(super) config: Config,
    pub(super) tokens_max: u64,
    pub(super) disk_lags: bool,
    pub(super) tail_max: usize,
}

type Lockers = Cluster<Lock>;

impl Abstraction for LockAbstraction {
    type Model = ClusterModel<Lock>;

    fn view(&self, _: &Self::Model, state: &Lockers) -> Result<View, String> {
        if let Some(broken) = &state.broken {
            return Err(format!("the step broke: {broken:?}"));
        }
        let keeper = &*state.nodes[KEEPER];
        if keeper.machine.as_ref().is_some_and(|lock| *lock.image() != keeper.written()) {
            return Err("what the keeper believes is not what it wrote".to_owned());
        }
        let clients = state.nodes.iter().skip(1).map(|node| self.client(node));
        let fields = [
            ("journal", Value::Sequence(journal(keeper).iter().map(|image| image_value(image, keeper.now)).collect())),
            ("owed", Value::Sequence(owed(keeper))),
            ("keeperUp", keeper.is_up().into()),
            ("client", Value::Sequence(clients.collect())),
            ("network", Value::Set(state.network.iter().map(|packet| packet_value(packet)).collect())),
            ("requests", u32::from(state.left.requests).into()),
            ("crashes", u32::from(state.left.crashes).into()),
            ("duplicates", u32::from(state.left.duplicates).into()),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn label(&self, _: &Self::Model, state: &Lockers, action: &Action<Lock>, next: &Lockers) -> Option<String> {
        let label = match &action.kind {
            Kind::Request { request: crate::Request::Acquire, .. } => "Acquire",
            Kind::Request { request: crate::Request::Release, .. } => "Release",
            Kind::Fire { timer: Timer::Retry, .. } => "Retry",
            Kind::Deliver { packet, .. } if packet.to == KEEPER => self.label_at_keeper(state, packet)?,
            Kind::Deliver { packet, .. } => label_at_client(state, packet, next)?,
            Kind::Sync { .. } => "Sync",
            Kind::Advance { .. } => "Tick",
            Kind::Crash { node: KEEPER, .. } => "KeeperDies",
            Kind::Crash { .. } => "ClientDies",
            Kind::Restart { node: KEEPER, .. } => "KeeperReturns",
            Kind::Restart { .. } => "ClientReturns",
            _ => return None,
        };
        Some(label.to_owned())
    }

    fn offers(&self, _: &Self::Model, state: &Lockers, action: &Action<Lock>) -> bool {
        let may_come = match &action.kind {
            Kind::Deliver { packet, .. } if packet.to == KEEPER => self.may_come(state, &packet.message),
            _ => true,
        };
        action.fate.is_whole() && may_come
    }

    fn refresh(&self, state: &mut Lockers) {
        if self.disk_lags && state.nodes[KEEPER].is_up() {
            state.node_mut(KEEPER).is_stalled = true;
        }
    }
}

/// The bounds of the world that the keeper lives in.
impl LockAbstraction {
    fn may_come(&self, state: &Lockers, message: &Message) -> bool {
        let keeper = &*state.nodes[KEEPER];
        let image = keeper.written();
        let tokens_last = image.token.0 < self.tokens_max || image.lease.is_some_and(|lease| keeper.now < lease.until);
        keeper.records_in_tail() < self.tail_max && (tokens_last || !matches!(message, Message::Ask(_)))
    }
}

fn ticks(duration: Duration) -> u32 {
    nanos(duration).div_ceil(nanos(TICK)) as u32
}

/// The keeper's variables.
fn journal(keeper: &cluster::Node<Lock>) -> Vec<Image> {
    let mut image = *keeper.disk;
    let mut images = vec![image];
    for effect in &keeper.tail {
        if let Effect::Persist(record) = &**effect {
            Lock::fold(&mut image, record.clone());
            images.push(image);
        }
    }
    images
}

fn image_value(image: &Image, now: Instant) -> Value {
    Value::record([("token", number(image.token.0)), ("lease", lease_value(image.lease, now))])
}

fn lease_value(lease: Option<Lease>, now: Instant) -> Value {
    let holder = lease.map_or(0, |lease| lease.holder.0);
    let Attempt { life, number: nth } = lease.map(|lease| lease.attempt).unwrap_or_default();
    let left = lease.map_or(Duration::ZERO, |lease| lease.until.saturating_since(now));
    Value::record([
        ("holder", u32::from(holder).into()),
        ("life", number(life)),
        ("number", number(nth)),
        ("token", number(lease.map_or(0, |lease| lease.token.0))),
        ("left", ticks(left).into()),
    ])
}

fn number(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn owed(keeper: &cluster::Node<Lock>) -> Vec<Value> {
    let mut records: u32 = 0;
    let mut owed = Vec::new();
    for effect in &keeper.tail {
        match &**effect {
            Effect::Persist(_) => records += 1,
            Effect::Send { to, message, .. } => {
                owed.push(Value::record([("message", message_value(*to, message)), ("after", records.into())]));
            }
            _ => {}
        }
    }
    owed
}

/// The network. The client is the one end, the keeper the other.
fn packet_value(packet: &Packet<Lock>) -> Value {
    message_value(Node(packet.from.max(packet.to) as u8), &packet.message)
}

fn message_value(client: Node, message: &Message) -> Value {
    let none = Attempt::default();
    let (kind, attempt, token, lasts) = match message {
        Message::Ask(question) => ("ask", question.attempt, question.renews.map_or(0, |token| token.0), Duration::ZERO),
        Message::Granted(Grant { attempt, token, lasts }) => ("granted", *attempt, token.0, *lasts),
        Message::Denied(attempt) => ("denied", *attempt, 0, Duration::ZERO),
        Message::Release(token) => ("release", none, token.0, Duration::ZERO),
    };
    Value::record([
        ("kind", Value::text(kind)),
        ("client", u32::from(client.0).into()),
        ("life", number(attempt.life)),
        ("number", number(attempt.number)),
        ("token", number(token)),
        ("lasts", ticks(lasts).into()),
    ])
}

/// The clients' variables.
impl LockAbstraction {
    fn client(&self, node: &cluster::Node<Lock>) -> Value {
        let down = Lock { image: *node.disk, ..Lock::default() };
        let lock = node.machine.as_deref().unwrap_or(&down);
        let asking = lock.asking.as_ref();
        let age = asking.map_or(Duration::ZERO, |asking| node.now.saturating_since(asking.since));
        let renews = asking.and_then(|asking| asking.question.renews);
        let retry = node.due(&Timer::Retry).map_or(Duration::ZERO, |due| due.saturating_since(node.now));
        let hold = lock.held_at(node.now);
        Value::record([
            ("up", node.is_up().into()),
            ("life", number(lock.image.lives)),
            ("number", number(lock.questions)),
            ("asks", asking.is_some().into()),
            ("age", ticks(age.min(self.config.lease())).into()),
            ("renews", number(renews.map_or(0, |token| token.0))),
            ("retry", ticks(retry).into()),
            ("token", number(hold.map_or(0, |hold| hold.token.0))),
            ("left", hold.map_or(0, |hold| ticks(hold.until.saturating_since(node.now))).into()),
            ("last", number(lock.last.0)),
        ])
    }
}

/// The specification's actions.
impl LockAbstraction {
    fn label_at_keeper(&self, state: &Lockers, packet: &Packet<Lock>) -> Option<&'static str> {
        match (&packet.message, self.is_written_down(state, packet)?) {
            (Message::Ask(_), true) => Some("Grant"),
            (Message::Ask(_), false) => Some("Deny"),
            (Message::Release(_), true) => Some("Free"),
            (Message::Release(_), false) => Some("IgnoreRelease"),
            (Message::Granted(_) | Message::Denied(_), _) => None,
        }
    }

    /// Whether the keeper writes something down: found by taking the step beside the world.
    fn is_written_down(&self, state: &Lockers, packet: &Packet<Lock>) -> Option<bool> {
        let mut lock = state.machine(KEEPER)?.clone();
        let mut beside = Beside { now: state.nodes[KEEPER].now, writes: false };
        let input = Input::Message { from: Node(packet.from as u8), message: packet.message.clone() };
        lock.step(&self.config, input, &mut beside);
        Some(beside.writes)
    }
}

/// A host beside the world, which does nothing.
struct Beside {
    now: Instant,
    writes: bool,
}

impl Clock for Beside {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Lock>> for Beside {
    fn choose(&mut self, _: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Lock>) {
        self.writes |= matches!(effect, Effect::Persist(_));
    }
}

fn label_at_client(state: &Lockers, packet: &Packet<Lock>, next: &Lockers) -> Option<&'static str> {
    let lock = state.machine(packet.to)?;
    let is_asked = |attempt| lock.asking.as_ref().is_some_and(|asking| asking.question.attempt == attempt);
    let label = match packet.message {
        Message::Granted(grant) if is_asked(grant.attempt) => {
            let held = next.machine(packet.to)?.held_at(next.nodes[packet.to].now);
            if held.is_some_and(|hold| hold.token == grant.token) { "TakeUp" } else { "GiveBack" }
        }
        Message::Granted(grant) if grant.token > lock.last => "GiveBack",
        Message::Granted(_) => "IgnoreGrant",
        Message::Denied(attempt) if is_asked(attempt) => "GiveUp",
        Message::Denied(_) => "IgnoreDenial",
        Message::Ask(_) | Message::Release(_) => return None,
    };
    Some(label)
}
