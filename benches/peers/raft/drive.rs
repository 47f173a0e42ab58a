//! One run of the workload, on the clock.

use crate::workload::{Applied, Engine, Load, NODES, lead};
use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Processor time of all three nodes and the client, in nanoseconds.
    pub(crate) cpu_nanos: u64,
    /// Time that went by, in nanoseconds.
    pub(crate) wall_nanos: u64,
    /// Messages between nodes.
    pub(crate) messages: u64,
}

/// Lets the leader apply all proposals, on the clock; lets the others follow, off the clock; and checks that they did.
pub(crate) fn drive(mut engine: impl Engine, load: Load) -> Figures {
    let (wall, cpu, sent) = (Instant::now(), processor_nanos(), engine.sent());
    lead(&mut engine, load);
    let figures = Figures {
        cpu_nanos: processor_nanos() - cpu,
        wall_nanos: u64::try_from(wall.elapsed().as_nanos()).unwrap_or(u64::MAX),
        messages: engine.sent() - sent,
    };
    (0..20).for_each(|_| engine.round());
    let all = Applied { proposals: load.proposals, bytes: load.proposals * load.payload as u64 };
    assert_eq!(engine.applied(), [all; NODES], "every node applies everything exactly once");
    figures
}

fn processor_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
