//! What a machine is, and what it may lean on while it steps.

use crate::time::Instant;
use core::fmt::Debug;
use core::hash::Hash;
use core::num::NonZeroU32;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What travels: inputs, replies, effects, permits. Plain values that can be printed, compared and replayed.
pub trait Data: Clone + Debug + Eq + Hash + Ord + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T> Data for T where T: Clone + Debug + Eq + Hash + Ord + Serialize + DeserializeOwned + Send + Sync + 'static {}

/// One node's own clock. It does not move during a step and never runs back between steps.
pub trait Clock {
    /// The present instant. Reading costs more than most steps, so machines read it only when they must.
    fn now(&self) -> Instant;
}

/// What a machine may lean on while it steps: a clock, a die and a list of errands.
pub trait Host<Effect>: Clock {
    /// A number in `0..bound`: drawn in production, seeded in simulation, enumerated in models.
    fn choose(&mut self, bound: NonZeroU32) -> u32;
    /// Puts one errand on the list. The host runs it after the step, in order.
    fn emit(&mut self, effect: Effect);
}

impl<C: Clock + ?Sized> Clock for &mut C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// So that any host can be lent as a `&mut dyn Host`, which reads better in private methods.
impl<Effect, H: Host<Effect> + ?Sized> Host<Effect> for &mut H {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        (**self).choose(bound)
    }

    fn emit(&mut self, effect: Effect) {
        (**self).emit(effect);
    }
}

/// A serial number of a stay in one state. It only ever rises, so that what belongs to an earlier stay is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.advanced_by(1)
    }

    /// The epoch `count` after this one. 2⁶⁴ epochs outlast any process, so the end of the range is only saturated.
    #[must_use]
    pub const fn advanced_by(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

/// The instants and epochs inside a value, so that models can shift time and rename epochs.
///
/// Each method visits every instant (every epoch) by mutable reference, in a fixed order. Instants must not be keys of
/// maps, because visiting may change them. An instant that is not visited stands still in every model, and what a model
/// claims then holds of a world without time: so there are no default bodies, and [`nameless!`](crate::nameless) is for
/// types that hold neither.
pub trait Names {
    /// Visits every instant.
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant));
    /// Visits every epoch.
    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch));
}

/// Says of types that they hold neither an instant nor an epoch.
///
/// ```
/// struct Ticket;
/// purlin::nameless!(Ticket);
/// ```
#[macro_export]
macro_rules! nameless {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::Names for $name {
            fn instants(&mut self, _each: &mut dyn FnMut(&mut $crate::Instant)) {}
            fn epochs(&mut self, _each: &mut dyn FnMut(&mut $crate::Epoch)) {}
        }
    )+};
}

/// Says where a type holds its instants and epochs: in which fields of a struct, in which variants of an enum. Each of them
/// must have [`Names`] itself. What is left out stands still in every model; the law that shifts time finds it.
///
/// ```
/// use purlin::Instant;
///
/// struct Lease { holder: u8, until: Instant }
/// enum Record { Granted(Lease), Extended { until: Instant }, Released }
///
/// purlin::names! {
///     struct Lease { until }
///     enum Record { Self::Granted(lease) => lease, Self::Extended { until } => until }
/// }
/// ```
#[macro_export]
macro_rules! names {
    () => {};
    (struct $name:ty { $($field:ident),+ $(,)? } $($rest:tt)*) => {
        impl $crate::Names for $name {
            fn instants(&mut self, each: &mut dyn FnMut(&mut $crate::Instant)) {
                $($crate::Names::instants(&mut self.$field, each);)+
            }
            fn epochs(&mut self, each: &mut dyn FnMut(&mut $crate::Epoch)) {
                $($crate::Names::epochs(&mut self.$field, each);)+
            }
        }
        $crate::names! { $($rest)* }
    };
    (enum $name:ty { $($variant:pat => $($field:ident)&+),+ $(,)? } $($rest:tt)*) => {
        impl $crate::Names for $name {
            fn instants(&mut self, each: &mut dyn FnMut(&mut $crate::Instant)) {
                #[allow(unreachable_patterns)]
                match self {
                    $($variant => { $($crate::Names::instants($field, each);)+ })+
                    _ => {}
                }
            }
            fn epochs(&mut self, each: &mut dyn FnMut(&mut $crate::Epoch)) {
                #[allow(unreachable_patterns)]
                match self {
                    $($variant => { $($crate::Names::epochs($field, each);)+ })+
                    _ => {}
                }
            }
        }
        $crate::names! { $($rest)* }
    };
}

nameless!((), bool, u8, u16, u32, u64, u128, usize, i64, String);

impl Names for Instant {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        each(self);
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut Epoch)) {}
}

impl Names for Epoch {
    fn instants(&mut self, _each: &mut dyn FnMut(&mut Instant)) {}

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        each(self);
    }
}

impl<T: Names> Names for Option<T> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.iter_mut().for_each(|it| it.instants(each));
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.iter_mut().for_each(|it| it.epochs(each));
    }
}

