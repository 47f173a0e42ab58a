//! The families of metrics: their names, what they tell, and how a breaker's own ones are registered.

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, SharedString, Unit};

pub(crate) const CALLS: Family = Family {
    name: "resilience_circuitbreaker_calls_total",
    tells: "Calls that ended in the epoch that admitted them.",
};
pub(crate) const SLOW_CALLS: Family = Family {
    name: "resilience_circuitbreaker_slow_calls_total",
    tells: "Calls that ended in the epoch that admitted them, and were slow.",
};
pub(crate) const LATE_RESULTS: Family = Family {
    name: "resilience_circuitbreaker_late_results_total",
    tells: "Calls that ended after the epoch that admitted them, and so changed nothing.",
};
pub(crate) const NOT_PERMITTED_CALLS: Family =
    Family { name: "resilience_circuitbreaker_not_permitted_calls_total", tells: "Calls that were rejected." };
pub(crate) const STATE: Family =
    Family { name: "resilience_circuitbreaker_state", tells: "1 for the present state, 0 for all others." };
pub(crate) const TRANSITIONS: Family =
    Family { name: "resilience_circuitbreaker_transitions_total", tells: "Transitions from state to state." };
pub(crate) const THRESHOLD_EXCEEDED: Family = Family {
    name: "resilience_circuitbreaker_threshold_exceeded_total",
    tells: "How often a rate reached its threshold.",
};
pub(crate) const RESETS: Family =
    Family { name: "resilience_circuitbreaker_resets_total", tells: "Resets by an operator." };
pub(crate) const BUFFERED_CALLS: Family =
    Family { name: "resilience_circuitbreaker_buffered_calls", tells: "Calls in the window, by kind." };
pub(crate) const FAILURE_RATE: Family = Family {
    name: "resilience_circuitbreaker_failure_rate",
    tells: "Percent of the calls in the window that failed; NaN below the minimum number of calls.",
};
pub(crate) const SLOW_CALL_RATE: Family = Family {
    name: "resilience_circuitbreaker_slow_call_rate",
    tells: "Percent of the calls in the window that were slow; NaN below the minimum number of calls.",
};

const METADATA: Metadata<'static> = Metadata::new("purlin", Level::INFO, Some(module_path!()));

pub(crate) struct Family {
    name: &'static str,
    tells: &'static str,
}

/// Registers one breaker's metrics.
pub(crate) struct Registrar {
    recorder: Box<dyn Recorder + Send + Sync>,
    breaker: SharedString,
}

impl Registrar {
    pub(crate) fn new(recorder: impl Recorder + Send + Sync + 'static, breaker: SharedString) -> Self {
        Self { recorder: Box::new(recorder), breaker }
    }

    pub(crate) fn counter(&self, family: &Family, labels: &[(&'static str, &'static str)]) -> Counter {
        self.recorder.register_counter(&self.key(family, labels), &METADATA)
    }

    pub(crate) fn gauge(&self, family: &Family, labels: &[(&'static str, &'static str)]) -> Gauge {
        self.recorder.register_gauge(&self.key(family, labels), &METADATA)
    }

    fn key(&self, family: &Family, labels: &[(&'static str, &'static str)]) -> Key {
        let name = Label::new("name", self.breaker.clone());
        let others = labels.iter().map(|(label, value)| Label::from_static_parts(label, value));
        Key::from_parts(family.name, std::iter::once(name).chain(others).collect::<Vec<_>>())
    }
}

pub(crate) fn describe(recorder: &dyn Recorder) {
    for family in [CALLS, SLOW_CALLS, LATE_RESULTS, NOT_PERMITTED_CALLS, TRANSITIONS, THRESHOLD_EXCEEDED, RESETS] {
        recorder.describe_counter(family.name.into(), Some(Unit::Count), family.tells.into());
    }
    for family in [STATE, BUFFERED_CALLS] {
        recorder.describe_gauge(family.name.into(), Some(Unit::Count), family.tells.into());
    }
    for family in [FAILURE_RATE, SLOW_CALL_RATE] {
        recorder.describe_gauge(family.name.into(), Some(Unit::Percent), family.tells.into());
    }
}
