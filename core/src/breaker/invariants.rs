//! What is always true of a breaker, as named claims: shared by debug assertions, models, simulations and property tests.

use super::alphabet::{Control, Event, Input, Outcome, Reason, Reply, State};
use super::config::Config;
use super::machine::{Breaker, Stay};
use super::window::{Totals, Window};
use crate::machine::Policy;
use crate::time::Instant;
use core::time::Duration;

/// The totals beside the ring are those of the calls inside it.
pub fn window_counts_its_calls(breaker: &Breaker) -> bool {
    let Window::Count(window) = &breaker.window else { return true };
    let mut totals = Totals::default();
    for mark in window.marks() {
        totals.calls += 1;
        totals.failed += u32::from(mark.failed);
        totals.slow += u32::from(mark.slow);
    }
    totals == window.totals()
}

/// Neither closed nor half-open rests on a window that already asks for a transition.
pub fn no_decision_is_due(breaker: &Breaker, config: &Config) -> bool {
    let totals = breaker.window.totals();
    if totals.calls < breaker.minimum_calls(config) {
        return true;
    }
    let settings = config.settings();
    let failing = settings.failure_rate_threshold_percent.is_reached_by(totals.failed, totals.calls);
    let slow = settings.slow_call_rate_threshold_percent.is_reached_by(totals.slow, totals.calls);
    match breaker.stay {
        // A time window may have been judged before its oldest calls fell out, so only count windows are exact here.
        Stay::Closed => matches!(breaker.window, Window::Time(_)) || !(failing || slow),
        Stay::HalfOpen { .. } => false,
        _ => true,
    }
}

/// Probes in flight and probes decided are together no more than half-open permits. (A reconfiguration that lowers the
/// permitted number while probes are on their way is the one exception; none is admitted until it holds again.)
pub fn probes_are_bounded(breaker: &Breaker, config: &Config) -> bool {
    let Stay::HalfOpen { in_flight, .. } = breaker.stay else { return true };
    in_flight + breaker.window.totals().calls <= config.settings().permitted_half_open_calls
}

/// Half-open counts exactly those permits that are out in its own epoch.
pub fn every_probe_is_accounted_for(breaker: &Breaker, held_in_epoch: u32) -> bool {
    let Stay::HalfOpen { in_flight, .. } = breaker.stay else { return true };
    in_flight == held_in_epoch
}

/// Half-open admits another probe only while it has one left.
pub fn probes_are_admitted_within_bounds(before: &Breaker, config: &Config, reply: &Reply) -> bool {
    let admitted = matches!(reply, Reply::Admitted(_));
    before.state() != State::HalfOpen || !admitted || before.probes_free(config) > 0
}

/// A result that belongs to an earlier epoch is called late and changes nothing. `before` has noticed its timers.
pub fn late_results_change_nothing(before: &Breaker, input: &Input, reply: &Reply, after: &Breaker) -> bool {
    let Input::End { permit, .. } = input else { return true };
    permit.epoch == before.epoch || (*reply == Reply::Late && before == after)
}

/// The epoch never falls, and rises whenever the state changes.
pub fn epochs_rise_with_transitions(before: &Breaker, after: &Breaker) -> bool {
    after.epoch > before.epoch || (after.epoch == before.epoch && after.state() == before.state())
}

/// A refused caller holds nothing: apart from timers that fell due, the breaker is as it was.
pub fn refusals_change_nothing(before: &Breaker, reply: &Reply, after: &Breaker) -> bool {
    !matches!(reply, Reply::Rejected(_) | Reply::Illegal) || before == after
}

/// Open, and half-open with a maximum wait, always have an end.
pub fn waiting_has_a_deadline(breaker: &Breaker, config: &Config) -> bool {
    match breaker.state() {
        State::Open => breaker.open_ends(config).is_some(),
        State::HalfOpen => config.half_open_max_wait().is_none() || breaker.wake(config).is_some(),
        _ => true,
    }
}

/// Half-open is left only by a result of its own probes, or because an operator says so. `before` has noticed its timers.
pub fn only_its_own_probes_decide_half_open(before: &Breaker, input: &Input, after: &Breaker) -> bool {
    before.state() != State::HalfOpen || after.epoch == before.epoch || may_decide(before, input)
}

/// Closed is left only by a result of its own calls, or because an operator says so.
pub fn only_its_own_results_open_closed(before: &Breaker, input: &Input, after: &Breaker) -> bool {
    before.state() != State::Closed || after.epoch == before.epoch || may_decide(before, input)
}

