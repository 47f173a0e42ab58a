//! *Hasty workers*: producers put messages into a lease queue, workers take them out, and neither the queue's host nor the
//! workers can be relied on.
//!
//! ```text
//!   producer 0 ──┐             ┌─────────┐             ┌──▶ worker 0   (falls asleep, forgets, acks twice,
//!   producer n ──┼─ enqueue ─▶ │  queue  │ ── claim ──┼──▶ worker m    with old tokens, gives back, kills)
//!   auditor ─────┘ status,     └─────────┘             └──▶ ...
//!                  redrive      dies, loses its power, stands still; its disk is slow, its clock is off and jumps
//! ```

pub mod claims;
mod clients;
mod draw;
mod judge;
pub mod ledger;
mod options;
#[cfg(test)]
mod tests;

pub use clients::Participant;
pub use judge::Bookkeeper;
pub use options::Options;

use crate::checker::{Violation, claim};
use crate::cluster::{Cluster, Node, Recovery, Setting, View};
use crate::die::Die;
use crate::plan::InvalidPlan;
use purlin::queue::{Queue, invariants};
use schemars::{Schema, SchemaGenerator};

/// The scenario's name.
pub const NAME: &str = "hasty-workers";

/// After how many steps the whole machine is looked at: that costs more than a step.
const STEPS_BETWEEN_INSPECTIONS: u64 = 64;

/// The scenario as a cluster of one node.
pub struct HastyWorkers;

impl Cluster for HastyWorkers {
    const NAME: &'static str = NAME;
    const ROOM: &'static str = "queue";
    const SUMMARY: &'static str =
        "producers and unreliable workers use a lease queue whose host dies, halts and forgets";
    const ALWAYS: &'static [&'static str] = &claims::ALWAYS;
    const SOMETIMES: &'static [&'static str] = &claims::SOMETIMES;
    type Protocol = Queue;
    type Options = Options;
    type Client = Participant;
    type Judge = Bookkeeper;

    fn draw(die: &mut Die) -> Options {
        draw::options(die)
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        options.check()
    }

    fn nodes(options: &Options) -> Vec<Node<Queue>> {
        options.config().into_iter().map(Node::alone).collect()
    }

    fn clients(setting: &Setting<Options>) -> Vec<Participant> {
        clients::all(&setting.workload, &setting.environment)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Options>()
    }

    fn judge(setting: &Setting<Options>) -> Bookkeeper {
        Bookkeeper::new(setting)
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        setting.workload.recovery(&setting.environment)
    }

    fn inspect(setting: &Setting<Options>, view: &View<'_, Queue>) -> Result<(), Violation> {
        if !view.steps().is_multiple_of(STEPS_BETWEEN_INSPECTIONS) {
            return Ok(());
        }
        let (Some(queue), Ok(config)) = (view.machine(view.stepped()), setting.workload.config()) else {
            return Ok(());
        };
        let broken = invariants::broken(queue, &config);
        claim(claims::MACHINE_INVARIANTS_HOLD, broken.is_none(), || format!("{broken:?} does not hold of {queue:?}"))
    }
}
