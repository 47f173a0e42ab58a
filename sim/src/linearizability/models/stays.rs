//! Queues into which no value is put twice, judged without a search.
//!
//! A value *stays* from its enqueue to its dequeue. Queues know four ways to go wrong ([Henzinger, Sezgin and Vafeiadis, 2013]):
//! a value leaves that never came, or leaves twice, or leaves before another that came before it, or somebody is told that
//! the queue is empty while at every moment some value surely stays. There is an order if and only if none of them is found.
//!
//! Finding one goes like this. Whoever was told that the queue is empty was so at a moment at which no value surely
//! stays; take it for the stay of a value that comes and leaves at that moment. One value goes before another if it
//! surely comes first or surely leaves first; sort all so. Then each value comes as late as it may, and leaves as early as it
//! may, in this order.
//!
//! ```text
//! enqueue ├──────────┤
//!                         dequeue ├───────┤
//!                    ▓▓▓▓▓▓▓▓▓▓▓▓▓▓              the value surely stays
//! ```
//!
//! Dequeues of which nobody heard are given to the values that came first of those that nobody was given: sooner is better.
//!
//! [Henzinger, Sezgin and Vafeiadis, 2013]: https://doi.org/10.1007/978-3-642-40184-8_18

use super::{QueueOperation, QueueOutcome, Value};
use crate::linearizability::{Decision, Told};
use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

type Operations<'h, V> = [Told<'h, QueueOperation<V>, QueueOutcome<V>>];

/// `None` if values come twice, or if some dequeues are known by half.
pub(super) fn decide<V: Value>(told: &Operations<'_, V>) -> Option<Decision> {
    let mut stays = enqueues(told)?;
    let Some(Others { unheard, empty }) = dequeues(told, &mut stays) else {
        return Some(Decision::NoOrder);
    };
    let mut stays: Vec<Stay> = stays.into_values().filter(Stay::is_needed).collect();
    if !unheard.is_empty() && stays.iter().any(Stay::may_end_unheard) {
        return None;
    }
    let is_possible = stays.iter_mut().all(Stay::tighten);
    give_away(&mut stays, unheard);
    let order = is_possible && place(empty, &mut stays);
    let order = order.then(|| in_order(stays)).flatten();
    Some(order.map_or(Decision::NoOrder, |stays| Decision::Order(play(&stays))))
}

const NEVER: u32 = u32::MAX;

/// An operation, and when it was open.
#[derive(Clone, Copy, Debug)]
struct Open {
    operation: u32,
    call: u32,
    answer: u32,
}

impl Open {
    /// It never happens.
    const NEVER: Self = Self { operation: NEVER, call: NEVER, answer: NEVER };

    fn new<O, R>(operation: u32, told: &Told<'_, O, R>) -> Self {
        Self { operation, call: told.called, answer: told.answered }
    }
}

/// How a value comes and leaves.
#[derive(Clone, Copy, Debug)]
struct Stay {
    come: Open,
    leave: Open,
}

impl Stay {
    /// What nobody waits for and nobody was given may as well not be.
    fn is_needed(&self) -> bool {
        self.come.answer != NEVER || self.leave.answer != NEVER
    }

    /// Somebody may be given it, or not, and somebody else as well.
    fn may_end_unheard(&self) -> bool {
        self.leave.call != NEVER && self.leave.answer == NEVER
    }

    /// It comes before it leaves, and leaves after it came. Whether that can be.
    fn tighten(&mut self) -> bool {
        self.come.answer = self.come.answer.min(self.leave.answer);
        self.leave.call = self.leave.call.max(self.come.call);
        self.come.call < self.come.answer
    }

    /// Between which events it surely stays.
    fn surely(&self) -> Option<(u32, u32)> {
        (self.come.answer < self.leave.call).then_some((self.come.answer, self.leave.call))
    }
}

/// The values that come.
fn enqueues<'h, V: Value>(told: &Operations<'h, V>) -> Option<BTreeMap<&'h V, Stay>> {
    let mut stays = BTreeMap::new();
    for (index, told) in (0..).zip(told) {
        match (told.operation, told.outcome) {
            (QueueOperation::Enqueue(value), None | Some(QueueOutcome::Enqueued)) => {
                let stay = Stay { come: Open::new(index, told), leave: Open::NEVER };
                if stays.insert(value, stay).is_some() {
                    return None;
                }
            }
            (QueueOperation::Dequeue, None | Some(QueueOutcome::Dequeued(_))) => {}
            _ => return None,
        }
    }
    Some(stays)
}

/// Dequeues that gave no value that is known.
#[derive(Default)]
struct Others {
    unheard: Vec<Open>,
    empty: Vec<Open>,
}

/// Lets the values leave. `None` if one leaves that never came, or leaves twice.
fn dequeues<V: Value>(told: &Operations<'_, V>, stays: &mut BTreeMap<&V, Stay>) -> Option<Others> {
    let mut others = Others::default();
    for (index, told) in (0..).zip(told) {
        let open = Open::new(index, told);
        match (told.operation, told.outcome) {
            (QueueOperation::Dequeue, None) => others.unheard.push(open),
            (QueueOperation::Dequeue, Some(QueueOutcome::Dequeued(None))) if open.answer != NEVER => {
                others.empty.push(open);
            }
            (_, Some(QueueOutcome::Dequeued(Some(value)))) => leave(stays.get_mut(value), open)?,
            _ => {}
        }
    }
    Some(others)
}

