//! The breaker by itself: `cargo bench --bench breaker`. Beside its peers, and with the figures: `benches/README.md`.

use criterion::Criterion;
use purlin::Stepper;
use purlin::breaker::{CircuitBreaker, Control, Input, Outcome, Settings, WindowKind};
use purlin_std::{Standard, circuit_breaker};
use std::hint::black_box;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    admitting(&mut criterion);
    rejecting(&mut criterion);
    looking(&mut criterion);
    criterion.final_summary();
}

/// A full window, and every hundredth call a failure where failures are asked for.
fn admitting(criterion: &mut Criterion) {
    let windows = [("count_100", count_window()), ("count_100_timed", timed_calls()), ("time_10_s", time_window())];
    for (name, settings) in windows {
        call(criterion, &format!("{name}/clean"), settings.clone(), u32::MAX);
        call(criterion, &format!("{name}/one_percent_fails"), settings, 100);
    }
}

fn call(criterion: &mut Criterion, name: &str, settings: Settings, failure_every: u32) {
    let breaker = shared(settings);
    let mut calls = 0_u32;
    let mut service = || {
        calls = calls.wrapping_add(1);
        if calls.is_multiple_of(failure_every) { Err(()) } else { Ok(()) }
    };
    criterion.bench_function(&format!("breaker/call/{name}"), |bencher| {
        bencher.iter(|| breaker.call(&mut service).is_ok());
    });
}

fn rejecting(criterion: &mut Criterion) {
    let breaker = shared(count_window());
    breaker.control(Control::OpenFor { ms: Settings::DURATION_MS_MAX }).expect("a closed breaker can be opened");
    criterion.bench_function("breaker/reject/open", |bencher| bencher.iter(|| breaker.admit().is_err()));
    breaker.control(Control::ForceOpen).expect("any breaker can be forced open");
    criterion.bench_function("breaker/reject/forced_open", |bencher| bencher.iter(|| breaker.admit().is_err()));
}

/// What a metrics scrape costs, beside a failing call that needs the lock.
fn looking(criterion: &mut Criterion) {
    let breaker = shared(count_window());
    criterion.bench_function("breaker/snapshot", |bencher| bencher.iter(|| black_box(breaker.snapshot())));
    breaker.control(Control::MetricsOnly).expect("a closed breaker can only watch");
    criterion.bench_function("breaker/locked_step", |bencher| {
        bencher.iter(|| {
            let admission = breaker.admit().expect("metrics only admits every call");
            admission.end(Outcome::Failure)
        });
    });
    criterion.bench_function("breaker/tick", |bencher| bencher.iter(|| breaker.step(Input::Tick)));
}

fn count_window() -> Settings {
    Settings { slow_call_duration_ms: None, ..Settings::default() }
}

fn timed_calls() -> Settings {
    Settings::default()
}

fn time_window() -> Settings {
    Settings { window: WindowKind::Time { time_s: 10, bucket_ms: 1_000 }, ..count_window() }
}

fn shared(settings: Settings) -> CircuitBreaker<Standard> {
    circuit_breaker(settings.validate().expect("the settings of a benchmark are valid"))
}
