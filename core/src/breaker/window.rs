//! The windows that a breaker judges by. Both really slide: a decision depends on the calls inside and on nothing else.

use crate::machine::Clock;
use crate::time::{Instant, nanos};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// How one recorded call counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mark {
    /// Counts toward the failure rate.
    pub failed: bool,
    /// Counts toward the slow-call rate.
    pub slow: bool,
}

impl Mark {
    const BITS: usize = 2;

    fn to_bits(self) -> u64 {
        u64::from(self.failed) | u64::from(self.slow) << 1
    }

    fn from_bits(bits: u64) -> Self {
        Self { failed: bits & 1 != 0, slow: bits & 2 != 0 }
    }
}

/// How many calls a window holds, and how many of them count as what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Calls in the window.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were slow. A slow failure counts in both.
    pub slow: u32,
}

impl Totals {
    fn add(&mut self, mark: Mark) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(mark.failed));
        self.slow = self.slow.saturating_add(u32::from(mark.slow));
    }

    fn subtract(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

/// The last `size` calls: a ring of two bits a call, with its totals kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CountWindow {
    /// Two bits a call, 32 calls a word; inline up to 128 calls.
    ring: SmallVec<[u64; 4]>,
    size: u32,
    /// Where the next call goes: over the oldest one, once the ring is full.
    head: u32,
    totals: Totals,
}

const CALLS_PER_WORD: u32 = 32;

impl CountWindow {
    /// An empty window of the last `size` calls (at least one).
    pub fn new(size: u32) -> Self {
        let size = size.max(1);
        let ring = SmallVec::from_elem(0, size.div_ceil(CALLS_PER_WORD) as usize);
        Self { ring, size, head: 0, totals: Totals::default() }
    }

    /// What the window holds.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Full, with no failure and no slow call inside: one more good call changes nothing.
    pub fn is_clean(&self) -> bool {
        self.totals.calls == self.size && self.totals.failed == 0 && self.totals.slow == 0
    }

    /// Adds the newest call; the oldest one leaves if the window is full.
    pub fn record(&mut self, mark: Mark) {
        if self.is_clean() && mark == Mark::default() {
            return;
        }
        self.evict_if_full();
        self.put(self.head, mark);
        self.totals.add(mark);
        self.head = if self.head + 1 == self.size { 0 } else { self.head + 1 };
    }

    /// How many of the oldest calls are good, one after the other; at most `most`, and none before the window is full.
    /// As many more good calls push out only their like.
    pub(super) fn oldest_good(&self, most: u32) -> u32 {
        let most = if self.totals.calls == self.size { most.min(self.size) } else { 0 };
        let (mut good, mut index) = (0, self.head);
        while good < most && self.get(index) == Mark::default() {
            let run = self.good_in_word(index);
            good += run;
            index = if index + run == self.size { 0 } else { index + run };
        }
        good.min(most)
    }

    /// How many calls from `index` on are good, as far as its word and the ring reach.
    fn good_in_word(&self, index: u32) -> u32 {
        let place = index % CALLS_PER_WORD;
        let calls = self.ring[(index / CALLS_PER_WORD) as usize] >> (place as usize * Mark::BITS);
        let good = calls.trailing_zeros() / Mark::BITS as u32;
        good.min(CALLS_PER_WORD - place).min(self.size - index)
    }

    /// Records `count` good calls over as many good ones: of all the window, only the head moves.
    pub(super) fn pass_good(&mut self, count: u64) {
        self.head = ((u64::from(self.head) + count) % u64::from(self.size)) as u32;
    }

    fn evict_if_full(&mut self) {
        if self.totals.calls == self.size {
            let oldest = self.get(self.head);
            self.totals.calls -= 1;
            self.totals.failed -= u32::from(oldest.failed);
            self.totals.slow -= u32::from(oldest.slow);
        }
    }

