//! A breaker's metrics as Prometheus sees them.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use purlin::breaker::{Breaker, CircuitBreaker, Config, Control, InitialState, Outcome, Settings, State, WindowKind};
use purlin::{Clock, Instant, Keeper};
use purlin_metrics::BreakerMetrics;
use purlin_std::Observed;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Default)]
struct HandClock(Arc<AtomicU64>);

impl HandClock {
    fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Keeper<Breaker> for HandClock {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }
}

struct World {
    breaker: CircuitBreaker<Observed<HandClock, BreakerMetrics>>,
    page: PrometheusHandle,
    clock: HandClock,
}

fn settings() -> Settings {
    Settings {
        window: WindowKind::Count(4),
        slow_call_duration_ms: Some(50),
        permitted_half_open_calls: 1,
        open_wait_ms: Some(100),
        half_open_max_wait_ms: Some(100),
        ..Settings::default()
    }
}

impl World {
    fn new(settings: Settings) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (page, clock) = (recorder.handle(), HandClock::default());
        let config = settings.validate().unwrap();
        let metrics = BreakerMetrics::recorded_by(recorder, "bank", &config);
        Self { breaker: CircuitBreaker::new(config, Observed::new(clock.clone(), metrics)), page, clock }
    }

    /// Asks, and ends after so many milliseconds.
    fn call(&self, outcome: Outcome, millis: u64) {
        let admission = self.breaker.admit().unwrap();
        self.clock.turn(Duration::from_millis(millis));
        admission.end(outcome);
    }

    /// `what` is the metric's name without its prefix, with the labels beside `name`.
    fn metric(&self, what: &str, labels: &str) -> f64 {
        let start = match labels {
            "" => format!("resilience_circuitbreaker_{what}{{name=\"bank\"}} "),
            _ => format!("resilience_circuitbreaker_{what}{{name=\"bank\",{labels}}} "),
        };
        let page = self.page.render();
        let value = page.lines().find_map(|line| line.strip_prefix(&start));
        value.unwrap_or_else(|| panic!("no {start} in\n{page}")).parse().unwrap()
    }

    fn transitions(&self, from: &str, to: &str, reason: &str) -> f64 {
        self.metric("transitions_total", &format!("from=\"{from}\",to=\"{to}\",reason=\"{reason}\""))
    }
}

