//! What can happen next in a caller model, as data: a path of actions can be written down and replayed.

use crate::odometer::Throws;
use core::fmt::Debug;
use purlin::Policy;
use serde::{Deserialize, Serialize};

/// One action, with the faces that its step is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action<O> {
    /// What happens.
    #[serde(rename = "do")]
    pub kind: Kind<O>,
    /// What the die shows, in the order of the throws.
    #[serde(default, skip_serializing_if = "Throws::is_empty")]
    pub throws: Throws,
}

/// What happens, apart from the die. `O` is the policy's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind<O> {
    /// One more caller asks.
    Ask,
    /// A caller gives back a permit: the so-many-th of the distinct ones that are held, in their order.
    End {
        /// Which, from 0.
        permit: usize,
        /// How its call ended.
        outcome: O,
    },
    /// Time passes by one tick of the model.
    Advance {
        /// The host is late: the policy is not ticked, although it is due.
        late: bool,
    },
    /// One of the scope's further inputs.
    Input(usize),
    /// On to another of the scope's configurations.
    Reconfigure(usize),
}

/// The actions of a policy's caller model.
pub type ActionOf<P> = Action<<P as Policy>::Outcome>;
