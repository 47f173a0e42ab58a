//! Models that take well below a second each.

use super::case::{Case, everything_operators_say, round, small};
use super::naive::{NaiveWindow, closed_opens_exactly_at_the_threshold};
use super::promises::{half_open_ends_in_time, open_ends_in_time, open_ends_when_asked, probes_decide};
use super::witnesses::{
    late_result, left_half_open_by_time, metrics_only_tells, open, opens_by_hint, opens_by_slow_calls, operators,
    recovers, third_open_in_a_row,
};
use crate::{Model, Scope};
use core::time::Duration;
use purlin::breaker::{CancelledCounts, InitialState, Jitter, MaxWaitTo, Outcome, Percent, Settings, WindowKind};

const QUICK: Scope = Scope::Quick;

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [counting(), probing(), waiting(), timing(), operating(), reconfiguring()].into_iter().flatten().collect()
}

/// Count windows.
fn counting() -> Vec<Box<dyn Model>> {
    let window = |size| Settings { window: WindowKind::Count(size), minimum_calls: size, ..small() };
    let early = Settings { window: WindowKind::Count(4), minimum_calls: 1, ..small() };
    vec![
        round("window of 2", QUICK, small()).leads_to([probes_decide(), open_ends_when_asked()]).boxed(),
        round("window of 2, 4 callers", QUICK, small()).callers(4).boxed(),
        round("window of 3, 3 callers", QUICK, window(3))
            .callers(3)
            .leads_to([probes_decide(), open_ends_when_asked()])
            .boxed(),
        round("window of 10, 4 callers", QUICK, window(10)).callers(4).boxed(),
        round("window of 4, decisions from the first call", QUICK, early).callers(3).boxed(),
        Case::<NaiveWindow>::new("naive window of 3", QUICK, window(3))
            .callers(3)
            .sometimes([open()])
            .some_step([recovers()])
            .every_step([closed_opens_exactly_at_the_threshold()])
            .boxed(),
        Case::<NaiveWindow>::new(
            "naive window of 8, decisions from the third call",
            QUICK,
            Settings { minimum_calls: 3, ..window(8) },
        )
        .sometimes([open()])
        .some_step([recovers()])
        .every_step([closed_opens_exactly_at_the_threshold()])
        .boxed(),
    ]
}

/// Half-open.
fn probing() -> Vec<Box<dyn Model>> {
    let probes = |count| Settings { permitted_half_open_calls: count, minimum_calls: count, ..small() };
    let max_wait = Settings { half_open_max_wait_ms: Some(2), ..probes(2) };
    let to_closed = Settings { half_open_max_wait_to: MaxWaitTo::Closed, auto_half_open: true, ..max_wait.clone() };
    let auto = Settings { auto_half_open: true, ..max_wait.clone() };
    vec![
        round("two probes", QUICK, probes(2)).callers(3).leads_to([probes_decide(), open_ends_when_asked()]).boxed(),
        round("six probes", QUICK, probes(6)).callers(8).leads_to([probes_decide(), open_ends_when_asked()]).boxed(),
        round("two probes, at most 2 ticks half-open", QUICK, max_wait)
            .callers(4)
            .some_step([left_half_open_by_time()])
            .leads_to([probes_decide(), half_open_ends_in_time(), open_ends_when_asked()])
            .boxed(),
        round("half-open by itself, at most 2 ticks, then closed", QUICK, to_closed.clone())
            .callers(4)
            .some_step([left_half_open_by_time()])
            .leads_to([half_open_ends_in_time(), open_ends_in_time()])
            .boxed(),
        round("half-open by itself, at most 2 ticks, then open", QUICK, auto.clone())
            .callers(4)
            .some_step([left_half_open_by_time()])
            .leads_to([half_open_ends_in_time(), open_ends_in_time()])
            .boxed(),
        round("half-open by itself, then open, noticed 2 ticks late", QUICK, auto)
            .callers(4)
            .late_by(2)
            .some_step([left_half_open_by_time()])
            .boxed(),
        round("half-open by itself, then closed, noticed a tick late", QUICK, to_closed)
            .callers(4)
            .late_by(1)
            .some_step([left_half_open_by_time()])
            .boxed(),
    ]
}

