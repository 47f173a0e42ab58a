//! The word from which callers are answered without the lock.
//!
//! ```text
//!   bits 0..3   3      4      5..64
//!   tag         timed  clean  epoch         closed, metrics only: admit; "clean": one more success changes nothing
//!   tag         -      -      epoch         disabled, forced open
//!   tag                                     open: refuse before an instant (61 bits of nanoseconds)
//!   tag                                     half-open, all probes taken: refuse before its deadline
//! ```
//! State, epoch and deadline are one word, so none can be seen without the others. Where something does not fit, the
//! word is zero, which promises nothing.

use super::alphabet::{Input, Outcome, Permit, Rejection, Reply};
use super::config::Config;
use super::machine::{Breaker, Stay};
use super::window::Mark;
use crate::machine::{Clock, Epoch, Gate, Policy};
use crate::time::Instant;

const TAG: u64 = 0b111;
const ADMITS: u64 = 1;
const DISABLED: u64 = 2;
const FORCED_OPEN: u64 = 3;
const OPEN: u64 = 4;
const PROBES_TAKEN: u64 = 5;
const TIMED: u64 = 1 << 3;
const CLEAN: u64 = 1 << 4;
const EPOCH_SHIFT: u32 = 5;
const INSTANT_SHIFT: u32 = 3;

impl Gate for Breaker {
    #[inline]
    fn gate(&self, config: &Config) -> u64 {
        match self.stay {
            Stay::Closed | Stay::MetricsOnly { .. } => with_epoch(ADMITS | self.flags(config), self.epoch),
            Stay::Disabled => with_epoch(DISABLED, self.epoch),
            Stay::ForcedOpen => with_epoch(FORCED_OPEN, self.epoch),
            Stay::Open { .. } => with_instant(OPEN, self.retry_at(config)),
            Stay::HalfOpen { .. } if self.probes_free(config) == 0 => {
                with_instant(PROBES_TAKEN, self.wake(config).unwrap_or(NEVER))
            }
            Stay::HalfOpen { .. } => 0,
        }
    }

    #[inline]
    fn glance(gate: u64, input: &Input, clock: &(impl Clock + ?Sized)) -> Option<Reply> {
        match gate & TAG {
            ADMITS => glance_at_admitting(gate, input, clock),
            DISABLED => glance_at_disabled(gate, input),
            FORCED_OPEN => glance_at_forced_open(gate, input),
            OPEN => glance_at_waiting(gate, input, clock, |retry_at| Rejection::Open { retry_at }),
            PROBES_TAKEN => glance_at_waiting(gate, input, clock, |_| Rejection::ProbesTaken),
            _ => None,
        }
    }
}

impl Breaker {
    fn flags(&self, config: &Config) -> u64 {
        match config.slow_call_duration() {
            Some(_) => TIMED,
            None if self.window.is_clean() => CLEAN,
            None => 0,
        }
    }
}

#[inline]
fn glance_at_admitting(gate: u64, input: &Input, clock: &(impl Clock + ?Sized)) -> Option<Reply> {
    match input {
        Input::Ask => {
            let started = (gate & TIMED != 0).then(|| clock.now());
            Some(Reply::Admitted(Permit { epoch: epoch(gate), started }))
        }
        Input::End { permit, .. } if permit.epoch != epoch(gate) => Some(Reply::Late),
        Input::End { outcome: Outcome::Success, .. } if gate & CLEAN != 0 => Some(Reply::Recorded(Mark::default())),
        Input::End { outcome: Outcome::Ignored, .. } => Some(Reply::Unrecorded),
        Input::Tick => Some(Reply::Ticked),
        Input::End { .. } | Input::Control(_) => None,
    }
}

fn glance_at_disabled(gate: u64, input: &Input) -> Option<Reply> {
    match input {
        Input::Ask => Some(Reply::Admitted(Permit { epoch: epoch(gate), started: None })),
        Input::End { permit, .. } => Some(unrecorded_or_late(gate, permit)),
        Input::Tick => Some(Reply::Ticked),
        Input::Control(_) => None,
    }
}

fn glance_at_forced_open(gate: u64, input: &Input) -> Option<Reply> {
    match input {
        Input::Ask => Some(Reply::Rejected(Rejection::ForcedOpen)),
        Input::End { permit, .. } => Some(unrecorded_or_late(gate, permit)),
        Input::Tick => Some(Reply::Ticked),
        Input::Control(_) => None,
    }
}

fn unrecorded_or_late(gate: u64, permit: &Permit) -> Reply {
    if permit.epoch == epoch(gate) { Reply::Unrecorded } else { Reply::Late }
}

fn glance_at_waiting(
    gate: u64,
    input: &Input,
    clock: &(impl Clock + ?Sized),
    rejection: impl FnOnce(Instant) -> Rejection,
) -> Option<Reply> {
    let until = Instant::from_nanos(gate >> INSTANT_SHIFT);
    match input {
        Input::Ask if until == NEVER || clock.now() < until => Some(Reply::Rejected(rejection(until))),
        _ => None,
    }
}

/// Stands for "no deadline", as the last instant that fits into the word.
const NEVER: Instant = Instant::from_nanos(u64::MAX >> INSTANT_SHIFT);

fn with_epoch(tag: u64, epoch: Epoch) -> u64 {
    if epoch.0 >> (u64::BITS - EPOCH_SHIFT) == 0 { tag | epoch.0 << EPOCH_SHIFT } else { 0 }
}

fn epoch(gate: u64) -> Epoch {
    Epoch(gate >> EPOCH_SHIFT)
}

fn with_instant(tag: u64, instant: Instant) -> u64 {
    let fits = instant < NEVER || (tag == PROBES_TAKEN && instant == NEVER);
    if fits { tag | instant.as_nanos() << INSTANT_SHIFT } else { 0 }
}
