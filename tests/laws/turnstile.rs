//! The turnstile of the examples under the laws: a machine that lives in one word.

use core::num::NonZeroU32;
use proptest::prelude::*;

#[allow(dead_code, unreachable_pub, reason = "shared with the example that explains it")]
#[path = "../../examples/turnstile/machine.rs"]
mod machine;

use machine::{Config, Event, Input, Reply, Ticket, Turnstile};

#[derive(Clone, Debug)]
pub(crate) struct Subject;

purlin::nameless!(Input, Reply, Event);

impl crate::script::Subject for Subject {
    type Machine = Turnstile;

    fn configs() -> BoxedStrategy<[Config; 2]> {
        [configs(), configs()].boxed()
    }

    fn outcomes() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn others() -> BoxedStrategy<Input> {
        Just(Input::Leave(Ticket)).boxed()
    }

    fn bounds(_config: &Config) -> Vec<u32> {
        Vec::new()
    }

    fn broken_claim(turnstile: &Turnstile, _config: &Config) -> Option<&'static str> {
        (turnstile.inside() > 3).then_some("no more are inside than there are places")
    }
}

fn configs() -> impl Strategy<Value = Config> {
    (1..=3_u32).prop_map(|places| Config { places: NonZeroU32::new(places).expect("positive") })
}
