//! Plans of the chatter, written by hand.

use crate::chatter::Options;
use purlin_sim::cluster::{ClockError, Environment, Setting};
use purlin_sim::document::Document;
use purlin_sim::{Budget, Fault, FaultKind, Nodes, Plan, Ratio, Span};

const NODES: u32 = 5;

/// Five nodes chat, with or without faults.
pub(crate) fn plan(period_ms: u64, safety_ms: u64, is_faulty: bool) -> Plan {
    let setting =
        Setting { environment: environment(safety_ms, is_faulty), workload: Options { nodes: NODES, period_ms } };
    Plan {
        scenario: "chatter".to_owned(),
        noise: 1,
        options: Document::of(&setting),
        budget: Budget::default(),
        faults: if is_faulty { faults(safety_ms) } else { Vec::new() },
        throws: None,
    }
}

/// Links of 1 to 10 ms, and clocks that are right, or drift by up to a hundredth.
fn environment(safety_ms: u64, is_faulty: bool) -> Environment {
    let drifts = if is_faulty { [0, 5_000, -5_000, 10_000, -10_000] } else { [0; 5] };
    let clocks = drifts.map(|drift_ppm| ClockError { ahead_ms: 0, drift_ppm }).to_vec();
    Environment { safety_ms, link: Span::new(1, 10), sync: Span::new(1, 10), grain_ns: 1, clocks }
}

/// All along, a hundredth is lost, a hundredth comes twice, and two nodes are cut off from three for 200 ms in each second;
/// every two seconds another node is dead for half a second.
fn faults(safety_ms: u64) -> Vec<Fault> {
    let share = Ratio::new(1, 100).expect("it is a share");
    let groups = [[0, 1].as_slice(), &[2, 3, 4]].map(|group| group.iter().copied().fold(Nodes::NONE, Nodes::with));
    let lasting = [
        FaultKind::Lose { share, link: None },
        FaultKind::Duplicate { share, link: None },
        FaultKind::Flap { groups, cut_ms: 200, free_ms: 800 },
    ];
    let lasting = lasting.map(|kind| Fault { start_ms: 0, duration_ms: safety_ms, kind });
    let crash = |number: u64| {
        let kind = FaultKind::Kill { node: (number % u64::from(NODES)) as u32 };
        Fault { start_ms: 2_000 * number + 1_000, duration_ms: 500, kind }
    };
    let crashes = (0..safety_ms / 2_000).map(crash).take(Plan::FAULTS_MAX - lasting.len());
    lasting.into_iter().chain(crashes).collect()
}
