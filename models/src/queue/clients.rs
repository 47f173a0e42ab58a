//! What the clients of a queue know, and what they were told before. They ask by it, and claims are judged by it.

use crate::cluster::{Cluster, Ghost, Seen};
use purlin::protocol::Ticket;
use purlin::queue::{Answer, Delivery, Event, Queue, Record, Request, Sequence, Token};
use purlin::{Epoch, Instant, Names};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// All clients together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clients(Arc<Memory>);

/// What clients remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// What was asked and not answered yet.
    pub open: BTreeMap<Ticket, Request>,
    /// Messages whose enqueue was acknowledged.
    pub accepted: BTreeSet<String>,
    /// Tokens that were handed out, and with which message.
    pub delivered: BTreeMap<Token, String>,
    /// Tokens of which somebody was told that they are stale.
    pub stale: BTreeSet<Token>,
    /// Messages whose ack was acknowledged, and that were not put in again since.
    pub finished: BTreeSet<String>,
    /// For each message that was handed out, which attempt that was; forgotten with a redrive.
    pub attempts: BTreeMap<String, u32>,
    /// Messages that died, and how many of these deaths have yet to be announced by the process that wrote them down.
    pub unannounced: BTreeMap<String, u32>,
    /// Deduplication ids that were accepted, and until when each is taken.
    pub taken: BTreeMap<String, Instant>,
    /// Deduplication ids that were written down and not acknowledged yet, by the message they came with.
    pending: BTreeMap<String, (String, Instant)>,
}

impl Deref for Clients {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.0
    }
}

impl Names for Clients {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        if !self.taken.is_empty() || !self.pending.is_empty() {
            let memory = Arc::make_mut(&mut self.0);
            memory.taken.values_mut().for_each(&mut *each);
            memory.pending.values_mut().for_each(|(_, until)| each(until));
        }
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}

impl Ghost<Queue> for Clients {
    fn observe(&mut self, seen: &Seen<Queue>, after: &Cluster<Queue, Self>) {
        let memory = Arc::make_mut(&mut self.0);
        match seen {
            Seen::Asked { ticket, request, .. } => drop(memory.open.insert(*ticket, request.clone())),
            Seen::Answered { ticket, answer, .. } => memory.answered(*ticket, answer),
            Seen::Persisted { record, .. } => memory.persisted(record, after),
            Seen::Notified { event: Event::Died { id }, .. } => memory.announced(id),
            Seen::Crashed { .. } | Seen::Refused { .. } => {
                memory.open.clear();
                memory.pending.clear();
                memory.unannounced.clear();
            }
            _ => {}
        }
    }
}

impl Memory {
    fn answered(&mut self, ticket: Ticket, answer: &Answer) {
        let Some(request) = self.open.remove(&ticket) else { return };
        match (request, answer) {
            (Request::Enqueue(message), Answer::Ok) => {
                self.taken.extend(self.pending.remove(&message.id));
                // The queue has forgotten an earlier message of this name.
                self.finished.remove(&message.id);
                self.attempts.remove(&message.id);
                self.accepted.insert(message.id);
            }
            (Request::Claim { .. }, Answer::Claimed(deliveries)) => deliveries.iter().for_each(|it| self.received(it)),
            (Request::Ack { token }, Answer::Ok) => self.finished.extend(self.delivered.get(&token).cloned()),
            (Request::Ack { token } | Request::Extend { token, .. } | Request::Nack { token, .. }, Answer::Stale) => {
                self.stale.insert(token);
            }
            _ => {}
        }
    }

    fn received(&mut self, Delivery { id, token, attempt, .. }: &Delivery) {
        self.delivered.insert(*token, id.clone());
        self.attempts.insert(id.clone(), *attempt);
    }

    fn persisted(&mut self, record: &Record, after: &Cluster<Queue, Clients>) {
        match record {
            Record::Enqueued { message, dedup_until: Some(until), .. } => {
                let dedup_id = message.dedup_id.clone().map(|dedup_id| (dedup_id, *until));
                self.pending.extend(dedup_id.map(|taken| (message.id.clone(), taken)));
            }
            Record::Died { sequence, .. } => {
                if let Some(id) = id_of(after, *sequence) {
                    *self.unannounced.entry(id).or_default() += 1;
                }
            }
            Record::Redriven { sequence, .. } => {
                if let Some(id) = id_of(after, *sequence) {
                    self.attempts.remove(&id);
                }
            }
            _ => {}
        }
    }
}

impl Memory {
    fn announced(&mut self, id: &str) {
        match self.unannounced.get_mut(id) {
            Some(deaths) if *deaths > 1 => *deaths -= 1,
            _ => drop(self.unannounced.remove(id)),
        }
    }
}

fn id_of(state: &Cluster<Queue, Clients>, sequence: Sequence) -> Option<String> {
    super::claims::image(state).messages.get(&sequence).map(|message| message.id.clone())
}
