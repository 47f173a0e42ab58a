//! What queue models must be able to reach, so that their claims are not empty.

use super::Clients;
use super::claims::{ConfigOf, State, StepOf, exchanges, image, message};
use crate::cluster::{Seen, SomeStep, Sometimes};
use purlin::protocol::Protocol;
use purlin::queue::{Answer, Event, MessageState, Queue, Request};

type SometimesOf = Sometimes<Queue, Clients>;
type SomeStepOf = SomeStep<Queue, Clients>;

fn config<'a>(step: &'a StepOf<'_>) -> &'a ConfigOf {
    step.scope.config(0)
}

/// Some message is done, and its worker knows.
pub(super) fn finished() -> SometimesOf {
    Sometimes { name: "a message is done", holds: |state, _| !state.ghost.finished.is_empty() }
}

/// Some message is dead, and everybody is told.
pub(super) fn buried() -> SomeStepOf {
    SomeStep {
        name: "a message is announced dead",
        holds: |step| step.seen.iter().any(|seen| matches!(seen, Seen::Notified { event: Event::Died { .. }, .. })),
    }
}

/// A message is handed out for the last time.
pub(super) fn last_attempt() -> SometimesOf {
    Sometimes {
        name: "a message is out for the last time",
        holds: |state, scope| {
            let max = scope.config(0).settings().max_attempts;
            image(state).messages.values().any(|it| is_leased(&it.state) && it.attempts == max)
        },
    }
}

fn is_leased(state: &MessageState) -> bool {
    matches!(state, MessageState::Leased { .. })
}

/// Something that was acknowledged is on the disk of a queue that is down.
pub(super) fn acknowledged_and_down() -> SometimesOf {
    Sometimes {
        name: "the queue is down, and has acknowledged something",
        holds: |state, _| !state.nodes[0].is_up() && !state.ghost.accepted.is_empty(),
    }
}

/// The queue has come up again while a lease was live, and its timer is set.
pub(super) fn lease_survives() -> SomeStepOf {
    SomeStep {
        name: "a lease survives a crash",
        holds: |step| {
            let recovered = step.seen.iter().any(|seen| matches!(seen, Seen::Recovered { .. }));
            recovered && step.after.machine(0).is_some_and(|queue| !queue.image().by_token.is_empty())
        },
    }
}

/// Something that was written was lost, and nobody was told of it.
pub(super) fn something_is_lost() -> SomeStepOf {
    SomeStep {
        name: "a record is lost with its process",
        holds: |step| {
            let died = step.seen.iter().any(|seen| matches!(seen, Seen::Crashed { .. }));
            died && step.before.nodes[0].written() != *step.after.nodes[0].disk
                && step.before.nodes[0].records_in_tail() > 0
        },
    }
}

/// A late ack, extend or nack is refused.
pub(super) fn refused() -> SomeStepOf {
    SomeStep {
        name: "somebody who holds nothing is refused",
        holds: |step| exchanges(step).any(|(_, answer)| *answer == Answer::Stale),
    }
}

/// A lease ends by itself.
pub(super) fn expires() -> SomeStepOf {
    SomeStep {
        name: "a lease ends by itself",
        holds: |step| {
            step.seen.iter().any(|seen| matches!(seen, Seen::Notified { event: Event::LeaseExpired { .. }, .. }))
        },
    }
}

/// A lease is made longer.
pub(super) fn extends() -> SomeStepOf {
    SomeStep {
        name: "a lease is extended",
        holds: |step| {
            exchanges(step).any(|(request, answer)| matches!(request, Request::Extend { .. }) && *answer == Answer::Ok)
        },
    }
}

/// Something dead gets another chance.
pub(super) fn redriven() -> SomeStepOf {
    SomeStep {
        name: "a dead message is redriven",
        holds: |step| exchanges(step).any(|(_, answer)| matches!(answer, Answer::Redriven(ids) if !ids.is_empty())),
    }
}

/// An enqueue is refused as a duplicate of another message.
pub(super) fn absorbed() -> SomeStepOf {
    SomeStep {
        name: "a duplicate is absorbed",
        holds: |step| {
            exchanges(step).any(|(request, answer)| {
                let Request::Enqueue(new) = request else { return false };
                *answer == Answer::Duplicate && message(step.before, &new.id).is_none()
            })
        },
    }
}

/// A deduplication id is accepted again, its time being over.
pub(super) fn accepted_again() -> SomeStepOf {
    SomeStep {
        name: "a deduplication id is free again",
        holds: |step| {
            exchanges(step).any(|(request, answer)| {
                let Request::Enqueue(new) = request else { return false };
                let taken = &step.before.ghost.taken;
                *answer == Answer::Ok && new.dedup_id.as_ref().is_some_and(|dedup_id| taken.contains_key(dedup_id))
            })
        },
    }
}

/// An enqueue is refused because there is no room.
pub(super) fn full() -> SomeStepOf {
    SomeStep { name: "an enqueue finds no room", holds: |step| exchanges(step).any(|(_, it)| *it == Answer::Full) }
}

/// A claim gets nothing although a message is ready, because enough are out.
pub(super) fn enough_are_out() -> SomeStepOf {
    SomeStep {
        name: "a claim gets nothing because enough are out",
        holds: |step| {
            let limited = config(step).settings().max_in_flight.is_some();
            let ready = |state: &State| {
                let now = state.nodes[0].now;
                image(state).messages.values().any(|it| matches!(it.state, MessageState::Ready { at } if at <= now))
            };
            limited && ready(step.after) && exchanges(step).any(|(_, it)| *it == Answer::Claimed(Vec::new()))
        },
    }
}

/// One message of a key waits for another.
pub(super) fn waits_in_line() -> SometimesOf {
    Sometimes {
        name: "a message waits behind another of its key",
        holds: |state, _| {
            let keyed = |it: &&purlin::queue::Message| it.key.is_some();
            let messages = || image(state).messages.values().filter(keyed);
            messages().any(|it| is_leased(&it.state))
                && messages().any(|it| matches!(it.state, MessageState::Ready { .. }))
        },
    }
}

/// A journal was taken over.
pub(super) fn journal_is_refused() -> SomeStepOf {
    SomeStep {
        name: "the journal is refused",
        holds: |step| step.seen.iter().any(|seen| matches!(seen, Seen::Refused { .. })),
    }
}

/// The clock shows less than what stands in the journal.
pub(super) fn clock_is_behind() -> SometimesOf {
    Sometimes {
        name: "the clock is behind the journal",
        holds: |state, _| state.nodes[0].is_up() && state.nodes[0].now < image(state).latest,
    }
}
