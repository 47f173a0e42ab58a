//! Exactly one state gauge is 1 in every scrape, however slowly gauges change and however many threads change them.

use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use purlin::breaker::{CircuitBreaker, Control, Settings, State};
use purlin_metrics::BreakerMetrics;
use purlin_std::{Observed, Standard};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A gauge that takes its time, so that a reader has a good chance of coming between two changes.
#[derive(Default)]
struct SlowGauge(AtomicU32);

impl GaugeFn for SlowGauge {
    fn increment(&self, _value: f64) {
        unreachable!("states are set")
    }

    fn decrement(&self, _value: f64) {
        unreachable!("states are set")
    }

    fn set(&self, value: f64) {
        self.0.store(value as u32, Ordering::SeqCst);
        thread::sleep(Duration::from_micros(50));
    }
}

/// Keeps the state gauges and nothing else.
#[derive(Clone, Default)]
struct States(Arc<Mutex<BTreeMap<String, Arc<SlowGauge>>>>);

impl States {
    /// The states whose gauge is 1.
    fn shown(&self) -> Vec<String> {
        let gauges = self.0.lock().unwrap();
        assert_eq!(gauges.len(), State::ALL.len());
        let risen = gauges.iter().filter(|(_, gauge)| gauge.0.load(Ordering::SeqCst) == 1);
        risen.map(|(state, _)| state.clone()).collect()
    }
}

impl Recorder for States {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, _key: &Key, _metadata: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let Some(state) = key.labels().find(|label| label.key() == "state") else { return Gauge::noop() };
        Gauge::from_arc(Arc::clone(self.0.lock().unwrap().entry(state.value().to_owned()).or_default()))
    }

    fn register_histogram(&self, _key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_scrape_shows_exactly_one_state_while_threads_race() {
    let states = States::default();
    let config = Settings::default().validate().unwrap();
    let metrics = BreakerMetrics::recorded_by(states.clone(), "bank", &config);
    let breaker = &CircuitBreaker::new(config, Observed::new(Standard::seeded(1), metrics));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let scraper = scope.spawn(|| scrape_until(&over, &states));
        let drivers = [0, 1, 2, 3].map(|start| scope.spawn(move || drive(breaker, start)));
        drivers.into_iter().for_each(|driver| driver.join().unwrap());
        over.store(true, Ordering::SeqCst);
        assert!(scraper.join().unwrap() > 0);
    });
    assert_eq!(states.shown(), [breaker.snapshot().state.name()], "the last transition stands");
}

fn scrape_until(over: &AtomicBool, states: &States) -> u32 {
    let mut scrapes = 0;
    while !over.load(Ordering::SeqCst) {
        let shown = purlin_metrics::scrape(|| states.shown());
        assert_eq!(shown.len(), 1, "{shown:?}");
        scrapes += 1;
        thread::yield_now();
    }
    scrapes
}

/// Round the states, from a place of its own.
fn drive(breaker: &CircuitBreaker<Observed<Standard, BreakerMetrics>>, start: usize) {
    let round = [Control::Open, Control::HalfOpen, Control::ForceOpen, Control::Close];
    for control in round.into_iter().cycle().skip(start).take(200) {
        // Half-open is not to be reached from closed; then nothing changes.
        let _ = breaker.control(control);
    }
}
