//! α for the queue: what `Queue.tla` would call a state of the code's world, and a step of it.

use crate::cluster::{Action, Cluster, ClusterModel, Kind, Node};
use crate::refinement::Abstraction;
use crate::spec::{Value, View};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::queue::{Answer, Config, Delivery, Event, Image, Message, MessageState, Queue, Record, Request, Status};
use purlin::time::nanos;
use purlin::{Clock, Host, Instant, Machine};
use std::collections::BTreeSet;

/// The node: a queue is alone.
const NODE: usize = 0;

/// How a queue on its node looks in the words of `Queue.tla`.
///
/// The disk is slow at every moment: a step that is followed by its sync at once is a step and then a sync. And dying on
/// the way through a step is dying after it, with as much of the tail lost: nobody has seen the difference.
#[derive(Clone, Debug)]
pub struct QueueAbstraction {
    pub(super) config: Config,
    /// How long a tick is.
    pub(super) tick: Duration,
}

impl Abstraction for QueueAbstraction {
    type Model = ClusterModel<Queue>;

    fn view(&self, _: &Self::Model, state: &Cluster<Queue>) -> Result<View, String> {
        if let Some(broken) = &state.broken {
            return Err(format!("the step broke: {broken:?}"));
        }
        let node = &*state.nodes[NODE];
        let journal = journal(node);
        if node.machine.as_ref().is_some_and(|queue| Some(queue.image()) != journal.last()) {
            return Err("what the queue believes is not what it wrote".to_owned());
        }
        let fields = [
            ("journal", self.images(&journal, node.now)),
            ("owed", Value::Sequence(owed(node))),
            ("up", Value::from(node.is_up())),
            ("crashes", Value::from(u32::from(state.left.crashes))),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn label(
        &self,
        _: &Self::Model,
        state: &Cluster<Queue>,
        action: &Action<Queue>,
        _: &Cluster<Queue>,
    ) -> Option<String> {
        let node = &*state.nodes[NODE];
        let label = match &action.kind {
            Kind::Request { request, .. } => self.label_of_request(node, request)?,
            Kind::Fire { .. } => is_lease_over(node).then_some("Expire")?,
            Kind::Sync { .. } => "Sync",
            Kind::Crash { .. } => "Crash",
            Kind::Restart { .. } => "Restart",
            Kind::Advance { .. } => "Tick",
            _ => return None,
        };
        Some(label.to_owned())
    }

    fn offers(&self, _: &Self::Model, _: &Cluster<Queue>, action: &Action<Queue>) -> bool {
        action.fate.is_whole()
    }

    fn refresh(&self, state: &mut Cluster<Queue>) {
        state.node_mut(NODE).is_stalled = true;
    }
}

/// What each prefix of the journal adds up to, from the durable one on.
fn journal(node: &Node<Queue>) -> Vec<Image> {
    let mut image = (*node.disk).clone();
    let mut images = vec![image.clone()];
    for effect in &node.tail {
        if let Effect::Persist(record) = &**effect {
            Queue::fold(&mut image, record.clone());
            images.push(image.clone());
        }
    }
    images
}

fn is_lease_over(node: &Node<Queue>) -> bool {
    let images = journal(node);
    let messages = images.last().into_iter().flat_map(|image| image.messages.values());
    messages.filter_map(lease_end).any(|until| until <= node.now)
}

fn lease_end(message: &Message) -> Option<Instant> {
    if let MessageState::Leased { until, .. } = message.state { Some(until) } else { None }
}

/// Images in the words of the specification.
impl QueueAbstraction {
    fn images(&self, journal: &[Image], now: Instant) -> Value {
        let instants = journal.iter().flat_map(|image| image.messages.values()).filter_map(instant);
        let past: BTreeSet<Instant> = instants.filter(|instant| *instant < now).collect();
        let present = Present { now, tick: self.tick, past };
        Value::Sequence(journal.iter().map(|image| present.image(image)).collect())
    }
}

/// The instant that decides what becomes of a message, if one does.
fn instant(message: &Message) -> Option<Instant> {
    match message.state {
        MessageState::Ready { at } => Some(at),
        MessageState::Leased { until, .. } => Some(until),
        MessageState::Done { .. } | MessageState::Dead => None,
    }
}

/// From where instants are counted: in ticks from now on, by their order before it.
struct Present {
    now: Instant,
    tick: Duration,
    past: BTreeSet<Instant>,
}

impl Present {
    fn ticks(&self, instant: Instant) -> i64 {
        if instant < self.now {
            return -(self.past.range(instant..).count() as i64);
        }
        nanos(instant.saturating_since(self.now)).div_ceil(nanos(self.tick)) as i64
    }

    fn image(&self, image: &Image) -> Value {
        Value::record([
            ("messages", Value::Sequence(image.messages.values().map(|message| self.message(message)).collect())),
            ("issued", number(image.next_token().0)),
            ("dedup", Value::Set(self.dedup(image))),
            ("done", Value::Sequence(done(image))),
        ])
    }

    /// Ids whose time is over are as good as forgotten.
    fn dedup(&self, image: &Image) -> BTreeSet<Value> {
        let taken = image.taken_dedup_ids().filter(|(_, free_at)| *free_at > self.now);
        let entry = |(id, free_at)| Value::record([("id", Value::text(id)), ("until", self.ticks(free_at).into())]);
        taken.map(entry).collect()
    }

    fn message(&self, message: &Message) -> Value {
        let (named, token, by) = match &message.state {
            MessageState::Ready { .. } => ("ready", 0, ""),
            MessageState::Leased { token, worker, .. } => ("leased", token.0, worker.as_str()),
            MessageState::Done { token, .. } => ("done", token.0, ""),
            MessageState::Dead => ("dead", 0, ""),
        };
        Value::record([
            ("id", Value::text(&message.id)),
            ("key", Value::text(message.key.as_deref().unwrap_or_default())),
            ("in", Value::text(named)),
            ("at", instant(message).map_or(0, |instant| self.ticks(instant)).into()),
            ("token", number(token)),
            ("by", Value::text(by)),
            ("tries", message.attempts.into()),
        ])
    }
}

/// The messages that are done, in the order in which they were.
fn done(image: &Image) -> Vec<Value> {
    let nth = |message: &Message| if let MessageState::Done { nth, .. } = message.state { Some(nth) } else { None };
    let mut done: Vec<_> = image.messages.values().filter_map(|message| Some((nth(message)?, &message.id))).collect();
    done.sort_unstable();
    done.into_iter().map(|(_, id)| Value::text(id)).collect()
}

fn number(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What is said once the records before it are durable.
fn owed(node: &Node<Queue>) -> Vec<Value> {
    let mut records: u32 = 0;
    let mut owed = Vec::new();
    for effect in &node.tail {
        match &**effect {
            Effect::Persist(_) => records += 1,
            Effect::Answer { answer, .. } => owed.push(output(says(answer), about(answer), records)),
            Effect::Notify(event) => owed.push(announcement(event, records)),
            Effect::Load(_) | Effect::Send { .. } | Effect::Arm { .. } | Effect::Disarm(_) => {}
        }
    }
    owed
}

fn output(says: &str, of: Vec<Value>, after: u32) -> Value {
    Value::record([("says", Value::text(says)), ("of", Value::Sequence(of)), ("after", after.into())])
}

fn announcement(event: &Event, after: u32) -> Value {
    match event {
        Event::LeaseExpired { id } => output("lease_expired", vec![named(id)], after),
        Event::Died { id } => output("died", vec![named(id)], after),
    }
}

/// The specification's word for an answer.
pub(super) fn says(answer: &Answer) -> &'static str {
    match answer {
        Answer::Ok => "ok",
        Answer::Duplicate => "duplicate",
        Answer::Full => "full",
        Answer::Claimed(_) => "claimed",
        Answer::Stale => "stale",
        Answer::Dead => "dead",
        Answer::Terminal => "terminal",
        Answer::NotFound => "not_found",
        Answer::Redriven(_) => "redriven",
        Answer::Expired(_) => "expired",
        Answer::Status(status) => status_word(*status),
        Answer::Stats(_) => "stats",
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ready => "ready",
        Status::Delayed => "delayed",
        Status::Leased => "leased",
        Status::Done => "done",
        Status::Dead => "dead",
        Status::Unknown => "unknown",
    }
}

/// The messages that an answer tells of.
pub(super) fn about(answer: &Answer) -> Vec<Value> {
    match answer {
        Answer::Claimed(deliveries) => deliveries.iter().map(delivery).collect(),
        Answer::Redriven(ids) | Answer::Expired(ids) => ids.iter().map(|id| named(id)).collect(),
        _ => Vec::new(),
    }
}

fn delivery(delivery: &Delivery) -> Value {
    mention(&delivery.id, delivery.token.0, delivery.attempt)
}

pub(super) fn named(id: &str) -> Value {
    mention(id, 0, 0)
}

fn mention(id: &str, token: u64, attempt: u32) -> Value {
    Value::record([("id", Value::text(id)), ("token", number(token)), ("attempt", attempt.into())])
}

/// The specification's actions.
impl QueueAbstraction {
    /// Each bears the name of what is answered, so the answer is found by taking the step beside the world.
    fn label_of_request(&self, node: &Node<Queue>, request: &Request) -> Option<&'static str> {
        let mut queue = node.machine.as_deref()?.clone();
        let mut beside = Beside { now: node.now, effects: Vec::new() };
        queue.step(&self.config, Input::Request { ticket: Ticket(0), request: request.clone() }, &mut beside);
        label_of(request, beside.answer()?, beside.finishes())
    }
}

/// A host beside the world: it keeps what it is asked to do, and does nothing.
struct Beside {
    now: Instant,
    effects: Vec<Effect<Queue>>,
}

impl Clock for Beside {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for Beside {
    fn choose(&mut self, _: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        self.effects.push(effect);
    }
}

impl Beside {
    fn answer(&self) -> Option<&Answer> {
        self.effects
            .iter()
            .find_map(|effect| if let Effect::Answer { answer, .. } = effect { Some(answer) } else { None })
    }