/// Lets a value leave. Of several that may have been given it and may not, the first to ask is enough.
fn leave(stay: Option<&mut Stay>, leave: Open) -> Option<()> {
    let is_sure = leave.answer != NEVER;
    match stay {
        None => (!is_sure).then_some(()),
        Some(stay) if is_sure && stay.leave.answer != NEVER => None,
        Some(stay) => {
            if is_sure || (stay.leave.answer == NEVER && leave.call < stay.leave.call) {
                stay.leave = leave;
            }
            Some(())
        }
    }
}

/// Gives values that nobody was given to those who never heard.
fn give_away(stays: &mut [Stay], mut unheard: Vec<Open>) {
    let mut kept: Vec<&mut Stay> = stays.iter_mut().filter(|stay| stay.leave.operation == NEVER).collect();
    kept.sort_unstable_by_key(|stay| stay.come.answer);
    unheard.sort_unstable_by_key(|dequeue| dequeue.call);
    for (stay, dequeue) in kept.into_iter().zip(unheard) {
        stay.leave = Open { call: dequeue.call.max(stay.come.call), ..dequeue };
    }
}

/// Adds a stay of one moment for each who was told that the queue is empty. Whether there are such moments.
fn place(empty: Vec<Open>, stays: &mut Vec<Stay>) -> bool {
    let held = held(stays);
    empty.into_iter().all(|dequeue| {
        let after = held.partition_point(|(begin, _)| *begin < dequeue.call);
        let around = after.checked_sub(1).map(|index| held[index].1).filter(|end| dequeue.call < *end);
        let moment = around.unwrap_or(dequeue.call);
        let at = Open { operation: NEVER, call: moment, answer: moment };
        stays.push(Stay { come: Open { operation: dequeue.operation, ..at }, leave: at });
        moment <= dequeue.answer
    })
}

/// Between which events some value surely stays.
fn held(stays: &[Stay]) -> Vec<(u32, u32)> {
    let mut sure: Vec<(u32, u32)> = stays.iter().filter_map(Stay::surely).collect();
    sure.sort_unstable();
    let mut held: Vec<(u32, u32)> = Vec::new();
    for (begin, end) in sure {
        match held.last_mut() {
            Some((_, last)) if begin < *last => *last = end.max(*last),
            _ => held.push((begin, end)),
        }
    }
    held
}

/// The stays in an order in which they may come and may leave, if there is one.
fn in_order(mut stays: Vec<Stay>) -> Option<Vec<Stay>> {
    stays.sort_unstable_by_key(|stay| stay.come.call);
    let mut coming = Firsts::new(&stays, |stay| stay.come.answer);
    let mut leaving = Firsts::new(&stays, |stay| stay.leave.answer);
    let (mut order, mut is_placed, mut called) = (Vec::with_capacity(stays.len()), vec![false; stays.len()], 0);
    let mut candidates = BinaryHeap::new();
    while order.len() < stays.len() {
        let first = coming.first(&is_placed);
        while stays.get(called).is_some_and(|stay| stay.come.call <= first) {
            candidates.push(Reverse((stays[called].leave.call, called)));
            called += 1;
        }
        let Reverse((call, next)) = candidates.pop()?;
        if call > leaving.first(&is_placed) {
            return None;
        }
        is_placed[next] = true;
        order.push(stays[next]);
    }
    Some(order)
}

/// The first event of those that are left.
struct Firsts {
    events: Vec<(u32, usize)>,
    passed: usize,
}

impl Firsts {
    fn new(stays: &[Stay], event: impl Fn(&Stay) -> u32) -> Self {
        let mut events: Vec<(u32, usize)> = stays.iter().map(event).zip(0..).collect();
        events.sort_unstable();
        Self { events, passed: 0 }
    }

    fn first(&mut self, is_placed: &[bool]) -> u32 {
        self.passed += self.events[self.passed..].iter().take_while(|(_, stay)| is_placed[*stay]).count();
        self.events.get(self.passed).map_or(NEVER, |(event, _)| *event)
    }
}

/// The operations: each value comes as late as it may, and leaves as early as it may.
fn play(stays: &[Stay]) -> Vec<u32> {
    let (come, leave) = moments(stays);
    let (mut operations, mut left) = (Vec::with_capacity(2 * stays.len()), 0);
    for (index, stay) in stays.iter().enumerate() {
        while left < index && leave[left] <= come[index] {
            operations.push(stays[left].leave.operation);
            left += 1;
        }
        operations.push(stay.come.operation);
    }
    let rest = stays[left..].iter().zip(&leave[left..]).take_while(|(_, moment)| **moment != NEVER);
    operations.extend(rest.map(|(stay, _)| stay.leave.operation));
    operations.retain(|operation| *operation != NEVER);
    operations
}

/// When each value comes and leaves, never before those that stand before it.
fn moments(stays: &[Stay]) -> (Vec<u32>, Vec<u32>) {
    let mut come: Vec<u32> = stays.iter().map(|stay| stay.come.answer).collect();
    for index in (1..come.len()).rev() {
        come[index - 1] = come[index - 1].min(come[index]);
    }
    let leave = stays.iter().zip(&come).scan(0, |latest, (stay, come)| {
        *latest = stay.leave.call.max(*come).max(*latest);
        Some(*latest)
    });
    let leave = leave.collect();
    (come, leave)
}
