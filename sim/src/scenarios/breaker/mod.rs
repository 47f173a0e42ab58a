//! *Flaky bank*: clients call a checkout service, which calls a bank through a circuit breaker; the bank fails.
//!
//! ```text
//!   client 0 ──┐                        ┌─────────┐
//!   client 1 ──┼──▶ checkout ─▶ breaker ┤         ├──▶ bank
//!   client n ──┘    (gives up when its  └─────────┘    (errors, hangs, is slow, dies, cannot be reached)
//!                    client does)
//! ```
//!
//! In the swarm the breaker's machine is stepped by itself. In the full stack the checkout service is the one of
//! `examples/checkout`, unchanged, and the bank a stock axum server.

pub mod claims;
mod draw;
mod faults;
mod full_stack;
pub mod history;
pub mod judges;
mod options;
#[cfg(test)]
mod proofs;
pub mod reference;
mod stage;
mod swarm;
#[cfg(test)]
mod tests;

pub use options::{Options, Phases};

use crate::plan::{FaultKind, InvalidPlan};
use crate::scenario::{Scenario, healed, read, simpler};

type Plan = crate::plan::Plan<Options>;

/// The scenario's name.
pub const NAME: &str = "flaky-bank";

pub(super) fn scenario() -> Scenario {
    Scenario {
        name: NAME,
        room: "breaker",
        summary: "clients call a bank that errs, hangs, dies and slows down, through a circuit breaker",
        general: &[],
        always: &claims::NAMES,
        sometimes: &claims::SOMETIMES,
        draw: |seed| draw::plan(seed).erased(),
        read: read::<Options>,
        schema: Plan::schema,
        swarm: |plan, watch| swarm::open(&plan.typed()?, watch),
        turmoil: |plan, watch| full_stack::play(&plan.typed()?, watch),
        healed: healed::<Options>,
        simpler: simpler::<Options>,
    }
}

/// The kinds of faults that strike a called service.
fn check_kind(field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
    use FaultKind::{Abort, Crash, Cut, Delay, Errors, Hang, Herd, Impatience, Lose, RateLimit, Slow, Spike};
    let known = matches!(
        kind,
        Errors { .. }
            | Slow { .. }
            | Hang { .. }
            | Abort { .. }
            | RateLimit { .. }
            | Herd
            | Crash
            | Cut
            | Delay { .. }
            | Lose { .. }
            | Impatience { .. }
            | Spike { .. }
    );
    let mend = "this scenario knows errors, slow, hang, abort, rate_limit, crash, cut, delay, lose, impatience, spike and herd";
    InvalidPlan::unless(known, field, kind.name(), mend)?;
    let mend = "leave the link out: there is only the one between caller and server";
    InvalidPlan::unless(kind.link().is_none(), format!("{field}.{}.link", kind.name()), "given", mend)
}
