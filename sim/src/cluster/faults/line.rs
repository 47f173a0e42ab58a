//! Links that pass only so many bytes a second, and what waits before them.

use crate::plan::Link;
use core::time::Duration;
use purlin::Instant;

/// The narrow links, each by the fault that made it narrow.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    fault: u32,
    link: Link,
    /// When everything that waits has passed.
    free_at: Instant,
}

impl Lines {
    /// A message of so many bytes joins the queue. How long it takes until it has passed; `None` if it does not fit in.
    pub(super) fn enter(
        &mut self,
        fault: u32,
        link: Link,
        now: Instant,
        size: u64,
        bytes_per_second: u64,
        queue_bytes: u64,
    ) -> Option<Duration> {
        let line = self.line(fault, link);
        let waits = line.free_at.saturating_since(now);
        let waiting = waits.as_nanos() * u128::from(bytes_per_second) / NANOS_PER_SECOND;
        if waiting > 0 && waiting + u128::from(size) > u128::from(queue_bytes) {
            return None;
        }
        let passes = u128::from(size) * NANOS_PER_SECOND / u128::from(bytes_per_second);
        let takes = waits + Duration::from_nanos(u64::try_from(passes).unwrap_or(u64::MAX));
        line.free_at = now + takes;
        Some(takes)
    }

    pub(super) fn forget(&mut self, fault: u32) {
        self.lines.retain(|line| line.fault != fault);
    }

    fn line(&mut self, fault: u32, link: Link) -> &mut Line {
        let place = self.lines.iter().position(|line| (line.fault, line.link) == (fault, link));
        let place = place.unwrap_or_else(|| {
            self.lines.push(Line { fault, link, free_at: Instant::ORIGIN });
            self.lines.len() - 1
        });
        &mut self.lines[place]
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_those_before_them_until_the_queue_is_full() {
        let (mut lines, link) = (Lines::default(), Link { from: 0, to: 1 });
        let mut enter = |millis| lines.enter(0, link, Instant::from_millis(millis), 100, 1_000, 250);
        let millis = Duration::from_millis;
        assert_eq!([enter(0), enter(0), enter(0)], [Some(millis(100)), Some(millis(200)), None]);
        assert_eq!(enter(100), Some(millis(200)));
        assert_eq!(enter(1_000), Some(millis(100)));
    }

    #[test]
    fn each_direction_has_a_queue_of_its_own() {
        let mut lines = Lines::default();
        let [there, back] = [Link { from: 0, to: 1 }, Link { from: 1, to: 0 }];
        let mut enter = |link| lines.enter(0, link, Instant::ORIGIN, 100, 1_000, 100);
        assert_eq!([enter(there), enter(there), enter(back)].map(|entered| entered.is_some()), [true, false, true]);
    }
}
