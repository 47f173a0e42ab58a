//! What is claimed of every queue model: of the machine by `purlin::queue::invariants`, of what clients were told by what
//! they remember.

use super::Clients;
use crate::cluster::{Always, Cluster, ClusterScope, EveryStep, Kind, Seen, Step};
use purlin::Machine;
use purlin::protocol::Protocol;
use purlin::queue::{
    Answer, Config, Event, Image, Message, MessageState, Queue, Record, Request, Timer, Token, invariants,
};
use std::collections::BTreeSet;

pub(super) type State = Cluster<Queue, Clients>;
pub(super) type World = ClusterScope<Queue, Clients>;
pub(super) type StepOf<'a> = Step<'a, Queue, Clients>;

/// What the queue knows, or what stands on its disk while it is down.
pub(super) fn image(state: &State) -> &Image {
    state.machine(0).map_or(&state.nodes[0].disk, Queue::image)
}

/// The message of this name.
pub(super) fn message<'a>(state: &'a State, id: &str) -> Option<&'a Message> {
    let image = image(state);
    image.by_id.get(id).and_then(|sequence| image.messages.get(sequence))
}

fn holds(state: &State, scope: &World, claim: fn(&Queue, &Config) -> bool) -> bool {
    state.machine(0).is_none_or(|queue| claim(queue, scope.config(0)))
}

/// Claims about states.
pub(super) fn always() -> Vec<Always<Queue, Clients>> {
    of_the_machine().into_iter().chain(of_what_was_told()).collect()
}

fn of_the_machine() -> [Always<Queue, Clients>; 8] {
    [
        Always {
            name: "what is looked up follows from the messages",
            holds: |state, scope| holds(state, scope, invariants::index_follows_from_the_image),
        },
        Always {
            name: "one live token a lease",
            holds: |state, scope| holds(state, scope, |queue, _| invariants::one_live_token_a_lease(queue)),
        },
        Always {
            name: "at most one leased a key",
            holds: |state, scope| holds(state, scope, |queue, _| invariants::at_most_one_leased_a_key(queue)),
        },
        Always {
            name: "attempts are bounded",
            holds: |state, scope| holds(state, scope, invariants::attempts_are_bounded),
        },
        Always {
            name: "numbers are bounded",
            holds: |state, scope| holds(state, scope, invariants::numbers_are_bounded),
        },
        Always {
            name: "every id leads to its message",
            holds: |state, scope| holds(state, scope, |queue, _| invariants::every_id_leads_to_its_message(queue)),
        },
        Always {
            name: "what was persisted is what is known",
            holds: |state, _| state.machine(0).is_none_or(|queue| *queue.image() == state.nodes[0].written()),
        },
        Always {
            name: "a live lease has its timer",
            holds: |state, _| {
                let is_set = state.nodes[0].due(&Timer::LeaseOver).is_some();
                state.machine(0).is_none_or(|queue| invariants::a_live_lease_has_its_timer(queue, is_set))
            },
        },
    ]
}

fn of_what_was_told() -> [Always<Queue, Clients>; 5] {
    [
        Always {
            name: "a death that is durable is announced",
            holds: |state, _| state.ghost.unannounced.is_empty() || !state.nodes[0].tail.is_empty(),
        },
        Always {
            name: "what was acknowledged is never lost",
            holds: |state, _| {
                // Only what is done may be forgotten.
                let forgotten = |id: &String| state.ghost.ended.contains(id);
                state.ghost.accepted.keys().all(|id| message(state, id).is_some() || forgotten(id))
            },
        },
        Always {
            name: "a message keeps its key",
            holds: |state, _| {
                let keeps = |(id, key): (&String, &Option<String>)| message(state, id).is_none_or(|it| it.key == *key);
                state.ghost.accepted.iter().all(keeps)
            },
        },
        Always {
            name: "what was acknowledged as done stays done",
            holds: |state, _| {
                let is_done = |message: &Message| matches!(message.state, MessageState::Done { .. });
                let messages = &image(state).messages;
                state.ghost.finished.iter().filter_map(|sequence| messages.get(sequence)).all(is_done)
            },
        },
        Always {
            name: "attempts are never forgotten",
            holds: |state, _| {
                let messages = &image(state).messages;
                let attempts = |sequence| messages.get(sequence).map_or(u32::MAX, |message| message.attempts);
                state.ghost.attempts.iter().all(|(sequence, told)| attempts(sequence) >= *told)
            },
        },
    ]
}

