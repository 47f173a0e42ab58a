//! What is always true of a breaker, as named claims: shared by debug assertions, models, simulations and property tests.

use super::alphabet::{Input, Reply, State};
use super::config::Config;
use super::machine::{Breaker, Stay};
use super::window::{Totals, Window};
use crate::machine::Policy;

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
