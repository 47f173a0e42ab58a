//! Models of up to ten million states.

use super::case::{Case, everything_operators_say, round, small};
use super::naive::{NaiveWindow, closed_opens_exactly_at_the_threshold};
use super::promises::{open_ends_when_asked, probes_decide};
use super::witnesses::{left_half_open_by_time, open, operators, recovers};
use crate::{Model, Scope};
use core::time::Duration;
use purlin::breaker::{CancelledCounts, Jitter, Outcome, Percent, Settings, WindowKind};

const FULL: Scope = Scope::Full;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    let wide = Settings { window: WindowKind::Count(8), slow_call_duration_ms: Some(2), ..small() };
    let crowded = Settings { window: WindowKind::Count(6), permitted_half_open_calls: 3, ..wide.clone() };
    let long = Settings { window: WindowKind::Count(14), minimum_calls: 5, ..small() };
    vec![
        round("window of 8, 4 callers, slow calls", FULL, wide).callers(4).boxed(),
        round("window of 6, 6 callers, slow calls", FULL, crowded).callers(6).boxed(),
        round("window of 14, 4 callers", FULL, long.clone()).callers(4).boxed(),
        Case::<NaiveWindow>::new("naive window of 14", FULL, long)
            .sometimes([open()])
            .some_step([recovers()])
            .every_step([closed_opens_exactly_at_the_threshold()])
            .boxed(),
        waiting(),
        timers(),
        time_window(),
        operating(),
        reconfiguring(),
    ]
}

fn waiting() -> Box<dyn Model> {
    let settings = Settings {
        open_wait_ms: None,
        open_wait_schedule_ms: vec![1, 2, 4, 8],
        open_wait_jitter: Some(Jitter { percent: 100, steps: 4 }),
        window: WindowKind::Count(6),
        permitted_half_open_calls: 3,
        ..small()
    };
    round("open waits of 1, 2, 4 and 8 ticks, with jitter, 5 callers", FULL, settings)
        .callers(5)
        .leads_to([probes_decide(), open_ends_when_asked()])
        .boxed()
}

fn timers() -> Box<dyn Model> {
    let settings = Settings {
        auto_half_open: true,
        half_open_max_wait_ms: Some(4),
        open_wait_ms: Some(3),
        permitted_half_open_calls: 3,
        minimum_calls: 3,
        window: WindowKind::Count(5),
        slow_call_duration_ms: Some(1),
        cancelled_counts: CancelledCounts::FailedIfSlow,
        ..small()
    };
    round("half-open by itself, slow and cancelled calls, noticed 3 ticks late", FULL, settings)
        .callers(5)
        .outcomes(&[Outcome::Success, Outcome::Failure, Outcome::Cancelled])
        .late_by(3)
        .some_step([left_half_open_by_time()])
        .boxed()
}

fn time_window() -> Box<dyn Model> {
    let settings = Settings {
        window: WindowKind::Time { time_s: 4, bucket_ms: 1_000 },
        open_wait_ms: Some(2_000),
        permitted_half_open_calls: 2,
        failure_rate_threshold_percent: Percent::new(60),
        ..small()
    };
    round("time window of 4 buckets, half a bucket at a time", FULL, settings)
        .callers(4)
        .every(Duration::from_millis(500))
        .up_to_calls::<10>()
        .boxed()
}

fn operating() -> Box<dyn Model> {
    let settings = Settings {
        auto_half_open: true,
        half_open_max_wait_ms: Some(2),
        window: WindowKind::Count(4),
        permitted_half_open_calls: 2,
        ..small()
    };
    round("operators, five times, beside timers", FULL, settings)
        .callers(5)
        .controls(5, &everything_operators_say())
        .some_step(operators())
        .boxed()
}

fn reconfiguring() -> Box<dyn Model> {
    let settings = |window, permitted, percent, open_wait, max_wait| Settings {
        window: WindowKind::Count(window),
        permitted_half_open_calls: permitted,
        failure_rate_threshold_percent: Percent::new(percent),
        open_wait_ms: Some(open_wait),
        half_open_max_wait_ms: Some(max_wait),
        ..small()
    };
    let others = [settings(2, 3, 50, 3, 1), settings(6, 1, 34, 2, 3), settings(4, 4, 100, 1, 2)];
    round("reconfigured altogether", FULL, settings(4, 2, 50, 1, 2))
        .callers(4)
        .reconfigured(4, &others, settings(4, 2, 50, 3, 3))
        .boxed()
}
