//! How small a plan gets, and how fast: `cargo run --release -p purlin-sim --example shrinking_speed [FAILING] [FIRST]`.
//!
//! Storms of 200 faults rage over an election in which votes are not synced, from seed FIRST on (0 unless given). The
//! first FAILING of them (20) that break it are shrunk. Prints the faults that are left, the runs and the CPU-seconds of
//! each, and their medians and maxima.

#![allow(clippy::print_stdout, reason = "it is a report")]

#[path = "../tests/election/cluster.rs"]
mod cluster;
#[path = "../tests/election/machine.rs"]
mod machine;
#[path = "../tests/election/storm.rs"]
mod storm;

use cluster::{Mended, VotesAreNotSynced, scenario};
use purlin_sim::{Shrinker, Shrunk, Tier};
use storm::storm;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let failing: usize = arguments.next().map_or(Ok(20), |count| count.parse())?;
    let first: u64 = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let (mut shrunk, mut seed) = (Vec::new(), first);
    while shrunk.len() < failing {
        shrunk.extend(measure(seed)?);
        seed += 1;
    }
    println!("{failing} of the seeds {first}..{seed} failed; with the bug mended none did");
    summarize("faults", shrunk.iter().map(|shrunk| shrunk.plan.faults.len() as f64).collect());
    summarize("CPU-seconds", shrunk.iter().map(|shrunk| shrunk.cpu.as_secs_f64()).collect());
    summarize("runs", shrunk.iter().map(|shrunk| shrunk.runs as f64).collect());
    Ok(())
}

fn measure(seed: u64) -> Result<Option<Shrunk>, Box<dyn std::error::Error>> {
    let (plan, planted) = (storm(seed), scenario::<VotesAreNotSynced>());
    if !scenario::<Mended>().run(Tier::Swarm, &plan)?.verdict.holds() {
        return Err(format!("seed {seed} fails although nothing is wrong").into());
    }
    let run = planted.run(Tier::Swarm, &plan)?;
    if run.verdict.holds() {
        return Ok(None);
    }
    let shrunk = Shrinker::new(Tier::Swarm).shrink(&planted, &plan, &|_| {})?;
    let (faults, runs, cpu) = (shrunk.plan.faults.len(), shrunk.runs, shrunk.cpu.as_secs_f64());
    let (likelihood, throws) = (shrunk.likelihood, shrunk.plan.throws.as_ref().map_or(0, purlin_sim::Throws::count));
    println!(
        "seed {seed:>5}: 200 faults, {:.1} s -> {faults} faults, {runs} runs, {cpu:.2} CPU-s; fails in {} of {} noises; {throws} throws",
        run.simulated.as_secs_f64(),
        likelihood.failed,
        likelihood.of,
    );
    for (line, without) in
        shrunk.plan.lines().iter().skip(1).zip([None].into_iter().chain(shrunk.without.iter().map(Some)))
    {
        println!(
            "    {line}{}",
            without.map_or(String::new(), |without| format!("; without it {} fail", without.failed))
        );
    }
    Ok(Some(shrunk))
}

fn summarize(what: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let (median, most) = (values[values.len() / 2], values[values.len() - 1]);
    println!("{what}: median {median:.2}, at most {most:.2}");
}
