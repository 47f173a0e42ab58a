//! How fast the swarm is: `cargo run --release -p purlin-sim --example speed [SEEDS]`.
//!
//! Prints events per CPU-second and simulated seconds per CPU-second over so many seeds (200 unless given), and the
//! campaign's hash, which is the same in every process and profile.

#![allow(clippy::print_stdout, reason = "it is a report")]

use core::time::Duration;
use purlin_sim::{Hash, Tier, scenarios};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(200), |seeds| seeds.parse())?;
    let (mut events, mut simulated, mut cpu, mut hash) = (0, Duration::ZERO, Duration::ZERO, Hash::default());
    for seed in 0..seeds {
        let run = scenarios()[0].run(Tier::Swarm, &scenarios()[0].plan(seed))?;
        if !run.verdict.holds() {
            println!("seed {seed}: {:?}", run.verdict);
        }
        events += run.events;
        simulated += run.simulated;
        cpu += run.cpu;
        hash = hash.with_seed(seed, run.trace_hash);
    }
    let seconds = cpu.as_secs_f64();
    println!("{seeds} seeds, {events} events, {:.0} simulated s in {seconds:.2} CPU-s", simulated.as_secs_f64());
    println!("{:.2} million events per CPU-second", events as f64 / seconds / 1e6);
    println!("{:.0} simulated seconds per CPU-second", simulated.as_secs_f64() / seconds);
    println!("campaign hash {hash}");
    Ok(())
}