/// The states whose gauge is 1; all others are asserted to be 0.
fn states_shown(page: &PrometheusHandle) -> Vec<String> {
    let page = purlin_metrics::scrape(|| page.render());
    let gauges: Vec<&str> = page.lines().filter(|line| line.starts_with("resilience_circuitbreaker_state{")).collect();
    assert_eq!(gauges.len(), State::ALL.len());
    assert!(gauges.iter().all(|line| line.ends_with(" 0") || line.ends_with(" 1")), "{gauges:?}");
    let name = |line: &&str| line.split("state=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    gauges.iter().filter(|line| line.ends_with(" 1")).map(name).collect()
}

#[test]
fn each_outcome_counts_as_its_kind() {
    let world = World::new(settings());
    world.call(Outcome::Success, 1);
    world.call(Outcome::Success, 51);
    world.call(Outcome::Failure, 51);
    world.call(Outcome::Ignored, 1);
    world.call(Outcome::Cancelled, 1);
    assert_eq!(world.metric("calls_total", "kind=\"successful\""), 2.0);
    assert_eq!(world.metric("calls_total", "kind=\"failed\""), 1.0);
    assert_eq!(world.metric("calls_total", "kind=\"ignored\""), 2.0);
    assert_eq!(world.metric("slow_calls_total", "kind=\"successful\""), 1.0);
    assert_eq!(world.metric("slow_calls_total", "kind=\"failed\""), 1.0);
}

#[test]
fn a_late_result_is_counted_as_late_only() {
    let world = World::new(settings());
    let admission = world.breaker.admit().unwrap();
    world.breaker.control(Control::Open).unwrap();
    admission.end(Outcome::Success);
    assert_eq!(world.metric("late_results_total", ""), 1.0);
    assert_eq!(world.metric("calls_total", "kind=\"successful\""), 0.0);
}

#[test]
fn each_rejection_counts_under_its_reason() {
    let world = World::new(settings());
    world.breaker.control(Control::Open).unwrap();
    assert!(world.breaker.admit().is_err());
    world.clock.turn(Duration::from_millis(101));
    let probe = world.breaker.admit().unwrap();
    assert!(world.breaker.admit().is_err());
    drop(probe);
    world.breaker.control(Control::ForceOpen).unwrap();
    assert!(world.breaker.admit().is_err());
    for reason in ["open", "probes_taken", "forced_open"] {
        assert_eq!(world.metric("not_permitted_calls_total", &format!("reason=\"{reason}\"")), 1.0, "{reason}");
    }
}

#[test]
fn the_gauges_follow_every_transition() {
    let world = World::new(settings());
    assert_eq!(states_shown(&world.page), ["closed"]);
    let visits = [
        (Control::Open, "open"),
        (Control::HalfOpen, "half_open"),
        (Control::HalfOpen, "half_open"),
        (Control::Disable, "disabled"),
        (Control::ForceOpen, "forced_open"),
        (Control::MetricsOnly, "metrics_only"),
        (Control::Reset, "closed"),
        (Control::Close, "closed"),
    ];
    for (control, state) in visits {
        world.breaker.control(control).unwrap();
        assert_eq!(states_shown(&world.page), [state]);
    }
    assert_eq!(world.transitions("closed", "open", "control"), 1.0);
    assert_eq!(world.transitions("half_open", "half_open", "control"), 1.0);
    assert_eq!(world.metric("resets_total", ""), 1.0);
}

#[test]
fn the_initial_state_is_shown_before_anything_happens() {
    let initial = [
        (InitialState::Closed, "closed"),
        (InitialState::Open, "open"),
        (InitialState::HalfOpen, "half_open"),
        (InitialState::Disabled, "disabled"),
        (InitialState::ForcedOpen, "forced_open"),
        (InitialState::MetricsOnly, "metrics_only"),
    ];
    for (initial_state, shown) in initial {
        let world = World::new(Settings { initial_state, ..settings() });
        assert_eq!(states_shown(&world.page), [shown]);
    }
}

#[test]
fn an_opening_counts_its_threshold_and_its_transition() {
    let world = World::new(settings());
    assert_eq!(world.transitions("closed", "open", "failure_rate"), 0.0, "shown before it happens");
    for _ in 0..4 {
        world.call(Outcome::Failure, 1);
    }
    assert_eq!(world.transitions("closed", "open", "failure_rate"), 1.0);
    assert_eq!(world.metric("threshold_exceeded_total", "rate=\"failure\""), 1.0);
    assert_eq!(world.metric("threshold_exceeded_total", "rate=\"slow_call\""), 0.0);
}

/// With a timer the breaker goes from open to half-open and back by itself. After 1,000 such cycles that nobody noticed
/// each transition has been counted, as it would have been had somebody ticked.
#[test]
fn cycles_that_nobody_noticed_are_counted() {
    let world = World::new(Settings { auto_half_open: true, ..settings() });
    world.breaker.control(Control::Open).unwrap();
    world.clock.turn(Duration::from_millis(200 * 1_000 + 50));
    world.breaker.tick();
    assert_eq!(world.transitions("open", "half_open", "open_wait_over"), 1_000.0);
    assert_eq!(world.transitions("half_open", "open", "half_open_max_wait"), 1_000.0);
    assert_eq!(states_shown(&world.page), ["open"]);

    world.clock.turn(Duration::from_millis(100));
    world.breaker.tick();
    assert_eq!(world.transitions("open", "half_open", "open_wait_over"), 1_001.0);
    assert_eq!(states_shown(&world.page), ["half_open"]);
}

#[test]
fn a_refresh_shows_the_window_and_nan_below_the_minimum() {
    let world = World::new(settings());
    let refresh = || world.breaker.keeper().observer().refresh(&world.breaker.snapshot());
    world.call(Outcome::Failure, 1);
    refresh();
    assert_eq!(world.metric("buffered_calls", "kind=\"failed\""), 1.0);
    assert!(world.metric("failure_rate", "").is_nan());
    world.call(Outcome::Success, 51);
    world.call(Outcome::Success, 1);
    world.call(Outcome::Success, 1);
    refresh();
    assert_eq!(world.metric("buffered_calls", "kind=\"successful\""), 3.0);
    assert_eq!(world.metric("buffered_calls", "kind=\"slow\""), 1.0);
    assert_eq!(world.metric("failure_rate", ""), 25.0);
    assert_eq!(world.metric("slow_call_rate", ""), 25.0);
}

#[test]
fn breakers_of_different_names_have_gauges_of_their_own() {
    let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    let page = recorder.handle();
    let config: Config = settings().validate().unwrap();
    let breakers = ["a", "b"].map(|name| {
        let metrics = BreakerMetrics::recorded_by(Arc::clone(&recorder), name, &config);
        CircuitBreaker::new(config.clone(), Observed::new(HandClock::default(), metrics))
    });
    breakers[0].control(Control::ForceOpen).unwrap();
    let text = page.render();
    assert!(text.contains(r#"resilience_circuitbreaker_state{name="a",state="forced_open"} 1"#));
    assert!(text.contains(r#"resilience_circuitbreaker_state{name="b",state="closed"} 1"#));
}

#[test]
fn the_installed_recorder_is_used_unless_another_one_is_given() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let config = settings().validate().unwrap();
    let breaker = metrics::with_local_recorder(&recorder, || {
        let metrics = BreakerMetrics::new("bank", &config);
        CircuitBreaker::new(config.clone(), Observed::new(HandClock::default(), metrics))
    });
    assert_eq!(breaker.call(|| Ok::<_, ()>(())), Ok(()));
    assert!(page.render().contains(r#"resilience_circuitbreaker_calls_total{name="bank",kind="successful"} 1"#));
}
