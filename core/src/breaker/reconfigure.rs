//! A new configuration for an old breaker: history survives, and deadlines stay in the future.

use super::alphabet::Event;
use super::config::Config;
use super::machine::{Breaker, Stay};
use crate::machine::{Host, Policy};

impl Breaker {
    /// The window of the new shape holds the calls of the old one, as far as they fit.
    pub(super) fn refit_window(&mut self, old: &Config, new: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        self.window.roll_if_timed(host);
        let fresh = match self.stay {
            Stay::Open { .. } => return,
            Stay::HalfOpen { .. } => new.probe_window(),
            _ if old.settings().window == new.settings().window => return,
            _ => new.window(self.anchor),
        };
        let older = core::mem::replace(&mut self.window, fresh);
        self.window.inherit(&older, host);
        self.window.roll_if_timed(host);
    }

    /// The same share of the longest stretch, in the new number of steps.
    pub(super) fn refit_stretch(&mut self, old: &Config, new: &Config) {
        let steps = |config: &Config| config.settings().open_wait_jitter.map_or(0, |jitter| u64::from(jitter.steps));
        let stretched = u64::from(self.stretch) * steps(new) / steps(old).max(1);
        self.stretch = u32::try_from(stretched).unwrap_or(u32::MAX);
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
