//! Every interleaving of threads on the two shells: `RUSTFLAGS="--cfg loom" cargo test --release -p purlin --test loom_shells`.
//!
//! Two threads are explored exhaustively, three with bounded preemption.
#![cfg(loom)]

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../examples/turnstile/machine.rs"]
mod turnstile;

use core::num::NonZeroU32;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use purlin::breaker::{
    Breaker, Config, Control, Event, InitialState, Input, Outcome, Permit, Reply, Settings, State, WindowKind,
};
use purlin::{Clock, Epoch, Gate, Gated, Instant, Keeper, Shared, Stepper};
use turnstile::Turnstile;

/// A keeper whose clock stands still, and which writes down the epochs of transitions as they are told.
struct Still {
    told: loom::sync::Mutex<Vec<Epoch>>,
}

impl Still {
    fn new() -> Self {
        Self { told: loom::sync::Mutex::new(Vec::new()) }
    }
}

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Keeper<Breaker> for Still {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn happened(&self, event: Event) {
        if let Event::Transitioned { epoch, .. } = event {
            self.told.lock().unwrap().push(epoch);
        }
    }
}

/// One failure opens, one probe decides, calls are not timed.
fn touchy(initial_state: InitialState) -> Config {
    let settings = Settings {
        window: WindowKind::Count(1),
        permitted_half_open_calls: 1,
        slow_call_duration_ms: None,
        open_wait_ms: Some(5),
        initial_state,
        ..Settings::default()
    };
    settings.validate().unwrap()
}

type Shell = Gated<Breaker, Still>;

fn shell(initial_state: InitialState) -> Arc<Shell> {
    Arc::new(Gated::new(touchy(initial_state), Still::new()))
}

fn end(epoch: u64, outcome: Outcome) -> Input {
    Input::End { permit: Permit { epoch: Epoch(epoch), started: None }, outcome }
}

/// At rest, the word that callers glance at is the one that the machine would publish.
fn the_gate_is_up_to_date(shell: &Shell) {
    assert_eq!(shell.gate(), shell.peek(|breaker, config, _| breaker.gate(config)));
}

fn transitions_were_told_in_order(shell: &Shell, count: usize) {
    let told = shell.keeper().told.lock().unwrap();
    assert!(told.is_sorted());
    assert_eq!(told.len(), count);
}

#[test]
fn an_opening_is_seen_with_its_deadline_or_not_at_all() {
    loom::model(|| {
        let shell = shell(InitialState::Closed);
        let other = Arc::clone(&shell);
        let opener = thread::spawn(move || other.step(end(0, Outcome::Failure)));
        let reply = shell.step(Input::Ask);
        let retry_at = Instant::from_nanos(5_000_001);
        let admitted = Reply::Admitted(Permit { epoch: Epoch(0), started: None });
        let rejected = Reply::Rejected(purlin::breaker::Rejection::Open { retry_at });
        assert!([admitted, rejected].contains(&reply), "{reply:?}");
        opener.join().unwrap();
        assert_eq!(shell.step(Input::Ask), rejected);
        the_gate_is_up_to_date(&shell);
        transitions_were_told_in_order(&shell, 1);
    });
}

#[test]
fn what_was_published_last_is_what_was_stepped_last() {
    loom::model(|| {
        let shell = shell(InitialState::Closed);
        let other = Arc::clone(&shell);
        let opener = thread::spawn(move || other.step(Input::Control(Control::OpenFor { ms: 3_600_000 })));
        shell.step(Input::Control(Control::Reset));
        opener.join().unwrap();
        the_gate_is_up_to_date(&shell);
        transitions_were_told_in_order(&shell, 2);
    });
}

#[test]
fn one_probe_is_admitted_to_two_callers() {
    loom::model(|| {
        let shell = shell(InitialState::HalfOpen);
        let other = Arc::clone(&shell);
        let rival = thread::spawn(move || matches!(other.step(Input::Ask), Reply::Admitted(_)));
        let mine = matches!(shell.step(Input::Ask), Reply::Admitted(_));
        assert!(mine ^ rival.join().unwrap());
        assert_eq!(shell.peek(|breaker, _, _| breaker.probes_in_flight()), 1);
        the_gate_is_up_to_date(&shell);
    });
}

#[test]
fn no_result_is_lost() {
    loom::model(|| {
        let settings = Settings { window: WindowKind::Count(3), ..touchy(InitialState::Closed).into() };
        let shell = Arc::new(Gated::<Breaker, _>::new(settings.validate().unwrap(), Still::new()));
        let other = Arc::clone(&shell);
        let rival = thread::spawn(move || other.step(end(0, Outcome::Failure)));
        shell.step(end(0, Outcome::Success));
        rival.join().unwrap();
        let totals = shell.peek(|breaker, _, _| breaker.window().totals());
        assert_eq!((totals.calls, totals.failed), (2, 1));
    });
}

/// A full window of three, the oldest two of its calls good: two successes may be spent on the word.
fn shell_with_an_allowance() -> Arc<Shell> {
    let settings = Settings {
        window: WindowKind::Count(3),
        failure_rate_threshold_percent: purlin::breaker::Percent::new(100),
        ..touchy(InitialState::Closed).into()
    };
    let shell = Arc::new(Gated::new(settings.validate().unwrap(), Still::new()));
    for outcome in [Outcome::Success, Outcome::Success, Outcome::Failure] {
        shell.step(end(0, outcome));
    }
    shell
}