    /// The calls, oldest first.
    pub fn marks(&self) -> impl DoubleEndedIterator<Item = Mark> + '_ {
        let oldest = if self.totals.calls == self.size { self.head } else { 0 };
        (0..self.totals.calls).map(move |index| self.get(wrap(oldest, index, self.size)))
    }

    /// The same calls with the oldest one first in the ring, so that equal windows are equal values.
    fn straighten(&mut self) {
        if self.totals.calls == self.size && self.head != 0 {
            let mut straight = Self::new(self.size);
            self.marks().for_each(|mark| straight.record(mark));
            *self = straight;
        }
    }

    fn get(&self, index: u32) -> Mark {
        let shift = (index % CALLS_PER_WORD) as usize * Mark::BITS;
        Mark::from_bits(self.ring[(index / CALLS_PER_WORD) as usize] >> shift & 3)
    }

    fn put(&mut self, index: u32, mark: Mark) {
        let shift = (index % CALLS_PER_WORD) as usize * Mark::BITS;
        let word = &mut self.ring[(index / CALLS_PER_WORD) as usize];
        *word = *word & !(3 << shift) | mark.to_bits() << shift;
    }
}

fn wrap(start: u32, offset: u32, size: u32) -> u32 {
    ((u64::from(start) + u64::from(offset)) % u64::from(size)) as u32
}

/// The calls of the last `slots` buckets of time, the present one included. Recording costs the same however many calls
/// the window holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    slots: SmallVec<[Totals; 4]>,
    bucket_nanos: u64,
    /// The slot of the present bucket, and when that bucket began.
    head: u32,
    began: Instant,
    totals: Totals,
}

impl TimeWindow {
    /// An empty window of `slots` buckets (at least one), each `bucket` long (at least 1 ns), counted from `anchor`.
    pub fn new(slots: u32, bucket: Duration, anchor: Instant) -> Self {
        Self {
            slots: SmallVec::from_elem(Totals::default(), slots.max(1) as usize),
            bucket_nanos: nanos(bucket).max(1),
            head: 0,
            began: anchor,
            totals: Totals::default(),
        }
    }

    /// What the window held at its last [`TimeWindow::roll`] or [`TimeWindow::record`].
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Adds a call that ended at `now`.
    pub fn record(&mut self, mark: Mark, now: Instant) {
        self.roll(now);
        self.slots[self.head as usize].add(mark);
        self.totals.add(mark);
    }

    /// Moves on to the bucket of `now`; buckets that fall out are forgotten. Bucket edges stay multiples of the width
    /// counted from the anchor, so no part of a slice is ever lost.
    pub fn roll(&mut self, now: Instant) {
        let passed = nanos(now.saturating_since(self.began)) / self.bucket_nanos;
        if passed == 0 {
            return;
        }
        self.began = self.began + Duration::from_nanos(passed.saturating_mul(self.bucket_nanos));
        for _ in 0..passed.min(self.slots.len() as u64) {
            self.head = wrap(self.head, 1, self.slots.len() as u32);
            let expired = core::mem::take(&mut self.slots[self.head as usize]);
            self.totals.subtract(expired);
        }
    }

    /// The buckets, oldest first, each with the instant at which it began.
    pub fn buckets(&self) -> impl Iterator<Item = (Instant, Totals)> + '_ {
        let count = self.slots.len() as u32;
        (1..=count).map(move |offset| {
            let age = u64::from(count - offset).saturating_mul(self.bucket_nanos);
            (self.began - Duration::from_nanos(age), self.slots[wrap(self.head, offset, count) as usize])
        })
    }

    fn straighten(&mut self) {
        let head = self.head as usize;
        self.slots.rotate_left(head);
        self.head = 0;
    }
}

/// A breaker's window of either kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// The last calls.
    Count(CountWindow),
    /// The calls of the last buckets of time.
    Time(TimeWindow),
}

