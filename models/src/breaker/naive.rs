//! The windows once more, as simply as they can be told: a list of calls. It judges when closed must open.

use crate::caller::{Cause, EveryStep, Ghost, Step};
use purlin::breaker::window::Mark;
use purlin::breaker::{Breaker, Config, Input, Percent, Reply, Settings, State, WindowKind};

/// The calls recorded since the breaker entered its state, oldest first, each with its age in buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct NaiveWindow {
    calls: Vec<(u32, Mark)>,
}

impl Ghost<Breaker> for NaiveWindow {
    fn observe(&mut self, step: &Step<'_, Breaker>) {
        if step.after.epoch() != step.before.epoch() || step.after.state() != State::Closed {
            self.calls.clear();
        } else {
            self.see(step);
        }
    }
}

impl NaiveWindow {
    fn see(&mut self, step: &Step<'_, Breaker>) {
        match step.cause {
            Cause::Input { reply: Reply::Recorded(mark), .. } => self.calls.push((0, *mark)),
            Cause::Input { input: Input::Tick, .. } => self.calls.iter_mut().for_each(|(age, _)| *age += 1),
            _ => {}
        }
        self.forget(step.config);
    }

    fn forget(&mut self, config: &Config) {
        match config.settings().window {
            WindowKind::Count(size) => {
                let surplus = self.calls.len().saturating_sub(size as usize);
                self.calls.drain(..surplus);
                // The order tells the age.
                self.calls.iter_mut().for_each(|(age, _)| *age = 0);
            }
            WindowKind::Time { time_s, bucket_ms } => {
                let buckets = time_s * 1_000 / bucket_ms;
                self.calls.retain(|(age, _)| *age < buckets);
            }
        }
    }

    fn asks_for_open(&self, settings: &Settings) -> bool {
        let total = self.calls.len() as u32;
        let count = |is: fn(&Mark) -> bool| self.calls.iter().filter(|(_, mark)| is(mark)).count() as u32;
        let least = match settings.window {
            WindowKind::Count(size) => settings.minimum_calls.min(size),
            WindowKind::Time { .. } => settings.minimum_calls,
        };
        let rates = [
            (settings.failure_rate_threshold_percent, count(|mark| mark.failed)),
            (settings.slow_call_rate_threshold_percent, count(|mark| mark.slow)),
        ];
        total >= least && rates.into_iter().any(|(threshold, part)| is_reached(threshold, part, total))
    }
}

/// By school arithmetic; exact for the small numbers of a model.
fn is_reached(threshold: Percent, part: u32, total: u32) -> bool {
    f64::from(part) * 100.0 >= f64::from(threshold) * f64::from(total)
}

/// Closed opens exactly when the calls that its window should hold reach a threshold.
pub(super) fn closed_opens_exactly_at_the_threshold() -> EveryStep<Breaker, NaiveWindow> {
    EveryStep::claim("closed opens exactly at the threshold", |ghost, step| {
        if step.before.state() != State::Closed {
            return true;
        }
        let mut window = ghost.clone();
        window.see(step);
        let is_recorded = matches!(step.cause, Cause::Input { reply: Reply::Recorded(_), .. });
        let opens = step.after.state() == State::Open;
        opens == (is_recorded && window.asks_for_open(step.config.settings()))
    })
}
