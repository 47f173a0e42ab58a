//! The history of a cluster among its clients: what both tiers write, and judges read.

use super::client::{Ask, Unanswered};
use crate::hash::Fingerprint;
use crate::history::Happening;
use derive_where::derive_where;
use purlin::Instant;
use purlin::protocol::Protocol;
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
}

impl End {
    fn phrase(self) -> &'static str {
        match self {
            Self::Killed => "is killed",
            Self::PowerLost => "loses its power",
            Self::Usurped => "finds its journal taken over, and ends",
        }
    }
}

impl Unanswered {
    fn phrase(self) -> &'static str {
        match self {
            Self::Busy => "is turned away, the node is busy",
            Self::ShutDown => "is turned away, the node is down",
            Self::Unknown => "will never know",
        }
    }
}

impl<P: Protocol> Happening for Event<'_, P> {
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
        }
    }
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
            Self::Thrown { node, face } => write!(formatter, "node {node} throws {face}"),
            Self::Began { fault } => write!(formatter, "fault {fault} begins"),
            Self::Over { fault } => write!(formatter, "fault {fault} is over"),
            Self::Healed => write!(formatter, "everything is healed"),
        }
    }
}
