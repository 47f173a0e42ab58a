//! Calibration and rounds.

use crate::case::Case;
use crate::contention::{Batch, contend};
use crate::options::Options;
use std::time::{Duration, Instant};

/// What one case came to, in nanoseconds an operation.
pub struct Figures {
    /// The case.
    pub name: String,
    /// The samples on one thread.
    pub alone: Vec<f64>,
    /// The batches in which two threads really ran at once.
    pub contended: Vec<f64>,
    /// Batches tried on two threads.
    pub batches: usize,
    /// Operations that did not go as the case claims; anything but zero makes its figures void.
    pub surprises: u64,
}

/// How many operations fill a sample on one thread, and what a batch on two threads is.
struct Sizes {
    sample: u64,
    batch: Batch,
}

/// Looks at the clock while a batch lasts, were the two threads not in each other's way.
const STRIDES: u32 = 50;

/// Measures all cases, interleaved: each round visits each of them once on one thread and then on two.
pub fn measure(cases: &[Case], options: &Options) -> Vec<Figures> {
    let sizes: Vec<Sizes> = cases.iter().map(|case| calibrate(case, options)).collect();
    let mut figures: Vec<Figures> = cases.iter().map(Figures::none).collect();
    for round in 0..options.rounds {
        eprint!("\rround {} of {}", round + 1, options.rounds);
        for ((case, sizes), figures) in cases.iter().zip(&sizes).zip(&mut figures) {
            figures.add_samples(case, sizes.sample, options.samples);
            figures.add_batches(case, sizes.batch, options.batches);
        }
    }
    eprintln!();
    figures
}

impl Figures {
    fn none(case: &Case) -> Self {
        Self { name: case.name.clone(), alone: Vec::new(), contended: Vec::new(), batches: 0, surprises: 0 }
    }

    fn add_samples(&mut self, case: &Case, operations: u64, samples: usize) {
        for _ in 0..samples {
            let (elapsed, surprises) = time(case, operations);
            self.alone.push(nanos_each(elapsed, operations));
            self.surprises += surprises;
        }
    }

    fn add_batches(&mut self, case: &Case, batch: Batch, batches: usize) {
        let contention = contend(case, batch, batches);
        self.contended.extend(contention.kept);
        self.batches += batches;
        self.surprises += contention.surprises;
    }
}

/// Doubles the number of operations until they take long enough to extrapolate from. The warm-up is in it, and so is
/// the filling of windows. Of several tries the quickest counts, since the others were interrupted.
fn calibrate(case: &Case, options: &Options) -> Sizes {
    let quickest = |operations| (0..5).map(|_| time(case, operations).0).min().unwrap_or_default();
    let mut operations = 1_000;
    let mut elapsed = quickest(operations);
    while elapsed < options.sample / 4 {
        operations *= 2;
        elapsed = quickest(operations);
    }
    let fitting = |span: Duration| (span.as_nanos() as f64 / nanos_each(elapsed, operations)).ceil() as u64;
    let batch = Batch { length: options.batch, stride: fitting(options.batch / STRIDES) };
    Sizes { sample: fitting(options.sample), batch }
}

fn time(case: &Case, operations: u64) -> (Duration, u64) {
    let mut lane = case.lane();
    let started = Instant::now();
    let surprises = lane.run(operations);
    (started.elapsed(), surprises)
}

pub(crate) fn nanos_each(elapsed: Duration, operations: u64) -> f64 {
    elapsed.as_nanos() as f64 / operations as f64
}
