//! The lock of the examples under the laws: a machine written outside of the library.

use proptest::prelude::*;
use purlin::protocol::{Input, Ticket};
use purlin_lock::{Attempt, Config, Grant, Lock, Message, Node, Question, Request, Settings, Timer, Token};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Subject;

impl crate::script::Subject for Subject {
    type Machine = Lock;

    fn configs() -> BoxedStrategy<Config> {
        let settings = (1..40_u64, 0..40_u64, 1..30_u64).prop_map(|(lease_ms, margin_ms, retry_ms)| {
            let margin_ms = margin_ms.min(lease_ms - 1);
            Settings { keeper: Node(0), lease_ms, margin_ms, retry_ms }
        });
        settings.prop_map(|settings| settings.validate().expect("the strategy makes valid settings")).boxed()
    }

    fn inputs() -> BoxedStrategy<Input<Lock>> {
        let requests =
            prop_oneof![3 => Just(Request::Acquire), 1 => Just(Request::Release), 1 => Just(Request::Status)];
        let requests = requests.prop_map(|request| Input::Request { ticket: Ticket(0), request });
        let messages = (0..3_u8, messages()).prop_map(|(from, message)| Input::Message { from: Node(from), message });
        prop_oneof![1 => requests, 2 => messages].boxed()
    }

    fn timers() -> Vec<Timer> {
        vec![Timer::Retry, Timer::HoldOver]
    }

    /// The keeper forgets nothing; who asks and who holds is forgotten on purpose.
    fn rests_on_the_image(_lock: &Lock, input: &Input<Lock>) -> bool {
        matches!(input, Input::Message { message: Message::Ask(_) | Message::Release(_), .. })
    }

    fn broken_claim(lock: &Lock, _config: &Config) -> Option<&'static str> {
        let is_last = lock.lease().is_none_or(|lease| lease.token == lock.last_granted());
        (!is_last).then_some("the lease is that of the last token")
    }
}

fn messages() -> impl Strategy<Value = Message> {
    let attempt = || (1..3_u64, 1..4_u64).prop_map(|(life, number)| Attempt { life, number });
    let token = || (0..6_u64).prop_map(Token);
    prop_oneof![
        3 => (attempt(), proptest::option::of(token())).prop_map(|(attempt, renews)| Message::Ask(Question { attempt, renews })),
        2 => (attempt(), token(), 1..40_u64).prop_map(|(attempt, token, millis)| {
            Message::Granted(Grant { attempt, token, lasts: Duration::from_millis(millis) })
        }),
        1 => attempt().prop_map(Message::Denied),
        1 => token().prop_map(Message::Release),
    ]
}
