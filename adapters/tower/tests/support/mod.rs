//! What the tests share: a clock that is turned by hand, and breakers that decide soon.

use purlin::breaker::{self, CircuitBreaker, Settings, WindowKind};
use purlin::{Clock, Instant, Keeper};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is turned.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandClock(Arc<AtomicU64>);

impl HandClock {
    pub(crate) fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Keeper<breaker::Breaker> for HandClock {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }
}

pub(crate) const OPEN_WAIT: Duration = Duration::from_millis(100);

/// Two calls, of which one failure opens; two probes.
pub(crate) fn settings() -> Settings {
    Settings {
        window: WindowKind::Count(2),
        minimum_calls: 2,
        slow_call_duration_ms: None,
        permitted_half_open_calls: 2,
        open_wait_ms: Some(OPEN_WAIT.as_millis() as u64),
        ..Settings::default()
    }
}

pub(crate) fn breaker(settings: Settings) -> (Arc<CircuitBreaker<HandClock>>, HandClock) {
    let clock = HandClock::default();
    (Arc::new(CircuitBreaker::new(settings.validate().unwrap(), clock.clone())), clock)
}
