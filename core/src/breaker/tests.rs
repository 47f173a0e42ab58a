//! Stories of single breakers, told through the public shell with a clock turned by hand.

use super::*;
use crate::{Clock, Instant, Keeper};
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A keeper whose clock is set by hand and which writes down what happened.
#[derive(Debug, Default)]
struct Bench {
    nanos: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl Bench {
    fn pass(&self, duration: Duration) {
        self.nanos.fetch_add(crate::time::nanos(duration), Ordering::Relaxed);
    }
}

impl Clock for Bench {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

impl Keeper<Breaker> for Bench {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn happened(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

fn small() -> Settings {
    Settings {
        window: WindowKind::Count(4),
        minimum_calls: 2,
        permitted_half_open_calls: 1,
        open_wait_ms: Some(10),
        ..Settings::default()
    }
}

fn breaker(settings: Settings) -> CircuitBreaker<Bench> {
    CircuitBreaker::new(settings.validate().unwrap(), Bench::default())
}

fn fail(breaker: &CircuitBreaker<Bench>) -> Result<(), CallError<&'static str>> {
    breaker.call(|| Err("down"))
}

fn succeed(breaker: &CircuitBreaker<Bench>) -> Result<(), CallError<&'static str>> {
    breaker.call(|| Ok(()))
}

#[test]
fn failures_open_it_and_a_good_probe_closes_it() {
    let breaker = breaker(small());
    fail(&breaker).unwrap_err();
    fail(&breaker).unwrap_err();
    assert_eq!(breaker.snapshot().state, State::Open);
    let rejected = Rejected {
        rejection: Rejection::Open { retry_at: Instant::from_nanos(10_000_001) },
        retry_after: Some(Duration::from_nanos(10_000_001)),
    };
    assert_eq!(succeed(&breaker), Err(CallError::Rejected(rejected)));
    breaker.keeper().pass(Duration::from_nanos(10_000_001));
    assert_eq!(succeed(&breaker), Ok(()));
    assert_eq!(breaker.snapshot().state, State::Closed);
}

#[test]
fn a_dropped_probe_gives_its_permit_back() {
    let breaker = breaker(Settings { initial_state: InitialState::HalfOpen, ..small() });
    drop(breaker.admit().unwrap());
    assert!(breaker.admit().is_ok());
}

#[test]
fn a_panicking_probe_gives_its_permit_back() {
    let breaker = breaker(Settings { initial_state: InitialState::HalfOpen, ..small() });
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = breaker.call(|| -> Result<(), ()> { panic!("the service") });
    }));
    assert!(unwound.is_err());
    assert!(breaker.admit().is_ok());
}

#[test]
fn reconfiguring_makes_a_decision_that_falls_due() {
    let breaker = breaker(Settings { failure_rate_threshold_percent: Percent::new(100), ..small() });
    fail(&breaker).unwrap_err();
    succeed(&breaker).unwrap();
    breaker.reconfigure(small().validate().unwrap());
    assert_eq!(breaker.snapshot().state, State::Open);
}

#[test]
fn a_hundred_years_of_idle_cycles_cost_a_bounded_number_of_events() {
    let settings =
        Settings { initial_state: InitialState::Open, auto_half_open: true, half_open_max_wait_ms: Some(5), ..small() };
    let breaker = breaker(settings);
    breaker.keeper().pass(Duration::from_secs(100 * 366 * 24 * 3_600));
    breaker.tick();
    assert!(breaker.keeper().events.lock().unwrap().len() < 8);
}

#[test]
fn an_event_handler_may_call_the_breaker() {
    struct Caller(std::sync::OnceLock<std::sync::Weak<CircuitBreaker<Caller>>>);
    impl Clock for Caller {
        fn now(&self) -> Instant {
            Instant::ORIGIN
        }
    }
    impl Keeper<Breaker> for Caller {
        fn choose(&self, _bound: NonZeroU32) -> u32 {
            0
        }
        fn happened(&self, _event: Event) {
            let breaker = self.0.get().and_then(std::sync::Weak::upgrade).unwrap();
            breaker.snapshot();
            breaker.tick();
        }
    }
    let config = small().validate().unwrap();
    let breaker = std::sync::Arc::new(CircuitBreaker::new(config, Caller(std::sync::OnceLock::new())));
    breaker.keeper().0.set(std::sync::Arc::downgrade(&breaker)).unwrap();
    breaker.control(Control::ForceOpen).unwrap();
    assert_eq!(breaker.snapshot().state, State::ForcedOpen);
}

#[test]
fn settings_read_back_as_they_were_written() {
    let json = r#"{"window":{"time_s":20},"failure_rate_threshold_percent":33.333,"open_wait_ms":null,
        "open_wait_schedule_ms":[5000,7500]}"#;
    let config: Config = serde_json::from_str(json).unwrap();
    let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
    assert_eq!(config, again);
    assert_eq!(config.open_wait(9, 0), Duration::from_millis(7_500));
}

