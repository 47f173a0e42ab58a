//! What a driver does, as metrics.

use crate::observer::Observer;
use core::time::Duration;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit, with_recorder};
use purlin::protocol::{Effect, Input, Protocol};
use std::fmt;

const METADATA: Metadata<'static> = Metadata::new("purlin", Level::INFO, Some(module_path!()));

pub(crate) struct Family {
    name: &'static str,
    unit: Unit,
    tells: &'static str,
}

pub(crate) const fn family(name: &'static str, unit: Unit, tells: &'static str) -> Family {
    Family { name, unit, tells }
}

const REQUESTS: Family = family("purlin_driver_requests_total", Unit::Count, "Requests that were stepped.");
const ANSWERS: Family = family("purlin_driver_answers_total", Unit::Count, "Answers that were given, durably.");
const REFUSALS: Family =
    family("purlin_driver_refusals_total", Unit::Count, "Requests that were turned away because the inbox was full.");
const SYNCS: Family = family(
    "purlin_driver_syncs_total",
    Unit::Count,
    "Appends and images that became durable; a journal may sync several at once.",
);
const RECORDS: Family = family("purlin_driver_records_total", Unit::Count, "Records that became durable.");
const OPEN_TICKETS: Family =
    family("purlin_driver_open_tickets", Unit::Count, "Requests that were stepped and have no answer yet.");
const BATCH_INPUTS: Family =
    family("purlin_driver_batch_inputs", Unit::Count, "Inputs that were stepped in one batch.");
const SYNC_RECORDS: Family = family("purlin_driver_sync_records", Unit::Count, "Records of one append.");
const SYNC_SECONDS: Family =
    family("purlin_driver_sync_seconds", Unit::Seconds, "How long an append took until it was durable.");

/// Counts what one driver does. Each metric carries the driver's `name`.
///
/// | metric | kind | what it tells |
/// |---|---|---|
/// | `purlin_driver_requests_total` | counter | requests that were stepped |
/// | `purlin_driver_answers_total` | counter | answers that were given, durably |
/// | `purlin_driver_refusals_total` | counter | requests that were turned away because the inbox was full |
/// | `purlin_driver_syncs_total` | counter | appends and images that became durable; a journal may sync several at once |
/// | `purlin_driver_records_total` | counter | records that became durable |
/// | `purlin_driver_open_tickets` | gauge | requests that were stepped and have no answer yet |
/// | `purlin_driver_batch_inputs` | histogram | inputs that were stepped in one batch |
/// | `purlin_driver_sync_records` | histogram | records of one append |
/// | `purlin_driver_sync_seconds` | histogram | how long an append took until it was durable |
pub struct DriverMetrics {
    requests: Counter,
    answers: Counter,
    refusals: Counter,
    syncs: Counter,
    records: Counter,
    open_tickets: Gauge,
    batch_inputs: Histogram,
    sync_records: Histogram,
    sync_seconds: Histogram,
}

impl DriverMetrics {
    /// The metrics of a driver called `name`, by the recorder that the process has installed. Install it first, and give
    /// every driver a name of its own.
    pub fn new(name: impl Into<SharedString>) -> Self {
        with_recorder(|recorder| Self::recorded_by(recorder, name))
    }

    /// [`DriverMetrics::new`] for a recorder of one's own, installed or not.
    pub fn recorded_by(recorder: &dyn Recorder, name: impl Into<SharedString>) -> Self {
        let registrar = Registrar { recorder, name: name.into() };
        Self {
            requests: registrar.counter(&REQUESTS),
            answers: registrar.counter(&ANSWERS),
            refusals: registrar.counter(&REFUSALS),
            syncs: registrar.counter(&SYNCS),
            records: registrar.counter(&RECORDS),
            open_tickets: registrar.gauge(&OPEN_TICKETS),
            batch_inputs: registrar.histogram(&BATCH_INPUTS),
            sync_records: registrar.histogram(&SYNC_RECORDS),
            sync_seconds: registrar.histogram(&SYNC_SECONDS),
        }
    }
}

impl<P: Protocol> Observer<P> for DriverMetrics {
    fn batch(&mut self, inputs: usize) {
        self.batch_inputs.record(inputs as f64);
    }

    fn stepping(&mut self, _machine: &P, input: &Input<P>) {
        if let Input::Request { .. } = input {
            self.requests.increment(1);
        }
    }

    fn synced(&mut self, records: usize, took: Duration) {
        self.syncs.increment(1);
        self.records.increment(records as u64);
        self.sync_records.record(records as f64);
        self.sync_seconds.record(took.as_secs_f64());
    }

    fn released(&mut self, effect: &Effect<P>) {
        if let Effect::Answer { .. } = effect {
            self.answers.increment(1);
        }
    }

    fn tickets(&mut self, open: usize) {
        self.open_tickets.set(open as f64);
    }

    fn refused(&mut self, requests: u64) {
        self.refusals.increment(requests);
    }
}

impl fmt::Debug for DriverMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DriverMetrics").finish_non_exhaustive()
    }
}

/// Registers the metrics of one name.
pub(crate) struct Registrar<'a> {
    pub(crate) recorder: &'a dyn Recorder,
    pub(crate) name: SharedString,
}

impl Registrar<'_> {
    pub(crate) fn counter(&self, family: &Family) -> Counter {
        self.counter_of(family, None)
    }

    /// One of a family that are told apart by a label.
    pub(crate) fn counter_of(&self, family: &Family, label: Option<(&'static str, &'static str)>) -> Counter {
        self.recorder.describe_counter(family.name.into(), Some(family.unit), family.tells.into());
        self.recorder.register_counter(&self.key(family, label), &METADATA)
    }

    pub(crate) fn gauge(&self, family: &Family) -> Gauge {
        self.gauge_of(family, None)
    }

    pub(crate) fn gauge_of(&self, family: &Family, label: Option<(&'static str, &'static str)>) -> Gauge {
        self.recorder.describe_gauge(family.name.into(), Some(family.unit), family.tells.into());
        self.recorder.register_gauge(&self.key(family, label), &METADATA)
    }

    fn histogram(&self, family: &Family) -> Histogram {
        self.recorder.describe_histogram(family.name.into(), Some(family.unit), family.tells.into());
        self.recorder.register_histogram(&self.key(family, None), &METADATA)
    }

    fn key(&self, family: &Family, label: Option<(&'static str, &'static str)>) -> Key {
        let name = Label::new("name", self.name.clone());
        let others = label.map(|(key, value)| Label::from_static_parts(key, value));
        Key::from_parts(family.name, core::iter::once(name).chain(others).collect::<Vec<_>>())
    }
}
