//! The normal form of a state: counted from the present, what is long past known by its order only, sorted.

use super::{Cluster, ClusterModel, Ghost, NOW, Past};
use crate::fingerprint::fingerprint;
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::Protocol;
use smallvec::SmallVec;
use std::sync::Arc;

impl<P: Protocol, G: Ghost<P>> ClusterModel<P, G> {
    /// Makes states equal that no later step can tell apart.
    pub(super) fn normalise(&self, state: &mut Cluster<P, G>) {
        let Cluster { nodes, network, .. } = state;
        network.retain(|packet| !(self.scope.ignores)(&nodes[packet.to], packet));
        self.forget_time(state);
        self.choose_among_symmetric(state);
    }

    fn forget_time(&self, state: &mut Cluster<P, G>) {
        let Some(base) = state.nodes.iter().map(|node| self.untouched(node)).min() else { return };
        let passed = base.saturating_since(NOW);
        let lowest = state.nodes.iter().map(|node| node.now).min().unwrap_or(NOW) - passed - self.way_back(state);
        let floor = match self.scope.past {
            Past::Exact => Instant::ORIGIN,
            Past::OrderBeyond(horizon) => lowest - horizon,
        };
        let present = Present { passed, floor, past: past_instants(state, passed, floor) };
        if !present.is_reached() {
            present.move_all(state);
        }
        self.forget_lateness(state, floor);
    }

    /// How far a clock may still be set back: what is past might then be to come once more.
    fn way_back(&self, state: &Cluster<P, G>) -> Duration {
        let farthest = self.scope.jumps.iter().copied().filter(|by| *by < 0).map(i16::unsigned_abs).max();
        self.scope.tick * u32::from(farthest.unwrap_or(0)) * u32::from(state.left.jumps)
    }

    /// A timer that may fire at any later moment is due or it is not.
    fn forget_lateness(&self, state: &mut Cluster<P, G>, floor: Instant) {
        let is_old = |due: Instant| self.scope.lateness.is_none() && due < floor;
        for node in &mut state.nodes {
            if node.timers.iter().any(|(_, due)| is_old(*due)) {
                let timers = Arc::make_mut(node).timers.iter_mut();
                timers.filter(|(_, due)| is_old(*due)).for_each(|(_, due)| *due = floor);
            }
        }
    }

    /// Of states that a renaming turns into each other, the one with the smallest fingerprint.
    fn choose_among_symmetric(&self, state: &mut Cluster<P, G>) {
        if self.scope.symmetries.is_empty() {
            return;
        }
        let mut least = fingerprint(&*state);
        let original = state.clone();
        for rename in &self.scope.symmetries {
            let mut renamed = original.clone();
            rename(&mut renamed);
            renamed.network.sort_unstable();
            let candidate = fingerprint(&renamed);
            if candidate < least {
                least = candidate;
                *state = renamed;
            }
        }
    }
}

/// Every instant that lies beyond the floor, once shifted; sorted, each once.
fn past_instants<P: Protocol, G: Ghost<P>>(
    state: &mut Cluster<P, G>,
    passed: Duration,
    floor: Instant,
) -> SmallVec<[Instant; 16]> {
    let mut past: SmallVec<[Instant; 16]> = SmallVec::new();
    let mut note = |instant: Instant| {
        if instant - passed < floor {
            past.push(instant - passed);
        }
    };
    for node in &state.nodes {
        node.disk.instants().iter().copied().for_each(&mut note);
        node.machine.iter().flat_map(|it| it.instants()).copied().for_each(&mut note);
        node.journal.iter().flat_map(|it| it.instants()).copied().for_each(&mut note);
        node.tail.iter().flat_map(|it| it.instants()).copied().for_each(&mut note);
        node.own.iter().chain(&node.loaded).flat_map(|it| it.instants()).copied().for_each(&mut note);
    }
    state.network.iter().flat_map(|it| it.instants()).copied().for_each(&mut note);
    state.ghost.instants(&mut |instant| note(*instant));
    past.sort_unstable();
    past.dedup();
    past
}

/// Where the instants of a state belong.
struct Present {
    /// So much later it has become.
    passed: Duration,
    /// Before this instant only the order counts.
    floor: Instant,
    /// The instants before it.
    past: SmallVec<[Instant; 16]>,
}

impl Present {
    /// No instant is to be moved.
    fn is_reached(&self) -> bool {
        self.passed.is_zero() && self.past.iter().all(|instant| self.place(*instant) == *instant)
    }

    /// Instants before the floor end just below it, a nanosecond apart.
    fn place(&self, instant: Instant) -> Instant {
        let shifted = instant - self.passed;
        if shifted >= self.floor {
            return shifted;
        }
        let rank = self.past.len() - self.past.partition_point(|other| *other < shifted);
        self.floor - Duration::from_nanos(rank as u64)
    }

    fn move_all<P: Protocol, G: Ghost<P>>(&self, state: &mut Cluster<P, G>) {
        let place = |instant| self.place(instant);
        for node in &mut state.nodes {
            let node = Arc::make_mut(node);
            node.now = node.now - self.passed;
            node.timers.iter_mut().for_each(|(_, due)| *due = *due - self.passed);
            node.disk.move_instants(&place);
            node.machine.iter_mut().for_each(|it| it.move_instants(&place));
            node.journal.iter_mut().for_each(|it| it.move_instants(&place));
            node.tail.iter_mut().for_each(|it| it.move_instants(&place));
            node.own.iter_mut().chain(&mut node.loaded).for_each(|it| it.move_instants(&place));
            node.loaded.sort_unstable();
        }
        state.network.iter_mut().for_each(|it| it.move_instants(&place));
        state.network.sort_unstable();
        state.ghost.instants(&mut |instant| *instant = place(*instant));
    }
}
