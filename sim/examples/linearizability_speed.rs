//! How fast histories are judged: `cargo run --release -p purlin-sim --example linearizability_speed [CLIENTS] [OPERATIONS]`.
//!
//! So many clients (16 unless given), each with so many operations (1,000) one after another and without a pause, on a
//! register, a map and a queue; as they should be, and with one thing that goes wrong near the end. Then writes that all
//! overlap. Prints what each took.

#![allow(clippy::print_stdout, reason = "it is a report")]

use purlin::Instant;
use purlin_sim::Die;
use purlin_sim::linearizability::{
    Checker, History, KeyValue, Keyed, Queue, QueueOperation, QueueOutcome, Register, RegisterOperation,
    RegisterOutcome, Specification, Verdict,
};
use std::collections::{BTreeMap, VecDeque};

type Operation = RegisterOperation<u64>;
type Outcome = RegisterOutcome<u64>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let clients: u64 = arguments.next().map_or(Ok(16), |clients| clients.parse())?;
    let operations: u64 = arguments.next().map_or(Ok(1_000), |operations| operations.parse())?;
    println!("{clients} clients with {operations} operations each");
    for wrong in [None, Some(Wrong::Invented), Some(Wrong::Stale), Some(Wrong::Lost)] {
        let size = Size { clients, operations, wrong };
        registers(size)?;
        maps(size)?;
        queues(size)?;
    }
    for writers in [8, 12, 16, 18] {
        judge(&format!("{writers} writes at once, read in reverse"), Register::new(0), &overlapping(writers, true)?);
        judge(&format!("{writers} writes at once, an old value read"), Register::new(0), &overlapping(writers, false)?);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Size {
    clients: u64,
    operations: u64,
    wrong: Option<Wrong>,
}

/// What goes wrong near the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Somebody is answered what never was, once.
    Invented,
    /// Somebody is answered what was long ago, once: an old value, or a message a second time.
    Stale,
    /// What was written is gone: two dozen writes are answered and not done, or a message is passed over.
    Lost,
}

/// An object that does one operation at a time.
trait Object {
    type Operation;
    type Outcome;

    /// Something to do, `fresh` being a new number; it is done, and wrongly if it can be.
    fn happen(&mut self, die: &mut Die, fresh: u64, wrong: &mut Option<Wrong>) -> (Self::Operation, Self::Outcome);
}

struct Held {
    value: u64,
    first: Option<u64>,
    lost: u32,
}

impl Held {
    const NOTHING: Self = Self { value: 0, first: None, lost: 0 };

    fn happen(&mut self, operation: Operation, wrong: &mut Option<Wrong>) -> Outcome {
        match operation {
            RegisterOperation::Read => RegisterOutcome::Read(self.read(wrong)),
            RegisterOperation::Write(_) if self.loses(wrong) => RegisterOutcome::Written,
            RegisterOperation::Swap { expected, .. } if expected != self.value => RegisterOutcome::Refused,
            RegisterOperation::Write(value) => self.set(value, RegisterOutcome::Written),
            RegisterOperation::Swap { new, .. } => self.set(new, RegisterOutcome::Swapped),
        }
    }

    fn read(&self, wrong: &mut Option<Wrong>) -> u64 {
        match (*wrong, self.first) {
            (Some(Wrong::Invented), _) => wrong.take().map_or(self.value, |_| 7),
            (Some(Wrong::Stale), Some(first)) if first != self.value => wrong.take().map_or(self.value, |_| first),
            _ => self.value,
        }
    }

    /// For some writes.
    fn loses(&mut self, wrong: &mut Option<Wrong>) -> bool {
        const LOST: u32 = 24;
        let loses = *wrong == Some(Wrong::Lost);
        self.lost += u32::from(loses);
        wrong.take_if(|wrong| *wrong == Wrong::Lost && self.lost == LOST);
        loses
    }

    fn set(&mut self, value: u64, outcome: Outcome) -> Outcome {
        self.value = value;
        self.first.get_or_insert(value);
        outcome
    }
}

