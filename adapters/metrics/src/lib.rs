//! What Purlin's policies do, as metrics of the [`metrics`] facade.
//!
//! [`BreakerMetrics`] is an [`Observer`](purlin_std::Observer): put it beside any keeper with
//! [`Observed`](purlin_std::Observed).
//!
//! ```
//! use metrics_exporter_prometheus::PrometheusBuilder;
//! use purlin::breaker::{CircuitBreaker, Control, Settings};
//! use purlin_metrics::BreakerMetrics;
//! use purlin_std::{Observed, Standard};
//!
//! let recorder = PrometheusBuilder::new().build_recorder();
//! let page = recorder.handle();
//! let config = Settings::default().validate()?;
//! let metrics = BreakerMetrics::recorded_by(recorder, "bank", &config);
//! let breaker = CircuitBreaker::new(config, Observed::new(Standard::new(), metrics));
//!
//! breaker.control(Control::ForceOpen).unwrap();
//! let text = purlin_metrics::scrape(|| page.render());
//! assert!(text.contains(r#"resilience_circuitbreaker_state{name="bank",state="forced_open"} 1"#));
//! assert!(text.contains(r#"resilience_circuitbreaker_state{name="bank",state="closed"} 0"#));
//! # Ok::<(), purlin::breaker::InvalidSettings>(())
//! ```
//!
//! # Names
//!
//! All begin with `resilience_circuitbreaker_` and carry the breaker's `name`. The second column names the meter of
//! [resilience4j's Micrometer binder][r4j] that tells the same, with dots as Prometheus writes them, for those who have
//! dashboards.
//!
//! | metric | kind, labels beside `name` | `resilience4j_circuitbreaker_…` | what it tells |
//! |---|---|---|---|
//! | `calls_total` | counter, `kind` = `successful`, `failed`, `ignored` | `calls` (a timer, with the same kinds) | calls that ended in the epoch that admitted them |
//! | `slow_calls_total` | counter, `kind` = `successful`, `failed` | `slow_calls` (a gauge over the window) | those of them that were slow |
//! | `late_results_total` | counter | none: there they count | calls that ended in a later epoch; they change nothing |
//! | `not_permitted_calls_total` | counter, `reason` = `open`, `probes_taken`, `forced_open` | `not_permitted_calls` | rejections |
//! | `state` | gauge, `state` | `state` | 1 for the present state, 0 for all others |
//! | `transitions_total` | counter, `from`, `to`, `reason` | none (an event there) | transitions, also those that passed unnoticed between two calls |
//! | `threshold_exceeded_total` | counter, `rate` = `failure`, `slow_call` | none (an event there) | how often a rate reached its threshold |
//! | `resets_total` | counter | none (an event there) | resets by an operator |
//! | `buffered_calls` | gauge, `kind` = `successful`, `failed`, `slow` | `buffered_calls` | what the window holds; see [`BreakerMetrics::refresh`] |
//! | `failure_rate` | gauge | `failure_rate` | percent of the window; NaN below the minimum number of calls (there: −1) |
//! | `slow_call_rate` | gauge | `slow_call_rate` | percent of the window; NaN below the minimum number of calls (there: −1) |
//!
//! `ignored` also holds calls that were cancelled and not to count, and those that ended while the breaker was disabled
//! or forced open.
//!
//! [r4j]: https://github.com/resilience4j/resilience4j/blob/master/resilience4j-micrometer/src/main/java/io/github/resilience4j/micrometer/tagged/CircuitBreakerMetricNames.java
//!
//! # One state
//!
//! Effects of a breaker arrive one at a time and in the order of its steps, so the gauges follow the states in order,
//! and the last one stands. Two gauges change with a transition; a reader that comes between them would see none at 1
//! (never two). [`scrape`] keeps readers out of that moment.

mod breaker;
mod families;
mod global;

pub use breaker::BreakerMetrics;

use std::sync::{Mutex, PoisonError};

/// Held while the state gauges of any breaker change, and while somebody reads them.
static STATES: Mutex<()> = Mutex::new(());

/// Reads the metrics, typically by rendering a page, at a moment when exactly one state gauge of every breaker is 1.
///
/// Transitions wait with their announcement until `read` returns; calls do not wait.
pub fn scrape<T>(read: impl FnOnce() -> T) -> T {
    let _guard = STATES.lock().unwrap_or_else(PoisonError::into_inner);
    read()
}
