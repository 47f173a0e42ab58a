//! Each kind of fault, and the mistake that it brings to light.

use crate::bugs::Bug;
use crate::cluster::{
    EVERYBODY_HEARS_EVERYTHING, NO_ID_IS_GIVEN_TWICE, NO_TOKEN_IS_TAKEN_TWICE, NOBODY_ACTS_WITHOUT_A_LEASE, NODES,
};
use purlin_sim::cluster::claims::ASKS_ARE_ANSWERED_IN_TIME;
use purlin_sim::{Die, Fault, FaultKind, Law, Link, Nodes, Ratio, Span};

/// A kind of fault is proven by a mistake that survives all drawn plans without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) bug: Bug,
    /// The property that fails.
    pub(crate) property: &'static str,
    /// The other kinds that bring the same mistake to light, because they do the same to those who are struck.
    pub(crate) also: &'static [&'static str],
    /// What is added to all plans, with the fault and without it: the mistake needs an occasion.
    pub(crate) occasion: fn(&mut Scene<'_>) -> Vec<Fault>,
}

/// Where and when faults are put in.
pub(crate) struct Scene<'a> {
    pub(crate) die: &'a mut Die,
    pub(crate) safety_ms: u64,
}

const fn row(kind: &'static str, bug: Bug, property: &'static str) -> Row {
    Row { kind, bug, property, also: &[], occasion: |_| Vec::new() }
}

const fn hears(kind: &'static str, bug: Bug) -> Row {
    row(kind, bug, EVERYBODY_HEARS_EVERYTHING)
}

