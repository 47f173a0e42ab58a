//! What an object does when one operation follows another: the yardstick that concurrent histories are held against.

use core::fmt::Debug;
use core::hash::Hash;

/// An object, as it behaves when operations never overlap.
///
/// A counter that is asked to add and answers what it then holds:
///
/// ```
/// use purlin::Instant;
/// use purlin_sim::linearizability::{Checker, History, Specification};
///
/// struct Counter;
///
/// impl Specification for Counter {
///     type State = u64;
///     type Operation = u64;
///     type Outcome = u64;
///     type Next = Option<u64>;
///     type Key = ();
///     type Value = ();
///
///     fn initial(&self) -> u64 {
///         0
///     }
///
///     fn step(&self, held: &u64, added: &u64, answered: Option<&u64>) -> Option<u64> {
///         let sum = held + added;
///         answered.is_none_or(|answered| *answered == sum).then_some(sum)
///     }
///
///     fn key(&self, _: &u64) {}
/// }
///
/// let mut history = History::default();
/// let first = history.invoke(0, Instant::from_millis(1), 5);
/// let second = history.invoke(1, Instant::from_millis(1), 6);
/// history.answer(first, Instant::from_millis(2), 11)?;
/// history.answer(second, Instant::from_millis(2), 6)?;
/// assert!(Checker::new(Counter).judge(&history).verdict.is_linearizable());
/// # Ok::<(), purlin_sim::linearizability::InvalidHistory>(())
/// ```
pub trait Specification {
    /// What the object holds.
    type State: Clone + Debug + Eq + Hash;
    /// What it can be asked.
    type Operation: Clone + Debug + Eq + Hash;
    /// What it can answer.
    type Outcome: Clone + Debug + Eq + Hash;
    /// The states after an operation: an `Option` where the object is deterministic, else a `Vec`.
    type Next: IntoIterator<Item = Self::State>;
    /// Names the part of the object that an operation touches, such as a key of a map; `()` for an undivided object.
    type Key: Clone + Debug + Ord;
    /// What a [`Footprint`] names; `()` where there is none.
    type Value: Clone + Ord;

    /// What each part holds at first.
    fn initial(&self) -> Self::State;

    /// Every state that `operation` may lead to from `state` if it answers `outcome`; none if it cannot answer so.
    /// Without an outcome nobody knows what it answered, and every state counts that any answer leads to.
    fn step(&self, state: &Self::State, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Self::Next;

    /// The part that `operation` touches. Parts must not know of each other: a history is then linearizable if and only
    /// if it is in each part (Herlihy and Wing, 1990, theorem 1), and parts are judged one by one.
    fn key(&self, operation: &Self::Operation) -> Self::Key;

    /// What `operation`, which answered `outcome` (`None`: nobody knows), has to do with others. It makes judging quicker,
    /// and witnesses of long histories small. Without it nothing is promised; what is promised must be kept, or a
    /// verdict may be wrong: see [`Footprint`].
    fn footprint(&self, _operation: &Self::Operation, _outcome: Option<&Self::Outcome>) -> Footprint<Self::Value> {
        Footprint { changes: true, values: Values::All }
    }

    /// What all answers together tell in advance: a judge of states, which says what a state comes to as far as it matters
    /// for them, or `None` if it cannot lead on to them. It makes judging quicker. It must be exact: nothing that leads on
    /// may be refused, and states that come to the same must lead on alike.
    fn foresee<'h>(&self, _told: &[Told<'h, Self::Operation, Self::Outcome>]) -> Option<Foresight<'h, Self::State>> {
        None
    }

    /// Whether some order explains every answer, where that can be told without a search; `None` where it cannot. Whatever
    /// it says is believed, so it must be exact.
    fn decide(&self, _told: &[Told<'_, Self::Operation, Self::Outcome>]) -> Option<Decision> {
        None
    }

    /// The operation and its outcome in words, to follow "client 3's".
    fn describe(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> String {
        match outcome {
            Some(outcome) => format!("{operation:?}, answered {outcome:?},"),
            None => format!("{operation:?}, never answered,"),
        }
    }
}

/// What [`Specification::decide`] has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These operations, by their index, in this order explain every answer. What is left out never happens, and has no
    /// answer.
    Order(Vec<u32>),
    /// There is no such order.
    NoOrder,
}

/// An operation of a history, for [`Specification::foresee`] and [`Specification::decide`].
#[derive(Clone, Copy, Debug)]
pub struct Told<'h, O, R> {
    /// What was asked.
    pub operation: &'h O,
    /// What was answered, if anybody knows. With an outcome and without an answer, it need not have happened, but if it has, it
    /// answered so.
    pub outcome: Option<&'h R>,
    /// Which event of the history its call was.
    pub called: u32,
    /// Which event its answer was; `u32::MAX` if it has none.
    pub answered: u32,
}

/// What a state comes to; see [`Specification::foresee`].
pub type Foresight<'h, T> = Box<dyn Fn(T) -> Option<T> + 'h>;

/// What an operation has to do with others.
///
/// Two operations that name a common value belong together, and so do all that are connected in this way. The promise:
/// if a history is linearizable, it stays so when all operations of such a group are left out, along with all that
/// change nothing and concern [`Values::All`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint<V> {
    /// Whether it may alter any state. One that alters none can be left out on its own.
    pub changes: bool,
    /// The values that it concerns.
    pub values: Values<V>,
}

/// The values that an operation concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values<V> {
    /// These. None at all says that it stays explained whichever values are left out.
    Only(Vec<V>),
    /// Any.
    All,
}
