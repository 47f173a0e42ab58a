//! A breaker and time: timers take effect at their own deadlines, however late they are noticed; and what has become
//! too old to matter is forgotten.

use super::alphabet::{Event, Reason};
use super::config::{Config, MaxWaitTo};
use super::machine::{Breaker, Stay};
use crate::machine::{Clock, Host, Policy};
use crate::time::{Instant, nanos};
use core::num::NonZeroU32;
use core::time::Duration;

/// Catching up.
impl Breaker {
    /// The same breaker with every timer noticed that has fallen due by `now`, and calls too old for its window gone.
    #[must_use]
    pub fn at(&self, config: &Config, now: Instant) -> Self {
        let mut breaker = self.clone();
        breaker.catch_up(config, &mut Onlooker(now));
        breaker.window.roll(now);
        breaker
    }

    pub(super) fn catch_up(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) {
        while let Some(due) = self.wake(config) {
            let now = host.now();
            if now < due {
                return;
            }
            let due = self.pass_idle_cycles(config, due, now, host);
            self.expire(config, due, host);
        }
    }

    fn expire(&mut self, config: &Config, due: Instant, host: &mut (impl Host<Event> + ?Sized)) {
        match (self.stay, config.settings().half_open_max_wait_to) {
            (Stay::HalfOpen { .. }, MaxWaitTo::Open) => self.open(config, None, Reason::HalfOpenMaxWait, due, host),
            (Stay::HalfOpen { .. }, MaxWaitTo::Closed) => self.close(config, Reason::HalfOpenMaxWait, due, host),
            _ => self.half_open(config, Reason::OpenWaitOver, due, host),
        }
    }

    /// Opens and half-opens that came and went with nobody looking, all alike: passed in one stride rather than one by
    /// one. Returns when the present open, moved on, falls due; that is still not after `now`.
    fn pass_idle_cycles(
        &mut self,
        config: &Config,
        due: Instant,
        now: Instant,
        host: &mut (impl Host<Event> + ?Sized),
    ) -> Instant {
        let Some(cycle) = self.idle_cycle(config) else { return due };
        let cycles = nanos(now.saturating_since(due)) / nanos(cycle);
        let Stay::Open { since, .. } = &mut self.stay else { return due };
        if cycles == 0 {
            return due;
        }
        let passed = Duration::from_nanos(cycles * nanos(cycle));
        *since = *since + passed;
        self.epoch = self.epoch.advanced_by(2 * cycles);
        self.openings = self.openings.saturating_add(u32::try_from(cycles).unwrap_or(u32::MAX));
        host.emit(Event::CyclesPassed { cycles });
        due + passed
    }

    /// How long an open and the half-open after it last, if nobody calls and every later pair lasts as long.
    fn idle_cycle(&self, config: &Config) -> Option<Duration> {
        let Stay::Open { held_until: None, .. } = self.stay else { return None };
        let alike = self.openings >= config.last_distinct_opening()
            && config.settings().half_open_max_wait_to == MaxWaitTo::Open;
        let wait = config.open_wait(self.openings, self.stretch);
        alike.then_some(wait + config.half_open_max_wait()?)
    }
}

/// Forgetting.
impl Breaker {
    /// Only the remainder of the anchor's age by the bucket matters, and only to a window of time.
    pub(super) fn settle_anchor(&mut self, config: &Config, now: Instant) {
        let Some(bucket) = config.bucket() else { return self.anchor = now };
        let passed = nanos(now.saturating_since(self.anchor)) / nanos(bucket) * nanos(bucket);
        self.anchor = self.anchor + Duration::from_nanos(passed);
    }

    pub(super) fn settle_stay(&mut self, config: &Config, now: Instant) {
        let until = self.open_until(config);
        let tick = Duration::from_nanos(1);
        match &mut self.stay {
            // Without a timer only "not yet" and "over" differ once the wait is over.
            Stay::Open { held_until, .. } if !config.settings().auto_half_open && until < now => {
                *held_until = Some(now - tick);
            }
            Stay::HalfOpen { since, .. } if config.half_open_max_wait().is_none() => *since = now,
            _ => return,
        }
        if let Stay::Open { since, .. } = &mut self.stay {
            *since = now;
        }
    }
}

/// Looks without touching: time stands still, the die shows its lowest face, and nobody hears.
struct Onlooker(Instant);

impl Clock for Onlooker {
    fn now(&self) -> Instant {
        self.0
    }
}

impl Host<Event> for Onlooker {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, _effect: Event) {}
}
