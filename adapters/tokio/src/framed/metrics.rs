//! What happens to connections, as metrics.

use super::codec::Lane;
use super::connection::ConnectionError;
use super::frame::FrameError;
use super::hello::HelloError;
use super::lanes::Lanes;
use super::observer::WireObserver;
use crate::metrics::{Family, Registrar, family};
use metrics::{Counter, Gauge, Recorder, SharedString, Unit, with_recorder};
use purlin::protocol::Protocol;
use std::fmt;

const CONNECTIONS: Family =
    family("purlin_wire_connections", Unit::Count, "Connections on which both ends have said hello.");
const FAILURES: Family =
    family("purlin_wire_failures_total", Unit::Count, "Connections that ended for a reason, or did not come about.");
const LOST: Family = family("purlin_wire_lost_total", Unit::Count, "Messages that were lost before they were sent.");

/// Counts what happens to the connections of one transport. Each metric carries the transport's `name`.
///
/// | metric | kind | what it tells |
/// |---|---|---|
/// | `purlin_wire_connections` | gauge | connections on which both ends have said hello, by `lane` |
/// | `purlin_wire_failures_total` | counter | connections that ended for a reason, or did not come about, by `reason` |
/// | `purlin_wire_lost_total` | counter | messages that were lost before they were sent, by `lane` |
///
/// The reasons are those of [`ConnectionError`], [`HelloError`] and [`FrameError`], in lower case.
pub struct WireMetrics {
    connections: Lanes<Gauge>,
    lost: Lanes<Counter>,
    failures: Vec<(&'static str, Counter)>,
}

impl WireMetrics {
    /// The metrics of a transport called `name`, by the recorder that the process has installed. Install it first, and give
    /// every transport a name of its own.
    pub fn new(name: impl Into<SharedString>) -> Self {
        with_recorder(|recorder| Self::recorded_by(recorder, name))
    }

    /// [`WireMetrics::new`] for a recorder of one's own, installed or not.
    pub fn recorded_by(recorder: &dyn Recorder, name: impl Into<SharedString>) -> Self {
        let registrar = Registrar { recorder, name: name.into() };
        let connections = |lane: Lane| registrar.gauge_of(&CONNECTIONS, Some(("lane", lane.name())));
        let lost = |lane: Lane| registrar.counter_of(&LOST, Some(("lane", lane.name())));
        let failures = |reason| (reason, registrar.counter_of(&FAILURES, Some(("reason", reason))));
        Self {
            connections: Lanes { normal: connections(Lane::Normal), bulk: connections(Lane::Bulk) },
            lost: Lanes { normal: lost(Lane::Normal), bulk: lost(Lane::Bulk) },
            failures: REASONS.into_iter().map(failures).collect(),
        }
    }

    fn count(&self, why: &ConnectionError) {
        let reason = reason(why);
        if let Some((_, counter)) = self.failures.iter().find(|(known, _)| *known == reason) {
            counter.increment(1);
        }
    }
}

impl<P: Protocol> WireObserver<P> for WireMetrics {
    fn connected(&self, _peer: &P::Address, lane: Lane, _version: u32) {
        self.connections.of(lane).increment(1);
    }

    fn parted(&self, _peer: &P::Address, lane: Lane, why: Option<&ConnectionError>) {
        self.connections.of(lane).decrement(1);
        why.into_iter().for_each(|why| self.count(why));
    }

    fn failed(&self, _peer: Option<&P::Address>, why: &ConnectionError) {
        self.count(why);
    }

    fn lost(&self, _to: &P::Address, lane: Lane) {
        self.lost.of(lane).increment(1);
    }
}

impl fmt::Debug for WireMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WireMetrics").finish_non_exhaustive()
    }
}

/// Every reason that there is, so that all can be seen before the first of them.
const REASONS: [&str; 16] = [
    "foreign",
    "layout",
    "versions",
    "cluster",
    "stranger",
    "incarnation",
    "double",
    "too_long",
    "damaged",
    "misplaced",
    "unreadable",
    "unwritable",
    "io",
    "silent",
    "stuck",
    "refused",
];

fn reason(why: &ConnectionError) -> &'static str {
    match why {
        ConnectionError::Hello(HelloError::Frame(error)) | ConnectionError::Frame(error) => reason_of_frame(error),
        ConnectionError::Hello(error) => reason_of_hello(error),
        ConnectionError::Io(_) | ConnectionError::Closed => "io",
        ConnectionError::Silent(_) => "silent",
        ConnectionError::Stuck(_) => "stuck",
        ConnectionError::Refused { .. } => "refused",
    }
}

fn reason_of_hello(error: &HelloError) -> &'static str {
    match error {
        HelloError::Foreign => "foreign",
        HelloError::Layout { .. } => "layout",
        HelloError::Versions { .. } => "versions",
        HelloError::Cluster { .. } => "cluster",
        HelloError::Stranger { .. } => "stranger",
        HelloError::Incarnation { .. } => "incarnation",
        HelloError::Double { .. } => "double",
        HelloError::Frame(error) => reason_of_frame(error),
    }
}

fn reason_of_frame(error: &FrameError) -> &'static str {
    match error {
        FrameError::TooLong { .. } => "too_long",
        FrameError::Damaged => "damaged",
        FrameError::Misplaced { .. } => "misplaced",
        FrameError::Unreadable(_) => "unreadable",
        FrameError::Unwritable(_) => "unwritable",
    }
}