/// How long open lasts.
fn waiting() -> Vec<Box<dyn Model>> {
    let schedule = Settings { open_wait_ms: None, open_wait_schedule_ms: vec![1, 2, 4], ..small() };
    let jitter = Settings { open_wait_jitter: Some(Jitter { percent: 100, steps: 1 }), ..small() };
    let hints = Settings { server_hint_max_ms: Some(3), ..small() };
    let hinted = [Outcome::Success, Outcome::Hinted { retry_after_ms: 2 }, Outcome::Hinted { retry_after_ms: 9 }];
    vec![
        round("open waits of 1, 2 and 4 ticks", QUICK, schedule.clone())
            .sometimes([third_open_in_a_row()])
            .leads_to([probes_decide(), open_ends_when_asked()])
            .boxed(),
        round(
            "open waits of 1, 2 and 4 ticks, with jitter",
            QUICK,
            Settings { open_wait_jitter: jitter.open_wait_jitter, ..schedule },
        )
        .boxed(),
        round("open wait with jitter", QUICK, jitter).leads_to([probes_decide(), open_ends_when_asked()]).boxed(),
        round("server hints", QUICK, hints.clone())
            .outcomes(&[Outcome::Success, Outcome::Failure, Outcome::Hinted { retry_after_ms: 2 }])
            .some_step([opens_by_hint()])
            .leads_to([probes_decide(), open_ends_when_asked()])
            .boxed(),
        Case::<()>::new("server hints above their limit", QUICK, hints)
            .outcomes(&hinted)
            .callers(3)
            .sometimes([open()])
            .some_step([opens_by_hint(), recovers()])
            .boxed(),
    ]
}

/// What depends on how long calls last, and time windows.
fn timing() -> Vec<Box<dyn Model>> {
    let slow = Settings {
        slow_call_duration_ms: Some(1),
        slow_call_rate_threshold_percent: Percent::new(50),
        failure_rate_threshold_percent: Percent::new(100),
        ..small()
    };
    let slower = Settings {
        slow_call_duration_ms: Some(2),
        slow_call_rate_threshold_percent: Percent::new(100),
        ..slow.clone()
    };
    let cancelled = |counts| Settings { cancelled_counts: counts, slow_call_duration_ms: Some(1), ..small() };
    let all = [Outcome::Success, Outcome::Failure, Outcome::Cancelled, Outcome::Ignored];
    let reported = |failed, duration_ms| Outcome::Reported { failed, duration_ms };
    let of_time = |time_s, bucket_ms| Settings {
        window: WindowKind::Time { time_s, bucket_ms },
        open_wait_ms: Some(1_000),
        ..small()
    };
    vec![
        round("calls are slow beyond 1 tick", QUICK, slow.clone())
            .callers(6)
            .some_step([opens_by_slow_calls()])
            .boxed(),
        round("calls are slow beyond 2 ticks", QUICK, slower).callers(3).some_step([opens_by_slow_calls()]).boxed(),
        round("reported durations", QUICK, slow)
            .outcomes(&[reported(false, 1), reported(false, 2), reported(true, 0)])
            .some_step([opens_by_slow_calls()])
            .boxed(),
        round("cancelled calls are ignored", QUICK, cancelled(CancelledCounts::Ignored))
            .callers(3)
            .outcomes(&all)
            .boxed(),
        round("cancelled calls failed", QUICK, cancelled(CancelledCounts::Failed)).callers(3).outcomes(&all).boxed(),
        round("cancelled calls failed if slow", QUICK, cancelled(CancelledCounts::FailedIfSlow))
            .callers(3)
            .outcomes(&all)
            .boxed(),
        round("time window of 2 buckets", QUICK, of_time(2, 1_000))
            .every(Duration::from_secs(1))
            .up_to_calls::<8>()
            .boxed(),
        round("time window of 2 buckets, half a bucket at a time", QUICK, of_time(2, 1_000))
            .every(Duration::from_millis(500))
            .up_to_calls::<6>()
            .boxed(),
        Case::<NaiveWindow>::new("naive time window of 3 buckets", QUICK, of_time(3, 1_000))
            .every(Duration::from_secs(1))
            .up_to_calls::<8>()
            .sometimes([open()])
            .every_step([closed_opens_exactly_at_the_threshold()])
            .boxed(),
    ]
}

