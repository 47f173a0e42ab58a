//! What holds in every model of the lock.

use super::{Locklike, Memory};
use crate::{Answer, Event, Hold, Lease, Message};
use purlin_models::Cluster;
use purlin_models::cluster::{Always, ClusterScope, EveryStep, Ghost, Kind, Seen, Step};

/// The claim that rests on clocks: see [`Settings::margin_ms`](crate::Settings::margin_ms).
pub const ONE_HOLDER_AT_A_TIME: &str = "no two nodes believe at the same time that they hold the lock";
/// The same, of one node and its keeper, where clocks agree.
pub const A_HOLD_ENDS_WITH_ITS_LEASE: &str = "no hold outlasts its lease, where clocks agree";
/// The claim that rests on nothing but the keeper's disk.
pub const TOKENS_RISE: &str = "tokens rise with every grant";
/// Tokens tell holders apart.
pub const NO_TOKEN_IS_GIVEN_TWICE: &str = "no token is given to two lives";
/// The keeper keeps its word over crashes.
pub const WHAT_IS_GRANTED_IS_DURABLE: &str = "what is granted is durable at the keeper";
/// A node that has started again is another.
pub const NO_LATE_ANSWER_IS_TAKEN: &str = "a late answer to an old life is not taken";
/// Callers can rely on what they are told.
pub const WHAT_IS_ANSWERED_IS_SO: &str =
    "whoever is answered that it holds the lock does, and who is answered Free does not";

type Lockers<P> = Cluster<P, Memory>;
type LockStep<'a, P> = Step<'a, P, Memory>;

pub(super) fn always<P: Locklike>() -> Vec<Always<P, Memory>> {
    vec![
        Always { name: ONE_HOLDER_AT_A_TIME, holds: one_holder_at_a_time },
        Always { name: A_HOLD_ENDS_WITH_ITS_LEASE, holds: a_hold_ends_with_its_lease },
        Always { name: "what is known is what was written", holds: what_is_known_was_written },
    ]
}

pub(super) fn every_step<P: Locklike>() -> Vec<EveryStep<P, Memory>> {
    vec![
        EveryStep { name: TOKENS_RISE, holds: tokens_rise },
        EveryStep { name: NO_TOKEN_IS_GIVEN_TWICE, holds: no_token_is_given_twice },
        EveryStep { name: WHAT_IS_GRANTED_IS_DURABLE, holds: what_is_granted_is_durable },
        EveryStep { name: NO_LATE_ANSWER_IS_TAKEN, holds: no_late_answer_is_taken },
        EveryStep { name: WHAT_IS_ANSWERED_IS_SO, holds: what_is_answered_is_so },
    ]
}

/// The hold of a node, as it believes in it by its own clock.
pub(super) fn held<P: Locklike>(state: &Lockers<P>, node: usize) -> Option<Hold> {
    state.machine(node).and_then(|machine| machine.lock().held_at(state.nodes[node].now))
}

fn one_holder_at_a_time<P: Locklike>(state: &Lockers<P>, _: &ClusterScope<P, Memory>) -> bool {
    (0..state.nodes.len()).filter(|node| held(state, *node).is_some()).count() <= 1
}

fn a_hold_ends_with_its_lease<P: Locklike>(state: &Lockers<P>, scope: &ClusterScope<P, Memory>) -> bool {
    let clocks_agree = scope.skew == 0 && scope.jumps.is_empty();
    let lease = lease(state);
    let is_leased = |hold: Hold| lease.is_some_and(|lease| lease.token == hold.token && hold.until <= lease.until);
    !clocks_agree || (0..state.nodes.len()).filter_map(|node| held(state, node)).all(is_leased)
}

/// The lease as the keeper knows it, in memory or on its disk.
pub(super) fn lease<P: Locklike>(state: &Lockers<P>) -> Option<Lease> {
    state.machine(0).map_or(state.nodes[0].disk.lease, |machine| machine.lock().lease())
}

fn what_is_known_was_written<P: Locklike>(state: &Lockers<P>, _: &ClusterScope<P, Memory>) -> bool {
    state.nodes.iter().all(|node| node.machine.as_ref().is_none_or(|machine| *machine.image() == node.written()))
}

fn tokens_rise<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    each_seen(step, |memory, seen| match seen {
        Seen::Sent { message: Message::Granted(grant), .. } => memory.given <= grant.token,
        _ => true,
    })
}

fn no_token_is_given_twice<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    each_seen(step, |memory, seen| match seen {
        Seen::Sent { to, message: Message::Granted(grant), .. } if grant.token == memory.given => {
            memory.to == Some((*to, grant.attempt.life))
        }
        _ => true,
    })
}

fn what_is_granted_is_durable<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    each_seen(step, |_, seen| match seen {
        Seen::Sent { node, message: Message::Granted(grant), .. } => grant.token <= step.after.nodes[*node].disk.token,
        _ => true,
    })
}

fn no_late_answer_is_taken<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    let Kind::Deliver { packet, .. } = &step.action.kind else { return true };
    let Message::Granted(grant) = packet.message else { return true };
    let lives = step.before.machine(packet.to).map_or(0, |machine| machine.image().lives);
    each_seen(step, |_, seen| {
        !matches!(seen, Seen::Notified { event: Event::Acquired(_), .. }) || grant.attempt.life == lives
    })
}

/// Of nodes that live to see it, and whose answers need not wait for a disk.
fn what_is_answered_is_so<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    each_seen(step, |_, seen| match seen {
        Seen::Answered { node, answer, .. } if is_prompt(step, *node) => {
            Answer::from(held(step.after, *node)) == *answer
        }
        _ => true,
    })
}

fn is_prompt<P: Locklike>(step: &LockStep<'_, P>, node: usize) -> bool {
    step.before.nodes[node].tail.is_empty() && step.after.nodes[node].is_up()
}

/// Whether something holds of everything that was seen, each with what was remembered before it.
fn each_seen<P: Locklike>(step: &LockStep<'_, P>, holds: impl Fn(&Memory, &Seen<P>) -> bool) -> bool {
    let mut memory = step.before.ghost.clone();
    step.seen.iter().all(|seen| {
        let good = holds(&memory, seen);
        memory.observe(seen, step.after);
        good
    })
}
