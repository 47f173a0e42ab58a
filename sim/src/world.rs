//! A discrete-event world: time leaps from one happening to the next.

use core::cmp::Ordering;
use core::time::Duration;
use purlin::Instant;
use std::collections::BinaryHeap;

/// What is still to happen, in order of time; what is due at the same instant happens in the order it was scheduled.
#[derive(Clone, Debug)]
pub struct World<H> {
    agenda: BinaryHeap<Scheduled<H>>,
    now: Instant,
    scheduled: u64,
    happened: u64,
}

impl<H> Default for World<H> {
    fn default() -> Self {
        Self { agenda: BinaryHeap::new(), now: Instant::ORIGIN, scheduled: 0, happened: 0 }
    }
}

impl<H> World<H> {
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
        self.scheduled += 1;
        self.agenda.push(Scheduled { at: at.max(self.now), order: self.scheduled, happening });
    }

    /// Schedules `happening` for `delay` from now.
    pub fn after(&mut self, delay: Duration, happening: H) {
        self.at(self.now + delay, happening);
    }

    /// Moves on to the next happening, unless it lies beyond `end`.
    pub fn next_until(&mut self, end: Instant) -> Option<H> {
        if self.agenda.peek()?.at > end {
            return None;
        }
        let next = self.agenda.pop()?;
        self.now = next.at;
        self.happened += 1;
        Some(next.happening)
    }
}

#[derive(Clone, Debug)]
struct Scheduled<H> {
    at: Instant,
    order: u64,
    happening: H,
}

impl<H> Scheduled<H> {
    /// Instant and order in one number, which takes one comparison.
    fn key(&self) -> u128 {
        u128::from(self.at.as_nanos()) << u64::BITS | u128::from(self.order)
    }
}

/// The heap gives its greatest item first, so the earliest is the greatest.
impl<H> Ord for Scheduled<H> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<H> PartialOrd for Scheduled<H> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<H> PartialEq for Scheduled<H> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<H> Eq for Scheduled<H> {}

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
