//! A plan for every seed: each part of the swarm's options is drawn anew, so that no habit of one configuration hides a
//! fault of another.

use super::{NAME, Options, Plan};
use crate::die::Die;
use crate::plan::{Budget, Fault, FaultKind, Law, Ratio, Span};
use purlin::breaker::{CancelledCounts, Jitter, MaxWaitTo, Percent, Settings, WindowKind};

pub(super) fn plan(seed: u64) -> Plan {
    let die = &mut Die::new(seed, "plan");
    let options = options(die);
    let faults = (0..die.between(2, 8)).map(|_| fault(die, &options)).collect();
    Plan {
        scenario: NAME.to_owned(),
        noise: die.below(crate::plan::Plan::NOISE_MAX),
        options,
        budget: Budget::default(),
        faults,
        throws: None,
    }
}

fn options(die: &mut Die) -> Options {
    let mut options = Options {
        clients: die.between(1, 12) as u32,
        rest: span(die, (5, 50), 150),
        patience_ms: 0,
        attempt_timeout_ms: 0,
        service: span(die, (1, 10), 30),
        link: span(die, (0, 2), 8),
        grain_ns: *die.pick(&[1, 1_000, 1_000_000, 1_000_000]),
        clock_drift_ppm: *die.pick(&[0, 0, 0, 0, -500, 10_000]),
        safety_ms: die.between(4_000, 16_000),
        breaker: Settings::default(),
    };
    let healthy = options.cycle_ms() - options.rest.most_ms;
    options.patience_ms = healthy + *die.pick(&[0, healthy, 1_000, 3_000]);
    options.attempt_timeout_ms = options.healthy_ms() + *die.pick(&[0, healthy, 500, 10_000]);
    options.breaker = settings(die, &options);
    options.breaker.half_open_max_wait_ms = half_open_max_wait(die, &options);
    options
}

fn span(die: &mut Die, least: (u64, u64), width: u64) -> Span {
    let least_ms = die.between(least.0, least.1);
    Span::new(least_ms, least_ms + die.between(0, width))
}

fn settings(die: &mut Die, options: &Options) -> Settings {
    let (open_wait_ms, open_wait_schedule_ms) = open_wait(die);
    Settings {
        failure_rate_threshold_percent: threshold(die),
        slow_call_rate_threshold_percent: threshold(die),
        slow_call_duration_ms: slow_call_duration(die, options),
        window: window(die, options.clients),
        minimum_calls: die.between(1, 12) as u32,
        permitted_half_open_calls: die.between(1, 8) as u32,
        open_wait_ms,
        open_wait_schedule_ms,
        open_wait_jitter: jitter(die),
        half_open_max_wait_to: *die.pick(&[MaxWaitTo::Open, MaxWaitTo::Open, MaxWaitTo::Closed]),
        auto_half_open: *die.pick(&[false, true]),
        cancelled_counts: *die.pick(&[
            CancelledCounts::Ignored,
            CancelledCounts::Failed,
            CancelledCounts::FailedIfSlow,
        ]),
        ..Settings::default()
    }
}

fn threshold(die: &mut Die) -> Percent {
    let thousandths = *die.pick(&[1_000, 20_000, 33_333, 50_000, 50_000, 66_667, 80_000, 100_000]);
    Percent::ratio(thousandths, 1_000).unwrap_or(Percent::new(50))
}

fn slow_call_duration(die: &mut Die, options: &Options) -> Option<u64> {
    let least = options.healthy_ms();
    *die.pick(&[None, Some(least), Some(least + 20), Some(least + 200)])
}

fn window(die: &mut Die, clients: u32) -> WindowKind {
    let calls = *die.pick(&[1, 2, 3, 5, 10, 20, 33, 50, 100]);
    let seconds = die.between(1, 6) as u32;
    let bucket_ms = *die.pick(&[100, 250, 500, 1_000]);
    match die.below(3) {
        0 => WindowKind::Time { time_s: seconds, bucket_ms },
        _ => WindowKind::Count(calls.min(15 * clients)),
    }
}

fn open_wait(die: &mut Die) -> (Option<u64>, Vec<u64>) {
    let constant = die.between(20, 1_500);
    let schedule = (0..die.between(1, 4)).map(|_| die.between(20, 1_000)).collect();
    if die.below(2) == 0 { (Some(constant), Vec::new()) } else { (None, schedule) }
}

fn jitter(die: &mut Die) -> Option<Jitter> {
    let jitter = Jitter { percent: die.between(1, 100) as u32, steps: *die.pick(&[1, 2, 1_000]) };
    (die.below(3) == 0).then_some(jitter)
}

fn half_open_max_wait(die: &mut Die, options: &Options) -> Option<u64> {
    let least = options.probing_ms();
    *die.pick(&[None, Some(least), Some(least + 50), Some(least + 500)])
}

fn fault(die: &mut Die, options: &Options) -> Fault {
    let duration_ms = die.between(100, options.safety_ms / 3);
    let start_ms = die.between(0, options.safety_ms - duration_ms);
    Fault { start_ms, duration_ms, kind: kind(die, options) }
}

fn kind(die: &mut Die, options: &Options) -> FaultKind {
    match die.below(15) {
        0..=2 => FaultKind::Errors { share: share(die) },
        3..=4 => FaultKind::Slow { extra: slowness(die, options) },
        5 => FaultKind::Hang { share: share(die) },
        6 => FaultKind::Crash,
        7 => FaultKind::Cut,
        8 => FaultKind::Delay { extra: slowness(die, options), law: law(die), link: None },
        9 => FaultKind::Lose { share: share(die), link: None },
        10 => FaultKind::Impatience { patience_ms: die.between(1, options.patience_ms) },
        11 => FaultKind::Abort { share: share(die) },
        12 => FaultKind::RateLimit { per_second: die.between(1, 100) as u32 },
        13 => FaultKind::Herd,
        _ => FaultKind::Spike { factor: die.between(2, 10) as u32 },
    }
}

fn law(die: &mut Die) -> Law {
    *die.pick(&[Law::Even, Law::Halving])
}

fn share(die: &mut Die) -> Ratio {
    let part = *die.pick(&[1, 2, 5, 7, 10]);
    Ratio::new(part, 10).unwrap_or(Ratio::ALL)
}

/// Around the duration from which a call is slow, or so close to it that the boundary itself is met.
fn slowness(die: &mut Die, options: &Options) -> Span {
    let limit = options.breaker.slow_call_duration_ms.unwrap_or(options.patience_ms);
    let (least_ms, width) = match die.below(3) {
        0 => (die.between(0, limit), limit / 2),
        _ => (limit - die.between(0, limit.min(80)), 20),
    };
    Span::new(least_ms, least_ms + die.between(0, width))
}