fn may_decide(breaker: &Breaker, input: &Input) -> bool {
    match input {
        Input::End { permit, .. } => permit.epoch == breaker.epoch,
        Input::Control(_) => true,
        Input::Ask | Input::Tick => false,
    }
}

/// Disabled, forced open and metrics only are left only when an operator says so.
pub fn only_operators_end_their_own_states(before: &Breaker, input: &Input, after: &Breaker) -> bool {
    let is_operators = matches!(before.state(), State::Disabled | State::ForcedOpen | State::MetricsOnly);
    !is_operators || after.epoch == before.epoch || matches!(input, Input::Control(_))
}

/// Open admits nobody before its wait is over: with a timer at its end, else strictly after it. `before` has noticed its
/// timers.
pub fn open_lasts_its_wait(before: &Breaker, config: &Config, reply: &Reply, now: Instant) -> bool {
    let (Some(ends), Reply::Admitted(_)) = (before.open_ends(config), reply) else { return true };
    if config.settings().auto_half_open { now >= ends } else { now > ends }
}

/// A timer takes effect at its own deadline, however late it is noticed. `stored` has not noticed its timers.
pub fn timers_take_effect_at_their_deadline(stored: &Breaker, config: &Config, effects: &[Event]) -> bool {
    let Some(Event::Transitioned { reason, at, .. }) = effects.first() else { return true };
    let by_timer = match reason {
        Reason::HalfOpenMaxWait => true,
        Reason::OpenWaitOver => config.settings().auto_half_open,
        _ => false,
    };
    !by_timer || stored.wake(config) == Some(*at)
}

/// Where nothing is wrong no row of opens is remembered: the next one begins with the first wait.
pub fn calm_ends_a_row_of_opens(breaker: &Breaker) -> bool {
    let is_calm = matches!(breaker.state(), State::Closed | State::Disabled | State::MetricsOnly);
    !is_calm || (breaker.openings, breaker.stretch) == (0, 0)
}

/// A server that is heeded keeps the breaker open for as long as it asked, and no longer than the configured maximum.
pub fn hints_are_heeded_up_to_their_maximum(
    config: &Config,
    input: &Input,
    reply: &Reply,
    after: &Breaker,
    now: Instant,
) -> bool {
    let (Input::End { outcome: Outcome::Hinted { retry_after_ms }, .. }, Reply::Recorded(_)) = (input, reply) else {
        return true;
    };
    let Some(max_ms) = config.settings().server_hint_max_ms else { return true };
    let asked = Duration::from_millis((*retry_after_ms).min(max_ms));
    after.state() == State::MetricsOnly || after.open_ends(config) == Some(now + asked)
}

/// A measured call is slow exactly if it lasted strictly longer than the limit.
pub fn slow_is_strictly_longer(config: &Config, input: &Input, reply: &Reply, now: Instant) -> bool {
    let (Input::End { permit, outcome }, Reply::Recorded(mark)) = (input, reply) else { return true };
    let lasted = match (outcome, permit.started) {
        (Outcome::Reported { duration_ms, .. }, _) => Duration::from_millis(*duration_ms),
        (_, Some(started)) => now.saturating_since(started),
        (_, None) => Duration::ZERO,
    };
    mark.slow == config.slow_call_duration().is_some_and(|limit| lasted > limit)
}

/// What changed was announced: the last transition that was told is the one that led here.
pub fn transitions_are_announced(before: &Breaker, effects: &[Event], after: &Breaker) -> bool {
    let last = effects.iter().rev().find_map(|effect| match effect {
        Event::Transitioned { to, epoch, .. } => Some((*to, *epoch)),
        _ => None,
    });
    match last {
        Some(told) => told == (after.state(), after.epoch),
        None => after.epoch == before.epoch,
    }
}

/// An operator who is not refused gets what was asked for.
pub fn operators_are_obeyed(input: &Input, reply: &Reply, after: &Breaker) -> bool {
    let (Input::Control(control), Reply::Controlled) = (input, reply) else { return true };
    let wanted = match control {
        Control::Reset | Control::Close => State::Closed,
        Control::Open | Control::OpenFor { .. } | Control::OpenUntil { .. } => State::Open,
        Control::HalfOpen => State::HalfOpen,
        Control::ForceOpen => State::ForcedOpen,
        Control::Disable => State::Disabled,
        Control::MetricsOnly => State::MetricsOnly,
    };
    after.state() == wanted
}
