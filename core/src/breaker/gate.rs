//! The word from which callers are answered without the lock.
//!
//! ```text
//!   bits 0..3   3      4      5..17      17..64
//!   tag         timed  clean  allowance  epoch     closed, metrics only: admit
//!   tag         -      -      -          epoch     disabled, forced open
//!   tag         instant (61 bits of nanoseconds)   open: refuse before it
//!   tag         instant                            half-open, all probes taken: refuse before it
//! ```
//! In a *clean* window one more success changes nothing. Where failures are inside but the oldest calls are good, the
//! *allowance* counts how many: so many successes change nothing but the place of the oldest call, and are recorded by
//! taking them off the allowance.
//!
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
const ALLOWANCE_SHIFT: u32 = 5;
const ALLOWANCE_MAX: u32 = (1 << (EPOCH_SHIFT - ALLOWANCE_SHIFT)) - 1;
const ALLOWANCE_ONE: u64 = 1 << ALLOWANCE_SHIFT;
const EPOCH_SHIFT: u32 = 17;
const INSTANT_SHIFT: u32 = 3;

impl Gate for Breaker {
    #[inline]
    fn gate(&self, config: &Config) -> u64 {
        match self.stay {
            Stay::Closed | Stay::MetricsOnly { .. } => with_epoch(ADMITS | self.flags(config), self.epoch),
            Stay::Disabled => with_epoch(DISABLED, self.epoch),
            Stay::ForcedOpen => with_epoch(FORCED_OPEN, self.epoch),
            Stay::Open { .. } => waiting(OPEN, Some(self.retry_at(config)).filter(|retry_at| *retry_at < Instant::MAX)),
            Stay::HalfOpen { .. } if self.probes_free(config) == 0 => waiting(PROBES_TAKEN, self.wake(config)),
            Stay::HalfOpen { .. } => 0,
        }
    }

    #[inline(always)]
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

    #[inline(always)]
    fn spend(gate: u64, input: &Input) -> Option<(Reply, u64)> {
        let Input::End { permit, outcome: Outcome::Success } = input else { return None };
        let allowed = allowance(gate) > 0 && permit.epoch == epoch(gate);
        allowed.then(|| (Reply::Recorded(Mark::default()), gate - ALLOWANCE_ONE))
    }

    fn withdrawn(gate: u64) -> u64 {
        gate - allowance(gate) * ALLOWANCE_ONE
    }

    fn spent(&mut self, published: u64, left: u64) {
        self.window.pass_good((published - left) / ALLOWANCE_ONE);
    }
}

impl Breaker {
    fn flags(&self, config: &Config) -> u64 {
        match config.slow_call_duration() {
            Some(_) => TIMED,
            None if self.window.is_clean() => CLEAN,
            None => u64::from(self.window.oldest_good(ALLOWANCE_MAX)) * ALLOWANCE_ONE,
        }
    }
}

#[inline(always)]
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

#[inline(always)]
fn glance_at_disabled(gate: u64, input: &Input) -> Option<Reply> {
    match input {
        Input::Ask => Some(Reply::Admitted(Permit { epoch: epoch(gate), started: None })),
        Input::End { permit, .. } => Some(unrecorded_or_late(gate, permit)),
        Input::Tick => Some(Reply::Ticked),
        Input::Control(_) => None,
    }
}

#[inline(always)]
fn glance_at_forced_open(gate: u64, input: &Input) -> Option<Reply> {
    match input {
        Input::Ask => Some(Reply::Rejected(Rejection::ForcedOpen)),
        Input::End { permit, .. } => Some(unrecorded_or_late(gate, permit)),
        Input::Tick => Some(Reply::Ticked),
        Input::Control(_) => None,
    }
}

#[inline(always)]
fn unrecorded_or_late(gate: u64, permit: &Permit) -> Reply {
    if permit.epoch == epoch(gate) { Reply::Unrecorded } else { Reply::Late }
}

#[inline(always)]
fn glance_at_waiting(
    gate: u64,
    input: &Input,
    clock: &(impl Clock + ?Sized),
    rejection: impl FnOnce(Instant) -> Rejection,
) -> Option<Reply> {
    let until = Instant::from_nanos(gate >> INSTANT_SHIFT);
    match input {
        Input::Ask if until == NEVER => Some(Reply::Rejected(rejection(Instant::MAX))),
        Input::Ask if clock.now() < until => Some(Reply::Rejected(rejection(until))),
        _ => None,
    }
}

/// How many successes the word allows to be spent on it.
#[inline]
fn allowance(gate: u64) -> u64 {
    if gate & TAG == ADMITS { (gate / ALLOWANCE_ONE) & u64::from(ALLOWANCE_MAX) } else { 0 }
}

/// Stands for an end that never comes, as the last instant that fits into the word.
const NEVER: Instant = Instant::from_nanos(u64::MAX >> INSTANT_SHIFT);

fn with_epoch(tag: u64, epoch: Epoch) -> u64 {
    if epoch.0 >> (u64::BITS - EPOCH_SHIFT) == 0 { tag | epoch.0 << EPOCH_SHIFT } else { 0 }
}

fn epoch(gate: u64) -> Epoch {
    Epoch(gate >> EPOCH_SHIFT)
}

fn waiting(tag: u64, until: Option<Instant>) -> u64 {
    match until {
        None => tag | NEVER.as_nanos() << INSTANT_SHIFT,
        Some(until) if until < NEVER => tag | until.as_nanos() << INSTANT_SHIFT,
        Some(_) => 0,
    }
}
