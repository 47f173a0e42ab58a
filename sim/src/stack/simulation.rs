//! Simulations in which nothing is left to chance and no panic is lost.

use crate::checker::Violation;
use crate::panics;
use std::time::{Duration, SystemTime};
use turmoil::Sim;

/// A simulation of whole milliseconds in which nothing is left to chance. It begins on 1 January 1970.
///
/// From now on the panics of this thread are remembered: run one simulation a thread at a time.
pub fn simulation<'a>(seed: u64, duration: Duration) -> Sim<'a> {
    panics::remember();
    turmoil::Builder::new()
        .epoch(SystemTime::UNIX_EPOCH)
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(duration)
        .tcp_capacity(1 << 20)
        .ephemeral_ports(1_024..=u16::MAX)
        .build()
}

/// One tick of a simulation.
///
/// # Errors
///
/// A panic in any of its tasks is a violation, whoever caught it; so is a host that ends with an error.
pub fn step(simulation: &mut Sim<'_>) -> Result<(), Violation> {
    let stepped = simulation.step();
    if let Some(panic) = panics::first() {
        return Err(Violation::new(crate::NOTHING_PANICS, panic));
    }
    stepped.map(drop).map_err(|error| Violation::new(crate::NOTHING_PANICS, error))
}

/// Ticks until so much time has passed since the simulation began, with a cue before each.
///
/// # Errors
///
/// See [`step`].
pub fn run_until(simulation: &mut Sim<'_>, end: Duration, mut cue: impl FnMut(&Sim<'_>)) -> Result<(), Violation> {
    while simulation.elapsed() < end {
        cue(simulation);
        step(simulation)?;
    }
    Ok(())
}
