//! The actions that a state offers.

use super::errands::{Visible, released_by_sync};
use super::{Action, Cluster, ClusterModel, Fate, Ghost, Hasty, Kind, Node};
use crate::odometer::{Odometer, Throws, every_throw};
use crate::panics::catch;
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::{Effect, Protocol};
use smallvec::SmallVec;

impl<P: Protocol, G: Ghost<P>> ClusterModel<P, G> {
    pub(super) fn offer(&self, state: &Cluster<P, G>, actions: &mut Vec<Action<P>>) {
        if state.broken.is_some() {
            return;
        }
        if self.scope.own_first
            && let Some(node) = state.nodes.iter().position(|node| !node.own.is_empty() || !node.loaded.is_empty())
        {
            self.offer_own(state, node, actions);
            self.offer_crashes(state, node, actions);
            return;
        }
        for node in 0..state.nodes.len() {
            self.offer_of_node(state, node, actions);
        }
        self.offer_network(state, actions);
        self.offer_time(state, actions);
    }

    fn offer_of_node(&self, state: &Cluster<P, G>, index: usize, actions: &mut Vec<Action<P>>) {
        let node = &*state.nodes[index];
        if !node.is_up() {
            self.offer_restarts(state, index, actions);
            return;
        }
        if state.left.requests > 0 && node.asked.len() < self.scope.open_requests {
            self.scope.requests.each(state, index, &mut |request| {
                self.offer_step(state, Kind::Request { node: index, request }, actions);
            });
        }
        self.offer_own(state, index, actions);
        self.offer_timers(state, index, actions);
        self.offer_disk(state, index, actions);
        self.offer_crashes(state, index, actions);
    }

    /// What a node says to itself, and what it has read back.
    fn offer_own(&self, state: &Cluster<P, G>, index: usize, actions: &mut Vec<Action<P>>) {
        let node = &*state.nodes[index];
        if !node.own.is_empty() {
            self.offer_step(state, Kind::Own { node: index }, actions);
        }
        for place in (0..node.loaded.len()).filter(|it| *it == 0 || node.loaded[*it] != node.loaded[*it - 1]) {
            self.offer_step(state, Kind::Loaded { node: index, index: place }, actions);
        }
    }

    /// A disk may be slow from the moment on at which its process comes up: what the process wrote about its new life is
    /// then not durable for some steps.
    fn offer_restarts(&self, state: &Cluster<P, G>, node: usize, actions: &mut Vec<Action<P>>) {
        if state.left.stalls > 0 && !state.nodes[node].is_stalled {
            actions.push(Action::whole(Kind::Stall { node }));
        }
        self.offer_step(state, Kind::Restart { node, set_off: 0 }, actions);
        if state.left.jumps > 0 {
            for set_off in self.scope.jumps.iter().copied() {
                self.offer_step(state, Kind::Restart { node, set_off }, actions);
            }
        }
    }

    fn offer_timers(&self, state: &Cluster<P, G>, index: usize, actions: &mut Vec<Action<P>>) {
        let node = &*state.nodes[index];
        let may_fire = |timer: &P::Timer, due| due <= node.now || self.hasty(state, index, timer).is_some();
        for (timer, _) in node.timers.iter().filter(|(timer, due)| may_fire(timer, *due)) {
            self.offer_step(state, Kind::Fire { node: index, timer: timer.clone() }, actions);
        }
        if state.left.strays > 0 {
            for timer in self.scope.strays.iter().filter(|timer| node.due(timer).is_none()) {
                self.offer_step(state, Kind::Fire { node: index, timer: timer.clone() }, actions);
            }
        }
    }

    /// By which place of the scope's list a timer of this node may fire early.
    pub(super) fn hasty(&self, state: &Cluster<P, G>, node: usize, timer: &P::Timer) -> Option<usize> {
        let fits = |(place, hasty): (usize, &Hasty<P>)| {
            state.hasty[place] > 0 && hasty.timer == *timer && hasty.nodes.contains(&node)
        };
        self.scope.hasty.iter().enumerate().position(fits)
    }

    fn offer_disk(&self, state: &Cluster<P, G>, index: usize, actions: &mut Vec<Action<P>>) {
        let node = &*state.nodes[index];
        let records = node.records_in_tail();
        if state.left.stalls > 0 && !node.is_stalled {
            actions.push(Action::whole(Kind::Stall { node: index }));
        }
        if state.left.refusals > 0 && records > 0 {
            actions.push(cut(Kind::Sync { node: index, records }, Fate::Refused));
        }
        for records in 1..=records {
            let kind = Kind::Sync { node: index, records };
            if state.left.crashes > 0 {
                let after = 1..released_by_sync(node, self.scope.nodes[index].address.as_ref(), records);
                actions.extend(after.map(|after| cut(kind.clone(), Fate::Crash { after, survive: 0 })));
            }
            actions.push(Action::whole(kind));
        }
    }

    fn offer_crashes(&self, state: &Cluster<P, G>, index: usize, actions: &mut Vec<Action<P>>) {
        let node = &*state.nodes[index];
        if state.left.crashes > 0 && node.is_up() {
            let survivors = 0..=node.records_in_tail();
            actions.extend(survivors.map(|survive| Action::whole(Kind::Crash { node: index, survive })));
        }
    }

    fn offer_network(&self, state: &Cluster<P, G>, actions: &mut Vec<Action<P>>) {
        let network = &state.network;
        let distinct = (0..network.len()).filter(|place| *place == 0 || network[*place] != network[*place - 1]);
        for packet in distinct.map(|place| &network[place]) {
            if state.nodes[packet.to].is_up() {
                self.offer_step(state, Kind::Deliver { packet: packet.clone(), twice: false }, actions);
                if state.left.duplicates > 0 {
                    self.offer_step(state, Kind::Deliver { packet: packet.clone(), twice: true }, actions);
                }
            }
            if state.left.losses > 0 {
                actions.push(Action::whole(Kind::Lose { packet: packet.clone() }));
            }
        }
    }

