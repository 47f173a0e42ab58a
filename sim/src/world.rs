//! A discrete-event world: time leaps from one happening to the next.

use crate::agenda::Agenda;
use core::time::Duration;
use purlin::Instant;

/// What is still to happen, in order of time; what is due at the same instant happens in the order it was scheduled.
#[derive(Clone, Debug)]
pub struct World<H> {
    agenda: Agenda<H>,
    now: Instant,
    happened: u64,
}

impl<H> Default for World<H> {
    fn default() -> Self {
        Self { agenda: Agenda::default(), now: Instant::ORIGIN, happened: 0 }
    }
}

impl<H: Copy> World<H> {
    /// The true time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many happenings there have been.
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// Schedules `happening` for `at`, or for now if that is past.
    pub fn at(&mut self, at: Instant, happening: H) {
        self.agenda.put(at.max(self.now), happening);
    }

    /// Schedules `happening` for `delay` from now.
    pub fn after(&mut self, delay: Duration, happening: H) {
        self.at(self.now + delay, happening);
    }

    /// Moves on to the next happening, unless it lies beyond `end`.
    pub fn next_until(&mut self, end: Instant) -> Option<H> {
        if self.agenda.first_at()? > end {
            return None;
        }
        let (at, happening) = self.agenda.take()?;
        self.now = at;
        self.happened += 1;
        Some(happening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn happenings_come_in_order_of_time_and_ties_in_order_of_scheduling() {
        let mut world = World::default();
        world.after(Duration::from_millis(2), "late");
        world.after(Duration::from_millis(1), "first");
        world.after(Duration::from_millis(1), "second");
        let order: Vec<_> = std::iter::from_fn(|| world.next_until(Instant::MAX)).collect();
        assert_eq!(order, ["first", "second", "late"]);
        assert_eq!(world.now(), Instant::from_millis(2));
    }

    #[test]
    fn nothing_happens_beyond_the_end() {
        let mut world = World::default();
        world.after(Duration::from_millis(2), ());
        assert_eq!(world.next_until(Instant::from_millis(1)), None);
        assert_eq!(world.now(), Instant::ORIGIN);
    }
}