struct Registers {
    held: Held,
    values: u64,
    kinds: u64,
}

impl Object for Registers {
    type Operation = Operation;
    type Outcome = Outcome;

    fn happen(&mut self, die: &mut Die, fresh: u64, wrong: &mut Option<Wrong>) -> (Operation, Outcome) {
        let value = |fresh| 1_000 + fresh % self.values;
        let operation = match die.below(self.kinds) {
            0 => RegisterOperation::Read,
            1 => RegisterOperation::Write(value(fresh)),
            _ => RegisterOperation::Swap { expected: value(die.below(self.values)), new: value(fresh) },
        };
        (operation, self.held.happen(operation, wrong))
    }
}

fn registers(size: Size) -> Result<(), Box<dyn std::error::Error>> {
    for (name, values, kinds) in
        [("register", u64::MAX, 2), ("register, 5 values", 5, 2), ("register, 5 values, swaps", 5, 3)]
    {
        let history = live(size, Registers { held: Held::NOTHING, values, kinds })?;
        judge(&size.named(name), Register::new(0), &history);
    }
    Ok(())
}

struct Maps {
    entries: BTreeMap<u64, Held>,
    keys: u64,
    /// One in so many operations removes.
    removals: u64,
}

impl Object for Maps {
    type Operation = Keyed<u64, RegisterOperation<Option<u64>>>;
    type Outcome = RegisterOutcome<Option<u64>>;

    fn happen(&mut self, die: &mut Die, fresh: u64, wrong: &mut Option<Wrong>) -> (Self::Operation, Self::Outcome) {
        let key = die.below(self.keys);
        let held = self.entries.entry(key).or_insert(Held::NOTHING);
        let operation = match die.below(2) {
            0 => RegisterOperation::Read,
            _ if die.below(self.removals) == 0 => RegisterOperation::Write(0),
            _ => RegisterOperation::Write(1_000 + fresh),
        };
        // A map holds nothing under a key at first; inside, zero stands for that.
        let some = |value| (value != 0).then_some(value);
        let outcome = match held.happen(operation, wrong) {
            RegisterOutcome::Read(value) => RegisterOutcome::Read(some(value)),
            _ => RegisterOutcome::Written,
        };
        let operation = match operation {
            RegisterOperation::Write(value) => RegisterOperation::Write(some(value)),
            RegisterOperation::Read | RegisterOperation::Swap { .. } => RegisterOperation::Read,
        };
        (Keyed { key, operation }, outcome)
    }
}

fn maps(size: Size) -> Result<(), Box<dyn std::error::Error>> {
    for (name, keys, removals) in
        [("map, 64 keys", 64, u64::MAX), ("map, 64 keys, removals", 64, 4), ("map, 1 key, removals", 1, 4)]
    {
        let history = live(size, Maps { entries: BTreeMap::new(), keys, removals })?;
        judge(&size.named(name), KeyValue::empty(), &history);
    }
    Ok(())
}

#[derive(Default)]
struct Queues {
    held: VecDeque<u64>,
    first: Option<u64>,
    /// One in so many operations is a dequeue.
    dequeues: u64,
}

impl Object for Queues {
    type Operation = QueueOperation<u64>;
    type Outcome = QueueOutcome<u64>;

    fn happen(&mut self, die: &mut Die, fresh: u64, wrong: &mut Option<Wrong>) -> (Self::Operation, Self::Outcome) {
        if die.below(self.dequeues) == 0 {
            return (QueueOperation::Dequeue, QueueOutcome::Dequeued(self.dequeue(wrong)));
        }
        self.held.push_back(fresh);
        (QueueOperation::Enqueue(fresh), QueueOutcome::Enqueued)
    }
}

impl Queues {
    fn dequeue(&mut self, wrong: &mut Option<Wrong>) -> Option<u64> {
        match (*wrong, self.first) {
            (Some(Wrong::Invented), _) => wrong.take().map(|_| u64::MAX),
            (Some(Wrong::Stale), Some(first)) => wrong.take().map(|_| first),
            _ => {
                if !self.held.is_empty() && wrong.take_if(|wrong| *wrong == Wrong::Lost).is_some() {
                    self.held.pop_front();
                }
                let given = self.held.pop_front();
                self.first = self.first.or(given);
                given
            }
        }
    }
}

