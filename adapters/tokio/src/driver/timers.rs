//! Timers by name.

use core::future::pending;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::{Instant, sleep_until};

/// Longer than any process lives, and far from the end of tokio's clock.
const AFTER_MAX: Duration = Duration::from_secs(30 * 365 * 24 * 3_600);

/// When a timer fires; of those that fire at once, the one that was armed first comes first.
type Due = (Instant, u64);

/// The timers that are armed.
#[derive(Debug)]
pub(super) struct Timers<T> {
    by_name: BTreeMap<T, Due>,
    in_order: BTreeSet<(Due, T)>,
    armed: u64,
}

impl<T: Clone + Ord> Timers<T> {
    pub(super) fn new() -> Self {
        Self { by_name: BTreeMap::new(), in_order: BTreeSet::new(), armed: 0 }
    }

    /// Sets a timer, in place of an earlier one of the same name.
    pub(super) fn arm(&mut self, timer: T, after: Duration) {
        self.disarm(&timer);
        let due = (Instant::now() + after.min(AFTER_MAX), self.armed);
        self.armed += 1;
        self.in_order.insert((due, timer.clone()));
        self.by_name.insert(timer, due);
    }

    pub(super) fn disarm(&mut self, timer: &T) {
        if let Some((timer, due)) = self.by_name.remove_entry(timer) {
            self.in_order.remove(&(due, timer));
        }
    }

    /// The next timer that is due, if one is. It is no longer armed.
    pub(super) fn fire(&mut self, now: Instant) -> Option<T> {
        let ((at, _), _) = self.in_order.first()?;
        if *at > now {
            return None;
        }
        let (_, timer) = self.in_order.pop_first()?;
        self.by_name.remove(&timer);
        Some(timer)
    }

    /// Waits until one is due.
    pub(super) async fn due(&self) {
        match self.in_order.first() {
            Some(((at, _), _)) => sleep_until(*at).await,
            None => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(timers: &mut Timers<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| timers.fire(Instant::now())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn timers_fire_in_the_order_in_which_they_are_due_and_then_in_that_of_arming() {
        let mut timers = Timers::new();
        for (name, millis) in [("last", 20), ("b", 10), ("a", 10), ("first", 0)] {
            timers.arm(name, Duration::from_millis(millis));
        }
        assert_eq!(fired(&mut timers), ["first"]);
        timers.due().await;
        assert_eq!(fired(&mut timers), ["b", "a"]);
        timers.due().await;
        assert_eq!(fired(&mut timers), ["last"]);
    }

    #[tokio::test(start_paused = true)]
    async fn arming_again_replaces_and_disarming_stops() {
        let mut timers = Timers::new();
        timers.arm("again", Duration::from_millis(10));
        timers.arm("again", Duration::from_millis(30));
        timers.arm("stopped", Duration::from_millis(5));
        timers.disarm(&"stopped");
        tokio::time::advance(Duration::from_millis(20)).await;
        assert!(fired(&mut timers).is_empty());
        tokio::time::advance(Duration::from_millis(20)).await;
        assert_eq!(fired(&mut timers), ["again"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_duration_is_no_overflow() {
        let mut timers = Timers::new();
        timers.arm("never", Duration::MAX);
        assert!(fired(&mut timers).is_empty());
    }
}
