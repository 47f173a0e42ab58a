//! What the clients of a queue know, and what they were told before. They ask by it, and claims are judged by it.

use crate::cluster::{Cluster, Ghost, Seen};
use purlin::protocol::Ticket;
use purlin::queue::{Answer, Delivery, Event, NewMessage, Queue, Record, Request, Sequence, Token};
use purlin::{Epoch, Instant, Names};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// All clients together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clients {
    /// What was asked and not answered yet.
    pub open: SmallVec<[(Ticket, Arc<Request>); 1]>,
    /// Copied only when it changes, which most answers do not do.
    memory: Arc<Memory>,
}

/// What clients remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Messages whose enqueue was acknowledged, with their keys.
    pub accepted: BTreeMap<String, Option<String>>,
    /// Tokens that were handed out, and for which message, if it was there when they came.
    pub delivered: BTreeMap<Token, Option<Sequence>>,
    /// Tokens of which somebody was told that they are stale.
    pub stale: BTreeSet<Token>,
    /// Messages whose ack was acknowledged.
    pub finished: BTreeSet<Sequence>,
    /// Messages whose ack was written down, acknowledged or not: only these may be forgotten.
    pub ended: BTreeSet<String>,
    /// For each message that was handed out, which attempt that was; forgotten with a redrive.
    pub attempts: BTreeMap<Sequence, u32>,
    /// Messages that died, and how many of these deaths have yet to be announced by the process that wrote them down.
    pub unannounced: BTreeMap<String, u32>,
    /// Deduplication ids that were accepted, and until when each is taken.
    pub taken: BTreeMap<String, Instant>,
    /// Deduplication ids that were written down, acknowledged or not, and until when each is taken at most.
    pub written: BTreeMap<String, Instant>,
    /// Deduplication ids that were written down and not acknowledged yet, by the message they came with.
    pending: BTreeMap<String, (String, Instant)>,
}

impl Deref for Clients {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl Names for Clients {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        if !self.written.is_empty() {
            let memory = Arc::make_mut(&mut self.memory);
            memory.taken.values_mut().chain(memory.written.values_mut()).for_each(&mut *each);
            memory.pending.values_mut().for_each(|(_, until)| each(until));
        }
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}

impl Ghost<Queue> for Clients {
    fn observe(&mut self, seen: &Seen<Queue>, after: &Cluster<Queue, Self>) {
        match seen {
            Seen::Asked { ticket, request, .. } => self.open.push((*ticket, Arc::new(request.clone()))),
            Seen::Answered { ticket, answer, .. } => self.answered(*ticket, answer, after),
            Seen::Persisted { record, .. } => self.persisted(record, after),
            Seen::Notified { event: Event::Died { id }, .. } => self.edit(|memory| memory.announced(id)),
            Seen::Crashed { .. } | Seen::Refused { .. } => self.died(),
            _ => {}
        }
    }
}

impl Clients {
    /// What is asked under this ticket.
    pub fn asked(&self, ticket: Ticket) -> Option<&Request> {
        self.open.iter().find(|(open, _)| *open == ticket).map(|(_, request)| &**request)
    }

    fn edit<T>(&mut self, change: impl FnOnce(&mut Memory) -> T) {
        change(Arc::make_mut(&mut self.memory));
    }

    fn died(&mut self) {
        self.open.clear();
        if !self.pending.is_empty() || !self.unannounced.is_empty() {
            self.edit(|memory| {
                memory.pending.clear();
                memory.unannounced.clear();
            });
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: &Answer, after: &Cluster<Queue, Clients>) {
        let Some(place) = self.open.iter().position(|(open, _)| *open == ticket) else { return };
        let (_, request) = self.open.remove(place);
        match (&*request, answer) {
            (Request::Enqueue(message), Answer::Ok) => self.edit(|memory| memory.accepted(message)),
            (Request::Claim { .. }, Answer::Claimed(deliveries)) if !deliveries.is_empty() => {
                self.edit(|memory| deliveries.iter().for_each(|it| memory.received(it, after)));
            }
            (Request::Ack { token }, Answer::Ok) => self.acked(*token),
            (Request::Ack { token } | Request::Extend { token, .. } | Request::Nack { token, .. }, Answer::Stale)
                if !self.stale.contains(token) =>
            {
                self.edit(|memory| memory.stale.insert(*token));
            }
            _ => {}
        }
    }

    fn acked(&mut self, token: Token) {
        let sequence = self.delivered.get(&token).copied().flatten();
        if let Some(sequence) = sequence.filter(|sequence| !self.finished.contains(sequence)) {
            self.edit(|memory| memory.finished.insert(sequence));
        }
    }

    fn persisted(&mut self, record: &Record, after: &Cluster<Queue, Clients>) {
        match record {
            Record::Enqueued { message, dedup_until: Some(until), .. } => self.dedup_id_taken(message, *until),
            Record::Acked { sequence } => {
                let ended = id_of(after, *sequence).filter(|id| !self.ended.contains(id));
                ended.into_iter().for_each(|id| self.edit(|memory| memory.ended.insert(id)));
            }
            Record::Died { sequence, .. } => {
                if let Some(id) = id_of(after, *sequence) {
                    self.edit(|memory| *memory.unannounced.entry(id).or_default() += 1);
                }
            }
            Record::Redriven { sequence, .. } if self.attempts.contains_key(sequence) => {
                self.edit(|memory| memory.attempts.remove(sequence));
            }
            _ => {}
        }
    }

    fn dedup_id_taken(&mut self, message: &NewMessage, until: Instant) {
        let Some(dedup_id) = &message.dedup_id else { return };
        self.edit(|memory| {
            memory.written.insert(dedup_id.clone(), until);
            memory.pending.insert(message.id.clone(), (dedup_id.clone(), until))
        });
    }
}

impl Memory {
    fn accepted(&mut self, NewMessage { id, key, .. }: &NewMessage) {
        self.taken.extend(self.pending.remove(id));
        // The queue has forgotten an earlier message of this name.
        self.ended.remove(id);
        self.accepted.insert(id.clone(), key.clone());
    }

    fn received(&mut self, Delivery { id, token, attempt, .. }: &Delivery, after: &Cluster<Queue, Clients>) {
        let sequence = super::claims::image(after).by_id.get(id).copied();
        self.delivered.insert(*token, sequence);
        self.attempts.extend(sequence.map(|sequence| (sequence, *attempt)));
    }

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