#[test]
fn a_zero_wait_is_bad_configuration() {
    let error = Settings { open_wait_ms: Some(0), ..Settings::default() }.validate().unwrap_err();
    assert_eq!(error.field, "open_wait_ms");
}

fn timed(time_s: u32, bucket_ms: u32) -> Settings {
    Settings { window: WindowKind::Time { time_s, bucket_ms }, minimum_calls: 100, ..Settings::default() }
}

#[test]
fn a_narrower_time_window_keeps_the_calls_that_are_still_inside() {
    let breaker = breaker(timed(10, 1_000));
    fail(&breaker).unwrap_err();
    breaker.keeper().pass(Duration::from_millis(4_500));
    succeed(&breaker).unwrap();
    breaker.reconfigure(timed(2, 500).validate().unwrap());
    assert_eq!(breaker.snapshot().totals, window::Totals { calls: 1, failed: 0, slow: 0 });
    breaker.keeper().pass(Duration::from_millis(1_500));
    assert_eq!(breaker.snapshot().totals.calls, 0, "its bucket began at 4 s");
}

#[test]
fn a_window_keeps_its_latest_calls_when_it_becomes_one_of_time_and_back() {
    let breaker = breaker(Settings { window: WindowKind::Count(5), minimum_calls: 100, ..small() });
    breaker.control(Control::MetricsOnly).unwrap();
    for result in [Err("down"), Ok(()), Err("down"), Ok(())] {
        let _ = breaker.call(|| result);
    }
    breaker.reconfigure(timed(10, 1_000).validate().unwrap());
    assert_eq!(breaker.snapshot().totals, window::Totals { calls: 4, failed: 2, slow: 0 });
    breaker.reconfigure(Settings { window: WindowKind::Count(3), minimum_calls: 100, ..small() }.validate().unwrap());
    assert_eq!(breaker.snapshot().totals, window::Totals { calls: 3, failed: 2, slow: 0 });
}

#[test]
fn a_clock_that_runs_back_moves_nothing_back() {
    let breaker = breaker(small());
    breaker.keeper().pass(Duration::from_millis(100));
    breaker.control(Control::Open).unwrap();
    breaker.keeper().nanos.store(0, Ordering::Relaxed);
    breaker.control(Control::Open).unwrap();
    let retry_at = Instant::from_nanos(110_000_001);
    breaker.keeper().pass(Duration::from_millis(50));
    assert!(
        matches!(breaker.admit(), Err(Rejected { rejection: Rejection::Open { retry_at: at }, .. }) if at == retry_at)
    );
}

#[test]
fn a_refusal_is_foretold_without_asking() {
    let breaker = breaker(small());
    assert_eq!(breaker.refusal(), None);
    for control in [Control::Open, Control::ForceOpen] {
        breaker.control(control).unwrap();
        let foretold = breaker.refusal();
        assert_eq!(breaker.admit().err(), foretold);
        assert!(foretold.is_some());
    }
    breaker.control(Control::OpenFor { ms: 10 }).unwrap();
    breaker.keeper().pass(Duration::from_millis(11));
    assert_eq!(breaker.refusal(), None, "the wait is over");
    assert_eq!(breaker.snapshot().state, State::Open, "looking does not half-open");
    let probe = breaker.admit().unwrap();
    assert_eq!(breaker.refusal().map(|refusal| refusal.rejection), Some(Rejection::ProbesTaken));
    drop(probe);
    assert_eq!(breaker.refusal(), None);
}

#[test]
fn a_threshold_is_exact_as_a_decimal_and_as_a_rational() {
    let read = |json: &str| serde_json::from_str::<Percent>(json);
    assert_eq!(read("33.333333333").unwrap(), Percent::ratio(33_333_333_333, 1_000_000_000).unwrap());
    let third = read("[100, 3]").unwrap();
    assert!(third.is_reached_by(1, 3) && !read("33.4").unwrap().is_reached_by(1, 3));
    assert_eq!(serde_json::to_string(&third).unwrap(), "[100,3]");
    assert_eq!(read(&serde_json::to_string(&read("0.1").unwrap()).unwrap()).unwrap(), read("0.1").unwrap());
    assert!(read("[1, 0]").is_err() && read("-1").is_err() && read("1e300").is_err());
}

#[test]
fn a_stretch_keeps_its_share_when_the_jitter_gets_other_steps() {
    let jitter = |steps| Settings { open_wait_jitter: Some(Jitter { percent: 100, steps }), ..small() };
    let (coarse, fine) = (jitter(1).validate().unwrap(), jitter(1_000).validate().unwrap());
    assert_eq!(coarse.open_wait(1, 1), fine.open_wait(1, 1_000));
    assert_eq!(fine.open_wait(1, 500), Duration::from_millis(15));
}