impl Window {
    /// What the window held when it was last touched.
    pub fn totals(&self) -> Totals {
        match self {
            Self::Count(window) => window.totals(),
            Self::Time(window) => window.totals(),
        }
    }

    /// How many good calls, at most `most`, would each push out one of their like.
    pub(super) fn oldest_good(&self, most: u32) -> u32 {
        if let Self::Count(window) = self { window.oldest_good(most) } else { 0 }
    }

    /// Records as many good calls as [`Window::oldest_good`] told, or fewer.
    pub(super) fn pass_good(&mut self, count: u64) {
        if let Self::Count(window) = self {
            window.pass_good(count);
        }
    }

    /// One more good call changes nothing.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Count(window) if window.is_clean())
    }

    /// The window as it is at `now`, calls too old for it forgotten.
    pub fn roll(&mut self, now: Instant) {
        if let Self::Time(window) = self {
            window.roll(now);
        }
    }

    /// [`Window::roll`], reading the clock only where time matters.
    pub(super) fn roll_if_timed(&mut self, clock: &(impl Clock + ?Sized)) {
        if let Self::Time(window) = self {
            window.roll(clock.now());
        }
    }

    /// Equal windows become equal values.
    pub(super) fn settle(&mut self, now: Instant) {
        match self {
            Self::Count(window) => window.straighten(),
            Self::Time(window) => {
                window.roll(now);
                window.straighten();
            }
        }
    }

    /// Records the calls of `older`, oldest first, as far as they fit. Between windows of different kinds a bucket's
    /// calls keep their number but not their order: the good ones count as earlier.
    pub(super) fn inherit(&mut self, older: &Self, clock: &(impl Clock + ?Sized)) {
        match (self, older) {
            (Self::Count(new), Self::Count(old)) => old.marks().for_each(|mark| new.record(mark)),
            (Self::Time(new), Self::Count(old)) => old.marks().for_each(|mark| new.record(mark, clock.now())),
            (Self::Count(new), Self::Time(old)) => {
                let kept = new.size;
                old.buckets().for_each(|(_, totals)| latest_marks(totals, kept).for_each(|mark| new.record(mark)));
            }
            (Self::Time(new), Self::Time(old)) => old.buckets().for_each(|(began, totals)| new.adopt(began, totals)),
        }
    }

    pub(super) fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        if let Self::Time(window) = self {
            each(&mut window.began);
        }
    }
}

impl TimeWindow {
    /// Counts a whole bucket of another window, as if its calls had ended when it began. Buckets come oldest first; the
    /// window must have been anchored no later than the first of them.
    fn adopt(&mut self, began: Instant, bucket: Totals) {
        self.roll(began);
        let slot = &mut self.slots[self.head as usize];
        for totals in [slot, &mut self.totals] {
            totals.calls = totals.calls.saturating_add(bucket.calls);
            totals.failed = totals.failed.saturating_add(bucket.failed);
            totals.slow = totals.slow.saturating_add(bucket.slow);
        }
    }
}

/// The last `kept` calls of a bucket: good ones first, then the slow, the failed, and those that are both. A bucket
/// holds no pairs, so as many calls as possible are taken to be both failed and slow only where the count forces it.
fn latest_marks(totals: Totals, kept: u32) -> impl Iterator<Item = Mark> {
    let both = totals.failed.saturating_sub(totals.calls - totals.slow.min(totals.calls));
    let (failed, slow) = (totals.failed - both, totals.slow - both);
    let good = totals.calls - failed - slow - both;
    let runs = [
        (good, Mark::default()),
        (slow, Mark { failed: false, slow: true }),
        (failed, Mark { failed: true, slow: false }),
        (both, Mark { failed: true, slow: true }),
    ];
    let skipped = totals.calls.saturating_sub(kept);
    runs.into_iter().flat_map(|(count, mark)| core::iter::repeat_n(mark, count as usize)).skip(skipped as usize)
}
