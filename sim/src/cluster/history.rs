//! The history of a cluster among its clients: what both tiers write, and judges read.

use super::client::{Ask, Unanswered};
use crate::hash::Fingerprint;
use crate::history::Happening;
use crate::scene::{Kind, Scene};
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::Protocol;
use serde::Serialize;
use std::fmt;

/// One entry. `clock` is what the node's own clock shows at that moment.
#[derive_where(Clone, Copy, Debug)]
pub enum Event<'a, P: Protocol> {
    /// A client asks a node for something.
    Asked {
        /// The client.
        client: u32,
        /// The node.
        node: u32,
        /// Marks the ask.
        ask: Ask,
        /// The node's clock.
        clock: Instant,
        /// What is asked.
        request: &'a P::Request,
    },
    /// A client has its answer.
    Answered {
        /// The client.
        client: u32,
        /// The node.
        node: u32,
        /// What was asked.
        ask: Ask,
        /// The node's clock.
        clock: Instant,
        /// The answer.
        answer: &'a P::Answer,
    },
    /// A client will have no answer.
    Unanswered {
        /// The client.
        client: u32,
        /// The node.
        node: u32,
        /// What was asked.
        ask: Ask,
        /// Why.
        why: Unanswered,
    },
    /// A node announces something.
    Notified {
        /// The node.
        node: u32,
        /// Its clock.
        clock: Instant,
        /// What.
        event: &'a P::Event,
    },
    /// A node sends a message to another.
    Sent {
        /// The sender.
        from: u32,
        /// The receiver.
        to: u32,
        /// What it says.
        message: &'a P::Message,
    },
    /// A node takes a message in.
    Arrived {
        /// The sender.
        from: u32,
        /// The receiver.
        to: u32,
        /// What it says.
        message: &'a P::Message,
    },
    /// A record was handed to a node's disk, and is lost with the power until it is synced.
    Written {
        /// The node.
        node: u32,
        /// The record.
        record: &'a P::Record,
    },
    /// Everything written so far is durable.
    Synced {
        /// The node.
        node: u32,
        /// How many records the journal holds.
        records: u64,
    },
    /// A node's process ended.
    Ended {
        /// The node.
        node: u32,
        /// Why.
        end: End,
        /// How many records a restart will find.
        records: u64,
        /// How many records it had persisted that a restart will not find.
        lost: u64,
    },
    /// A node's process begins, with what its journal holds.
    Recovered {
        /// The node.
        node: u32,
        /// Its clock.
        clock: Instant,
        /// How many records the journal holds.
        records: u64,
    },
    /// A node's process does not begin, because its journal cannot be read or is damaged.
    Refused {
        /// The node.
        node: u32,
        /// Why.
        why: &'a str,
    },
    /// A node throws its die, during the step that follows.
    Thrown {
        /// The node.
        node: u32,
        /// The face that came up.
        face: u32,
    },
    /// A fault of the plan began.
    Began {
        /// Its index in the plan.
        fault: u32,
    },
    /// A fault of the plan is over.
    Over {
        /// Its index in the plan.
        fault: u32,
    },
    /// The safety phase is over.
    Healed,
}

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// It was killed.
    Killed,
    /// The power went.
    PowerLost,
    /// Another process took its journal over.
    Usurped,
    /// It was shut down in good order.
    Stopped,
    /// Its disk did not do as it was told.
    DiskFailed,
    /// The power went while it wrote.
    Torn,
    /// It was destroyed.
    Destroyed,
}

impl End {
    fn phrase(self) -> &'static str {
        match self {
            Self::Killed => "is killed",
            Self::PowerLost => "loses its power",
            Self::Usurped => "finds its journal taken over, and ends",
            Self::Stopped => "is shut down",
            Self::DiskFailed => "ends because its disk fails",
            Self::Torn => "loses its power while it writes",
            Self::Destroyed => "is destroyed",
        }
    }
}

impl Unanswered {
    fn kind(self) -> Kind {
        match self {
            Self::Busy | Self::ShutDown => Kind::Declined,
            Self::Unknown => Kind::Unanswered,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Busy => "is turned away, the node is busy",
            Self::ShutDown => "is turned away, the node is down",
            Self::Unknown => "will never know",
        }
    }
}

