//! What comes of a step's effects, by the laws of hosts: see [`purlin::protocol`].

use super::step::Stepping;
use super::{Broken, Fate, Ghost, Node, Packet, Seen, Shared};
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use smallvec::SmallVec;

/// How many effects that somebody else can see a step has, and which records were there before each of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Visible {
    /// For each effect that need not wait: how many records were in the tail by then.
    pub(super) at_once: SmallVec<[usize; 4]>,
    /// How many wait for the disk.
    pub(super) fenced: usize,
    /// How many records are in the tail after all.
    pub(super) records: usize,
    /// How many of these the step itself persisted.
    pub(super) persisted: usize,
}

impl Visible {
    pub(super) fn of<P: Protocol>(node: &Node<P>, address: Option<&P::Address>, effects: &[Effect<P>]) -> Self {
        let mut visible = Self { records: node.records_in_tail(), ..Self::default() };
        visible.fenced = node.tail.iter().filter(|effect| is_visible(effect, address)).count();
        for effect in effects {
            if matches!(effect, Effect::Persist(_)) {
                visible.records += 1;
                visible.persisted += 1;
            } else if is_visible(effect, address) {
                if is_fenced(effect) && visible.records > 0 {
                    visible.fenced += 1;
                } else {
                    visible.at_once.push(visible.records);
                }
            }
        }
        visible
    }
}

/// How many effects that somebody can see leave with the sync of so many records.
pub(super) fn released_by_sync<P: Protocol>(node: &Node<P>, address: Option<&P::Address>, records: usize) -> usize {
    let mut before = 0;
    let leaves = |effect: &&Shared<Effect<P>>| {
        before += usize::from(matches!(***effect, Effect::Persist(_)));
        before <= records && is_visible(effect, address)
    };
    node.tail.iter().filter(leaves).count()
}

/// Waits for every record before it.
fn is_fenced<P: Protocol>(effect: &Effect<P>) -> bool {
    matches!(effect, Effect::Answer { .. } | Effect::Notify(_) | Effect::Send { fence: Fence::Durable, .. })
}

/// Somebody outside of the process can see it.
fn is_visible<P: Protocol>(effect: &Effect<P>, own: Option<&P::Address>) -> bool {
    match effect {
        Effect::Answer { .. } | Effect::Notify(_) => true,
        Effect::Send { to, .. } => Some(to) != own,
        Effect::Persist(_) | Effect::Load(_) | Effect::Arm { .. } | Effect::Disarm(_) => false,
    }
}

/// The effects of one node on their way.
pub(super) struct Errands<'s, 'a, P: Protocol, G: Ghost<P>> {
    pub(super) stepping: &'s mut Stepping<'a, P, G>,
    pub(super) node: usize,
}

/// The process has died on the way.
struct Died;

