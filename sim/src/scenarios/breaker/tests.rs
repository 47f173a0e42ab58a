use super::claims;
use crate::{Coverage, Tier, scenarios};

#[test]
fn two_hundred_seeds_hold_and_see_everything() {
    let scenario = &scenarios()[0];
    let mut coverage = Coverage::default();
    for seed in 0..200 {
        let run = scenario.run(Tier::Swarm, &scenario.plan(seed)).unwrap();
        assert!(run.verdict.holds(), "seed {seed}: {:?}", run.verdict);
        coverage = coverage.merged(run.coverage);
    }
    assert_eq!(coverage.missing(&claims::SOMETIMES).collect::<Vec<_>>(), [""; 0]);
}
