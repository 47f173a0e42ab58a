//! The lease queue under the laws.

use crate::DAWN;
use core::time::Duration;
use proptest::prelude::*;
use purlin::protocol::{Input, Ticket};
use purlin::queue::{Config, NewMessage, Queue, Request, Settings, Timer, Token, invariants};

#[derive(Clone, Debug)]
pub(crate) struct Subject;

impl crate::script::Subject for Subject {
    type Machine = Queue;

    fn configs() -> BoxedStrategy<Config> {
        settings().prop_map(|settings| settings.validate().expect("the strategy makes valid settings")).boxed()
    }

    fn inputs() -> BoxedStrategy<Input<Queue>> {
        requests().prop_map(|request| Input::Request { ticket: Ticket(0), request }).boxed()
    }

    fn timers() -> Vec<Timer> {
        vec![Timer::LeaseOver]
    }

    fn rests_on_the_image(_queue: &Queue, _input: &Input<Queue>) -> bool {
        true
    }

    fn broken_claim(queue: &Queue, config: &Config) -> Option<&'static str> {
        invariants::broken(queue, config)
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let limits = (proptest::option::of(1..4_u32), proptest::option::of(1..3_u32), (1..9_u32, 1..5_u32, 1..4_u32));
    (1..30_u64, 1..4_u32, 0..60_u64, any::<bool>(), limits).prop_map(|(lease, attempts, dedup, blocks, limits)| {
        Settings {
            lease_ms: lease,
            max_attempts: attempts,
            dedup_retention_ms: dedup,
            dead_blocks_key: blocks,
            max_in_flight: limits.0,
            max_in_flight_per_worker: limits.1,
            max_messages: limits.2.0,
            max_done: limits.2.1,
            max_dedup_ids: limits.2.2,
        }
    })
}

fn requests() -> impl Strategy<Value = Request> {
    let id = || (0..9_u8).prop_map(|id| format!("m{id}"));
    let token = || (0..12_u64).prop_map(Token);
    prop_oneof![
        5 => new_messages().prop_map(Request::Enqueue),
        5 => (0..2_u8, 0..4_u32, proptest::option::of(1..40_u64)).prop_map(|(worker, max, lease_ms)| Request::Claim {
            worker: format!("w{worker}"),
            max,
            lease_ms,
        }),
        4 => token().prop_map(|token| Request::Ack { token }),
        2 => (token(), 1..60_u64).prop_map(|(token, lease_ms)| Request::Extend { token, lease_ms }),
        3 => (token(), 0..30_u64).prop_map(|(token, delay_ms)| Request::Nack { token, delay_ms }),
        1 => id().prop_map(|id| Request::Kill { id }),
        1 => proptest::option::of(proptest::collection::vec(id(), 0..4)).prop_map(|ids| Request::Redrive { ids }),
        1 => id().prop_map(|id| Request::Status { id }),
        1 => Just(Request::Stats),
    ]
}

fn new_messages() -> impl Strategy<Value = NewMessage> {
    let key = proptest::option::of((0..2_u8).prop_map(|key| format!("k{key}")));
    let dedup_id = proptest::option::of((0..3_u8).prop_map(|id| format!("d{id}")));
    (0..9_u8, key, dedup_id, proptest::option::of(0..200_u64)).prop_map(|(id, key, dedup_id, not_before)| NewMessage {
        id: format!("m{id}"),
        payload: String::new(),
        key,
        not_before: not_before.map(|millis| DAWN + Duration::from_millis(millis)),
        dedup_id,
    })
}
