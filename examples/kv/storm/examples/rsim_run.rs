//! Scratch runner.
use purlin_sim::{Coverage, Tier};
use std::collections::BTreeMap;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let name = &args[1];
    let tier: Tier = args[2].parse().unwrap();
    let (from, to): (u64, u64) = (args[3].parse().unwrap(), args[4].parse().unwrap());
    let scenario = purlin_kv_storm::scenarios().into_iter().find(|s| s.name() == name).unwrap();
    if args.len() > 5 {
        let plan = scenario.plan(from);
        let run = scenario.run_traced(tier, &plan).unwrap();
        println!("{plan:#?}");
        for line in &run.trace {
            println!("{line}");
        }
        println!("{:?}", run.verdict);
        return;
    }
    let mut seen = Coverage::default();
    let mut failures: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut cpu, mut events) = (std::time::Duration::ZERO, 0);
    let mut slow = (std::time::Duration::ZERO, 0);
    for seed in from..to {
        let run = scenario.run(tier, &scenario.plan(seed)).unwrap();
        cpu += run.cpu;
        events += run.events;
        slow = slow.max((run.cpu, seed));
        seen = seen.merged(run.coverage);
        if let purlin_sim::Verdict::Violated { property, detail } = &run.verdict {
            let list = failures.entry(property.clone()).or_default();
            if list.len() < 3 {
                println!("seed {seed}: {property}: {}", detail.chars().take(700).collect::<String>());
            }
            list.push(seed);
        }
    }
    println!("cpu {cpu:?} events {events} slowest {slow:?}");
    println!("missing {:?}", seen.missing(scenario.sometimes()).collect::<Vec<_>>());
    for (property, seeds) in failures {
        println!("{property}: {} of {}: {:?}", seeds.len(), to - from, &seeds[..seeds.len().min(20)]);
    }
}
