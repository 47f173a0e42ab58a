//! The breaker under the laws.

use crate::DAWN;
use core::time::Duration;
use proptest::option;
use proptest::prelude::*;
use purlin::Epoch;
use purlin::breaker::*;

#[derive(Clone, Debug)]
pub(crate) struct Subject;

impl crate::script::Subject for Subject {
    type Machine = Breaker;

    fn configs() -> BoxedStrategy<[Config; 2]> {
        [configs(), configs()].boxed()
    }

    fn outcomes() -> BoxedStrategy<Outcome> {
        prop_oneof![
            6 => Just(Outcome::Success),
            6 => Just(Outcome::Failure),
            1 => Just(Outcome::Ignored),
            2 => Just(Outcome::Cancelled),
            1 => (any::<bool>(), 0..12_u64).prop_map(|(failed, duration_ms)| Outcome::Reported { failed, duration_ms }),
            1 => (0..12_u64).prop_map(|retry_after_ms| Outcome::Hinted { retry_after_ms }),
        ]
        .boxed()
    }

    fn others() -> BoxedStrategy<Input> {
        prop_oneof![6 => controls().prop_map(Input::Control), 1 => forged_ends()].boxed()
    }

    fn bounds(config: &Config) -> Vec<u32> {
        config.settings().open_wait_jitter.map(|jitter| jitter.steps + 1).into_iter().collect()
    }

    fn broken_claim(breaker: &Breaker, config: &Config) -> Option<&'static str> {
        let claims = [
            (invariants::window_counts_its_calls(breaker), "the window counts its calls"),
            (invariants::no_decision_is_due(breaker, config), "no decision is due"),
            (invariants::waiting_has_a_deadline(breaker, config), "waiting has a deadline"),
        ];
        claims.into_iter().find_map(|(holds, claim)| (!holds).then_some(claim))
    }
}

fn controls() -> impl Strategy<Value = Control> {
    prop_oneof![
        Just(Control::Reset),
        Just(Control::Close),
        Just(Control::Open),
        (0..12_u64).prop_map(|ms| Control::OpenFor { ms }),
        (0..40_u64).prop_map(|ms| Control::OpenUntil { at: DAWN + Duration::from_millis(ms) }),
        Just(Control::HalfOpen),
        Just(Control::ForceOpen),
        Just(Control::Disable),
        Just(Control::MetricsOnly),
    ]
}

fn forged_ends() -> impl Strategy<Value = Input> {
    (0..6_u64, option::of(0..20_u64)).prop_map(|(epoch, started)| {
        let started = started.map(|ms| DAWN + Duration::from_millis(ms));
        Input::End { permit: Permit { epoch: Epoch(epoch), started }, outcome: Outcome::Failure }
    })
}

fn configs() -> BoxedStrategy<Config> {
    let rates = (1..=100_u32, 1..=100_u32, option::of(0..6_u64));
    let calls = (windows(), 1..5_u32, 1..4_u32);
    let waits = (schedules(), option::of((1..=100_u32, 1..4_u32)), option::of(1..8_u64), any::<bool>(), any::<bool>());
    let rest = (initial_states(), cancelled_counts(), option::of(1..8_u64));
    (rates, calls, waits, rest)
        .prop_map(|(rates, calls, waits, rest)| Settings {
            failure_rate_threshold_percent: Percent::new(rates.0),
            slow_call_rate_threshold_percent: Percent::new(rates.1),
            slow_call_duration_ms: rates.2,
            window: calls.0,
            minimum_calls: calls.1,
            permitted_half_open_calls: calls.2,
            open_wait_ms: None,
            open_wait_schedule_ms: waits.0,
            open_wait_jitter: waits.1.map(|(percent, steps)| Jitter { percent, steps }),
            half_open_max_wait_ms: waits.2,
            half_open_max_wait_to: if waits.3 { MaxWaitTo::Open } else { MaxWaitTo::Closed },
            auto_half_open: waits.4,
            initial_state: rest.0,
            cancelled_counts: rest.1,
            server_hint_max_ms: rest.2,
        })
        .prop_map(|settings| settings.validate().expect("the strategy makes valid settings"))
        .boxed()
}

fn windows() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        3 => (1..6_u32).prop_map(WindowKind::Count),
        1 => Just(WindowKind::Time { time_s: 1, bucket_ms: 250 }),
        1 => Just(WindowKind::Time { time_s: 1, bucket_ms: 1 }),
    ]
}

fn schedules() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(1..8_u64, 1..4)
}

fn initial_states() -> impl Strategy<Value = InitialState> {
    prop_oneof![
        4 => Just(InitialState::Closed),
        2 => Just(InitialState::Open),
        1 => Just(InitialState::HalfOpen),
        1 => Just(InitialState::MetricsOnly),
    ]
}

fn cancelled_counts() -> impl Strategy<Value = CancelledCounts> {
    prop_oneof![Just(CancelledCounts::Ignored), Just(CancelledCounts::Failed), Just(CancelledCounts::FailedIfSlow)]
}