fn failures_oldest_first(shell: &Shell) -> Vec<bool> {
    shell.peek(|breaker, _, _| {
        let purlin::breaker::window::Window::Count(window) = breaker.window() else { unreachable!() };
        window.marks().map(|mark| mark.failed).collect()
    })
}

#[test]
fn a_success_is_spent_before_or_after_a_locked_step_and_once() {
    loom::model(|| {
        let shell = shell_with_an_allowance();
        let other = Arc::clone(&shell);
        let rival = thread::spawn(move || other.step(end(0, Outcome::Failure)));
        shell.step(end(0, Outcome::Success));
        rival.join().unwrap();
        let either = [vec![true, false, true], vec![true, true, false]];
        the_gate_is_up_to_date(&shell);
        assert!(either.contains(&failures_oldest_first(&shell)));
    });
}

#[test]
fn no_more_is_spent_than_the_word_allows() {
    loom::model(|| {
        let shell = shell_with_an_allowance();
        let other = Arc::clone(&shell);
        let rival = thread::spawn(move || {
            other.step(end(0, Outcome::Success));
            other.step(end(0, Outcome::Success));
        });
        shell.step(end(0, Outcome::Success));
        rival.join().unwrap();
        the_gate_is_up_to_date(&shell);
        assert_eq!(failures_oldest_first(&shell), [false; 3]);
    });
}

#[test]
fn nothing_is_spent_on_an_epoch_that_is_over() {
    loom::model(|| {
        let shell = shell_with_an_allowance();
        let other = Arc::clone(&shell);
        let rival = thread::spawn(move || other.step(Input::Control(Control::Reset)));
        let reply = shell.step(end(0, Outcome::Success));
        rival.join().unwrap();
        assert!(matches!(reply, Reply::Recorded(_) | Reply::Late));
        assert!(failures_oldest_first(&shell).is_empty());
        the_gate_is_up_to_date(&shell);
    });
}

#[test]
fn three_threads_leave_the_gate_up_to_date() {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(2);
    bounded.check(|| {
        let shell = shell(InitialState::Closed);
        let inputs = [end(0, Outcome::Failure), Input::Control(Control::Reset)];
        let others = inputs.map(|input| {
            let other = Arc::clone(&shell);
            thread::spawn(move || other.step(input))
        });
        shell.step(Input::Ask);
        for other in others {
            other.join().unwrap();
        }
        the_gate_is_up_to_date(&shell);
    });
}

/// A keeper that looks at the machine whenever it is told of something: under the lock that would never end.
struct Curious(std::sync::OnceLock<std::sync::Weak<Gated<Breaker, Curious>>>);

impl Clock for Curious {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Keeper<Breaker> for Curious {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn happened(&self, _event: Event) {
        let shell = self.0.get().unwrap().upgrade().unwrap();
        assert_eq!(shell.peek(|breaker, _, _| breaker.state()), State::ForcedOpen);
    }
}

#[test]
fn effects_run_under_no_lock() {
    loom::model(|| {
        let keeper = Curious(std::sync::OnceLock::new());
        let shell = std::sync::Arc::new(Gated::<Breaker, _>::new(touchy(InitialState::Closed), keeper));
        shell.keeper().0.set(std::sync::Arc::downgrade(&shell)).unwrap();
        let other = std::sync::Arc::clone(&shell);
        let rival = thread::spawn(move || other.step(Input::Ask));
        shell.step(Input::Control(Control::ForceOpen));
        rival.join().unwrap();
    });
}

/// Counts what the turnstile announces.
#[derive(Default)]
struct Porter {
    filled: AtomicU64,
}

impl Clock for Porter {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Keeper<Turnstile> for Porter {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn happened(&self, _event: turnstile::Event) {
        self.filled.fetch_add(1, Ordering::Relaxed);
    }
}

fn turnstile(places: u32) -> Arc<Shared<Turnstile, Porter>> {
    let config = turnstile::Config { places: NonZeroU32::new(places).unwrap() };
    Arc::new(Shared::new(&Turnstile::default(), config, Porter::default()))
}

fn enter(turnstile: &Shared<Turnstile, Porter>) -> bool {
    matches!(turnstile.step(turnstile::Input::Enter), turnstile::Reply::Welcome(_))
}

#[test]
fn a_word_never_lets_in_more_than_it_has_places() {
    loom::model(|| {
        let shared = turnstile(1);
        let other = Arc::clone(&shared);
        let rival = thread::spawn(move || enter(&other));
        let mine = enter(&shared);
        assert!(mine ^ rival.join().unwrap());
        assert_eq!(shared.peek().inside(), 1);
    });
}

#[test]
fn effects_of_a_lost_swap_are_dropped() {
    loom::model(|| {
        let shared = turnstile(2);
        assert!(enter(&shared));
        let other = Arc::clone(&shared);
        let rival = thread::spawn(move || enter(&other));
        assert!(enter(&shared) ^ rival.join().unwrap());
        assert_eq!(shared.keeper().filled.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn every_guest_finds_the_way_out() {
    loom::model(|| {
        let shared = turnstile(2);
        let visit = |shared: &Shared<Turnstile, Porter>| {
            if enter(shared) {
                shared.step(turnstile::Input::Leave(turnstile::Ticket));
            }
        };
        let other = Arc::clone(&shared);
        let rival = thread::spawn(move || visit(&other));
        visit(&shared);
        rival.join().unwrap();
        assert_eq!(shared.peek().inside(), 0);
    });
}
