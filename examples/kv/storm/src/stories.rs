//! The scenarios: one storm, and what each of them has of its own.

use crate::claims::{self, sometimes};
use crate::draw;
use crate::options::Options;
use purlin::raft::Lease;
use purlin_sim::cluster::{ClockBounds, sights};
use purlin_sim::{Die, FaultKind};

/// What one scenario has of its own.
pub trait Story: 'static {
    /// The scenario's name.
    const NAME: &'static str;
    /// What it is about.
    const SUMMARY: &'static str;
    /// What should be seen.
    const SOMETIMES: &'static [&'static str];
    /// How many versions there are.
    const VERSIONS: u32 = 1;

    /// Draws the options of a run.
    fn draw(die: &mut Die) -> Options;

    /// How far clocks may be from the truth.
    fn clocks(_options: &Options) -> ClockBounds {
        ClockBounds::default()
    }

    /// Whether the store is meant to bear this kind of fault.
    fn bears(_options: &Options, _kind: &FaultKind) -> bool {
        true
    }
}

/// The store itself, its members being who they are.
pub struct Plain;

impl Story for Plain {
    const NAME: &'static str = "kv";
    const SUMMARY: &'static str = "users read and write a replicated store, whatever happens to its replicas";
    const SOMETIMES: &'static [&'static str] = sometimes!(sights::A_CLOCK_JUMPED);

    fn draw(die: &mut Die) -> Options {
        draw::options(die)
    }
}

/// Members come and go, leaders hand over, and logs are compacted while everything fails.
pub struct Members;

impl Story for Members {
    const NAME: &'static str = "kv-members";
    const SUMMARY: &'static str = "members of a replicated store come and go while it is used and everything fails";
    const SOMETIMES: &'static [&'static str] = sometimes!(
        sights::A_CLOCK_JUMPED,
        claims::A_LEADER_WAS_REMOVED,
        claims::TWO_HALVES_DECIDED,
        claims::A_LEARNER_WAS_TAKEN_IN,
        claims::A_NEW_INCARNATION_VOTED,
        claims::A_LEADERSHIP_WAS_HANDED_OVER
    );

    /// A replica that was sent off and does not know is kept from disturbing the others by pre-votes alone.
    fn draw(die: &mut Die) -> Options {
        let mut options = draw::options(die);
        options.founders = *die.pick(&[3, 3, 4]);
        options.joiners = die.between(1, 2) as u8;
        options.raft.pre_vote = true;
        options
    }
}

/// Reads by the leader's clock. With clocks that keep their bounds, or `BEYOND` them: then stale reads are to be found.
pub struct Leased<const BEYOND: bool>;

impl<const BEYOND: bool> Story for Leased<BEYOND> {
    const NAME: &'static str = if BEYOND { "kv-lease-beyond" } else { "kv-lease" };
    const SUMMARY: &'static str =
        "users read a replicated store by its leader's clock, and clocks drift as far as they may";
    const SOMETIMES: &'static [&'static str] = sometimes!();

    fn draw(die: &mut Die) -> Options {
        let mut options = draw::options(die);
        options.raft.check_quorum = true;
        let max_drift_ppm = *die.pick(&[100, 10_000, 100_000]);
        options.raft.lease = Some(Lease { max_drift_ppm, max_pause_ms: *die.pick(&[0, 5, 50]) });
        options
    }

    fn clocks(options: &Options) -> ClockBounds {
        let drift_ppm_max = options.raft.lease.map_or(0, |lease| lease.max_drift_ppm);
        ClockBounds { drift_ppm_max: if BEYOND { 500_000 } else { drift_ppm_max }, ..ClockBounds::default() }
    }

    /// A clock that jumps or stops keeps no bound.
    fn bears(_options: &Options, kind: &FaultKind) -> bool {
        let keeps_bounds =
            !matches!(kind, FaultKind::ClockJump { .. } | FaultKind::ClockBack { .. } | FaultKind::ClockFreeze { .. });
        BEYOND || keeps_bounds
    }
}

/// Nodes are upgraded one by one to a version that is set up differently, and some stay behind.
pub struct Upgraded;

impl Story for Upgraded {
    const NAME: &'static str = "kv-upgrade";
    const SUMMARY: &'static str = "replicas are upgraded while they are used, and two versions get along";
    const SOMETIMES: &'static [&'static str] = sometimes!(sights::A_CLOCK_JUMPED);
    const VERSIONS: u32 = 2;

    fn draw(die: &mut Die) -> Options {
        let mut options = draw::options(die);
        options.upgraded = Some(draw::tuning(die));
        options
    }
}