impl<P: Protocol, G: Ghost<P>> Errands<'_, '_, P, G> {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect<P>>, fate: Fate) {
        let mut errands_left = if let Fate::Crash { after, .. } = fate { Some(after) } else { None };
        let died = self.all(effects, fate, &mut errands_left);
        if let (Err(Died), Fate::Crash { survive, .. }) = (died, fate) {
            self.stepping.crash(self.node, survive);
        }
    }

    fn all(&mut self, effects: Vec<Effect<P>>, fate: Fate, errands_left: &mut Option<usize>) -> Result<(), Died> {
        for effect in effects {
            self.accept(effect, errands_left)?;
        }
        if fate == Fate::Refused {
            self.stepping.refuse(self.node);
            return Ok(());
        }
        if !self.node().is_stalled && !self.node().tail.is_empty() {
            // The last moment before the sync.
            if *errands_left == Some(0) {
                return Err(Died);
            }
            self.sync(usize::MAX, errands_left)?;
        }
        if errands_left.is_some() { Err(Died) } else { Ok(()) }
    }

    fn node(&mut self) -> &mut Node<P> {
        self.stepping.node(self.node)
    }

    /// What need not wait is done; the rest queues up behind the records.
    fn accept(&mut self, effect: Effect<P>, errands_left: &mut Option<usize>) -> Result<(), Died> {
        match effect {
            Effect::Persist(record) => {
                let node = self.node;
                self.stepping.see(|| Seen::Persisted { node, record: record.clone() });
                self.node().tail.push(Shared::new(Effect::Persist(record)));
            }
            Effect::Arm { timer, after } => self.arm(timer, after),
            Effect::Disarm(timer) => self.node().timers.retain(|(name, _)| *name != timer),
            Effect::Load(load) => self.load(load),
            effect if is_fenced(&effect) && !self.node().tail.is_empty() => {
                self.node().tail.push(Shared::new(effect));
            }
            effect => self.release(effect, errands_left)?,
        }
        Ok(())
    }

    fn arm(&mut self, timer: P::Timer, after: core::time::Duration) {
        if self.stepping.model.scope.unset.contains(&timer) {
            return;
        }
        let node = self.node();
        let due = node.now + after;
        match node.timers.binary_search_by(|(name, _)| name.cmp(&timer)) {
            Ok(place) => node.timers[place].1 = due,
            Err(place) => node.timers.insert(place, (timer, due)),
        }
    }

    fn load(&mut self, load: P::Load) {
        let looks_up = self.stepping.model.scope.looks_up;
        let node = self.node();
        let found = match looks_up {
            Some(looks_up) => looks_up(&node.written(), load),
            None => look_up_in_journal(node, load),
        };
        if let Some(loaded) = found {
            let loaded = Shared::new(Input::Loaded(loaded));
            let place = node.loaded.partition_point(|other| *other < loaded);
            node.loaded.insert(place, loaded);
        }
    }

    /// An effect leaves the process.
    fn release(&mut self, effect: Effect<P>, errands_left: &mut Option<usize>) -> Result<(), Died> {
        let own = self.stepping.model.scope.nodes[self.node].address.as_ref();
        if is_visible(&effect, own)
            && let Some(left) = errands_left
        {
            *left = left.checked_sub(1).ok_or(Died)?;
        }
        match effect {
            Effect::Send { to, message, fence } => self.send(to, message, fence),
            Effect::Answer { ticket, answer } => self.answer(ticket, answer),
            Effect::Notify(event) => {
                let node = self.node;
                self.stepping.see(|| Seen::Notified { node, event });
            }
            Effect::Persist(_) | Effect::Load(_) | Effect::Arm { .. } | Effect::Disarm(_) => {}
        }
        Ok(())
    }

    fn send(&mut self, to: P::Address, message: P::Message, fence: Fence) {
        let node = self.node;
        self.stepping.see(|| Seen::Sent { node, to: to.clone(), message: message.clone(), fence });
        let addresses = &self.stepping.model.scope.nodes;
        let Some(receiver) = addresses.iter().position(|node| node.address.as_ref() == Some(&to)) else { return };
        if receiver == node {
            self.node().own.push(Shared::new(Input::Message { from: to, message }));
        } else {
            self.stepping.put_on_network(Packet { from: node, to: receiver, message });
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: P::Answer) {
        let node = self.node;
        let asked = &mut self.node().asked;
        match asked.iter().position(|open| *open == ticket) {
            Some(place) => drop(asked.remove(place)),
            None => self.stepping.next.broken = Some(Broken::Claim(0)),
        }
        self.stepping.see(|| Seen::Answered { node, ticket, answer });
    }

    /// So many records become durable, and what waited for no later one leaves.
    fn sync(&mut self, records: usize, errands_left: &mut Option<usize>) -> Result<(), Died> {
        let mut waiting = core::mem::take(&mut self.node().tail);
        let is_record = |effect: &Shared<Effect<P>>| matches!(**effect, Effect::Persist(_));
        let places = waiting.iter().enumerate().filter(|(_, effect)| is_record(effect)).map(|(place, _)| place);
        let end = places.clone().nth(records).unwrap_or(waiting.len());
        let count = places.take_while(|place| *place < end).count();
        self.node().tail = waiting.drain(end..).collect();
        self.fold(waiting.iter());
        let node = self.node;
        self.stepping.see(|| Seen::Synced { node, records: count });
        for effect in waiting.into_iter().filter(|effect| !is_record(effect)) {
            self.release((*effect).clone(), errands_left)?;
        }
        Ok(())
    }

    fn fold<'e>(&mut self, effects: impl Iterator<Item = &'e Shared<Effect<P>>>) {
        fold_records(self.node(), effects);
    }
}

