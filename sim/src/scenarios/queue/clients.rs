//! Who uses the queue. Each has one ask open at a time.

use super::options::Options;
use crate::cluster::{Client, Desk, Environment, Occasion, Phase};
use crate::plan::{Ratio, Span};
use core::time::Duration;
use purlin::queue::{Answer, Delivery, NewMessage, Queue, Request, Token};
use std::collections::VecDeque;

/// The queue is the only node.
const QUEUE: u32 = 0;

/// A client of the queue.
#[derive(Clone)]
pub enum Participant {
    /// Puts messages in.
    Producer(Producer),
    /// Takes messages out.
    Worker(Worker),
    /// Asks what has become of them, and gives the dead another chance.
    Auditor(Auditor),
}

pub(super) fn all(options: &Options, environment: &Environment) -> Vec<Participant> {
    let producers = (0..options.producers).map(|number| Participant::Producer(Producer::new(number, options)));
    let workers = (0..options.workers).map(|number| Participant::Worker(Worker::new(number, options, environment)));
    let auditor = Participant::Auditor(Auditor { options: options.clone(), turns: 0 });
    producers.chain(workers).chain([auditor]).collect()
}

impl Client<Queue> for Participant {
    fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
        match self {
            Self::Producer(producer) => producer.act(occasion, desk),
            Self::Worker(worker) => worker.act(occasion, desk),
            Self::Auditor(auditor) => auditor.act(occasion, desk),
        }
    }
}

/// Puts messages in, each until it is known to be in.
#[derive(Clone)]
pub struct Producer {
    number: u32,
    next: u32,
    of: u32,
    keys: u32,
    deduplicated: Ratio,
    rest: Span,
    /// The message that is not known to be in yet.
    present: Option<NewMessage>,
}

impl Producer {
    fn new(number: u32, options: &Options) -> Self {
        let Options { messages: of, keys, deduplicated, rest, .. } = *options;
        Self { number, next: 0, of, keys, deduplicated, rest, present: None }
    }

    fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
        match occasion {
            Occasion::Woken => return self.put_in(desk),
            Occasion::Answered { answer: Answer::Ok | Answer::Duplicate, .. } => self.present = None,
            Occasion::Notified { .. } => return,
            Occasion::Started | Occasion::Answered { .. } | Occasion::Unanswered { .. } => {}
        }
        rest(self.rest, desk);
    }

    fn put_in(&mut self, desk: &mut Desk<'_, Queue>) {
        if self.present.is_none() && self.next < self.of {
            self.present = Some(self.message(desk));
            self.next += 1;
        }
        if let Some(message) = &self.present {
            desk.ask(QUEUE, Request::Enqueue(message.clone()));
        }
    }

    fn message(&self, desk: &mut Desk<'_, Queue>) -> NewMessage {
        let Self { number, next, keys, .. } = *self;
        let key = (keys > 0).then(|| format!("k{}", desk.die().below(keys.into())));
        let dedup_id = desk.die().strikes(self.deduplicated).then(|| format!("d{number}-{}", next / 3));
        let delay = Duration::from_millis(desk.die().between(0, Options::DELAY_MS_MAX));
        let not_before = (desk.die().below(8) == 0).then(|| desk.now() + delay);
        NewMessage { id: message_id(number, next), payload: format!("{next}"), key, not_before, dedup_id }
    }
}

fn message_id(producer: u32, number: u32) -> String {
    format!("p{producer}-{number}")
}

fn rest(span: Span, desk: &mut Desk<'_, Queue>) {
    let rest = desk.draw(span).max(Duration::from_millis(1));
    desk.wake_after(rest);
}

/// Takes messages out and works on them, well or badly.
#[derive(Clone)]
pub struct Worker {
    name: String,
    batch: u32,
    lease_ms: u64,
    asks_for_lease: bool,
    rest: Span,
    work: Span,
    mishaps: Ratio,
    /// What it has claimed, the one that it works on first.
    held: VecDeque<Delivery>,
    deed: Deed,
    /// A token that it held once.
    old: Option<Token>,
}

/// What a worker does next about the first message that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Say that it is done.
    Ack,
    /// Say so, and say it again.
    AckTwice,
    /// Say so with a token from before.
    AckWithOldToken,
    /// Ask for more time, and go on working.
    Extend,
    /// Give it back.
    Nack,
    /// Forget about it.
    Forget,
    /// Have it never handed out again.
    Kill,
}

impl Worker {
    fn new(number: u32, options: &Options, environment: &Environment) -> Self {
        let Options { batch, rest, work, mishaps, .. } = *options;
        let lease_ms = options.lease_ms(environment);
        Self {
            name: format!("w{number}"),
            batch,
            lease_ms,
            asks_for_lease: lease_ms != options.queue.lease_ms,
            rest,
            work,
            mishaps,
            held: VecDeque::new(),
            deed: Deed::Ack,
            old: None,
        }
    }

    fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
        match occasion {
            Occasion::Started => rest(self.rest, desk),
            Occasion::Woken if self.held.is_empty() => self.claim(desk),
            Occasion::Woken => self.do_deed(desk),
            Occasion::Answered { answer: Answer::Claimed(deliveries), .. } => {
                self.held.extend(deliveries.iter().cloned());
                self.take_up(desk);
            }
            Occasion::Answered { .. } => self.heard(desk),
            Occasion::Unanswered { .. } => rest(self.rest, desk),
            Occasion::Notified { .. } => {}
        }
    }

    fn claim(&self, desk: &mut Desk<'_, Queue>) {
        let lease_ms = self.asks_for_lease.then_some(self.lease_ms);
        desk.ask(QUEUE, Request::Claim { worker: self.name.clone(), max: self.batch, lease_ms });
    }

    /// Begins to work on the first message, if there is one.
    fn take_up(&mut self, desk: &mut Desk<'_, Queue>) {
        if self.held.is_empty() {
            return rest(self.rest, desk);
        }
        let mishap = desk.phase() == Phase::Safety && desk.die().strikes(self.mishaps);
        let mut work = desk.draw(self.work);
        self.deed = Deed::Ack;
        if mishap {
            let oversleeps = desk.die().below(2) == 0;
            let asleep = desk.die().between(0, 2 * self.lease_ms);
            work += Duration::from_millis(if oversleeps { asleep } else { 0 });
            let deeds = [Deed::Ack, Deed::AckTwice, Deed::AckWithOldToken, Deed::Extend, Deed::Nack, Deed::Forget];
            self.deed = if desk.die().below(12) == 0 { Deed::Kill } else { *desk.die().pick(&deeds) };
        }
        desk.wake_after(work.max(Duration::from_nanos(1)));
    }

    fn do_deed(&mut self, desk: &mut Desk<'_, Queue>) {
        let Some(Delivery { id, token, .. }) = self.held.front() else { return };
        let (token, lease_ms) = (*token, self.lease_ms);
        let request = match self.deed {
            Deed::Ack | Deed::AckTwice => Request::Ack { token },
            Deed::AckWithOldToken => Request::Ack { token: self.old.unwrap_or(token) },
            Deed::Extend => Request::Extend { token, lease_ms: desk.die().between(1, 2 * lease_ms) },
            Deed::Nack => Request::Nack { token, delay_ms: desk.die().between(0, 1_000) },
            Deed::Kill => Request::Kill { id: id.clone() },
            Deed::Forget => {
                self.old = Some(token);
                self.held.clear();
                return rest(self.rest, desk);
            }
        };
        desk.ask(QUEUE, request);
    }

    /// After the first of two deeds comes the second; else the next message.
    fn heard(&mut self, desk: &mut Desk<'_, Queue>) {
        match self.deed {
            Deed::AckTwice | Deed::AckWithOldToken | Deed::Extend => self.deed = Deed::Ack,
            Deed::Ack | Deed::Nack | Deed::Kill | Deed::Forget => {
                self.old = self.held.pop_front().map(|delivery| delivery.token).or(self.old);
                return self.take_up(desk);
            }
        }
        let work = desk.draw(self.work);
        desk.wake_after(work.max(Duration::from_nanos(1)));
    }
}

/// Looks after the whole.
#[derive(Clone)]
pub struct Auditor {
    options: Options,
    turns: u64,
}

impl Auditor {
    fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
        match occasion {
            Occasion::Woken => self.audit(desk),
            Occasion::Notified { .. } => {}
            Occasion::Started | Occasion::Answered { .. } | Occasion::Unanswered { .. } => {
                rest(self.options.rest, desk)
            }
        }
    }

    fn audit(&mut self, desk: &mut Desk<'_, Queue>) {
        self.turns += 1;
        let request = match desk.phase() {
            Phase::Safety => self.meddle(desk),
            Phase::Recovery if self.turns.is_multiple_of(2) => Request::Redrive { ids: None },
            Phase::Calm if self.turns.is_multiple_of(2) => Request::Stats,
            Phase::Recovery | Phase::Calm => Request::Status { id: self.any_id(desk) },
        };
        desk.ask(QUEUE, request);
    }

    fn meddle(&self, desk: &mut Desk<'_, Queue>) -> Request {
        let id = self.any_id(desk);
        match desk.die().below(16) {
            0 => Request::Kill { id },
            1..=2 => Request::Redrive { ids: Some(vec![id, self.any_id(desk)]) },
            3 => Request::Redrive { ids: None },
            4..=5 => Request::Expire,
            6..=7 => Request::Stats,
            _ => Request::Status { id },
        }
    }

    fn any_id(&self, desk: &mut Desk<'_, Queue>) -> String {
        let producer = desk.die().below(self.options.producers.into()) as u32;
        let number = desk.die().below(self.options.messages.into()) as u32;
        message_id(producer, number)
    }
}