    fn offer_time(&self, state: &Cluster<P, G>, actions: &mut Vec<Action<P>>) {
        if self.scope.tick.is_zero() || state.left.ticks == 0 {
            return;
        }
        let advance = |node| Action::whole(Kind::Advance { node });
        if self.scope.skew == 0 {
            let all = state.nodes.iter().all(|node| self.may_pass(node));
            actions.extend(all.then(|| advance(None)));
        } else {
            let slowest = state.nodes.iter().map(|node| self.untouched(node)).min().unwrap_or_default();
            let fastest = slowest + self.scope.tick * self.scope.skew;
            let may = |node: &Node<P>| self.untouched(node) < fastest && self.may_pass(node);
            let nodes = (0..state.nodes.len()).filter(|node| may(&state.nodes[*node]));
            actions.extend(nodes.map(|node| advance(Some(node))));
        }
    }

    /// Whether a tick may pass on this clock without making a timer later than the scope allows. Time does not stop between
    /// two ticks for a timer that is due there.
    fn may_pass(&self, node: &Node<P>) -> bool {
        let Some(lateness) = self.scope.lateness else { return true };
        let latest = self.scope.tick * lateness;
        node.timers.iter().all(|(_, due)| *due > node.now || node.now + self.scope.tick <= *due + latest)
    }

    /// What a clock would show if nobody had set it.
    pub(super) fn untouched(&self, node: &Node<P>) -> Instant {
        let by: Duration = self.scope.tick * u32::from(node.set_off.unsigned_abs());
        if node.set_off > 0 { node.now - by } else { node.now + by }
    }

    /// A process takes a step: with every throw of its die, and cut short wherever that makes a difference.
    fn offer_step(&self, state: &Cluster<P, G>, kind: Kind<P>, actions: &mut Vec<Action<P>>) {
        let may_be_cut = state.left.crashes > 0 || state.left.refusals > 0;
        if !self.scope.throws && !may_be_cut {
            actions.push(Action::whole(kind));
            return;
        }
        // A step that panics is offered all the same, so that its state is found broken.
        let rehearsed = catch(|| self.rehearsals(state, &kind));
        for (throws, effects) in rehearsed.unwrap_or_else(|_| vec![(Throws::new(), Vec::new())]) {
            for fate in self.fates(state, &kind, &effects) {
                actions.push(Action { kind: kind.clone(), fate, throws: throws.clone() });
            }
        }
    }

    /// The throws and the effects of a step, once for every combination of throws.
    fn rehearsals(&self, state: &Cluster<P, G>, kind: &Kind<P>) -> Vec<(Throws, Vec<Effect<P>>)> {
        if !self.scope.throws {
            return vec![(Throws::new(), self.rehearse(state, kind, &mut Odometer::showing(&[])))];
        }
        every_throw(|die| {
            let effects = self.rehearse(state, kind, die);
            (die.throws(), effects)
        })
    }

    fn fates(&self, state: &Cluster<P, G>, kind: &Kind<P>, effects: &[Effect<P>]) -> SmallVec<[Fate; 8]> {
        let mut fates = SmallVec::from_iter([Fate::Whole]);
        let Some(index) = node_of(kind) else { return fates };
        let node = &state.nodes[index];
        let visible = Visible::of(node, self.scope.nodes[index].address.as_ref(), effects);
        if state.left.crashes > 0 {
            let is_request = matches!(kind, Kind::Request { .. });
            fates.extend(crashes(&visible, node.is_stalled, is_request));
        }
        if state.left.refusals > 0 && visible.persisted > 0 {
            fates.push(Fate::Refused);
        }
        fates
    }
}

fn cut<P: Protocol>(kind: Kind<P>, fate: Fate) -> Action<P> {
    Action { kind, fate, throws: Throws::new() }
}

/// Every way to die in a step that is told apart from every other, and from dying before it or after it.
fn crashes(visible: &Visible, is_stalled: bool, is_request: bool) -> impl Iterator<Item = Fate> {
    let at_once = visible.at_once.len();
    // Dying before anything could be seen and before anything was written is dying before the step, but that somebody
    // has asked.
    let least = if is_request { 0 } else { visible.records - visible.persisted + 1 };
    let before_an_effect = visible.at_once.clone().into_iter().enumerate();
    let before_an_effect = before_an_effect.flat_map(move |(after, records)| {
        (if after == 0 { least } else { 0 }..=records).map(move |survive| Fate::Crash { after, survive })
    });
    let before_the_sync = (!is_stalled && visible.records > 0).then(|| {
        let least = if at_once == 0 { least } else { 0 };
        // If all of it survived and nothing waited, that is dying after the step.
        let most = visible.records - usize::from(visible.fenced == 0);
        (least..=most).map(move |survive| Fate::Crash { after: at_once, survive })
    });
    let fenced = if is_stalled { 0 } else { visible.fenced };
    let after_the_sync = (1..fenced).map(move |left| Fate::Crash { after: at_once + left, survive: 0 });
    before_an_effect.chain(before_the_sync.into_iter().flatten()).chain(after_the_sync)
}

/// The node that takes a step.
fn node_of<P: Protocol>(kind: &Kind<P>) -> Option<usize> {
    match kind {
        Kind::Request { node, .. }
        | Kind::Own { node }
        | Kind::Loaded { node, .. }
        | Kind::Fire { node, .. }
        | Kind::Restart { node, .. } => Some(*node),
        Kind::Deliver { packet, .. } => Some(packet.to),
        _ => None,
    }
}
