//! Two threads on one object.

use crate::case::{Case, Lane};
use crate::measure::nanos_each;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What two threads came to.
pub(crate) struct Contention {
    /// Nanoseconds an operation, the mean of both threads, for each batch that is kept.
    pub(crate) kept: Vec<f64>,
    /// Operations that did not go as the case claims.
    pub(crate) surprises: u64,
}

/// A batch counts only if its two runs overlap by this share of the time from the first start to the last end.
const OVERLAP_MIN: f64 = 0.9;

/// One run of one batch on one thread, counted from a common origin.
#[derive(Clone, Copy)]
struct Run {
    started: Duration,
    ended: Duration,
}

/// Runs `batches` batches on two threads, both released at once into each batch.
pub(crate) fn contend(case: &Case, operations: u64, batches: usize) -> Contention {
    let gate = SpinBarrier::default();
    let origin = Instant::now();
    let (mut first, mut second) = (case.lane(), case.lane());
    let ((mine, my_surprises), (theirs, their_surprises)) = thread::scope(|scope| {
        let other = scope.spawn(|| run_batches(&mut *second, operations, batches, &gate, origin));
        let mine = run_batches(&mut *first, operations, batches, &gate, origin);
        (mine, other.join().expect("a lane does not panic"))
    });
    let kept = mine.iter().zip(&theirs).filter(|(a, b)| overlap(a, b) >= OVERLAP_MIN);
    let kept = kept.map(|(a, b)| nanos_each(a.length() + b.length(), 2 * operations)).collect();
    Contention { kept, surprises: my_surprises + their_surprises }
}

fn run_batches(
    lane: &mut dyn Lane,
    operations: u64,
    batches: usize,
    gate: &SpinBarrier,
    origin: Instant,
) -> (Vec<Run>, u64) {
    let mut surprises = 0;
    let mut runs = Vec::with_capacity(batches);
    for batch in 0..batches {
        gate.pass(batch);
        let started = origin.elapsed();
        surprises += lane.run(operations);
        runs.push(Run { started, ended: origin.elapsed() });
    }
    (runs, surprises)
}

impl Run {
    fn length(self) -> Duration {
        self.ended - self.started
    }
}

fn overlap(first: &Run, second: &Run) -> f64 {
    let shared = first.ended.min(second.ended).saturating_sub(first.started.max(second.started));
    let whole = first.ended.max(second.ended) - first.started.min(second.started);
    shared.as_secs_f64() / whole.as_secs_f64()
}

/// Lets two threads through together, time and again, without putting either to sleep.
#[derive(Default)]
struct SpinBarrier {
    arrived: AtomicUsize,
}

impl SpinBarrier {
    /// Passes for the `turn`-th time, counted from zero.
    fn pass(&self, turn: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::Acquire) < 2 * (turn + 1) {
            std::hint::spin_loop();
            spins += 1;
            // The other thread may be waiting for this very core.
            if spins.is_multiple_of(10_000) {
                thread::yield_now();
            }
        }
    }
}
