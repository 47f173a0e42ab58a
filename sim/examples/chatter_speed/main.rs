//! How fast the two tiers are beside each other: `cargo run --release -p purlin-sim --example chatter_speed [SEEDS]`.
//!
//! First the chatter of five nodes, each of which sends 64 bytes to the four others every 100, 10 or 1 ms over links of 1
//! to 10 ms; without faults, and with loss, duplication, flapping cuts, crashes and clocks that drift. A judge reads every
//! entry, an invariant is checked after each step, and the history is hashed. Then the queue's scenario over so many
//! seeds (20 unless given; 0 leaves it out). All in one process and on one thread, per second of its processor time.
//!
//! One run at a load of 14 on 2 cores (AMD EPYC under KVM, rustc 1.95.0, 2026-11-20). An event is a step of a machine:
//!
//! ```text
//!                                  swarm                full stack      ratio of
//!                        events     simulated s        simulated s   simulated s
//!   100 ms              8.86 M           35,457                107           330
//!   100 ms, faults      6.40 M           28,043                105           267
//!    10 ms              8.85 M            3,542                 70            51
//!    10 ms, faults      6.51 M            2,872                 74            39
//!     1 ms              8.12 M              325                 20            16
//!     1 ms, faults      6.82 M              300                 25            12
//!   hasty-workers       3.99 M           19,698                387            51
//! ```

#![allow(clippy::print_stdout, reason = "it is a report")]

mod chatter;
mod plan;

use chatter::Chattering;
use plan::plan;
use purlin_sim::{InvalidPlan, Run, Scenario, Tier, scenarios};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(20), |seeds| seeds.parse())?;
    println!("chatter, period | swarm: events/CPU-s | simulated s/CPU-s | turmoil: simulated s/CPU-s | ratio");
    for period_ms in [100, 10, 1] {
        compare_chatter("without faults", period_ms, false)?;
        compare_chatter("with faults", period_ms, true)?;
    }
    scenarios().iter().filter(|scenario| seeds > 0 && scenario.room() == "queue").try_for_each(|queue| {
        println!();
        compare_seeds(queue, seeds)
    })?;
    Ok(())
}

/// What runs came to.
#[derive(Clone, Copy, Default)]
struct Sum {
    events: f64,
    simulated: f64,
    cpu: f64,
}

impl Sum {
    fn add(&mut self, run: &Run) {
        assert!(run.verdict.holds(), "{:?}", run.verdict);
        self.events += run.events as f64;
        self.simulated += run.simulated.as_secs_f64();
        self.cpu += run.cpu.as_secs_f64();
    }

    fn events_a_second(&self) -> f64 {
        self.events / self.cpu
    }

    fn simulated_a_second(&self) -> f64 {
        self.simulated / self.cpu
    }
}

fn compare_chatter(name: &str, period_ms: u64, is_faulty: bool) -> Result<(), InvalidPlan> {
    let scenario = Scenario::of_protocol::<Chattering>();
    let run = |tier, safety_ms| {
        let mut sum = Sum::default();
        // The second run is measured: the first has warmed everything up.
        for _ in 0..2 {
            sum = Sum::default();
            sum.add(&scenario.run(tier, &plan(period_ms, safety_ms, is_faulty))?);
        }
        Ok(sum)
    };
    // Long enough for half a second of processor time or so.
    let swarm = run(Tier::Swarm, 20_000 * (4 * period_ms).min(50))?;
    let turmoil = run(Tier::Turmoil, 20_000)?;
    let ratio = swarm.simulated_a_second() / turmoil.simulated_a_second();
    println!(
        "{period_ms} ms {name} | {:.2} M | {:.0} | {:.0} | {ratio:.0}",
        swarm.events_a_second() / 1e6,
        swarm.simulated_a_second(),
        turmoil.simulated_a_second()
    );
    Ok(())
}

fn compare_seeds(scenario: &Scenario, seeds: u64) -> Result<(), InvalidPlan> {
    let [mut swarm, mut turmoil] = [Sum::default(); 2];
    for seed in 0..seeds {
        let plan = scenario.plan(seed);
        swarm.add(&scenario.run(Tier::Swarm, &plan)?);
        turmoil.add(&scenario.run(Tier::Turmoil, &plan)?);
    }
    println!("{}, seeds 0..{seeds} | events/CPU-s | simulated s/CPU-s", scenario.name());
    for (tier, sum) in [(Tier::Swarm, swarm), (Tier::Turmoil, turmoil)] {
        println!("{tier} | {:.3} M | {:.0}", sum.events_a_second() / 1e6, sum.simulated_a_second());
    }
    let ratios = [
        swarm.simulated_a_second() / turmoil.simulated_a_second(),
        swarm.events_a_second() / turmoil.events_a_second(),
    ];
    println!("ratio | {:.0} | {:.0}", ratios[1], ratios[0]);
    Ok(())
}
