//! A new configuration for an old breaker: history survives, and deadlines stay in the future.

use super::alphabet::Event;
use super::config::Config;
use super::machine::{Breaker, Stay};
use crate::machine::{Host, Policy};
use crate::time::Instant;

impl Breaker {
    pub(super) fn refit_window(&mut self, old: &Config, new: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        let fresh = match self.stay {
            Stay::HalfOpen { .. } if permitted(old) != permitted(new) => new.probe_window(),
            Stay::HalfOpen { .. } | Stay::Open { .. } => return self.refit_anchor(old, new, host),
            _ if old.settings().window == new.settings().window => return self.window.roll_if_timed(host),
            _ => {
                self.window.roll_if_timed(host);
                self.refit_anchor(old, new, host);
                new.window(|| self.window.oldest().unwrap_or_else(|| self.anchor.unwrap_or_default()))
            }
        };
        let older = core::mem::replace(&mut self.window, fresh);
        let now = if new.is_timed_window() { host.now() } else { Instant::ORIGIN };
        self.window.inherit(&older, now);
        self.window.roll(now);
    }

    fn refit_anchor(&mut self, old: &Config, new: &Config, host: &(impl Host<Event> + ?Sized)) {
        if old.settings().window != new.settings().window {
            self.anchor = new.is_timed_window().then(|| self.anchor.unwrap_or_else(|| host.now()));
        }
    }

    /// A deadline that the new configuration puts into the past falls due now, not then.
    pub(super) fn refit_timers(&mut self, new: &Config, host: &(impl Host<Event> + ?Sized)) {
        let Some(due) = self.wake(new) else { return };
        let now = host.now();
        let overdue = now.saturating_since(due);
        match &mut self.stay {
            Stay::Open { held_until: Some(until), .. } => *until = *until + overdue,
            Stay::Open { since, .. } | Stay::HalfOpen { since, .. } => *since = *since + overdue,
            _ => {}
        }
    }
}

fn permitted(config: &Config) -> u32 {
    config.settings().permitted_half_open_calls
}
