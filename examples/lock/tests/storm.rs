//! Goal: the lock keeps its promises in every storm. Method: some hundred seeds in the swarm; and the same storm with
//! clocks beyond the margin, where mutual exclusion is to break and the order of tokens is not.

use purlin_lock::scenario::{ONE_HOLDER_AT_A_TIME, Storm, WHO_ACQUIRES_IS_NOT_REFUSED, scenarios};
use purlin_sim::{Coverage, Scenario, Tier, Verdict};

/// Twenty times what the margin is made for.
const BEYOND: u32 = 200_000;

#[test]
fn every_storm_is_weathered() {
    for scenario in scenarios() {
        let mut seen = Coverage::default();
        for seed in 0..Scenario::SEEDS_TO_SEE_EVERYTHING {
            let run = scenario.run(Tier::Swarm, &scenario.plan(seed)).expect("what is drawn is valid");
            assert_eq!(run.verdict, Verdict::Holds, "seed {seed}");
            seen = seen.merged(run.coverage);
        }
        assert_eq!(seen.missing(scenario.sometimes()).collect::<Vec<_>>(), [""; 0]);
    }
}

/// The driver, its transport and the same judges; the plan is the same as well.
#[test]
fn the_full_stack_weathers_the_same_storms() {
    for scenario in scenarios() {
        for seed in 0..4 {
            let run = scenario.run(Tier::Turmoil, &scenario.plan(seed)).expect("what is drawn is valid");
            assert_eq!(run.verdict, Verdict::Holds, "seed {seed}");
        }
    }
}

#[test]
fn clocks_beyond_the_margin_break_mutual_exclusion() {
    let broken = violations(&Scenario::of_protocol::<Storm<BEYOND, true>>());
    assert!(broken.iter().any(|property| property == ONE_HOLDER_AT_A_TIME), "{broken:?}");
    let is_expected =
        |property: &String| [ONE_HOLDER_AT_A_TIME, WHO_ACQUIRES_IS_NOT_REFUSED].contains(&property.as_str());
    assert!(broken.iter().all(is_expected), "{broken:?}");
}

#[test]
fn clocks_beyond_the_margin_never_break_the_order_of_tokens() {
    assert_eq!(violations(&Scenario::of_protocol::<Storm<BEYOND, false>>()), [""; 0]);
}

fn violations(scenario: &Scenario) -> Vec<String> {
    let verdict = |seed| scenario.run(Tier::Swarm, &scenario.plan(seed)).expect("what is drawn is valid").verdict;
    (0..100).filter_map(|seed| verdict(seed).property().map(str::to_owned)).collect()
}
