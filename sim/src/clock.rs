//! Clocks of nodes. Simulated time is one; what a node reads of it is its own affair.

use core::time::Duration;
use purlin::Instant;

/// A node's own clock: it starts ahead by something, runs fast or slow, and may be set, or stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeClock {
    /// What it showed at a true instant, since when it has run at one rate.
    shown: Instant,
    since: Instant,
    drift_ppm: i32,
    usual_drift_ppm: i32,
    /// By how much it was set back, for the time being.
    behind: Duration,
    /// What it shows while it stands still, and how many times it was told to.
    stopped: Option<(Instant, u32)>,
}

impl NodeClock {
    /// A clock that is ahead by `offset` and gains `drift_ppm` microseconds a second (loses them if negative).
    pub fn new(offset: Duration, drift_ppm: i32) -> Self {
        let drift_ppm = drift_ppm.clamp(-999_999, 1_000_000);
        let shown = Instant::ORIGIN + offset;
        let (since, behind) = (Instant::ORIGIN, Duration::ZERO);
        Self { shown, since, drift_ppm, usual_drift_ppm: drift_ppm, behind, stopped: None }
    }

    /// What this clock shows at the true instant `now`.
    #[inline]
    pub fn read(&self, now: Instant) -> Instant {
        match self.stopped {
            Some((shown, _)) => shown,
            None => self.running(now),
        }
    }

    #[inline]
    fn running(&self, now: Instant) -> Instant {
        let passed = now.as_nanos().saturating_sub(self.since.as_nanos());
        let shown = self.shown + Duration::from_nanos(self.gone_on(passed));
        Instant::from_nanos(shown.as_nanos().saturating_sub(purlin::time::nanos(self.behind)))
    }

    /// How long it takes in truth until this clock has gone on by so much. That it may stand still or be set is no matter:
    /// timers run on.
    pub fn real(&self, local: Duration) -> Duration {
        let (local, rate) = (local.as_nanos() * u128::from(MILLION), self.rate());
        let nanos = match u64::try_from(local) {
            Ok(local) => local.div_ceil(rate),
            Err(_) => u64::try_from(local.div_ceil(rate.into())).unwrap_or(u64::MAX),
        };
        Duration::from_nanos(nanos)
    }

    /// By how much it goes on while so much passes in truth, in nanoseconds. Wide numbers are slow to divide, and rare.
    fn gone_on(&self, passed: u64) -> u64 {
        match passed.checked_mul(self.rate()) {
            Some(product) => product / MILLION,
            None => {
                let product = u128::from(passed) * u128::from(self.rate());
                u64::try_from(product / u128::from(MILLION)).unwrap_or(u64::MAX)
            }
        }
    }

    /// Microseconds that it goes on in a second.
    fn rate(&self) -> u64 {
        u64::from((1_000_000 + self.drift_ppm).unsigned_abs())
    }

    /// This clock, from now on ahead by so much more.
    #[must_use]
    pub fn set_forward(self, by: Duration) -> Self {
        Self { shown: self.shown + by, ..self }
    }

    /// This clock, from now on behind by so much more, until [`NodeClock::set_right`].
    #[must_use]
    pub fn set_back(self, by: Duration) -> Self {
        Self { behind: self.behind + by, ..self }
    }

    /// This clock, no longer behind by so much.
    #[must_use]
    pub fn set_right(self, by: Duration) -> Self {
        Self { behind: self.behind.saturating_sub(by), ..self }
    }

    /// This clock, which stands still from now on. It has to be started as often as it was stopped.
    #[must_use]
    pub fn stop(self, now: Instant) -> Self {
        let (shown, times) = self.stopped.unwrap_or((self.running(now), 0));
        Self { stopped: Some((shown, times + 1)), ..self }
    }

    /// This clock, which goes on as if it had never stood still.
    #[must_use]
    pub fn start(self) -> Self {
        let stopped = self.stopped.filter(|(_, times)| *times > 1).map(|(shown, times)| (shown, times - 1));
        Self { stopped, ..self }
    }

    /// This clock, which drifts so from now on; as it usually does unless given.
    #[must_use]
    pub fn drift(self, now: Instant, drift_ppm: Option<i32>) -> Self {
        let shown = self.running(now) + self.behind;
        let drift_ppm = drift_ppm.unwrap_or(self.usual_drift_ppm).clamp(-999_999, 1_000_000);
        Self { shown, since: now, drift_ppm, ..self }
    }
}

/// Microseconds in a second.
const MILLION: u64 = 1_000_000;

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
    fn what_seems_long_enough_to_a_clock_is() {
        for drift in [-900_000, -1, 0, 1, 10_000, 1_000_000] {
            let clock = NodeClock::new(Duration::from_nanos(5), drift);
            for nanos in 5..200 {
                let local = Duration::from_nanos(nanos);
                let passed = |real| clock.read(Instant::ORIGIN + real).saturating_since(clock.read(Instant::ORIGIN));
                let real = clock.real(local);
                assert!(passed(real) >= local, "{drift} {nanos}");
                assert!(passed(real - Duration::from_nanos(1)) < local);
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_back_stopped_or_made_to_drift_is_right_in_the_end() {
        let [second, minute] = [Duration::from_secs(1), Duration::from_secs(60)];
        let at = Instant::from_millis;
        let clock = NodeClock::new(minute, 0).set_back(second);
        assert_eq!(clock.read(at(5_000)), at(64_000));
        let clock = clock.stop(at(5_000)).stop(at(6_000)).start();
        assert_eq!(clock.read(at(9_000)), at(64_000));
        let clock = clock.start().set_right(second);
        assert_eq!(clock.read(at(9_000)), at(69_000));
        let drifted = clock.drift(at(10_000), Some(1_000_000)).drift(at(11_000), None);
        assert_eq!(drifted.read(at(12_000)), at(73_000));
    }

    #[test]
    fn a_true_clock_shows_the_true_time() {
        assert_eq!(NodeClock::default().read(Instant::from_millis(7)), Instant::from_millis(7));
    }
}
