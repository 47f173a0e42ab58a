//! What a queue looks up: who is next, whose lease is over first, who waits for whom. All of it follows from the image.

use super::alphabet::Sequence;
use super::config::Config;
use super::image::{Image, Message, MessageState};
use crate::machine::{Epoch, Names};
use crate::time::Instant;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Orders over the messages of an [`Image`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Index {
    /// Messages that no other of their key stands before, by the instant from which they may be handed out.
    ready: BTreeSet<(Instant, Sequence)>,
    /// Leases by their end.
    leases: BTreeSet<(Instant, Sequence)>,
    dead: BTreeSet<Sequence>,
    in_flight: BTreeMap<String, u32>,
    keys: BTreeMap<String, Line>,
}

/// The messages of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
struct Line {
    /// Those that later ones wait for.
    waiting: BTreeSet<Sequence>,
    leased: BTreeSet<Sequence>,
    /// The one that stands in `ready`.
    offered: Option<(Instant, Sequence)>,
}

impl Index {
    pub(super) fn of(config: &Config, image: &Image) -> Self {
        let mut index = Self::default();
        for (sequence, message) in &image.messages {
            index.add(config, *sequence, message);
        }
        for key in index.keys.keys().cloned().collect::<Vec<_>>() {
            index.offer(&key, image);
        }
        index
    }

    /// Brings the index up to date with a message that was as `before` and is as it is in the image now.
    pub(super) fn update(&mut self, config: &Config, sequence: Sequence, before: Option<&Message>, image: &Image) {
        if let Some(before) = before {
            self.remove(sequence, before);
        }
        let after = image.messages.get(&sequence);
        if let Some(after) = after {
            self.add(config, sequence, after);
        }
        if let Some(key) = before.or(after).and_then(|message| message.key.clone()) {
            self.offer(&key, image);
        }
    }

    fn add(&mut self, config: &Config, sequence: Sequence, message: &Message) {
        match &message.state {
            MessageState::Ready { at } if message.key.is_none() => drop(self.ready.insert((*at, sequence))),
            MessageState::Ready { .. } | MessageState::Done { .. } => {}
            MessageState::Leased { until, worker, .. } => {
                self.leases.insert((*until, sequence));
                *self.in_flight.entry(worker.clone()).or_default() += 1;
            }
            MessageState::Dead => drop(self.dead.insert(sequence)),
        }
        if let Some(key) = &message.key {
            self.stand_in_line(config, key, sequence, message);
        }
    }

    fn stand_in_line(&mut self, config: &Config, key: &str, sequence: Sequence, message: &Message) {
        let blocks = match message.state {
            MessageState::Ready { .. } | MessageState::Leased { .. } => true,
            MessageState::Dead => config.settings().dead_blocks_key,
            MessageState::Done { .. } => false,
        };
        if blocks {
            let line = self.keys.entry(key.to_owned()).or_default();
            line.waiting.insert(sequence);
            if matches!(message.state, MessageState::Leased { .. }) {
                line.leased.insert(sequence);
            }
        }
    }

    fn remove(&mut self, sequence: Sequence, message: &Message) {
        match &message.state {
            MessageState::Ready { at } => drop(self.ready.remove(&(*at, sequence))),
            MessageState::Leased { until, worker, .. } => {
                self.leases.remove(&(*until, sequence));
                self.one_less_in_flight(worker);
            }
            MessageState::Dead => drop(self.dead.remove(&sequence)),
            MessageState::Done { .. } => {}
        }
        if let Some(line) = message.key.as_ref().and_then(|key| self.keys.get_mut(key)) {
            line.waiting.remove(&sequence);
            line.leased.remove(&sequence);
        }
    }

    fn one_less_in_flight(&mut self, worker: &str) {
        if let Some(count) = self.in_flight.get_mut(worker) {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(worker);
            }
        }
    }

    /// Of a key, the first in line may be handed out, if it is ready and nobody works on another.
    fn offer(&mut self, key: &str, image: &Image) {
        let Some(line) = self.keys.get_mut(key) else { return };
        if let Some(offered) = line.offered.take() {
            self.ready.remove(&offered);
        }
        let head = line.waiting.first().filter(|_| line.leased.is_empty());
        line.offered = head.and_then(|head| Some((ready_at(image.messages.get(head)?)?, *head)));
        self.ready.extend(line.offered);
        if line.waiting.is_empty() {
            self.keys.remove(key);
        }
    }

    /// The next message to hand out.
    pub(super) fn next_ready(&self, now: Instant) -> Option<Sequence> {
        self.ready.first().filter(|(at, _)| *at <= now).map(|(_, sequence)| *sequence)
    }

    /// The lease that ends first.
    pub(super) fn first_lease(&self) -> Option<(Instant, Sequence)> {
        self.leases.first().copied()
    }

    pub(super) fn leased(&self) -> usize {
        self.leases.len()
    }

    pub(super) fn held_by(&self, worker: &str) -> u32 {
        self.in_flight.get(worker).copied().unwrap_or(0)
    }

    pub(super) fn dead(&self) -> &BTreeSet<Sequence> {
        &self.dead
    }
}

/// Time.
impl Names for Index {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        super::each_first(&mut self.ready, each);
        super::each_first(&mut self.leases, each);
        self.keys.values_mut().filter_map(|line| line.offered.as_mut()).for_each(|(at, _)| each(at));
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}

fn ready_at(message: &Message) -> Option<Instant> {
    if let MessageState::Ready { at } = message.state { Some(at) } else { None }
}