impl<P: Protocol> Happening for Event<'_, P> {
    fn scene(&self) -> Scene {
        self.sketch()
    }

    fn fingerprint(&self, print: &mut Fingerprint) {
        match *self {
            Self::Asked { client, node, ask, clock, request } => {
                print.words([1, client.into(), node.into(), ask.0, clock.as_nanos()]);
                print.value(request);
            }
            Self::Answered { client, node, ask, clock, answer } => {
                print.words([2, client.into(), node.into(), ask.0, clock.as_nanos()]);
                print.value(answer);
            }
            Self::Unanswered { client, node, ask, why } => {
                print.words([3, client.into(), node.into(), ask.0, why as u64]);
            }
            Self::Notified { node, clock, event } => {
                print.words([4, node.into(), clock.as_nanos()]);
                print.value(event);
            }
            Self::Sent { from, to, message } => {
                print.words([5, from.into(), to.into()]);
                print.value(message);
            }
            Self::Arrived { from, to, message } => {
                print.words([6, from.into(), to.into()]);
                print.value(message);
            }
            Self::Written { node, record } => {
                print.words([7, node.into()]);
                print.value(record);
            }
            Self::Synced { node, records } => print.words([8, node.into(), records]),
            Self::Ended { node, end, records, lost } => print.words([9, node.into(), end as u64, records, lost]),
            Self::Recovered { node, clock, records } => print.words([10, node.into(), clock.as_nanos(), records]),
            Self::Thrown { node, face } => print.words([11, node.into(), face.into()]),
            Self::Began { fault } => print.words([12, fault.into()]),
            Self::Over { fault } => print.words([13, fault.into()]),
            Self::Healed => print.words([14]),
            Self::Refused { node, why } => {
                print.words([15, node.into()]);
                print.bytes(why.as_bytes());
            }
        }
    }
}

impl<P: Protocol> Event<'_, P> {
    /// What the picture of a run says of it.
    fn sketch(&self) -> Scene {
        let (node, client) = (lane_of_node, |client: u32| format!("client {client}"));
        match *self {
            Self::Asked { client: who, node: of, ask, request, .. } => {
                Scene::new(Kind::Asked, format!("{request:?}")).on(client(who)).with(node(of)).numbered(ask.0)
            }
            Self::Answered { client: who, node: of, ask, answer, .. } => {
                Scene::new(Kind::Answered, format!("{answer:?}")).on(client(who)).with(node(of)).numbered(ask.0)
            }
            Self::Unanswered { client: who, node: of, ask, why } => {
                Scene::new(why.kind(), why.phrase()).on(client(who)).with(node(of)).numbered(ask.0)
            }
            Self::Notified { node: who, event, .. } => Scene::new(Kind::Announced, format!("{event:?}")).on(node(who)),
            Self::Sent { from, to, message } => {
                Scene::new(Kind::Sent, format!("{message:?}")).on(node(from)).with(node(to))
            }
            Self::Arrived { from, to, message } => {
                Scene::new(Kind::Arrived, format!("{message:?}")).on(node(to)).with(node(from))
            }
            Self::Written { node: who, record } => Scene::new(Kind::Written, format!("{record:?}")).on(node(who)),
            Self::Synced { node: who, records } => Scene::new(Kind::Synced, records).on(node(who)),
            Self::Ended { node: who, .. } => Scene::new(Kind::Ended, self).on(node(who)),
            Self::Recovered { node: who, .. } => Scene::new(Kind::Recovered, self).on(node(who)),
            Self::Refused { node: who, .. } => Scene::new(Kind::Refused, self).on(node(who)),
            Self::Thrown { node: who, face } => Scene::new(Kind::Thrown, face).on(node(who)),
            Self::Began { fault } => Scene::new(Kind::FaultBegan, self).numbered(fault.into()),
            Self::Over { fault } => Scene::new(Kind::FaultOver, self).numbered(fault.into()),
            Self::Healed => Scene::new(Kind::Healed, self),
        }
    }
}

/// How a node is called on a picture.
fn lane_of_node(node: u32) -> String {
    format!("node {node}")
}

/// The state of a node's machine, for a picture.
pub(super) fn picture(node: u32, machine: &impl Serialize) -> Scene {
    let state = serde_json::to_string(machine).unwrap_or_else(|error| format!("\"{error}\""));
    Scene::new(Kind::State, state).on(lane_of_node(node))
}

impl<P: Protocol> fmt::Display for Event<'_, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { client, node, ask, request, .. } => {
                write!(formatter, "client {client} asks node {node} ({}): {request:?}", ask.0)
            }
            Self::Answered { client, node, ask, answer, .. } => {
                write!(formatter, "client {client} is answered by node {node} ({}): {answer:?}", ask.0)
            }
            Self::Unanswered { client, ask, why, .. } => {
                write!(formatter, "client {client} {} ({})", why.phrase(), ask.0)
            }
            Self::Notified { node, event, .. } => write!(formatter, "node {node} announces {event:?}"),
            Self::Sent { from, to, message } => write!(formatter, "node {from} sends to node {to}: {message:?}"),
            Self::Arrived { from, to, message } => write!(formatter, "node {to} hears from node {from}: {message:?}"),
            Self::Written { node, record } => write!(formatter, "node {node} writes {record:?}"),
            Self::Synced { node, records } => write!(formatter, "node {node} has {records} records synced"),
            Self::Ended { node, end, records, lost } => {
                write!(formatter, "node {node} {}: {records} records stay, {lost} are lost", end.phrase())
            }
            Self::Recovered { node, records, .. } => write!(formatter, "node {node} begins with {records} records"),
            Self::Refused { node, why } => write!(formatter, "node {node} does not begin: {why}"),
            Self::Thrown { node, face } => write!(formatter, "node {node} throws {face}"),
            Self::Began { fault } => write!(formatter, "fault {fault} begins"),
            Self::Over { fault } => write!(formatter, "fault {fault} is over"),
            Self::Healed => write!(formatter, "everything is healed"),
        }
    }
}
