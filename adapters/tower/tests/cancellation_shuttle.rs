//! Calls cut off at every await point, under interleavings chosen by shuttle.
//!
//! shuttle runs the callers as tasks and switches between them at each await and at each reply of the breaker (its keeper
//! yields there, under no lock). A step itself is taken whole: its lock is never held across a switch, and interleavings
//! *within* a step are loom's matter, in `core/tests`.

use purlin::breaker::{self, CircuitBreaker, Control, Event, Outcome, Reply, Settings, Snapshot, State};
use purlin::{Clock, Epoch, Instant, Keeper};
use purlin_tower::{BreakerError, BreakerLayer};
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tower::{Layer, Service, ServiceExt, service_fn};

/// Lets other tasks run between a reply and what its caller does with it, and keeps the books. Time stands still.
#[derive(Default)]
struct Bookkeeper(Mutex<Books>);

#[derive(Default)]
struct Books {
    /// The epoch of the permit that was granted last. Its holder calls the inner service before any other task runs.
    granted: Epoch,
    half_open: BTreeSet<Epoch>,
    /// Calls that run, and the most that ever ran at the same time, by the epoch that admitted them.
    running: BTreeMap<Epoch, u32>,
    most: BTreeMap<Epoch, u32>,
}

impl Clock for Bookkeeper {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Keeper<breaker::Breaker> for Bookkeeper {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn replied(&self, reply: &Reply) {
        if !std::thread::panicking() {
            shuttle::thread::yield_now();
        }
        if let Reply::Admitted(permit) = reply {
            self.books().granted = permit.epoch;
        }
    }

    fn happened(&self, event: Event) {
        if let Event::Transitioned { to: State::HalfOpen, epoch, .. } = event {
            self.books().half_open.insert(epoch);
        }
    }
}

impl Bookkeeper {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most probes that ran at the same time in any half-open epoch.
    fn most_probes(&self) -> u32 {
        let books = self.books();
        books.half_open.iter().filter_map(|epoch| books.most.get(epoch)).copied().max().unwrap_or(0)
    }

    fn running(&self) -> u32 {
        self.books().running.values().sum()
    }
}

type Shared = Arc<CircuitBreaker<Bookkeeper>>;

/// A call that runs, until it is dropped.
struct Run {
    breaker: Shared,
    epoch: Epoch,
}

impl Run {
    fn start(breaker: &Shared) -> Self {
        let mut books = breaker.keeper().books();
        let epoch = books.granted;
        let running = books.running.entry(epoch).or_default();
        *running += 1;
        let running = *running;
        let most = books.most.entry(epoch).or_default();
        *most = running.max(*most);
        Self { breaker: Arc::clone(breaker), epoch }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        *self.breaker.keeper().books().running.entry(self.epoch).or_default() -= 1;
    }
}

/// How a caller's own call goes.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// The future is dropped after so many polls, unless it has completed by then.
    polls: u32,
    outcome: Outcome,
}

/// A breaker that is half-open and permits so many probes.
fn half_open(permitted_half_open_calls: u32) -> Shared {
    let settings = Settings { permitted_half_open_calls, minimum_calls: 2, ..Settings::default() };
    let breaker = Arc::new(CircuitBreaker::new(settings.validate().unwrap(), Bookkeeper::default()));
    breaker.control(Control::Open).unwrap();
    breaker.control(Control::HalfOpen).unwrap();
    breaker
}

type Call = Pin<Box<dyn Future<Output = Result<(), BreakerError<&'static str>>> + Send>>;

/// The layered service: a call awaits twice, and counts as its course says.
fn call(breaker: &Shared, course: Course) -> Call {
    let shared = Arc::clone(breaker);
    let inner = service_fn(move |()| {
        let run = Run::start(&shared);
        async move {
            let _run = run;
            yield_now().await;
            yield_now().await;
            Ok(())
        }
    });
    let classifier = move |_: Result<&(), &&'static str>| course.outcome;
    let mut service = BreakerLayer::new(Arc::clone(breaker)).classified_by(classifier).layer(inner);
    Box::pin(async move { service.ready().await?.call(()).await })
}

/// Polls `future` so often, then drops it.
async fn cut_off<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

fn assert_bounded(breaker: &Shared, permitted: u32) {
    let Snapshot { state, totals, probes_in_flight, .. } = breaker.snapshot();
    if state == State::HalfOpen {
        assert!(probes_in_flight + totals.calls <= permitted, "{probes_in_flight} + {} probes", totals.calls);
    }
}

