//! What the models are there to show: without it their claims would be empty.

use super::claims::held;
use super::{Locklike, Memory};
use crate::{Answer, Event, Message};
use purlin_models::cluster::{Kind, Seen, SomeStep, Step};

type Witness<P> = SomeStep<P, Memory>;
type LockStep<'a, P> = Step<'a, P, Memory>;

pub(super) fn passed_on<P: Locklike>() -> Witness<P> {
    Witness {
        name: "the lock passes from one node to another",
        holds: |step| {
            let to_another = |node: usize| step.before.ghost.to.is_some_and(|(to, _)| usize::from(to.0) != node);
            acquired(step).any(|node| to_another(node) || step.before.ghost.given.0 > 1)
        },
    }
}

pub(super) fn refused<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a node is told that another holds the lock",
        holds: |step| {
            let holder = (0..step.before.nodes.len()).find(|node| held(step.before, *node).is_some());
            let refused = |seen: &Seen<P>| matches!(seen, Seen::Answered { node, answer: Answer::Free, .. } if holder.is_some_and(|holder| holder != *node));
            step.seen.iter().any(refused)
        },
    }
}

pub(super) fn renewed<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a node that holds the lock gets it for longer",
        holds: |step| {
            acquired(step).any(|node| {
                let (before, after) = (held(step.before, node), held(step.after, node));
                before
                    .zip(after)
                    .is_some_and(|(before, after)| before.token == after.token && before.until < after.until)
            })
        },
    }
}

pub(super) fn given_back<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a lock that was given back is given again before its lease would have ended",
        holds: |step| {
            let keeper = &step.before.nodes[0];
            let is_free = keeper.disk.lease.is_none() && keeper.disk.token.0 > 0;
            is_free && step.seen.iter().any(|seen| matches!(seen, Seen::Sent { message: Message::Granted(_), .. }))
        },
    }
}

pub(super) fn a_grant_is_given_back<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a grant that nobody waits for is given back",
        holds: |step| granted(step).is_some_and(|node| !waits(step, node)) && releases(step),
    }
}

pub(super) fn a_grant_comes_too_late<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a grant that comes too late is given back",
        holds: |step| granted(step).is_some_and(|node| waits(step, node)) && releases(step),
    }
}

pub(super) fn a_late_grant_is_ignored<P: Locklike>() -> Witness<P> {
    Witness {
        name: "an answer to an old life comes in",
        holds: |step| {
            let Kind::Deliver { packet, .. } = &step.action.kind else { return false };
            let Message::Granted(grant) = packet.message else { return false };
            step.before.machine(packet.to).is_some_and(|machine| grant.attempt.life < machine.image().lives)
        },
    }
}

pub(super) fn held_after_the_keeper_died<P: Locklike>() -> Witness<P> {
    Witness {
        name: "a node gets the lock from a keeper that has died once",
        holds: |step| acquired(step).any(|_| step.before.nodes[0].disk.lives > 1),
    }
}

pub(super) fn a_lost_lease_is_given_again<P: Locklike>() -> Witness<P> {
    Witness {
        name: "the keeper dies with a lease that is not durable",
        holds: |step| {
            let died = step.seen.iter().any(|seen| matches!(seen, Seen::Crashed { node: 0, survived: 0 }));
            died && step.before.nodes[0].disk.lease.is_none() && step.before.nodes[0].written().lease.is_some()
        },
    }
}

pub(super) fn held_by_the_keeper<P: Locklike>() -> Witness<P> {
    Witness { name: "the keeper holds the lock itself", holds: |step| held(step.after, 0).is_some() }
}

/// The nodes that tell that they hold the lock.
fn acquired<'s, P: Locklike>(step: &'s LockStep<'_, P>) -> impl Iterator<Item = usize> + 's {
    step.seen.iter().filter_map(|seen| match seen {
        Seen::Notified { node, event: Event::Acquired(_) } => Some(*node),
        _ => None,
    })
}

/// The node that a grant comes in at.
fn granted<P: Locklike>(step: &LockStep<'_, P>) -> Option<usize> {
    let Kind::Deliver { packet, .. } = &step.action.kind else { return None };
    matches!(packet.message, Message::Granted(_)).then_some(packet.to)
}

fn waits<P: Locklike>(step: &LockStep<'_, P>, node: usize) -> bool {
    step.before.machine(node).is_some_and(|machine| machine.lock().asks_since().is_some())
}

fn releases<P: Locklike>(step: &LockStep<'_, P>) -> bool {
    step.seen.iter().any(|seen| matches!(seen, Seen::Sent { message: Message::Release(_), .. }))
}
