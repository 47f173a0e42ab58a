//! Two threads on one object.

use crate::case::{Case, Lane};
use crate::measure::nanos_each;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What two threads came to.
pub(crate) struct Contention {
    /// Nanoseconds an operation, over both threads, for each batch that is kept.
    pub(crate) kept: Vec<f64>,
    /// Operations that did not go as the case claims.
    pub(crate) surprises: u64,
}

/// A batch counts only if its two runs overlap by this share of the time from the first start to the last end.
const OVERLAP_MIN: f64 = 0.9;

/// How long a batch lasts, and how many operations go by between two looks at the clock.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) length: Duration,
    pub(crate) stride: u64,
}

/// One thread's run of one batch, counted from a common origin.
#[derive(Clone, Copy)]
struct Run {
    started: Duration,
    ended: Duration,
    operations: u64,
    surprises: u64,
}

/// Runs `batches` batches on two threads, both released at once into each batch. A batch ends by the clock and not by
/// count, so that the slower thread does not end it alone.
pub(crate) fn contend(case: &Case, batch: Batch, batches: usize) -> Contention {
    let gate = SpinBarrier::default();
    let origin = Instant::now();
    let (mut first, mut second) = (case.lane(), case.lane());
    let (mine, theirs) = thread::scope(|scope| {
        let other = scope.spawn(|| run_batches(&mut *second, batch, batches, &gate, origin));
        let mine = run_batches(&mut *first, batch, batches, &gate, origin);
        (mine, other.join().expect("a lane does not panic"))
    });
    let kept = mine.iter().zip(&theirs).filter(|(mine, theirs)| overlap(mine, theirs) >= OVERLAP_MIN);
    let kept =
        kept.map(|(mine, theirs)| nanos_each(mine.length() + theirs.length(), mine.operations + theirs.operations));
    Contention { kept: kept.collect(), surprises: mine.iter().chain(&theirs).map(|run| run.surprises).sum() }
}

fn run_batches(lane: &mut dyn Lane, batch: Batch, batches: usize, gate: &SpinBarrier, origin: Instant) -> Vec<Run> {
    let mut runs = Vec::with_capacity(batches);
    for turn in 0..batches {
        gate.pass(turn);
        runs.push(run_batch(lane, batch, origin));
    }
    runs
}

fn run_batch(lane: &mut dyn Lane, batch: Batch, origin: Instant) -> Run {
    let started = origin.elapsed();
    let mut run = Run { started, ended: started, operations: 0, surprises: 0 };
    while run.length() < batch.length {
        run.surprises += lane.run(batch.stride);
        run.operations += batch.stride;
        run.ended = origin.elapsed();
    }
    run
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