impl<T: Names> Names for Vec<T> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.iter_mut().for_each(|it| it.instants(each));
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.iter_mut().for_each(|it| it.epochs(each));
    }
}

/// Keys are not visited: see above.
impl<K, T: Names> Names for BTreeMap<K, T> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.values_mut().for_each(|it| it.instants(each));
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.values_mut().for_each(|it| it.epochs(each));
    }
}

/// A deterministic state machine: its state is `Self`; everything else arrives as an argument.
///
/// A machine is total: it answers any input in any state, also an epoch that was never issued. The laws that every
/// machine obeys are listed in the crate's documentation and executed by `tests/laws.rs`, those of protocols by
/// `tests/protocols.rs`.
pub trait Machine: Names + Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static {
    /// How it is set up. Validated once, when it is made; kept outside the hashed state.
    type Config: Clone + Debug + Eq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Everything that can happen to it.
    type Input: Data;
    /// Its immediate answer; promises nothing durable.
    type Reply: Data;
    /// Everything it may ask of the world.
    type Effect: Data;

    /// Takes one input. Nothing else changes the state.
    fn step(
        &mut self,
        config: &Self::Config,
        input: Self::Input,
        host: &mut (impl Host<Self::Effect> + ?Sized),
    ) -> Self::Reply;

    /// Goes on under a new configuration. History survives, and a decision that falls due is taken.
    fn reconfigure(
        &mut self,
        _old: &Self::Config,
        _new: &Self::Config,
        _host: &mut (impl Host<Self::Effect> + ?Sized),
    ) {
    }

    /// Forgets what no later step under this configuration can tell apart. A machine that holds instants needs this: what
    /// is past would otherwise grow older for ever, and no model of it would come to an end.
    fn settle(&mut self, _config: &Self::Config, _now: Instant) {}
}

/// A machine on a service's hot path: callers ask, hold a permit, and tell the outcome.
///
/// It has no timers of its own; [`Policy::wake`] says when it wants a tick. Asking, ending and ticking are inputs like
/// any other; the constructors here let generic shells and models build them.
pub trait Policy: Machine {
    /// What an admitted call holds until it ends.
    type Permit: Data + Names;
    /// How a call ended.
    type Outcome: Data;
    /// The outcome of a call that was dropped before it ended.
    const CANCELLED: Self::Outcome;

    /// A fresh policy.
    fn new(config: &Self::Config, host: &mut (impl Host<Self::Effect> + ?Sized)) -> Self;
    /// When it wants to be ticked next, if ever. A tick that comes later has the same result.
    fn wake(&self, config: &Self::Config) -> Option<Instant>;
    /// The input by which a caller asks for a permit.
    fn ask() -> Self::Input;
    /// The input by which a caller gives its permit back and tells the outcome.
    fn end(permit: Self::Permit, outcome: Self::Outcome) -> Self::Input;
    /// The input that only lets time pass.
    fn tick() -> Self::Input;
    /// The permit in a reply to [`Policy::ask`], or the reply itself if it was a refusal.
    fn granted(reply: Self::Reply) -> Result<Self::Permit, Self::Reply>;
    /// Forgets of a held permit what no later step can tell apart: the counterpart of [`Machine::settle`].
    fn settle_permit(&self, _config: &Self::Config, _permit: &mut Self::Permit, _now: Instant) {}
}

/// A machine whose whole state fits one word, so that [`crate::Shared`] can step it by compare-and-swap.
pub trait Packed: Machine {
    /// The state as a word. `unpack(pack(s)) == s` for every reachable state.
    fn pack(&self) -> u64;
    /// The state that a word stands for.
    fn unpack(word: u64) -> Self;
}

/// A machine behind a lock that publishes a word from which its hot path is answered without the lock.
///
/// The word may carry an *allowance*: so many steps of one kind can be taken on the word alone, each by swapping in a word
/// that allows one less. Whoever holds the lock next withdraws what is left, and the machine makes up for what was spent.
pub trait Gate: Machine {
    /// What callers may know without the lock. Zero promises nothing, and is all that a machine without a hot path has to
    /// say.
    fn gate(&self, _config: &Self::Config) -> u64 {
        0
    }
    /// The reply to `input`, if the word alone tells that the step would change nothing and emit nothing.
    fn glance(_gate: u64, _input: &Self::Input, _clock: &(impl Clock + ?Sized)) -> Option<Self::Reply> {
        None
    }
    /// The reply to `input` and the word that is left, if the word allows the step: it would emit nothing, and
    /// [`Gate::spent`] can make up for all that it changes.
    fn spend(_gate: u64, _input: &Self::Input) -> Option<(Self::Reply, u64)> {
        None
    }
    /// The same word without its allowance.
    fn withdrawn(gate: u64) -> u64 {
        gate
    }
    /// Takes the steps that were spent while the word went from `published`, which is this state's own, to `left`.
    fn spent(&mut self, _published: u64, _left: u64) {}
}
