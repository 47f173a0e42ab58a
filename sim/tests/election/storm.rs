//! Storms of two hundred faults for the election.

use super::cluster::{Electing, Mended};
use purlin_sim::cluster::{Cluster, Environment, Setting};
use purlin_sim::document::Document;
use purlin_sim::{Budget, Die, Fault, FaultKind, Law, Link, Nodes, Plan, Ratio, Span};

/// How many faults a storm has.
const FAULTS: usize = 200;

/// How long it rages, in milliseconds.
const SAFETY_MS: u64 = 30_000;

/// Two hundred faults of several kinds for five nodes in thirty seconds.
pub(crate) fn storm(seed: u64) -> Plan {
    let die = &mut Die::new(seed, "storm");
    let workload = <Electing<Mended> as Cluster>::draw(die);
    let bounds = <Electing<Mended> as Cluster>::clocks(&workload);
    let drawn = Environment::draw(die, workload.nodes, bounds);
    let environment = Environment { safety_ms: SAFETY_MS, sync: Span::new(5, 40), ..drawn };
    let faults = (0..FAULTS).map(|_| fault(die, workload.nodes)).collect();
    let noise = die.below(Plan::NOISE_MAX);
    let options = Document::of(&Setting { environment, workload });
    Plan {
        scenario: Electing::<Mended>::NAME.to_owned(),
        noise,
        options,
        budget: Budget::default(),
        faults,
        throws: None,
    }
}

fn fault(die: &mut Die, nodes: u32) -> Fault {
    let longest = *die.pick(&[20, 100, 1_000, 2_000]);
    let duration_ms = die.between(1, longest);
    let start_ms = die.between(0, SAFETY_MS - duration_ms);
    Fault { start_ms, duration_ms, kind: kind(die, nodes) }
}

fn kind(die: &mut Die, nodes: u32) -> FaultKind {
    let node = die.below(nodes.into()) as u32;
    let to = (node + 1 + die.below(u64::from(nodes) - 1) as u32) % nodes;
    let link = (die.below(2) == 0).then_some(Link { from: node, to });
    let share = Ratio::new(*die.pick(&[1, 3, 6, 10]), 10).unwrap_or(Ratio::ALL);
    match die.below(16) {
        0 => FaultKind::Kill { node },
        1..=5 => FaultKind::PowerLoss { node },
        6 => FaultKind::Pause { node },
        7..=8 => FaultKind::SlowDisk { node, extra: Span::new(0, die.between(1, 200)) },
        9 => FaultKind::ClockJump { node, forward_ms: die.between(1, 500) },
        10 => FaultKind::Lose { share, link },
        11 => FaultKind::Duplicate { share, link },
        12 => FaultKind::Delay { extra: Span::new(0, die.between(1, 200)), law: Law::Even, link },
        _ => FaultKind::Partition { groups: groups(die, nodes), one_way: die.below(3) == 0 },
    }
}

/// Two groups that do not hear of each other; the others hear of both.
fn groups(die: &mut Die, nodes: u32) -> [Nodes; 2] {
    let first = die.below(nodes.into()) as u32;
    let mut groups = [Nodes::NONE.with(first), Nodes::NONE.with((first + 1) % nodes)];
    for node in (2..nodes).map(|step| (first + step) % nodes) {
        let place = die.below(4) as usize;
        groups.iter_mut().skip(place).take(1).for_each(|group| *group = group.with(node));
    }
    groups
}
