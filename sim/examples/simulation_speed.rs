//! How fast a tier is: `cargo run --release -p purlin-sim --example simulation_speed [swarm|turmoil] [SEEDS] [SCENARIO]`.
//!
//! Prints events per CPU-second and simulated seconds per CPU-second over so many seeds (200 in the swarm, 4 in the full
//! stack unless given), and the campaign's hash, which is the same in every process and profile.

#![allow(clippy::print_stdout, reason = "it is a report")]

use purlin_sim::{Campaign, CampaignError, Scenario, Tier, scenarios};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let tier: Tier = arguments.next().map_or(Ok(Tier::Swarm), |tier| tier.parse())?;
    let usual = if tier == Tier::Swarm { 200 } else { 4 };
    let seeds: u64 = arguments.next().map_or(Ok(usual), |seeds| seeds.parse())?;
    let name = arguments.next();
    for scenario in scenarios().iter().filter(|scenario| name.as_ref().is_none_or(|name| name == scenario.name())) {
        measure(scenario, tier, seeds)?;
    }
    Ok(())
}

fn measure(scenario: &Scenario, tier: Tier, seeds: u64) -> Result<(), CampaignError> {
    let summary = Campaign::new(tier, 0..seeds).run(scenario, &|_| {})?;
    println!("{}", scenario.name());
    for failure in &summary.failed {
        println!("seed {} breaks {}: {}", failure.seed, failure.property, failure.detail);
    }
    let (events, simulated, cpu) = (summary.events, summary.simulated_seconds, summary.cpu_seconds);
    println!("{tier}: {seeds} seeds, {events} events, {simulated:.0} simulated s in {cpu:.2} CPU-s");
    println!("{:.3} million events per CPU-second", events as f64 / cpu / 1e6);
    println!("{:.0} simulated seconds per CPU-second", simulated / cpu);
    println!("never seen: {:?}", summary.unseen);
    println!("campaign hash {}", summary.trace_hash);
    Ok(())
}