/// A process that ends before its records are durable, where disks are slow.
const fn ends(kind: &'static str, bug: Bug, also: &'static [&'static str]) -> Row {
    Row { also, occasion: slow_disks, ..hears(kind, bug) }
}

/// Whatever ends a process between a write and its sync.
const ENDS: &[&str] = &[
    "kill",
    "power_loss",
    "usurp",
    "torn_write",
    "bit_rot",
    "misdirected_write",
    "fsync_error",
    "full_disk",
    "read_error",
];

pub(crate) const ROWS: &[Row] = &[
    hears("lose", Bug::GivesUpAfterManyTries),
    row("duplicate", Bug::TokensAreTakenTwice, NO_TOKEN_IS_TAKEN_TWICE),
    Row { also: &["delay"], ..hears("reorder", Bug::OvertakenIsAnImpostor) },
    hears("delay", Bug::SlowIsGone),
    hears("partition", Bug::SilentIsGone),
    Row { also: &["lose", "bandwidth"], ..hears("partition", Bug::DeafIsGone) },
    hears("bridge", Bug::TheNeighbourPassesThemOn),
    hears("ring", Bug::OneOfTheNeighboursPassesThemOn),
    hears("flap", Bug::FlappingIsForGood),
    hears("bandwidth", Bug::LargeOnesMustPass),
    ends("kill", Bug::SyncUnderWayCovers, ENDS),
    ends("power_loss", Bug::WrittenIsDurable, ENDS),
    ends("usurp", Bug::WrittenIsDurable, ENDS),
    ends("torn_write", Bug::WrittenIsDurable, ENDS),
    ends("bit_rot", Bug::SyncUnderWayCovers, ENDS),
    ends("misdirected_write", Bug::SyncUnderWayCovers, ENDS),
    ends("fsync_error", Bug::SyncUnderWayCovers, ENDS),
    ends("full_disk", Bug::WrittenIsDurable, ENDS),
    ends("read_error", Bug::SyncUnderWayCovers, ENDS),
    Row { also: ENDS_OR_STOPS, occasion: lossy, ..hears("restart", Bug::UntoldIsForgotten) },
    row("pause", Bug::LeaseIsNotLookedAtAgain, NOBODY_ACTS_WITHOUT_A_LEASE),
    hears("slow_node", Bug::LateTicksAreOverload),
    row("destroy", Bug::WaitsForEverybody, ASKS_ARE_ANSWERED_IN_TIME),
    hears("upgrade", Bug::NewFormAtOnce),
    hears("slow_disk", Bug::SlowDiskIsBroken),
    hears("clock_jump", Bug::SilenceByTheClock),
    Row { occasion: restarts, ..hears("clock_back", Bug::BootIsTheTime) },
    Row { also: &["clock_back"], ..hears("clock_freeze", Bug::NoTimeNoBudget) },
    hears("clock_drift", Bug::PaceIsHealth),
    row("loaded_die", Bug::DrawnIsUnique, NO_ID_IS_GIVEN_TWICE),
    row("spike", Bug::SmallCounterASecond, NO_ID_IS_GIVEN_TWICE),
    row("herd", Bug::FourInAnInstant, NO_ID_IS_GIVEN_TWICE),
];

/// Whatever ends a process at all.
const ENDS_OR_STOPS: &[&str] = &[
    "upgrade",
    "kill",
    "power_loss",
    "usurp",
    "torn_write",
    "bit_rot",
    "misdirected_write",
    "fsync_error",
    "full_disk",
    "read_error",
];

/// Kinds that strike a called service: they are proven beside the scenario `flaky-bank`.
pub(crate) const OF_SERVICES: [&str; 8] =
    ["errors", "slow", "hang", "abort", "rate_limit", "crash", "cut", "impatience"];

fn slow_disks(scene: &mut Scene<'_>) -> Vec<Fault> {
    (0..NODES).map(|node| scene.throughout(FaultKind::SlowDisk { node, extra: Span::new(300, 500) })).collect()
}

fn lossy(scene: &mut Scene<'_>) -> Vec<Fault> {
    let share = Ratio::new(6, 10).unwrap_or(Ratio::ALL);
    vec![scene.throughout(FaultKind::Lose { share, link: None })]
}

fn restarts(scene: &mut Scene<'_>) -> Vec<Fault> {
    (0..NODES).map(|node| scene.sometime(100, FaultKind::Restart { node })).collect()
}

impl Scene<'_> {
    /// For nearly all of the safety phase.
    fn throughout(&self, kind: FaultKind) -> Fault {
        Fault { start_ms: self.safety_ms / 20, duration_ms: self.safety_ms * 9 / 10, kind }
    }

    /// For so long, at some time.
    fn sometime(&mut self, duration_ms: u64, kind: FaultKind) -> Fault {
        Fault { start_ms: self.die.between(500, self.safety_ms - duration_ms), duration_ms, kind }
    }

    /// Several times, shortly.
    fn repeatedly(&mut self, kind: FaultKind) -> Vec<Fault> {
        let slot_ms = (self.safety_ms - 400) / 3;
        let place =
            |slot| Fault { start_ms: 400 + slot * slot_ms + self.die.below(slot_ms - 150), duration_ms: 120, kind };
        (0..3).map(place).collect()
    }

    /// Faults of the kind, such that it shows what it can do.
    pub(crate) fn faults(&mut self, row: &Row) -> Vec<Fault> {
        let node = self.die.below(NODES.into()) as u32;
        match row.kind {
            "kill" => self.repeatedly(FaultKind::Kill { node }),
            "power_loss" => self.repeatedly(FaultKind::PowerLoss { node }),
            "restart" => self.repeatedly(FaultKind::Restart { node }),
            "usurp" => self.repeatedly(FaultKind::Usurp { node }),
            "torn_write" => self.repeatedly(FaultKind::TornWrite { node }),
            "bit_rot" => self.repeatedly(FaultKind::BitRot { node, bits: 3 }),
            "misdirected_write" => self.repeatedly(FaultKind::MisdirectedWrite { node }),
            "fsync_error" => self.repeatedly(FaultKind::FsyncError { node }),
            "full_disk" => self.repeatedly(FaultKind::FullDisk { node }),
            "read_error" => self.repeatedly(FaultKind::ReadError { node }),
            "pause" => vec![self.sometime(2_000, FaultKind::Pause { node })],
            "destroy" => vec![self.sometime(100, FaultKind::Destroy { node })],
            "upgrade" => vec![self.sometime(100, FaultKind::Upgrade { node, version: 1 })],
            "clock_jump" => {
                let forward_ms = self.die.between(25_000, 60_000);
                vec![self.sometime(1_000, FaultKind::ClockJump { node, forward_ms })]
            }
            "herd" => (0..5).map(|_| self.sometime(1, FaultKind::Herd)).collect(),
            _ => vec![self.throughout(self.lasting(row, node))],
        }
    }

    fn lasting(&self, row: &Row, node: u32) -> FaultKind {
        let link = Some(Link { from: node, to: (node + 1) % NODES });
        let alone = Nodes::NONE.with(node);
        let rest = (0..NODES).filter(|other| *other != node).fold(Nodes::NONE, Nodes::with);
        let one_way = row.bug == Bug::DeafIsGone;
        match row.kind {
            "lose" => FaultKind::Lose { share: Ratio::ALL, link },
            "duplicate" => FaultKind::Duplicate { share: Ratio::ALL, link },
            "reorder" => {
                let half = Ratio::new(1, 2).unwrap_or(Ratio::ALL);
                FaultKind::Reorder { share: half, extra: Span::new(100, 400), link }
            }
            "delay" => FaultKind::Delay { extra: Span::new(1_500, 1_600), law: Law::Even, link: None },
            "partition" => FaultKind::Partition { groups: [alone, rest], one_way },
            "bridge" => FaultKind::Bridge { node: 1 + node % 2 },
            "ring" => FaultKind::Ring,
            "flap" => FaultKind::Flap { groups: [alone, rest], cut_ms: 400, free_ms: 50 },
            "bandwidth" => FaultKind::Bandwidth { bytes_per_second: 200, queue_bytes: 100, link },
            "slow_node" => FaultKind::SlowNode { node, extra: Span::new(25, 40) },
            "slow_disk" => FaultKind::SlowDisk { node, extra: Span::new(900, 1_500) },
            "clock_back" => FaultKind::ClockBack { node, back_ms: 5_000 },
            "clock_freeze" => FaultKind::ClockFreeze { node },
            "clock_drift" => FaultKind::ClockDrift { node, drift_ppm: 450_000 },
            "loaded_die" => FaultKind::LoadedDie { node, face: 7 },
            "spike" => FaultKind::Spike { factor: 20 },
            kind => unreachable!("{kind} has no row"),
        }
    }
}
