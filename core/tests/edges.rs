//! Where numbers end: the last instants of a clock, the fullest buckets of a window.

use purlin::breaker::{
    Breaker, CircuitBreaker, Config, Control, Event, Input, Rejection, Reply, Settings, WindowKind, invariants,
};
use purlin::{Clock, Gate, Host, Instant, Keeper, Machine, Policy};
use std::num::NonZeroU32;

struct Stand(Instant);

impl Clock for Stand {
    fn now(&self) -> Instant {
        self.0
    }
}

impl Host<Event> for Stand {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, _event: Event) {}
}

impl Keeper<Breaker> for Stand {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }
}

fn config(settings: Settings) -> Config {
    settings.validate().unwrap()
}

#[test]
fn an_open_without_end_admits_nobody_at_the_end_of_the_clock() {
    for auto_half_open in [false, true] {
        let config = config(Settings { auto_half_open, ..Settings::default() });
        let mut stand = Stand(Instant::ORIGIN);
        let mut breaker = Breaker::new(&config, &mut stand);
        breaker.step(&config, Input::Control(Control::OpenFor { ms: u64::MAX }), &mut stand);
        stand.0 = Instant::MAX;
        let before = breaker.at(&config, stand.0);
        let reply = breaker.step(&config, Input::Ask, &mut stand);
        if !auto_half_open {
            assert!(invariants::open_lasts_its_wait(&before, &config, &reply, stand.0), "{reply:?}");
        }
        assert!(matches!(reply, Reply::Rejected(Rejection::Open { .. })), "auto_half_open {auto_half_open}: {reply:?}");
    }
}

#[test]
fn a_glance_knows_a_deadline_at_the_last_instant_that_fits_into_the_word() {
    let last = Instant::from_nanos(u64::MAX >> 3);
    let settings = Settings { permitted_half_open_calls: 1, half_open_max_wait_ms: Some(1), ..Settings::default() };
    let config = config(settings);
    let mut stand = Stand(Instant::ORIGIN);
    let mut breaker = Breaker::new(&config, &mut stand);
    breaker.step(&config, Input::Control(Control::Open), &mut stand);
    stand.0 = last - std::time::Duration::from_millis(1);
    breaker.step(&config, Input::Control(Control::HalfOpen), &mut stand);
    assert!(matches!(breaker.step(&config, Input::Ask, &mut stand), Reply::Admitted(_)));
    stand.0 = last;
    let glanced = Breaker::glance(breaker.gate(&config), &Input::Ask, &stand);
    let stepped = breaker.step(&config, Input::Ask, &mut stand);
    assert!(glanced.is_none_or(|reply| reply == stepped), "glanced {glanced:?}, stepped {stepped:?}");
}

#[test]
fn billions_of_slow_failures_in_one_bucket_survive_a_change_to_a_count_window() {
    let window = WindowKind::Time { time_s: 3_600, bucket_ms: 3_600_000 };
    let old = config(Settings { window, minimum_calls: u32::MAX, ..Settings::default() });
    let new = config(Settings { window: WindowKind::Count(10), minimum_calls: 10, ..Settings::default() });
    let mut stand = Stand(Instant::ORIGIN);
    let breaker = Breaker::new(&old, &mut stand);
    // As after three billion calls in an hour (a million a second), all of them slow and failed.
    let full = r#"{"calls":3000000000,"failed":3000000000,"slow":3000000000}"#;
    let text = serde_json::to_string(&breaker).unwrap().replace(r#"{"calls":0,"failed":0,"slow":0}"#, full);
    let mut breaker: Breaker = serde_json::from_str(&text).unwrap();
    breaker.reconfigure(&old, &new, &mut stand);
    assert_eq!(breaker.window().totals().failed, 10);
}

#[test]
fn an_open_without_end_is_refused_without_asking_too() {
    let breaker = CircuitBreaker::new(config(Settings::default()), Stand(Instant::ORIGIN));
    breaker.control(Control::OpenFor { ms: u64::MAX }).unwrap();
    let refused = breaker.admit().err();
    assert!(refused.is_some());
    assert_eq!(breaker.refusal(), refused);
}
