//! What comes sooner or later, under which fairness.

use super::claims::{held, lease};
use super::{Locklike, Memory};
use crate::{Lease, Message};
use purlin_models::Cluster;
use purlin_models::cluster::{Action, Fate, Kind, LeadsTo};

type Lockers<P> = Cluster<P, Memory>;
type Promise<P> = LeadsTo<P, Memory>;

/// In a world that ends at `TOKENS`.
pub(super) fn every_question_is_answered<P: Locklike, const TOKENS: u64>() -> Promise<P> {
    Promise {
        name: "a question is answered or dies with its process, if messages come, timers fire, time passes and processes restart",
        from: |state, _| !state.nodes[1].asked.is_empty(),
        to: |state, _| state.nodes[1].asked.is_empty() || is_at_the_end::<P, TOKENS>(state),
        fair: everything_goes_on,
    }
}

/// In a world that ends at `TOKENS`.
pub(super) fn the_lease_of_the_dead_ends<P: Locklike, const TOKENS: u64>() -> Promise<P> {
    Promise {
        name: "the lease of a holder that died is over, if messages come, timers fire, time passes and processes restart",
        from: |state, _| !state.nodes[1].is_up() && honoured(state).is_some(),
        to: |state, _| honoured(state).is_none() || is_at_the_end::<P, TOKENS>(state),
        fair: everything_goes_on,
    }
}

/// Time stands still in the end, so that no grant comes too late.
pub(super) fn asked_in_time_and_alone_it_is_given<P: Locklike>() -> Promise<P> {
    Promise {
        name: "who asks of a free lock, in time and alone, gets it, if messages come and the keeper is up",
        from: |state, _| {
            let asks = state.machine(2).and_then(|machine| machine.lock().asks_since());
            let alone = state.network.iter().all(|packet| packet.from == 2);
            let all_up = state.nodes.iter().all(|node| node.is_up()) && state.left.crashes == 0;
            let in_time = state.left.ticks == 0 && asks == Some(state.nodes[2].now);
            let first_is_idle = state.machine(1).is_some_and(|machine| machine.lock().asks_since().is_none());
            in_time && alone && all_up && first_is_idle && honoured(state).is_none()
        },
        to: |state, _| held(state, 2).is_some(),
        fair: everything_goes_on,
    }
}

/// The lease that the keeper honours still.
fn honoured<P: Locklike>(state: &Lockers<P>) -> Option<Lease> {
    lease(state).filter(|lease| state.nodes[0].now < lease.until)
}

fn is_at_the_end<P: Locklike, const TOKENS: u64>(state: &Lockers<P>) -> bool {
    state.nodes[0].written().token.0 >= TOKENS
}

/// Deliveries on each channel, timers and restarts of each node, and time are never put off for ever.
fn everything_goes_on<P: Locklike>(action: &Action<P>, _: &Lockers<P>) -> Option<u8> {
    if action.fate != Fate::Whole {
        return None;
    }
    match &action.kind {
        Kind::Deliver { packet, twice: false } => Some(channel(packet.from, packet.to, &packet.message)),
        Kind::Advance { .. } => Some(1),
        Kind::Restart { node, set_off: 0 } => Some(2 + *node as u8),
        Kind::Fire { node, .. } => Some(5 + *node as u8),
        Kind::Own { node } => Some(8 + *node as u8),
        Kind::Sync { node, .. } => Some(11 + *node as u8),
        _ => None,
    }
}

/// Messages of one kind between two nodes.
fn channel(from: usize, to: usize, message: &Message) -> u8 {
    let kind = match message {
        Message::Ask(_) => 0,
        Message::Granted(_) => 1,
        Message::Denied(_) => 2,
        Message::Release(_) => 3,
    };
    16 + kind * 9 + (from * 3 + to) as u8
}
