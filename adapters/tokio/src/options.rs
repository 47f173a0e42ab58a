//! The bounds of a driver.

use core::num::NonZeroUsize;
use core::time::Duration;

const fn bound(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("a bound is at least 1")
}

/// How much a driver takes on. The defaults suit a service; a test makes them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many requests wait in the inbox before [`try_request`](crate::Handle::try_request) refuses and
    /// [`request`](crate::Handle::request) waits. Default 1,024.
    pub inbox_max: NonZeroUsize,
    /// How many inputs of each kind are taken into one batch. Default 1,024.
    pub batch_max: NonZeroUsize,
    /// How many requests may be open: taken from the inbox and not yet answered. Beyond it they stay in the inbox. A
    /// machine that lets requests wait for each other must be able to hold fewer than this. Default 65,536.
    pub tickets_max: NonZeroUsize,
    /// How many records one append may have; more wait for the next one. Default 16,384.
    pub append_max: NonZeroUsize,
    /// How many records may wait for the disk before requests and messages are left waiting themselves: the back-pressure
    /// of a slow disk. What timers and loads persist comes on top. At least `append_max` keeps appends full. Default 32,768.
    pub unwritten_max: NonZeroUsize,
    /// After how many records the journal is compacted: less is a shorter start, more is fewer images written.
    /// Default 100,000.
    pub compact_after: NonZeroUsize,
    /// How many events a listener may lag behind before it loses the oldest. Default 1,024.
    pub events_max: NonZeroUsize,
    /// For how long a driver that shuts down goes on stepping what it has begun, before it answers what is left with
    /// [`Unknown`](crate::Unanswered::Unknown). Default 5 seconds.
    pub shutdown_grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            inbox_max: const { bound(1_024) },
            batch_max: const { bound(1_024) },
            tickets_max: const { bound(65_536) },
            append_max: const { bound(16_384) },
            unwritten_max: const { bound(32_768) },
            compact_after: const { bound(100_000) },
            events_max: const { bound(1_024) },
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
