//! How fast histories are judged: `cargo run --release -p purlin-sim --example linearizability_speed [CLIENTS] [OPERATIONS]`.
//!
//! So many clients (16 unless given) with so many operations each (1,000) on one register, on a queue and on a map; as
//! they should be, and with one answer that is wrong near the end. Then writes that all overlap. Prints what each took.

#![allow(clippy::print_stdout, reason = "it is a report")]

use purlin::Instant;
use purlin_sim::Die;
use purlin_sim::linearizability::{
    Checker, History, KeyValue, Keyed, Queue, QueueOperation, QueueOutcome, Register, RegisterOperation,
    RegisterOutcome, Specification, Verdict,
};
use std::collections::{BTreeMap, VecDeque};

type Reads = RegisterOutcome<u64>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let clients: u64 = arguments.next().map_or(Ok(16), |clients| clients.parse())?;
    let operations: u64 = arguments.next().map_or(Ok(1_000), |operations| operations.parse())?;
    let size = (clients, clients * operations);
    println!("{clients} clients with {operations} operations each");
    for lies in [false, true] {
        for (name, values) in [("register, 5 values", 5), ("register, all values differ", u64::MAX)] {
            let mut held = 0;
            let history = live(size, lies.then_some(Reads::Read(7)), |die, fresh| {
                let operation = drawn(die, fresh, values);
                (operation, register(&mut held, operation))
            });
            judge(name, Register::new(0), &history);
        }
        let mut held = BTreeMap::new();
        let history = live(size, lies.then_some(RegisterOutcome::Read(Some(7))), |die, fresh| {
            let (key, operation) = (die.below(64), drawn(die, fresh, u64::MAX));
            (Keyed { key, operation: optional(operation) }, seen(register(held.entry(key).or_default(), operation)))
        });
        judge("map, 64 keys", KeyValue::empty(), &history);
        let mut held = VecDeque::new();
        let history =
            live(size, lies.then_some(QueueOutcome::Dequeued(Some(7))), |die, fresh| queue(&mut held, die, fresh));
        judge("queue", Queue::new(), &history);
    }
    for writers in [8, 12, 16, 18] {
        judge(&format!("{writers} writes at once, read in reverse"), Register::new(0), &overlapping(writers, true)?);
        judge(&format!("{writers} writes at once, an old value read"), Register::new(0), &overlapping(writers, false)?);
    }
    Ok(())
}

fn drawn(die: &mut Die, fresh: u64, values: u64) -> RegisterOperation<u64> {
    match die.below(2) {
        0 => RegisterOperation::Read,
        _ => RegisterOperation::Write(1_000 + fresh % values),
    }
}

fn register(held: &mut u64, operation: RegisterOperation<u64>) -> Reads {
    match operation {
        RegisterOperation::Write(value) => {
            *held = value;
            Reads::Written
        }
        RegisterOperation::Read | RegisterOperation::Swap { .. } => Reads::Read(*held),
    }
}

/// A map holds nothing under a key at first; here zero stands for that.
fn optional(operation: RegisterOperation<u64>) -> RegisterOperation<Option<u64>> {
    match operation {
        RegisterOperation::Write(value) => RegisterOperation::Write(Some(value)),
        RegisterOperation::Read | RegisterOperation::Swap { .. } => RegisterOperation::Read,
    }
}

fn seen(outcome: Reads) -> RegisterOutcome<Option<u64>> {
    match outcome {
        Reads::Read(value) => RegisterOutcome::Read((value != 0).then_some(value)),
        _ => RegisterOutcome::Written,
    }
}

fn queue(held: &mut VecDeque<u64>, die: &mut Die, fresh: u64) -> (QueueOperation<u64>, QueueOutcome<u64>) {
    if die.below(2) == 0 {
        held.push_back(1_000 + fresh);
        return (QueueOperation::Enqueue(1_000 + fresh), QueueOutcome::Enqueued);
    }
    (QueueOperation::Dequeue, QueueOutcome::Dequeued(held.pop_front()))
}

/// Operations that happen at a moment between call and answer, all drawn; `lie` is answered once, near the end.
fn live<O, R: Clone>(
    (clients, operations): (u64, u64),
    lie: Option<R>,
    mut happen: impl FnMut(&mut Die, u64) -> (O, R),
) -> History<O, R>
where
    R: PartialEq,
{
    let (mut die, mut history) = (Die::new(1, "speed"), History::default());
    let mut free = vec![0; clients as usize];
    let mut lie = lie;
    for number in 0..operations {
        // Operations happen one after another, a hundred nanoseconds apart; calls and answers lie around that.
        let happens = 1_000_000 + number * 100;
        let client = number as usize % free.len();
        let called = u64::max(free[client], happens - die.below(clients * 50));
        let answered = happens + die.below(clients * 50);
        free[client] = answered + 1;
        let (operation, mut outcome) = happen(&mut die, number);
        let is_alike =
            lie.as_ref().is_some_and(|lie| core::mem::discriminant(lie) == core::mem::discriminant(&outcome));
        if number > operations * 9 / 10 && is_alike {
            outcome = lie.take().unwrap_or(outcome);
        }
        let answer = Some((Instant::from_nanos(answered), outcome));
        // The client may still have been busy when it happened: then it called late, and the operation a little later.
        let _ = history.record(client as u32, operation, Instant::from_nanos(called), answer);
    }
    history
}

/// Rounds of writes that all overlap, and reads, one after another, that find them in reverse, or one that finds the value
/// of the round before.
fn overlapping(
    writers: u64,
    is_right: bool,
) -> Result<History<RegisterOperation<u64>, Reads>, Box<dyn std::error::Error>> {
    const ROUNDS: u64 = 20;
    let mut history = History::default();
    for round in 0..ROUNDS {
        let at = |event: u64| Instant::from_nanos(round * 1_000 + event);
        let value = |writer: u64| 1 + round * writers + writer;
        for writer in 0..writers {
            let written = Some((at(900), Reads::Written));
            history.record(writer as u32, RegisterOperation::Write(value(writer)), at(1), written)?;
        }
        let stale = !is_right && round == ROUNDS - 1;
        let found = if stale { value(0) - 1 } else { value(0) };
        let (called, answered) = if is_right { (100, 200) } else { (950, 960) };
        history.record(99, RegisterOperation::Read, at(called), Some((at(answered), Reads::Read(found))))?;
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