/// What was asked and what was answered to it in this step.
pub(super) fn exchanges<'a>(step: &'a StepOf<'_>) -> impl Iterator<Item = (&'a Request, &'a Answer)> {
    step.seen.iter().filter_map(|seen| {
        let Seen::Answered { ticket, answer, .. } = seen else { return None };
        let now = step.seen.iter().find_map(|seen| match seen {
            Seen::Asked { ticket: asked, request, .. } if asked == ticket => Some(request),
            _ => None,
        });
        now.or_else(|| step.before.ghost.asked(*ticket)).map(|request| (request, answer))
    })
}

fn records<'a>(step: &'a StepOf<'_>) -> impl Iterator<Item = &'a Record> {
    step.seen.iter().filter_map(|seen| match seen {
        Seen::Persisted { record, .. } => Some(record),
        _ => None,
    })
}

/// Claims about steps.
pub(super) fn every_step() -> Vec<EveryStep<Queue, Clients>> {
    vec![
        EveryStep { name: "no token is given twice", holds: no_token_is_given_twice },
        EveryStep { name: "a token that was refused stays refused", holds: what_was_refused_stays_refused },
        EveryStep { name: "only a live lease is ended or extended", holds: only_a_live_lease_changes },
        EveryStep { name: "what was acknowledged as done is not handed out", holds: done_is_not_handed_out },
        EveryStep { name: "each attempt is a later one, up to the last", holds: attempts_rise },
        EveryStep { name: "a death is announced once", holds: a_death_is_announced_once },
        EveryStep { name: "what was accepted is not accepted again", holds: duplicates_are_absorbed },
        EveryStep { name: "only a duplicate is refused as one", holds: only_duplicates_are_refused },
        EveryStep { name: "the first of its key goes first", holds: the_first_of_its_key_goes_first },
        EveryStep { name: "a question changes nothing", holds: a_question_changes_nothing },
    ]
}

fn deliveries<'a>(step: &'a StepOf<'_>) -> impl Iterator<Item = &'a purlin::queue::Delivery> {
    exchanges(step).flat_map(|(_, answer)| match answer {
        Answer::Claimed(deliveries) => deliveries.as_slice(),
        _ => &[],
    })
}

fn no_token_is_given_twice(step: &StepOf<'_>) -> bool {
    let mut now = BTreeSet::new();
    deliveries(step).all(|it| !step.before.ghost.delivered.contains_key(&it.token) && now.insert(it.token))
}

/// But an ack is acknowledged again, however often somebody tried something else with its token in between.
fn what_was_refused_stays_refused(step: &StepOf<'_>) -> bool {
    let stale = &step.before.ghost.stale;
    exchanges(step).all(|(request, answer)| match request {
        Request::Ack { token } => {
            *answer == Answer::Stale || !stale.contains(token) || finished_under(step.before, *token)
        }
        Request::Extend { token, .. } | Request::Nack { token, .. } => {
            *answer == Answer::Stale || !stale.contains(token)
        }
        _ => true,
    })
}

fn finished_under(state: &State, token: Token) -> bool {
    let finished = |message: &Message| matches!(message.state, MessageState::Done { token: by, .. } if by == token);
    image(state).messages.values().any(finished)
}

/// Its own token ends a lease or extends it, and only before the lease is over.
fn only_a_live_lease_changes(step: &StepOf<'_>) -> bool {
    let (token, is_change): (_, fn(&Record) -> bool) = match &step.action.kind {
        Kind::Request { request: Request::Ack { token }, .. } => (token, |it| matches!(it, Record::Acked { .. })),
        Kind::Request { request: Request::Extend { token, .. }, .. } => {
            (token, |it| matches!(it, Record::Extended { .. }))
        }
        _ => return true,
    };
    !records(step).any(is_change) || is_live(step.before, *token)
}