fn queues(size: Size) -> Result<(), Box<dyn std::error::Error>> {
    for (name, dequeues) in [("queue", 2), ("queue that grows", 3)] {
        let history = live(size, Queues { dequeues, ..Queues::default() })?;
        judge(&size.named(name), Queue::new(), &history);
    }
    Ok(())
}

impl Size {
    fn named(self, name: &str) -> String {
        self.wrong.map_or_else(|| name.to_owned(), |wrong| format!("{name}: {wrong:?}"))
    }
}

/// Clients that are never idle. Each operation happens at a moment of its own between its call and its answer.
fn live<T: Object>(size: Size, mut object: T) -> Result<History<T::Operation, T::Outcome>, Box<dyn std::error::Error>> {
    let (mut die, mut history, mut wrong) = (Die::new(1, "speed"), History::default(), None);
    let mut spans: Vec<[u64; 3]> = Vec::new();
    let mut clients = BTreeMap::new();
    for client in 0..size.clients {
        let mut now = die.below(1_000_000);
        for _ in 0..size.operations {
            let (called, happens) = (now, now + die.between(1, 500_000));
            now = happens + die.between(1, 500_000);
            clients.insert(happens, client as u32);
            spans.push([happens, called, now]);
        }
    }
    spans.sort_unstable();
    let late = spans.len() * 9 / 10;
    for (fresh, [happens, called, answered]) in (1..).zip(spans) {
        if fresh == late as u64 {
            wrong = size.wrong;
        }
        let (operation, outcome) = object.happen(&mut die, fresh, &mut wrong);
        let answer = Some((Instant::from_nanos(answered), outcome));
        history.record(clients[&happens], operation, Instant::from_nanos(called), answer)?;
    }
    Ok(history)
}

/// Rounds of writes that all overlap, and reads, one after another, that find them in reverse, or one that finds the value
/// of the round before.
fn overlapping(writers: u64, is_right: bool) -> Result<History<Operation, Outcome>, Box<dyn std::error::Error>> {
    const ROUNDS: u64 = 20;
    let mut history = History::default();
    for round in 0..ROUNDS {
        let at = |event: u64| Instant::from_nanos(round * 1_000 + event);
        let value = |writer: u64| 1 + round * writers + writer;
        for writer in 0..writers {
            let written = Some((at(900), RegisterOutcome::Written));
            history.record(writer as u32, RegisterOperation::Write(value(writer)), at(1), written)?;
        }
        let stale = !is_right && round == ROUNDS - 1;
        let found = if stale { value(0) - 1 } else { value(0) };
        let (called, answered) = if is_right { (100, 200) } else { (950, 960) };
        history.record(99, RegisterOperation::Read, at(called), Some((at(answered), RegisterOutcome::Read(found))))?;
    }
    Ok(history)
}

fn judge<S: Specification>(name: &str, specification: S, history: &History<S::Operation, S::Outcome>) {
    let began = cpu_seconds();
    let judgement = Checker::new(specification).judge(history);
    let took = cpu_seconds() - began;
    let verdict = match &judgement.verdict {
        Verdict::Linearizable(_) => "linearizable".to_owned(),
        Verdict::Broken(broken) => {
            let witness = &broken.witness;
            format!("broken, shown by {}{}", witness.calls.len(), if witness.is_minimal { "" } else { " at most" })
        }
        Verdict::Unknown(_) => "undecided".to_owned(),
    };
    let effort = judgement.effort;
    println!(
        "{name:40} {verdict:26} {took:8.3} CPU-s {:12} steps {:10} configurations",
        effort.steps, effort.configurations
    );
}

#[cfg(target_os = "linux")]
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Where thread clocks are not at hand, the time that has passed since the first call.
#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> f64 {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed().as_secs_f64()
}