/// Operators.
fn operating() -> Vec<Box<dyn Model>> {
    let everything = everything_operators_say();
    let starting = |initial_state| Settings { initial_state, ..small() };
    let auto = Settings { auto_half_open: true, half_open_max_wait_ms: Some(1), ..small() };
    vec![
        round("operators, three times", QUICK, small())
            .callers(3)
            .controls(3, &everything)
            .some_step(operators())
            .boxed(),
        round("operators beside timers", QUICK, auto)
            .callers(3)
            .controls(3, &everything)
            .some_step(operators())
            .boxed(),
        round("begins with metrics only", QUICK, starting(InitialState::MetricsOnly))
            .controls(2, &everything)
            .some_step([metrics_only_tells()])
            .boxed(),
        Case::<()>::new("begins disabled", QUICK, starting(InitialState::Disabled))
            .controls(2, &everything)
            .sometimes([open()])
            .some_step([late_result()])
            .boxed(),
        round("begins forced open", QUICK, starting(InitialState::ForcedOpen)).controls(2, &everything).boxed(),
        round("begins open", QUICK, starting(InitialState::Open)).boxed(),
        round("begins half-open", QUICK, starting(InitialState::HalfOpen)).leads_to([probes_decide()]).boxed(),
    ]
}

/// New configurations on the way.
fn reconfiguring() -> Vec<Box<dyn Model>> {
    let threshold = |percent| Settings { failure_rate_threshold_percent: Percent::new(percent), ..small() };
    let window = |size| Settings { window: WindowKind::Count(size), ..small() };
    let permitted = |count| Settings { permitted_half_open_calls: count, minimum_calls: 1, ..small() };
    let waits =
        |open, half_open| Settings { open_wait_ms: Some(open), half_open_max_wait_ms: Some(half_open), ..small() };
    let timers = |open, auto_half_open, half_open_max_wait_ms| Settings {
        open_wait_ms: Some(open),
        auto_half_open,
        half_open_max_wait_ms,
        ..small()
    };
    let kind = |window| Settings { window, open_wait_ms: Some(1_000), ..small() };
    let time = WindowKind::Time { time_s: 2, bucket_ms: 1_000 };
    vec![
        round("reconfigured threshold", QUICK, threshold(100)).reconfigured(3, &[threshold(50)], small()).boxed(),
        round("reconfigured window", QUICK, window(4))
            .callers(3)
            .reconfigured(3, &[window(2), window(1), window(6)], small())
            .boxed(),
        round("reconfigured probes", QUICK, permitted(2))
            .callers(3)
            .reconfigured(3, &[permitted(3), permitted(1)], small())
            .boxed(),
        round("reconfigured waits", QUICK, waits(1, 2))
            .reconfigured(3, &[waits(3, 1), waits(2, 3)], waits(3, 3))
            .boxed(),
        round("reconfigured timers", QUICK, timers(1, false, None))
            .callers(3)
            .reconfigured(3, &[timers(2, true, Some(2)), timers(3, false, Some(1))], timers(3, false, Some(2)))
            .some_step([left_half_open_by_time()])
            .boxed(),
        round("reconfigured between calls and time", QUICK, kind(WindowKind::Count(3)))
            .every(Duration::from_secs(1))
            .up_to_calls::<4>()
            .reconfigured(3, &[kind(time)], kind(time))
            .boxed(),
    ]
}
