//! Goal: the replicated store keeps its promises in every storm. Method: seeds of all its scenarios in both tiers; and the
//! lease once more with clocks beyond its bounds, where reads are to be stale.

use purlin_kv_storm::claims::THE_STORE_IS_LINEARIZABLE;
use purlin_kv_storm::{Leased, Plain, Storm, scenarios};
use purlin_sim::{Scenario, Tier, Verdict};
use std::collections::BTreeSet;

fn weathers(tier: Tier, seeds: u64) {
    for scenario in scenarios() {
        for seed in 0..seeds {
            let run = scenario.run(tier, &scenario.plan(seed)).expect("what is drawn is valid");
            assert_eq!(run.verdict, Verdict::Holds, "seed {seed} of {}", scenario.name());
        }
    }
}

#[test]
fn every_storm_is_weathered() {
    weathers(Tier::Swarm, 25);
}

/// The driver, its transport and the same judges; the plans are the same as well.
#[test]
fn the_full_stack_weathers_the_same_storms() {
    weathers(Tier::Turmoil, 1);
}

/// The negative control: a leader's clock that loses half of each second keeps its lease for too long. What the judge then
/// sees is the stale read that the bounds rule out.
#[test]
fn a_clock_beyond_its_bound_lets_a_leader_read_what_is_stale() {
    let scenario = Scenario::of_protocol::<Storm<Leased<true>>>();
    let plan = scenario.read(include_str!("plans/stale_read.json")).expect("the plan is valid");
    let run = scenario.run(Tier::Swarm, &plan).expect("the plan is valid");
    assert_eq!(run.verdict.property(), Some(THE_STORE_IS_LINEARIZABLE), "{:?}", run.verdict);
}

/// It is the clock: the same plan within the bound holds.
#[test]
fn the_same_storm_within_the_bound_is_weathered() {
    let scenario = Scenario::of_protocol::<Storm<Leased<true>>>();
    let plan = scenario.read(include_str!("plans/fresh_read.json")).expect("the plan is valid");
    let run = scenario.run(Tier::Swarm, &plan).expect("the plan is valid");
    assert_eq!(run.verdict, Verdict::Holds);
}

/// A follower comes back to a store that takes a snapshot with every third entry, many of them while one travels. The one that
/// is on its way is not begun anew with each of them.
#[test]
fn a_snapshot_arrives_although_newer_ones_come_faster() {
    let scenario = Scenario::of_protocol::<Storm<Plain>>();
    let plan = scenario.read(include_str!("plans/slow_snapshot.json")).expect("the plan is valid");
    let run = scenario.run_traced(Tier::Swarm, &plan).expect("the plan is valid");
    assert_eq!(run.verdict, Verdict::Holds);
    let returned = run.trace.iter().skip_while(|line| !line.contains("fault 0 is over"));
    let mut until = returned.take_while(|line| !line.contains("node 2 announces Installed"));
    let begun: BTreeSet<&str> = until.by_ref().filter_map(|line| snapshot_sent_to_node_2(line)).collect();
    assert!((1..=4).contains(&begun.len()), "{begun:?}");
}

fn snapshot_sent_to_node_2(line: &str) -> Option<&str> {
    let (_, chunk) = line.split_once("sends to node 2: ")?.1.split_once("Chunk { ")?;
    Some(chunk.split_once("at: ")?.1.split_once('}')?.0)
}
