//! The probe in the cluster model.

use crate::probe::{Config, Probe, Request, may_leave, overtakes};
use core::time::Duration;
use purlin_models::cluster::{
    Budgets, Claims, ClusterScope, EveryStep, NodeScope, Requests, Seen, SomeStep, Sometimes, Step,
};

pub(crate) fn scope() -> ClusterScope<Probe> {
    let node = |own, peer| NodeScope::at(own, Config { own, peer });
    ClusterScope {
        requests: Requests::of_nodes([(0, Request::Write), (0, Request::Read)]),
        open_requests: 2,
        budgets: Budgets { requests: 3, ticks: 4, crashes: 1, refusals: 1, stalls: 1, ..Budgets::CALM },
        tick: Duration::from_millis(3),
        in_flight: 0,
        ..ClusterScope::new([node(1, 2), node(2, 1)])
    }
}

pub(crate) fn claims() -> Claims<Probe> {
    Claims {
        every_step: vec![
            EveryStep { name: "what is fenced waits for every earlier record", holds: |step| all(step, fenced_waits) },
            EveryStep { name: "messages to oneself are never lost", holds: own_messages_stay },
        ],
        some_step: vec![
            SomeStep { name: "an unfenced message overtakes a record", holds: |step| some(step, unfenced_overtakes) },
            SomeStep {
                name: "a message to oneself tells that a record is durable",
                holds: |step| {
                    step.seen
                        .iter()
                        .any(|seen| matches!(seen, Seen::Sent { message: crate::probe::Message::OwnCame { .. }, .. }))
                },
            },
            SomeStep {
                name: "one sync serves several records",
                holds: |step| step.seen.iter().any(|seen| matches!(seen, Seen::Synced { records: 2.., .. })),
            },
            SomeStep {
                name: "a journal is taken over",
                holds: |step| step.seen.iter().any(|seen| matches!(seen, Seen::Refused { .. })),
            },
        ],
        sometimes: vec![Sometimes { name: "a node is down", holds: |state, _| !state.nodes[0].is_up() }],
        ..Claims::default()
    }
}

type Look = fn(&Seen<Probe>, durable: u64) -> bool;

/// What is seen of the first node, beside how many of its records are durable at that moment.
fn moments<'a>(step: &'a Step<'_, Probe, ()>) -> impl Iterator<Item = (&'a Seen<Probe>, u64)> {
    step.seen.iter().scan(step.before.nodes[0].disk.0, |durable, seen| {
        if let Seen::Synced { node: 0, records } = seen {
            *durable += *records as u64;
        }
        Some((seen, *durable))
    })
}

fn all(step: &Step<'_, Probe, ()>, look: Look) -> bool {
    moments(step).all(|(seen, durable)| look(seen, durable))
}

fn some(step: &Step<'_, Probe, ()>, look: Look) -> bool {
    moments(step).any(|(seen, durable)| look(seen, durable))
}

fn fenced_waits(seen: &Seen<Probe>, durable: u64) -> bool {
    match seen {
        Seen::Answered { answer: count, .. } | Seen::Notified { event: count, .. } => count.0 <= durable,
        Seen::Sent { node: 0, message, .. } => may_leave(*message, durable),
        _ => true,
    }
}

fn unfenced_overtakes(seen: &Seen<Probe>, durable: u64) -> bool {
    matches!(seen, Seen::Sent { node: 0, message, .. } if overtakes(*message, durable))
}

/// While its process lives, whatever was sent to itself has come, waits for its turn, or waits for the disk.
fn own_messages_stay(step: &Step<'_, Probe, ()>) -> bool {
    let node = &step.after.nodes[0];
    let waiting = node.own.len() + node.tail.len() - node.records_in_tail();
    node.machine.as_ref().is_none_or(|probe| probe.own_outstanding() <= waiting as u64)
}
