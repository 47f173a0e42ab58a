//! Runs of the swarm that can be stopped anywhere, looked into, and forked.

use crate::scenario::{Played, Run, finished, panicked};
use core::time::Duration;
use purlin::Instant;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A run of a scenario of the swarm.
pub(crate) trait Simulation {
    /// The true time.
    fn now(&self) -> Instant;

    /// Lets everything happen that is due by `until`. Whether there is more to come.
    fn advance(&mut self, until: Instant) -> bool;

    /// From now on all throws follow from this noise.
    fn reseed(&mut self, noise: u64);

    /// The same run once more, to go its own way.
    fn fork(&self) -> Box<dyn Simulation>;

    /// Ends it, here or where it has come to its end.
    fn finish(self: Box<Self>) -> Played;
}

/// A run that goes on as far as it is told to.
///
/// ```
/// use purlin::Instant;
/// use purlin_sim::scenarios;
///
/// let scenario = &scenarios()[0];
/// let mut run = scenario.open(&scenario.plan(7))?;
/// run.advance(Instant::from_millis(500));
/// let fork = run.fork(99);
/// assert!(run.finish().verdict.holds());
/// assert!(fork.finish().verdict.holds());
/// # Ok::<(), purlin_sim::InvalidPlan>(())
/// ```
pub struct Session {
    course: Course,
    cpu: Duration,
}

enum Course {
    Going(Box<dyn Simulation>),
    Panicked { panic: Box<dyn Any + Send>, at: Instant },
}

impl Session {
    /// Begins a run.
    pub(crate) fn begin<E>(open: impl FnOnce() -> Result<Box<dyn Simulation>, E>) -> Result<Self, E> {
        let before = crate::cpu::thread_time();
        let course = match catch_unwind(AssertUnwindSafe(open)) {
            Ok(simulation) => Course::Going(simulation?),
            Err(panic) => Course::Panicked { panic, at: Instant::ORIGIN },
        };
        Ok(Self { course, cpu: crate::cpu::thread_time().saturating_sub(before) })
    }

    /// The true time.
    pub fn now(&self) -> Instant {
        match &self.course {
            Course::Going(simulation) => simulation.now(),
            Course::Panicked { at, .. } => *at,
        }
    }

    /// Lets everything happen that is due by `until`. Whether there is more to come: there is not after a violation.
    pub fn advance(&mut self, until: Instant) -> bool {
        let before = crate::cpu::thread_time();
        let goes_on = self.go(until);
        self.cpu += crate::cpu::thread_time().saturating_sub(before);
        goes_on
    }

    fn go(&mut self, until: Instant) -> bool {
        let Course::Going(simulation) = &mut self.course else { return false };
        match catch_unwind(AssertUnwindSafe(|| simulation.advance(until))) {
            Ok(goes_on) => goes_on,
            Err(panic) => {
                let at = simulation.now();
                self.course = Course::Panicked { panic, at };
                false
            }
        }
    }

    /// The same run once more, in which all throws from here on follow from another noise.
    ///
    /// # Panics
    /// If the run has panicked, after which there is no state to go on from.
    #[must_use]
    pub fn fork(&self, noise: u64) -> Self {
        let Course::Going(simulation) = &self.course else { panic!("a run that has panicked cannot be forked") };
        let mut simulation = simulation.fork();
        simulation.reseed(noise);
        Self { course: Course::Going(simulation), cpu: Duration::ZERO }
    }

    /// Goes on to the end, and tells what came of it.
    pub fn finish(mut self) -> Run {
        self.advance(Instant::MAX);
        let before = crate::cpu::thread_time();
        let ended = match self.course {
            Course::Going(simulation) => catch_unwind(AssertUnwindSafe(|| simulation.finish())),
            Course::Panicked { panic, .. } => Err(panic),
        };
        let cpu = self.cpu + crate::cpu::thread_time().saturating_sub(before);
        match ended {
            Ok(played) => finished(played, cpu),
            Err(panic) => panicked(panic.as_ref(), cpu),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("now", &self.now()).finish_non_exhaustive()
    }
}
