//! What survives a crash: every message in its state, and what is remembered of those that are gone.

use super::alphabet::{NewMessage, Record, Sequence, Token};
use crate::machine::{Epoch, Names};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The durable state of a queue: the fold of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Image {
    /// Every message that is remembered, in the order of their enqueues.
    pub messages: BTreeMap<Sequence, Message>,
    /// Where a message stands.
    pub by_id: BTreeMap<String, Sequence>,
    /// Where the message of a live lease stands.
    pub by_token: BTreeMap<Token, Sequence>,
    /// Deduplication ids, each with the instant from which it is free again; and in that order.
    dedup_ids: BTreeMap<String, Instant>,
    dedup_order: BTreeSet<(Instant, String)>,
    /// The tokens that finished messages, and those messages in the order in which they were done.
    done_tokens: BTreeSet<Token>,
    done_order: BTreeMap<u64, Sequence>,
    done_count: u64,
    next_sequence: Sequence,
    next_token: Token,
    /// The latest instant in any record. A clock that comes back earlier stands still until it has caught up.
    pub latest: Instant,
}

/// A message that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Its name.
    pub id: String,
    /// What it says; empty once it is done.
    pub payload: String,
    /// Its ordering key.
    pub key: Option<String>,
    /// How often it was handed out since it was last redriven.
    pub attempts: u32,
    /// What it is in.
    pub state: MessageState,
}

/// What a message can be in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waits to be handed out, from an instant on.
    Ready {
        /// The instant.
        at: Instant,
    },
    /// Somebody works on it.
    Leased {
        /// Proves the lease.
        token: Token,
        /// When the lease ends.
        until: Instant,
        /// Who works on it.
        worker: String,
    },
    /// Finished, under this token.
    Done {
        /// The token of the ack.
        token: Token,
        /// How many were done before it.
        nth: u64,
    },
    /// Never to be handed out again, unless it is redriven.
    Dead,
}

impl Image {
    /// The deduplication ids that were taken, each with the instant from which it is free again.
    pub fn taken_dedup_ids(&self) -> impl Iterator<Item = (&str, Instant)> {
        self.dedup_ids.iter().map(|(dedup_id, free_at)| (dedup_id.as_str(), *free_at))
    }

    /// The token that the next lease will have; all that were issued are older.
    pub fn next_token(&self) -> Token {
        self.next_token
    }

    /// Whether a deduplication id is still taken.
    pub(super) fn remembers(&self, dedup_id: &str, now: Instant) -> bool {
        self.dedup_ids.get(dedup_id).is_some_and(|free_at| now < *free_at)
    }

    /// Whether so many deduplication ids are taken. Those that are free again are forgotten with the next enqueue.
    pub(super) fn remembers_as_many(&self, max: usize, now: Instant) -> bool {
        self.dedup_ids.len() >= max && self.dedup_order.first().is_some_and(|(free_at, _)| now < *free_at)
    }

    /// How many deduplication ids are remembered.
    pub(super) fn dedup_ids(&self) -> usize {
        self.dedup_ids.len()
    }

    /// The place that the next message will take.
    pub(super) fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    /// How many messages that are done are remembered, and which of them was done first.
    pub(super) fn done(&self) -> (usize, Option<Sequence>) {
        (self.done_order.len(), self.done_order.first_key_value().map(|(_, sequence)| *sequence))
    }

    /// Messages that are not done.
    pub(super) fn unfinished(&self) -> usize {
        self.messages.len() - self.done_order.len()
    }

    /// The message of a live lease.
    pub(super) fn leased(&self, token: Token) -> Option<(Sequence, &Message, Instant)> {
        let sequence = *self.by_token.get(&token)?;
        let message = self.messages.get(&sequence)?;
        let MessageState::Leased { until, .. } = message.state else { return None };
        Some((sequence, message, until))
    }

    /// Whether this is the token under which a message was finished.
    pub(super) fn finished_under(&self, token: Token) -> bool {
        self.done_tokens.contains(&token)
    }
}