fn look_up_in_journal<P: Protocol>(node: &Node<P>, load: P::Load) -> Option<P::Loaded> {
    let mut all: Vec<P::Record> = node.journal.as_deref()?.clone();
    all.extend(node.tail.iter().filter_map(|effect| match &**effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    }));
    P::lookup(&all, load)
}

/// Takes the records among some effects to the disk.
fn fold_records<'e, P: Protocol>(node: &mut Node<P>, effects: impl Iterator<Item = &'e Shared<Effect<P>>>) {
    let records: SmallVec<[P::Record; 4]> = effects
        .filter_map(|effect| match &**effect {
            Effect::Persist(record) => Some(record.clone()),
            _ => None,
        })
        .collect();
    if records.is_empty() {
        return;
    }
    if let Some(journal) = &mut node.journal {
        journal.edit(|journal| journal.extend(records.iter().cloned()));
    }
    node.disk.edit(|image| records.into_iter().for_each(|record| P::fold(image, record)));
}

/// What befalls a node as a whole.
impl<P: Protocol, G: Ghost<P>> Stepping<'_, P, G> {
    pub(super) fn end_sync(&mut self, node: usize, records: usize, fate: Fate) {
        if fate == Fate::Refused {
            self.refuse(node);
            return;
        }
        let mut errands_left = if let Fate::Crash { after, .. } = fate { Some(after) } else { None };
        let all = self.next.nodes[node].records_in_tail() == records;
        let died = Errands { stepping: self, node }.sync(records, &mut errands_left);
        if died.is_err() || errands_left.is_some() {
            self.crash(node, 0);
        } else if all {
            self.node(node).is_stalled = false;
        }
    }

    /// The process dies. So many records of the tail have reached the disk.
    pub(super) fn crash(&mut self, node: usize, survive: usize) {
        self.see(|| Seen::Crashed { node, survived: survive });
        let node = self.node(node);
        let tail = core::mem::take(&mut node.tail);
        let records = tail.iter().filter(|effect| matches!(***effect, Effect::Persist(_)));
        fold_records(node, records.take(survive));
        end_process(node);
    }

    /// The journal has been taken over: what was not durable never will be, and the process ends.
    pub(super) fn refuse(&mut self, node: usize) {
        self.see(|| Seen::Refused { node });
        end_process(self.node(node));
    }

    pub(super) fn put_on_network(&mut self, packet: Packet<P>) {
        let scope = &self.model.scope;
        let network = &mut self.next.network;
        let goes_the_same_way = |other: &Packet<P>| (other.from, other.to) == (packet.from, packet.to);
        network.retain(|other| !(goes_the_same_way(other) && (scope.supersedes)(&packet, other)));
        let packet = Shared::new(packet);
        let copies = network.iter().filter(|other| **other == packet).count();
        if copies < scope.copies && network.len() < scope.in_flight {
            let place = network.partition_point(|other| *other < packet);
            network.insert(place, packet);
        }
    }
}

/// All that lives in memory is gone.
fn end_process<P: Protocol>(node: &mut Node<P>) {
    node.machine = None;
    node.tail.clear();
    node.is_stalled = false;
    node.timers.clear();
    node.own.clear();
    node.loaded.clear();
    node.asked.clear();
}