/// Whether a token holds a lease that is not over.
fn is_live(state: &State, token: Token) -> bool {
    let image = image(state);
    let now = state.nodes[0].now.max(image.latest);
    let message = image.by_token.get(&token).and_then(|sequence| image.messages.get(sequence));
    message.is_some_and(
        |it| matches!(it.state, MessageState::Leased { token: held, until, .. } if held == token && until > now),
    )
}

fn done_is_not_handed_out(step: &StepOf<'_>) -> bool {
    let finished = |sequence| step.before.ghost.finished.contains(sequence);
    deliveries(step).all(|it| !image(step.after).by_id.get(&it.id).is_some_and(finished))
}

fn attempts_rise(step: &StepOf<'_>) -> bool {
    let max = step.scope.config(0).settings().max_attempts;
    let told = |id: &String| {
        let sequence = image(step.after).by_id.get(id);
        sequence.and_then(|sequence| step.before.ghost.attempts.get(sequence)).copied().unwrap_or(0)
    };
    deliveries(step).all(|it| it.attempt > told(&it.id) && it.attempt <= max)
}

/// No more often than it was written down: whether it is announced at all, a claim about states says.
fn a_death_is_announced_once(step: &StepOf<'_>) -> bool {
    let id_of = |sequence| {
        let messages = &image(step.after).messages;
        messages.get(sequence).map(|message: &Message| message.id.clone())
    };
    let mut unannounced = step.before.ghost.unannounced.clone();
    step.seen.iter().all(|seen| match seen {
        Seen::Persisted { record: Record::Died { sequence, .. }, .. } => {
            id_of(sequence).into_iter().for_each(|id| *unannounced.entry(id).or_default() += 1);
            true
        }
        Seen::Notified { event: Event::Died { id }, .. } => {
            let deaths = unannounced.get_mut(id).filter(|deaths| **deaths > 0);
            deaths.map(|deaths| *deaths -= 1).is_some()
        }
        _ => true,
    })
}

/// Neither under its own name, for as long as that is remembered, nor under its deduplication id while that is taken.
fn duplicates_are_absorbed(step: &StepOf<'_>) -> bool {
    let ghost = &step.before.ghost;
    records(step).all(|record| {
        let Record::Enqueued { message, at, .. } = record else { return true };
        let is_free = |dedup_id: &String| ghost.taken.get(dedup_id).is_none_or(|until| *until <= *at);
        let is_new = !ghost.accepted.contains_key(&message.id) || ghost.ended.contains(&message.id);
        is_new && message.dedup_id.as_ref().is_none_or(is_free)
    })
}

/// Its name is known, or its deduplication id is taken; a refusal does not make it taken for longer.
fn only_duplicates_are_refused(step: &StepOf<'_>) -> bool {
    let Kind::Request { request: Request::Enqueue(new), .. } = &step.action.kind else { return true };
    let refused = exchanges(step).any(|(request, answer)| {
        matches!(request, Request::Enqueue(message) if message == new) && *answer == Answer::Duplicate
    });
    let now = step.before.nodes[0].now.max(image(step.before).latest);
    let is_taken = |dedup_id| step.before.ghost.written.get(dedup_id).is_some_and(|until| *until > now);
    !refused || message(step.before, &new.id).is_some() || new.dedup_id.as_ref().is_some_and(is_taken)
}

fn the_first_of_its_key_goes_first(step: &StepOf<'_>) -> bool {
    let Some(queue) = step.after.machine(0) else { return true };
    let config = step.scope.config(0);
    records(step).all(|record| match record {
        Record::Leased { sequence, .. } => invariants::nothing_of_its_key_stands_before(queue, config, *sequence),
        _ => true,
    })
}

fn a_question_changes_nothing(step: &StepOf<'_>) -> bool {
    let Kind::Request { request: Request::Status { .. } | Request::Stats, .. } = &step.action.kind else {
        return true;
    };
    // But that leases are over is noticed first, by whatever comes.
    records(step).all(|record| matches!(record, Record::Returned { .. } | Record::Died { .. }))
}

/// The configuration of a queue model, for witnesses and promises.
pub(super) type ConfigOf = <Queue as Machine>::Config;
