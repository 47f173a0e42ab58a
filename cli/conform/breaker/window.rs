//! The kinds of `breaker/1` that test a window alone.

use super::read_config;
use crate::conform::Case;
use crate::conform::compare::{Actual, Mismatch, Ratio, Tolerance, hold};
use crate::conform::row::{check_calls, hold_result, take_expectations, take_instant};
use purlin::Instant;
use purlin::breaker::window::{CountWindow, Mark, TimeWindow, Window};
use purlin::breaker::{Settings, WindowKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

pub(super) fn judge_window(case: &Case) -> Result<(), Mismatch> {
    let mut timed = TimedWindow::read(&case.config)?;
    let tolerance = Tolerance::of(case);
    for (index, row) in case.rows.iter().enumerate() {
        timed.judge_row(row, tolerance).map_err(|mismatch| mismatch.at_row(index))?;
    }
    hold_result(case, |key| timed.find(key))
}

/// A window, and beside it what each of its calls took: timing totals belong to the test, not to the breaker.
struct TimedWindow {
    window: Window,
    /// All calls ever recorded, oldest first. Those at the end, as many as the window holds, are inside.
    calls: Vec<TimedCall>,
}

struct TimedCall {
    mark: Mark,
    duration_ms: u64,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum WindowAction {
    Success { duration_ms: u64 },
    Error { duration_ms: u64 },
    SlowSuccess { duration_ms: u64 },
    SlowError { duration_ms: u64 },
    Snapshot {},
}

impl TimedWindow {
    fn read(config: &Map<String, Value>) -> Result<Self, Mismatch> {
        if !config.contains_key("window") {
            return Err(Mismatch::unreadable("the configuration has no `window`"));
        }
        let (config, _) = read_config(config)?;
        Ok(Self { window: window_of(config.settings().window), calls: Vec::new() })
    }

    fn judge_row(&mut self, row: &Map<String, Value>, tolerance: Tolerance) -> Result<(), Mismatch> {
        let mut row = row.clone();
        let now = take_instant(&mut row)?;
        let expect = take_expectations(&mut row)?;
        self.act(serde_json::from_value(row.into()).map_err(Mismatch::unreadable)?, now);
        hold(&expect, tolerance, |key| self.find(key))
    }

    fn act(&mut self, action: WindowAction, now: Instant) {
        self.window.roll(now);
        let (failed, slow, duration_ms) = match action {
            WindowAction::Snapshot {} => return,
            WindowAction::Success { duration_ms } => (false, false, duration_ms),
            WindowAction::Error { duration_ms } => (true, false, duration_ms),
            WindowAction::SlowSuccess { duration_ms } => (false, true, duration_ms),
            WindowAction::SlowError { duration_ms } => (true, true, duration_ms),
        };
        let mark = Mark { failed, slow };
        match &mut self.window {
            Window::Count(window) => window.record(mark),
            Window::Time(window) => window.record(mark, now),
        }
        self.calls.push(TimedCall { mark, duration_ms });
    }

    fn inside(&self) -> &[TimedCall] {
        let held = self.window.totals().calls as usize;
        &self.calls[self.calls.len().saturating_sub(held)..]
    }

    fn find(&self, key: &str) -> Option<Actual> {
        let totals = self.window.totals();
        let slow_failed = self.inside().iter().filter(|call| call.mark.failed && call.mark.slow).count() as u64;
        Some(match key {
            "total" => Actual::whole(totals.calls),
            "failed" => Actual::whole(totals.failed),
            "slow_failed" => Actual::whole(slow_failed),
            "slow_succeeded" => Actual::whole(u64::from(totals.slow).saturating_sub(slow_failed)),
            "total_duration_ms" => {
                Actual::whole(self.inside().iter().map(|call| u128::from(call.duration_ms)).sum::<u128>())
            }
            _ => return None,
        })
    }
}

fn window_of(kind: WindowKind) -> Window {
    match kind {
        WindowKind::Count(size) => Window::Count(CountWindow::new(size)),
        WindowKind::Time { time_s, bucket_ms } => {
            let slots = u64::from(time_s) * 1_000 / u64::from(bucket_ms.max(1));
            let bucket = Duration::from_millis(bucket_ms.into());
            Window::Time(TimeWindow::new(u32::try_from(slots).unwrap_or(u32::MAX), bucket, Instant::ORIGIN))
        }
    }
}

pub(super) fn judge_ratio_window(case: &Case) -> Result<(), Mismatch> {
    let mut ratio = RatioWindow::read(&case.config)?;
    let tolerance = Tolerance::of(case);
    for (index, row) in case.rows.iter().enumerate() {
        ratio.judge_row(row, tolerance).map_err(|mismatch| mismatch.at_row(index))?;
    }
    hold_result(case, |key| ratio.find(key))
}

/// Slots of time, and a share of successes that must not be undercut.
struct RatioWindow {
    window: TimeWindow,
    tripped: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatioConfig {
    window_ms: u64,
    buckets: u32,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum RatioAction {
    Record {
        success: bool,
        #[serde(default = "one")]
        n: u64,
    },
    ShouldTrip {
        min_requests: u64,
        threshold: Value,
    },
}

fn one() -> u64 {
    1
}

impl RatioWindow {
    const WINDOW_MS_MIN: u64 = 10;

    fn read(config: &Map<String, Value>) -> Result<Self, Mismatch> {
        let config: RatioConfig = serde_json::from_value(config.clone().into()).map_err(Mismatch::unreadable)?;
        let (buckets, most) = (config.buckets, Settings::WINDOW_BUCKETS_MAX);
        if !(1..=most).contains(&buckets) {
            return Err(Mismatch::unreadable(format_args!("`buckets` is {buckets}: give 1 to {most}")));
        }
        let width = Duration::from_millis(config.window_ms.max(Self::WINDOW_MS_MIN)) / buckets;
        Ok(Self { window: TimeWindow::new(buckets, width, Instant::ORIGIN), tripped: None })
    }

    fn judge_row(&mut self, row: &Map<String, Value>, tolerance: Tolerance) -> Result<(), Mismatch> {
        let mut row = row.clone();
        let now = take_instant(&mut row)?;
        let expect = take_expectations(&mut row)?;
        self.tripped = None;
        self.window.roll(now);
        self.act(serde_json::from_value(row.into()).map_err(Mismatch::unreadable)?, now)?;
        hold(&expect, tolerance, |key| self.find(key))
    }

    fn act(&mut self, action: RatioAction, now: Instant) -> Result<(), Mismatch> {
        match action {
            RatioAction::Record { success, n } => {
                check_calls(n)?;
                (0..n).for_each(|_| self.window.record(Mark { failed: !success, slow: false }, now));
            }
            RatioAction::ShouldTrip { min_requests, threshold } => {
                let threshold = read_threshold(&threshold)?;
                self.tripped = Some(self.should_trip(min_requests, threshold));
            }
        }
        Ok(())
    }

    /// Strictly fewer successes than the threshold's share, among calls enough to tell.
    fn should_trip(&self, min_requests: u64, threshold: Ratio) -> bool {
        let totals = self.window.totals();
        let enough = totals.calls > 0 && u64::from(totals.calls) >= min_requests;
        let share = self.successes().saturating_mul(threshold.whole);
        enough && share < threshold.part.saturating_mul(totals.calls.into())
    }

    fn successes(&self) -> u128 {
        let totals = self.window.totals();
        (totals.calls - totals.failed).into()
    }

    fn find(&self, key: &str) -> Option<Actual> {
        Some(match key {
            "successes" => Actual::whole(self.successes()),
            "total" => Actual::whole(self.window.totals().calls),
            "trip" => self.tripped.map_or(Actual::Nothing, Actual::Flag),
            _ => return None,
        })
    }
}

/// A rational `[a, b]`, a whole number, or a decimal with up to nine places.
fn read_threshold(threshold: &Value) -> Result<Ratio, Mismatch> {
    let billionths =
        || threshold.as_f64().filter(|share| (0.0..1e9).contains(share)).map(|share| (share * 1e9).round());
    let decimal = || billionths().map(|part| Ratio { part: part as u128, whole: 1_000_000_000 });
    Ratio::read(threshold)
        .or_else(decimal)
        .ok_or_else(|| Mismatch::unreadable(format_args!("`threshold` is {threshold}: give [a, b]")))
}