    fn finishes(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Persist(Record::Acked { .. })))
    }
}

fn label_of(request: &Request, answer: &Answer, finishes: bool) -> Option<&'static str> {
    let label = match (request, answer) {
        (Request::Enqueue(_), Answer::Ok) => "Enqueue",
        (Request::Enqueue(_), Answer::Duplicate) => "EnqueueAgain",
        (Request::Enqueue(_), Answer::Full) => "EnqueueFull",
        (Request::Claim { .. }, Answer::Claimed(none)) if none.is_empty() => "ClaimNothing",
        (Request::Claim { .. }, Answer::Claimed(_)) => "Claim",
        (Request::Ack { .. }, Answer::Ok) if finishes => "Ack",
        (Request::Ack { .. }, Answer::Ok) => "AckAgain",
        (Request::Ack { .. }, Answer::Stale) => "AckStale",
        (Request::Nack { .. }, Answer::Ok) => "Nack",
        (Request::Nack { .. }, Answer::Dead) => "NackLast",
        (Request::Nack { .. }, Answer::Stale) => "NackStale",
        (Request::Extend { .. }, Answer::Ok) => "Extend",
        (Request::Extend { .. }, Answer::Stale) => "ExtendStale",
        (Request::Kill { .. }, Answer::Ok) => "Kill",
        (Request::Kill { .. }, Answer::Terminal) => "KillTooLate",
        (Request::Kill { .. }, Answer::NotFound) => "KillNobody",
        (Request::Redrive { ids: None }, Answer::Redriven(none)) if none.is_empty() => "RedriveNothing",
        (Request::Redrive { ids: None }, Answer::Redriven(_)) => "Redrive",
        (Request::Redrive { .. }, Answer::Redriven(none)) if none.is_empty() => "RedriveNone",
        (Request::Redrive { .. }, Answer::Redriven(_)) => "RedriveOne",
        (Request::Expire, Answer::Expired(_)) => "Sweep",
        (Request::Status { .. }, Answer::Status(status)) => label_of_look(*status),
        _ => return None,
    };
    Some(label)
}

fn label_of_look(status: Status) -> &'static str {
    match status {
        Status::Ready => "LookReady",
        Status::Delayed => "LookDelayed",
        Status::Leased => "LookLeased",
        Status::Done => "LookDone",
        Status::Dead => "LookDead",
        Status::Unknown => "LookUnknown",
    }
}
