//! Messages on their way, in the order in which they were sent.

use super::envelope::Envelope;
use super::pattern::Filter;
use super::script::Order;
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Network {
    everyone: Vec<u64>,
    flying: Vec<Flying>,
    /// From whom to whom nothing gets through.
    cuts: BTreeSet<(u64, u64)>,
    losses: Vec<Filter>,
    holds: Vec<Filter>,
}

struct Flying {
    envelope: Envelope,
    is_held: bool,
}

impl Network {
    pub(super) fn among(everyone: impl IntoIterator<Item = u64>) -> Self {
        Self { everyone: everyone.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn send(&mut self, envelope: Envelope) {
        let is_lost = self.is_cut(&envelope) || self.losses.iter().any(|filter| filter.matches(&envelope));
        if !is_lost {
            let is_held = self.holds.iter().any(|filter| filter.matches(&envelope));
            self.flying.push(Flying { envelope, is_held });
        }
    }

    pub(super) fn is_cut(&self, envelope: &Envelope) -> bool {
        self.cuts.contains(&(envelope.from, envelope.to))
    }

    /// Nothing gets through to these nodes or from them.
    pub(super) fn isolate(&mut self, nodes: &[u64]) {
        let everyone = self.everyone.clone();
        self.cut(nodes, &everyone);
        self.cut(&everyone, nodes);
    }

    /// Nothing gets through from one group to another.
    pub(super) fn part(&mut self, groups: &[Vec<u64>]) {
        for (place, group) in groups.iter().enumerate() {
            let others = groups.iter().enumerate().filter(|(other, _)| *other != place);
            others.for_each(|(_, other)| self.cut(group, other));
        }
    }

    /// Nothing gets through this way.
    pub(super) fn cut(&mut self, from: &[u64], to: &[u64]) {
        self.cuts.extend(from.iter().flat_map(|from| to.iter().map(|to| (*from, *to))));
        let cuts = &self.cuts;
        self.flying.retain(|one| !cuts.contains(&(one.envelope.from, one.envelope.to)));
    }

    pub(super) fn heal(&mut self) {
        self.cuts.clear();
    }

    pub(super) fn lose(&mut self, filter: Filter) {
        self.losses.push(filter);
    }

    pub(super) fn unlose(&mut self) {
        self.losses.clear();
    }

    pub(super) fn hold(&mut self, filter: Filter) {
        self.flying.iter_mut().for_each(|one| one.is_held |= filter.matches(&one.envelope));
        self.holds.push(filter);
    }

    pub(super) fn release(&mut self) {
        self.holds.clear();
        self.flying.iter_mut().for_each(|one| one.is_held = false);
    }

    pub(super) fn drop_those(&mut self, meant: impl Fn(&Envelope) -> bool) {
        self.flying.retain(|one| !meant(&one.envelope));
    }

    /// Takes out the messages that are meant, held or not, at most `count` of them.
    pub(super) fn take(&mut self, filter: &Filter, count: usize, order: Order) -> Vec<Envelope> {
        let meant = |one: &Flying| filter.matches(&one.envelope);
        let places = self.flying.iter().enumerate().filter(|(_, one)| meant(one)).map(|(place, _)| place);
        let mut places: Vec<usize> = places.collect();
        if order == Order::LastFirst {
            places.reverse();
        }
        places.truncate(count);
        let taken = places.iter().map(|place| self.flying[*place].envelope.clone()).collect();
        let mut place = 0..;
        self.flying.retain(|_| place.next().is_none_or(|place| !places.contains(&place)));
        taken
    }

    /// Takes out the oldest message that is not held and travels among these nodes.
    pub(super) fn take_oldest(&mut self, among: impl Fn(u64) -> bool) -> Option<Envelope> {
        let may = |one: &Flying| !one.is_held && among(one.envelope.from) && among(one.envelope.to);
        let place = self.flying.iter().position(may)?;
        Some(self.flying.remove(place).envelope)
    }

    pub(super) fn duplicate(&mut self, filter: &Filter, count: u64) {
        let meant = self.flying.iter().filter(|one| filter.matches(&one.envelope)).map(|one| one.envelope.clone());
        let meant: Vec<Envelope> = meant.collect();
        for envelope in meant {
            let copies = (0..count).map(|_| Flying { envelope: envelope.clone(), is_held: false });
            self.flying.extend(copies);
        }
    }

    /// Turns the order of the messages that are meant round, in their places.
    pub(super) fn reorder(&mut self, filter: &Filter) {
        let places: Vec<usize> =
            (0..self.flying.len()).filter(|place| filter.matches(&self.flying[*place].envelope)).collect();
        let (first, last) = places.split_at(places.len() / 2);
        for (one, other) in first.iter().zip(last.iter().rev()) {
            self.flying.swap(*one, *other);
        }
    }
}