/// Two callers compete for the one probe of a circuit that stays half-open, each cut off after 0, 1, 2 or 3 polls (which
/// completes it): every combination, every interleaving.
#[test]
fn a_probe_is_never_shared_and_never_lost_wherever_calls_are_cut_off() {
    let seen = Arc::new(Seen::default());
    for polls in (0..4).flat_map(|first| (0..4).map(move |second| [first, second])) {
        let seen = Arc::clone(&seen);
        shuttle::check_dfs(move || compete(polls, &seen), None);
    }
    assert!(seen.schedules.load(Ordering::SeqCst) > 10_000, "{seen:?}");
    assert!(seen.rejections.load(Ordering::SeqCst) > 0, "the callers never met: {seen:?}");
}

/// What happened over all schedules: a test in which the callers never meet shows nothing.
#[derive(Debug, Default)]
struct Seen {
    schedules: AtomicU32,
    rejections: AtomicU32,
}

fn compete(polls: [u32; 2], seen: &Seen) {
    seen.schedules.fetch_add(1, Ordering::SeqCst);
    let breaker = half_open(1);
    let callers = polls.map(|polls| {
        let call = call(&breaker, Course { polls, outcome: Outcome::Ignored });
        spawn(cut_off(call, polls))
    });
    for caller in callers {
        let ended = block_on(caller).unwrap();
        seen.rejections.fetch_add(u32::from(matches!(ended, Some(Err(BreakerError::Rejected(_))))), Ordering::SeqCst);
    }
    assert!(breaker.keeper().most_probes() <= 1, "two probes ran at once");
    assert_eq!(breaker.keeper().running(), 0);
    assert_eq!(breaker.snapshot().state, State::HalfOpen);
    assert_eq!(breaker.snapshot().probes_in_flight, 0, "a permit leaked");
    assert!(breaker.admit().is_ok());
}

/// Four callers with results of all kinds, aborted at any moment or cut off, while an operator opens and half-opens the
/// circuit, so that results of earlier epochs come in too.
#[test]
fn permits_stay_bounded_and_come_back_among_aborts_and_transitions() {
    shuttle::check_random(race, 3_000);
    shuttle::check_pct(race, 1_000, 3);
}

const PERMITTED: u32 = 2;

fn race() {
    let breaker = half_open(PERMITTED);
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::Success];
    let callers: Vec<JoinHandle<()>> = outcomes.map(|outcome| spawn(caller(&breaker, outcome))).into();
    let aborter = spawn(abort_some(callers.iter().map(JoinHandle::abort_handle).take(2).collect()));
    let operator = spawn(operate(Arc::clone(&breaker)));
    block_on(aborter).unwrap();
    block_on(operator).unwrap();
    for caller in callers {
        // An aborted caller ends in an error, as it should.
        let _ = block_on(caller);
    }
    assert_eq!(breaker.keeper().running(), 0);
    assert!(breaker.keeper().most_probes() <= PERMITTED, "more probes ran at once than are permitted");
    assert_bounded(&breaker, PERMITTED);
    assert_eq!(breaker.snapshot().probes_in_flight, 0, "a permit leaked");
    assert_admits_exactly_the_permitted_probes(&breaker);
}

/// Three calls, one after another, each cut off somewhere.
fn caller(breaker: &Shared, outcome: Outcome) -> impl Future<Output = ()> + Send + 'static {
    let breaker = Arc::clone(breaker);
    async move {
        for polls in [1, 3, 2] {
            let course = Course { polls, outcome };
            cut_off(call(&breaker, course), course.polls).await;
            assert_bounded(&breaker, PERMITTED);
        }
    }
}

async fn abort_some(callers: Vec<shuttle::future::AbortHandle>) {
    for caller in callers {
        yield_now().await;
        caller.abort();
    }
}

async fn operate(breaker: Shared) {
    for control in [Control::Open, Control::HalfOpen, Control::Open, Control::HalfOpen] {
        // From closed, half-open is not to be reached; then nothing changes.
        let _ = breaker.control(control);
        assert_bounded(&breaker, PERMITTED);
        yield_now().await;
    }
}

fn assert_admits_exactly_the_permitted_probes(breaker: &Shared) {
    breaker.control(Control::Open).unwrap();
    breaker.control(Control::HalfOpen).unwrap();
    let probes: Vec<_> = (0..=PERMITTED).map_while(|_| breaker.admit().ok()).collect();
    assert_eq!(probes.len(), PERMITTED as usize);
}
