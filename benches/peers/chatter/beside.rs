//! Both simulators in one process, round by round.

use crate::chatter::Chattering;
use crate::peer::{Wire, chat};
use crate::plan::plan;
use purlin_sim::{InvalidPlan, Scenario, Tier};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const ROUNDS: usize = 5;

/// What one run came to, for each second of processor time.
#[derive(Clone, Copy)]
struct Figures {
    messages: f64,
    simulated: f64,
}

/// Prints the best of some rounds, each of which runs every simulator once: the others were disturbed more.
pub(crate) fn compare() -> Result<(), InvalidPlan> {
    println!("| period | simulator | messages/CPU-s | simulated s/CPU-s |");
    println!("|---|---|--:|--:|");
    for period_ms in [100, 10, 1] {
        compare_at(period_ms)?;
    }
    Ok(())
}

fn compare_at(period_ms: u64) -> Result<(), InvalidPlan> {
    // Long enough for some tenths of a second of processor time.
    let seconds = 20 * period_ms.min(50);
    let mut best = [None; 4];
    for _ in 0..ROUNDS {
        let figures = [
            swarm(period_ms, 5 * seconds, false)?,
            swarm(period_ms, 5 * seconds, true)?,
            madsim(Wire::Stream, period_ms, seconds),
            madsim(Wire::Datagram, period_ms, seconds),
        ];
        best.iter_mut().zip(figures).for_each(|(best, figures)| *best = Some(better(*best, figures)));
    }
    let names = ["purlin's swarm", "purlin's swarm, with faults", "madsim, TCP", "madsim, UDP"];
    for (name, Figures { messages, simulated }) in names.iter().zip(best.into_iter().flatten()) {
        println!("| {period_ms} ms | {name} | {:.2} M | {simulated:.0} |", messages / 1e6);
    }
    Ok(())
}

fn better(best: Option<Figures>, figures: Figures) -> Figures {
    best.filter(|best| best.messages > figures.messages).unwrap_or(figures)
}

/// Of the swarm's events a fifth are timers, and all others are messages that arrive.
fn swarm(period_ms: u64, seconds: u64, is_faulty: bool) -> Result<Figures, InvalidPlan> {
    let plan = plan(period_ms, 1_000 * seconds, is_faulty);
    let (run, cpu) = timed(|| Scenario::of_protocol::<Chattering>().run(Tier::Swarm, &plan));
    let run = run?;
    assert!(run.verdict.holds(), "{:?}", run.verdict);
    Ok(Figures { messages: 0.8 * run.events as f64 / cpu, simulated: run.simulated.as_secs_f64() / cpu })
}

fn madsim(wire: Wire, period_ms: u64, seconds: u64) -> Figures {
    let (heard, cpu) = timed(|| chat(wire, Duration::from_millis(period_ms), Duration::from_secs(seconds)));
    Figures { messages: heard as f64 / cpu, simulated: seconds as f64 / cpu }
}

/// The result, and how much processor time it took, in seconds.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let processor_time = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let before = processor_time();
    let result = work();
    (result, processor_time() - before)
}
