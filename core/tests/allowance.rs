//! The law of allowances: what is spent on the word is what the machine would have done.

use core::num::NonZeroU32;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use purlin::breaker::{Breaker, Config, Control, Event, Input, Outcome, Permit, Reply, Settings, WindowKind};
use purlin::{Clock, Epoch, Gate, Gated, Host, Instant, Keeper, Machine, Policy, Stepper};

/// A host and keeper whose clock stands still and whose die shows its lowest face.
#[derive(Default)]
struct Still {
    effects: Vec<Event>,
}

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Host<Event> for Still {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Event) {
        self.effects.push(effect);
    }
}

impl Keeper<Breaker> for Still {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }
}

/// How many successes can be spent on the word, one after the other.
fn allowance(mut gate: u64) -> u32 {
    let mut count = 0;
    while let Some((_, left)) = Breaker::spend(gate, &end(Outcome::Success)) {
        (gate, count) = (left, count + 1);
    }
    count
}

fn config(calls: u32) -> Config {
    let settings = Settings {
        window: WindowKind::Count(calls),
        slow_call_duration_ms: None,
        failure_rate_threshold_percent: purlin::breaker::Percent::new(60),
        ..Settings::default()
    };
    settings.validate().unwrap()
}

fn end(outcome: Outcome) -> Input {
    Input::End { permit: Permit { epoch: Epoch(0), started: None }, outcome }
}

/// Mostly calls of the first epoch, most of them good.
fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![
        40 => Just(end(Outcome::Success)),
        8 => Just(end(Outcome::Failure)),
        2 => Just(end(Outcome::Ignored)),
        2 => Just(Input::Ask),
        1 => Just(Input::Control(Control::MetricsOnly)),
    ];
    prop::collection::vec(input, 0..300)
}

/// The same cases in every run.
fn fixed() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn a_spent_step_is_the_step(calls in 1_u32..140, inputs in inputs()) {
        let config = config(calls);
        let mut host = Still::default();
        let mut breaker = Breaker::new(&config, &mut host);
        for input in inputs {
            let gate = breaker.gate(&config);
            let mut caught_up = breaker.clone();
            host.effects.clear();
            let reply = breaker.step(&config, input, &mut host);
            if let Some((promised, left)) = Breaker::spend(gate, &input) {
                caught_up.spent(gate, left);
                prop_assert_eq!(promised, reply);
                prop_assert_eq!(&caught_up, &breaker);
                prop_assert_eq!(left, breaker.gate(&config));
                prop_assert!(host.effects.is_empty());
            }
        }
    }

    #[test]
    fn a_withdrawn_word_allows_nothing_and_tells_the_rest(calls in 1_u32..140, inputs in inputs()) {
        let config = config(calls);
        let mut breaker = Breaker::new(&config, &mut Still::default());
        for input in inputs {
            breaker.step(&config, input, &mut Still::default());
            let withdrawn = Breaker::withdrawn(breaker.gate(&config));
            prop_assert_eq!(allowance(withdrawn), 0);
            prop_assert_eq!(Breaker::withdrawn(withdrawn), withdrawn);
            prop_assert_eq!(
                Breaker::glance(withdrawn, &Input::Ask, &Still::default()),
                Breaker::glance(breaker.gate(&config), &Input::Ask, &Still::default())
            );
        }
    }

    #[test]
    fn the_allowance_is_the_run_of_good_calls_at_the_old_end(calls in 1_u32..140, inputs in inputs()) {
        let config = config(calls);
        let mut host = Still::default();
        let mut breaker = Breaker::new(&config, &mut host);
        for input in inputs {
            breaker.step(&config, input, &mut host);
            let purlin::breaker::window::Window::Count(window) = breaker.window() else { unreachable!() };
            let good = window.marks().take_while(|mark| !mark.failed).count() as u32;
            let counts = window.totals().calls == calls && !window.is_clean() && breaker.epoch() == Epoch(0);
            prop_assert_eq!(allowance(breaker.gate(&config)), if counts { good } else { 0 });
        }
    }

    #[test]
    fn a_shared_breaker_does_as_a_lone_one(calls in 1_u32..140, inputs in inputs()) {
        let config = config(calls);
        let shared = Gated::<Breaker, _>::new(config.clone(), Still::default());
        let mut lone = Breaker::new(&config, &mut Still::default());
        for input in inputs {
            let reply = shared.step(input);
            prop_assert_eq!(reply, lone.step(&config, input, &mut Still::default()));
        }
        prop_assert_eq!(shared.peek(|breaker, _, _| breaker.clone()), lone);
    }
}

#[test]
fn most_successes_beside_few_failures_are_spent() {
    let config = config(100);
    let mut breaker = Breaker::new(&config, &mut Still::default());
    let mut spendable = 0;
    for call in 1..=10_000 {
        let outcome = if call % 100 == 0 { Outcome::Failure } else { Outcome::Success };
        spendable += u32::from(allowance(breaker.gate(&config)) > 0 && outcome == Outcome::Success);
        let reply = breaker.step(&config, end(outcome), &mut Still::default());
        assert!(matches!(reply, Reply::Recorded(_)));
    }
    assert!(spendable >= 9_700, "{spendable}");
}
