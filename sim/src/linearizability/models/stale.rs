//! Registers into which values are written twice, or that are swapped: what can be seen to be wrong without a search.
//!
//! Whoever observes a value that nobody had set yet, or that was surely replaced after the last who set it was done, is
//! wrong. So is one of those who swapped a value away more often than it was set. Whether a register without such answers can be explained is a hard question, for a search.

use super::{RegisterOperation, RegisterOutcome, Value};
use crate::linearizability::Told;
use std::collections::BTreeMap;

type Operations<'h, V> = [Told<'h, RegisterOperation<V>, RegisterOutcome<V>>];

/// Whether some answer is surely wrong.
pub(super) fn is_surely_wrong<V: Value>(initial: &V, told: &Operations<'_, V>) -> bool {
    let (setters, holders) = (Setters::of(initial, told), Holders::of(told));
    is_taken_too_often(&setters, told) || is_stale(&setters, &holders, told)
}

/// Whether a value is swapped away more often than it is set.
fn is_taken_too_often<V: Value>(setters: &Setters<'_, V>, told: &Operations<'_, V>) -> bool {
    let mut taken = BTreeMap::<&V, usize>::new();
    told.iter().filter(|told| told.answered != NEVER && left(told).is_some()).any(|told| {
        observed(told).is_some_and(|value| {
            let taken = taken.entry(value).or_default();
            *taken += 1;
            *taken > setters.count(value)
        })
    })
}

fn is_stale<V: Value>(setters: &Setters<'_, V>, holders: &Holders<'_, V>, told: &Operations<'_, V>) -> bool {
    told.iter().filter(|told| told.answered != NEVER).any(|told| {
        let observed = observed(told);
        observed.is_some_and(|value| match setters.last(value, told.answered) {
            None => true,
            Some(last) => holders.is_replaced(value, last, event(told.called)),
        })
    })
}

const NEVER: u32 = u32::MAX;

/// Events count from one here: the initial value is set before them.
fn event(event: u32) -> u64 {
    u64::from(event) + 1
}

/// The value that an operation surely found. One that sets the very same explains itself and is not looked at.
fn observed<'h, V: Value>(told: &Told<'h, RegisterOperation<V>, RegisterOutcome<V>>) -> Option<&'h V> {
    match (told.operation, told.outcome) {
        (RegisterOperation::Read, Some(RegisterOutcome::Read(value))) => Some(value),
        (RegisterOperation::Swap { expected, new }, Some(RegisterOutcome::Swapped)) => {
            (expected != new).then_some(expected)
        }
        _ => None,
    }
}

/// The value that an operation leaves, if it does anything.
fn left<'h, V: Value>(told: &Told<'h, RegisterOperation<V>, RegisterOutcome<V>>) -> Option<&'h V> {
    match (told.operation, told.outcome) {
        (RegisterOperation::Write(value) | RegisterOperation::Swap { new: value, .. }, outcome) => {
            (outcome != Some(&RegisterOutcome::Refused)).then_some(value)
        }
        (RegisterOperation::Read, _) => None,
    }
}

/// For each value, who may set it, by call, and when the last of them and of all before is answered.
struct Setters<'h, V> {
    by_value: BTreeMap<&'h V, Vec<(u32, u64)>>,
}

impl<'h, V: Value> Setters<'h, V> {
    fn of(initial: &'h V, told: &Operations<'h, V>) -> Self {
        let mut by_value = BTreeMap::from([(initial, vec![(0, 0)])]);
        for told in told {
            if let Some(value) = left(told) {
                by_value.entry(value).or_default().push((told.called, event(told.answered)));
            }
        }
        for setters in by_value.values_mut() {
            setters.sort_unstable();
            let mut last = 0;
            setters.iter_mut().for_each(|(_, answered)| {
                last = last.max(*answered);
                *answered = last;
            });
        }
        Self { by_value }
    }

    fn count(&self, value: &V) -> usize {
        self.by_value.get(value).map_or(0, Vec::len)
    }

    /// When the last of those that were called before this event is done.
    fn last(&self, value: &V, before: u32) -> Option<u64> {
        let setters = self.by_value.get(value)?;
        let called = setters.partition_point(|(called, _)| *called < before);
        Some(setters[called.checked_sub(1)?].1)
    }
}

/// Who surely found or left some value, by call, and the first two of different values that are answered, of these and
/// all after.
struct Holders<'h, V> {
    calls: Vec<u64>,
    firsts: Vec<[Option<(u64, &'h V)>; 2]>,
}

impl<'h, V: Value> Holders<'h, V> {
    fn of(told: &Operations<'h, V>) -> Self {
        let answered = told.iter().filter(|told| told.answered != NEVER);
        let held =
            answered.filter_map(|told| Some((told.called, told.answered, left(told).or_else(|| observed(told))?)));
        let mut held: Vec<(u32, u32, &V)> = held.collect();
        held.sort_unstable_by_key(|(called, ..)| *called);
        let mut first: [Option<(u64, &V)>; 2] = [None, None];
        let firsts = held.iter().rev().map(|(_, answered, value)| {
            first = earliest(first, (event(*answered), value));
            first
        });
        let mut firsts: Vec<_> = firsts.collect();
        firsts.reverse();
        Self { calls: held.iter().map(|(called, ..)| event(*called)).collect(), firsts }
    }

    /// Whether another value surely stood there after one event and before another.
    fn is_replaced(&self, value: &V, after: u64, before: u64) -> bool {
        let called = self.calls.partition_point(|called| *called <= after);
        let others = self.firsts.get(called).into_iter().flatten().flatten();
        others.into_iter().any(|(answered, other)| *other != value && *answered < before)
    }
}

/// The first two of different values.
fn earliest<'h, V: Eq>([first, second]: [Option<(u64, &'h V)>; 2], new: (u64, &'h V)) -> [Option<(u64, &'h V)>; 2] {
    match first {
        None => [Some(new), None],
        Some(held) if held.1 == new.1 => [Some(if new.0 < held.0 { new } else { held }), second],
        Some(held) if new.0 < held.0 => [Some(new), Some(held)],
        Some(_) => match second {
            Some(other) if other.0 <= new.0 => [first, second],
            _ => [first, Some(new)],
        },
    }
}
