//! Runs that are done again, because the same seed must give the same bytes.
//!
//! A simulation that leaks, be it a clock, an unordered map, or something left over from an earlier run, finds what
//! nobody can find again. So a fixed share of all seeds is run again with its trace, once here and once on a new thread,
//! and the two traces are compared byte for byte.

use crate::SAME_SEED_SAME_BYTES;
use crate::plan::{InvalidPlan, Plan};
use crate::scenario::{Run, Scenario, Tier, Verdict};
use std::panic::resume_unwind;
use std::thread;

/// One of so many seeds is run again: more than 5 %. It is a prime, so that only a multiple of it as the number of shards
/// gives them all to one shard.
const ONE_OF: u64 = 19;

/// Whether a seed is run again, in a campaign whose shards together begin at `first`. That one is, so that no campaign
/// goes unchecked.
pub(super) fn is_due(seed: u64, first: u64) -> bool {
    seed == first || seed.is_multiple_of(ONE_OF)
}

/// Runs a plan as ever, and then twice with its trace, here and on a new thread. All is as in the first run, which is the
/// only one whose time counts, unless another differs in any byte.
pub(super) fn run_again(scenario: &Scenario, tier: Tier, plan: &Plan) -> Result<Run, InvalidPlan> {
    let untraced = scenario.run(tier, plan)?;
    let here = scenario.run_traced(tier, plan)?;
    let elsewhere = thread::scope(|scope| scope.spawn(|| scenario.run_traced(tier, plan)).join());
    let elsewhere = elsewhere.unwrap_or_else(|panic| resume_unwind(panic))?;
    let differs = difference(&here, &elsewhere).or_else(|| differing_end(&untraced, &here));
    let verdict = differs.map(|detail| Verdict::Violated { property: SAME_SEED_SAME_BYTES.to_owned(), detail });
    Ok(Run { verdict: verdict.unwrap_or_else(|| untraced.verdict.clone()), ..untraced })
}

/// The first thing in which two runs of the same plan differ.
fn difference(first: &Run, second: &Run) -> Option<String> {
    let length = first.trace.len().max(second.trace.len());
    let differs = (0..length).find(|line| first.trace.get(*line) != second.trace.get(*line));
    differs.map(|line| differing_line(first, second, line)).or_else(|| differing_end(first, second))
}

fn differing_line(first: &Run, second: &Run, line: usize) -> String {
    let told = |run: &Run| run.trace.get(line).map_or("nothing".to_owned(), |text| format!("`{}`", text.trim()));
    format!("line {} of the trace was {} at first and {} when it was run again", line + 1, told(first), told(second))
}

/// Traces that read alike may still come of runs that were not: not everything that is counted is written.
fn differing_end(first: &Run, second: &Run) -> Option<String> {
    let told = |run: &Run| {
        let (verdict, coverage) = (&run.verdict, run.coverage.to_word());
        format!("{verdict:?}, {} events, {:?}, hash {}, saw {coverage:x}", run.events, run.simulated, run.trace_hash)
    };
    let (first, second) = (told(first), told(second));
    (first != second)
        .then(|| format!("no line of the trace differs, but it ended with {first} at first, and then with {second}"))
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;
    use crate::history::Watch;
    use crate::scenarios;
    use crate::simulation::Simulation;
    use std::sync::atomic::{AtomicU64, Ordering};

    static RUNS: AtomicU64 = AtomicU64::new(0);

    fn earlier_runs() -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    fn toy(watch: Watch, lines: [String; 2], events: u64) -> Result<Box<dyn Simulation>, InvalidPlan> {
        let trace = if watch.lines { lines.to_vec() } else { Vec::new() };
        Ok(Toy { violation: None, noise: 0, events, trace }.boxed())
    }

    /// A tier whose last line depends on how many runs there were before.
    fn leaky(_plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
        toy(watch, ["it begins".to_owned(), format!("run {}", earlier_runs())], 1)
    }

    /// A tier in which nothing that is traced depends on it.
    fn leaky_in_its_count(_plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
        toy(watch, ["it begins".to_owned(), "it ends".to_owned()], earlier_runs())
    }

    /// A tier that does less where it is watched.
    fn shy(_plan: &Plan, watch: Watch) -> Result<Box<dyn Simulation>, InvalidPlan> {
        toy(watch, ["it begins".to_owned(), "it ends".to_owned()], if watch.lines { 3 } else { 5 })
    }

    fn verdict(scenario: &Scenario) -> Verdict {
        run_again(scenario, Tier::Swarm, &scenario.plan(7)).unwrap().verdict
    }

    #[test]
    fn what_is_left_over_from_an_earlier_run_is_caught_with_the_first_line_that_differs() {
        let scenario = Scenario { swarm: leaky, ..scenarios()[0] };
        let Verdict::Violated { property, detail } = verdict(&scenario) else { panic!("it leaks") };
        assert_eq!(property, SAME_SEED_SAME_BYTES);
        let line = scenario.plan(7).lines().len() + 2;
        assert!(detail.starts_with(&format!("line {line} of the trace was `run ")), "{detail}");
    }

    #[test]
    fn what_is_counted_but_not_traced_is_compared_too() {
        let scenario = Scenario { swarm: leaky_in_its_count, ..scenarios()[0] };
        let Verdict::Violated { detail, .. } = verdict(&scenario) else { panic!("it leaks") };
        assert!(detail.starts_with("no line of the trace differs"), "{detail}");
    }

    #[test]
    fn a_run_without_a_leak_is_what_it_is_when_it_is_run_once() {
        for scenario in scenarios() {
            let plan = scenario.plan(7);
            let (once, again) = (scenario.run(Tier::Swarm, &plan), run_again(&scenario, Tier::Swarm, &plan));
            let (once, again) = (once.unwrap(), again.unwrap());
            assert_eq!((once.verdict, once.events, once.trace_hash), (again.verdict, again.events, again.trace_hash));
        }
    }

    #[test]
    fn a_trace_may_not_change_what_is_traced() {
        let scenario = Scenario { swarm: shy, ..scenarios()[0] };
        let Verdict::Violated { detail, .. } = verdict(&scenario) else { panic!("it is shy") };
        assert!(detail.contains(" 5 events") && detail.contains(" 3 events"), "{detail}");
    }

    #[test]
    fn a_trace_that_ends_early_differs_where_it_ends() {
        let whole = scenarios()[0].run_traced(Tier::Swarm, &scenarios()[0].plan(1)).unwrap();
        let mut shorter = whole.clone();
        let last = shorter.trace.pop().unwrap();
        let told = difference(&whole, &shorter).unwrap();
        assert!(told.contains(&format!("line {}", whole.trace.len())), "{told}");
        assert!(told.contains(last.trim()) && told.contains("nothing"), "{told}");
    }

    #[test]
    fn at_least_one_of_twenty_seeds_is_run_again_in_any_campaign() {
        for (first, length) in [(0, 1), (1, 1), (3, 40), (19, 20), (20, 19), (5, 1_000), (18, 57)] {
            let due = (first..first + length).filter(|seed| is_due(*seed, first)).count() as u64;
            assert!(due * 20 >= length, "{due} of {length} from {first}");
        }
    }

    #[test]
    fn shards_share_what_is_run_again() {
        for shards in [2, 3, 4, 5, 8, 10, 20, 64, 100] {
            for shard in 0..shards {
                let due = (0..19 * shards).filter(|seed| seed % shards == shard && is_due(*seed, 0)).count();
                assert_eq!(due, 1, "shard {shard} of {shards}");
            }
        }
    }
}