/// Records.
impl Image {
    pub(super) fn fold(&mut self, record: Record) {
        match record {
            Record::Enqueued { message, ready_at, dedup_until, at } => {
                self.latest = self.latest.max(at);
                self.take_dedup_id(message.dedup_id.as_deref(), dedup_until, at);
                self.enqueued(message, ready_at);
            }
            Record::Leased { sequence, worker, until, at } => self.was_leased(sequence, worker, until, at),
            Record::Extended { sequence, until: longer } => {
                if let Some(Message { state: MessageState::Leased { until, .. }, .. }) =
                    self.messages.get_mut(&sequence)
                {
                    *until = longer;
                }
            }
            Record::Acked { sequence } => self.acked(sequence),
            Record::Forgotten { sequence } => self.forgotten(sequence),
            Record::Returned { sequence, ready_at, at } => {
                self.leave_lease(sequence, MessageState::Ready { at: ready_at }, at);
            }
            Record::Died { sequence, at } => self.leave_lease(sequence, MessageState::Dead, at),
            Record::Redriven { sequence, at } => self.redriven(sequence, at),
        }
    }

    fn take_dedup_id(&mut self, dedup_id: Option<&str>, until: Option<Instant>, at: Instant) {
        while self.dedup_order.first().is_some_and(|(free_at, _)| *free_at <= at)
            && let Some((_, free)) = self.dedup_order.pop_first()
        {
            self.dedup_ids.remove(&free);
        }
        if let (Some(dedup_id), Some(until)) = (dedup_id, until) {
            self.dedup_order.insert((until, dedup_id.to_owned()));
            self.dedup_ids.insert(dedup_id.to_owned(), until);
        }
    }

    fn enqueued(&mut self, new: NewMessage, ready_at: Instant) {
        let sequence = self.next_sequence;
        self.next_sequence = Sequence(sequence.0 + 1);
        self.by_id.insert(new.id.clone(), sequence);
        let state = MessageState::Ready { at: ready_at };
        self.messages.insert(sequence, Message { id: new.id, payload: new.payload, key: new.key, attempts: 0, state });
    }

    fn was_leased(&mut self, sequence: Sequence, worker: String, until: Instant, at: Instant) {
        self.latest = self.latest.max(at);
        let Some(message) = self.messages.get_mut(&sequence) else { return };
        let token = self.next_token;
        self.next_token = Token(token.0 + 1);
        message.attempts = message.attempts.saturating_add(1);
        message.state = MessageState::Leased { token, until, worker };
        self.by_token.insert(token, sequence);
    }

    fn acked(&mut self, sequence: Sequence) {
        let Some(message) = self.messages.get_mut(&sequence) else { return };
        let MessageState::Leased { token, .. } = message.state else { return };
        message.state = MessageState::Done { token, nth: self.done_count };
        message.payload = String::new();
        self.by_token.remove(&token);
        self.done_tokens.insert(token);
        self.done_order.insert(self.done_count, sequence);
        self.done_count += 1;
    }

    fn forgotten(&mut self, sequence: Sequence) {
        let Some(message) = self.messages.get(&sequence) else { return };
        let MessageState::Done { token, nth } = message.state else { return };
        self.by_id.remove(&message.id);
        self.messages.remove(&sequence);
        self.done_tokens.remove(&token);
        self.done_order.remove(&nth);
    }

    fn leave_lease(&mut self, sequence: Sequence, state: MessageState, at: Instant) {
        self.latest = self.latest.max(at);
        let Some(message) = self.messages.get_mut(&sequence) else { return };
        if let MessageState::Leased { token, .. } = message.state {
            self.by_token.remove(&token);
        }
        message.state = state;
    }

    fn redriven(&mut self, sequence: Sequence, at: Instant) {
        self.latest = self.latest.max(at);
        let Some(message) = self.messages.get_mut(&sequence) else { return };
        message.attempts = 0;
        message.state = MessageState::Ready { at };
    }
}

/// Time.
impl Names for Image {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        for message in self.messages.values_mut() {
            match &mut message.state {
                MessageState::Ready { at: instant } | MessageState::Leased { until: instant, .. } => each(instant),
                MessageState::Done { .. } | MessageState::Dead => {}
            }
        }
        self.dedup_ids.values_mut().for_each(&mut *each);
        super::each_first(&mut self.dedup_order, each);
        each(&mut self.latest);
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}
