//! Clocks of nodes. Simulated time is one; what a node reads of it is its own affair.

use core::time::Duration;
use purlin::Instant;

/// A node's own clock: it starts at an offset and runs fast or slow at a constant rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeClock {
    offset: Duration,
    drift_ppm: i32,
}

impl NodeClock {
    /// A clock that is ahead by `offset` and gains `drift_ppm` microseconds a second (loses them if negative).
    pub fn new(offset: Duration, drift_ppm: i32) -> Self {
        Self { offset, drift_ppm: drift_ppm.clamp(-999_999, 1_000_000) }
    }

    /// What this clock shows at the true instant `now`.
    pub fn read(&self, now: Instant) -> Instant {
        let rate = i128::from(1_000_000 + self.drift_ppm);
        let shown = i128::from(now.as_nanos()) * rate / 1_000_000;
        Instant::from_nanos(u64::try_from(shown).unwrap_or(u64::MAX)) + self.offset
    }

    /// The first true instant at which this clock shows `shown` or a later one.
    pub fn when(&self, shown: Instant) -> Instant {
        let rate = i128::from(1_000_000 + self.drift_ppm);
        let since = i128::from((shown - self.offset).as_nanos()) * 1_000_000;
        Instant::from_nanos(u64::try_from((since + rate - 1) / rate).unwrap_or(u64::MAX))
    }

    /// This clock, from now on ahead by so much more.
    #[must_use]
    pub fn set_forward(self, by: Duration) -> Self {
        Self { offset: self.offset + by, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_never_runs_back() {
        let clock = NodeClock::new(Duration::from_millis(3), -900_000);
        let readings: Vec<Instant> = (0..100).map(|nanos| clock.read(Instant::from_nanos(nanos))).collect();
        assert!(readings.is_sorted());
        assert!(readings[99] < readings[0] + Duration::from_nanos(99));
    }

    #[test]
    fn a_clock_tells_when_it_will_show_an_instant() {
        for drift in [-900_000, -1, 0, 1, 10_000, 1_000_000] {
            let clock = NodeClock::new(Duration::from_nanos(5), drift);
            for nanos in 5..200 {
                let shown = Instant::from_nanos(nanos);
                let when = clock.when(shown);
                assert!(clock.read(when) >= shown, "{drift} {nanos}");
                assert!(when == Instant::ORIGIN || clock.read(when - Duration::from_nanos(1)) < shown);
            }
        }
    }

    #[test]
    fn a_true_clock_shows_the_true_time() {
        assert_eq!(NodeClock::default().read(Instant::from_millis(7)), Instant::from_millis(7));
    }
}
