//! What the judges of this scenario claim, and what must be seen for each claim to mean anything.

/// In half-open, probes on their way and probes decided are never more than were permitted.
pub const PROBES_ARE_BOUNDED: &str = "probes_are_bounded";
/// While the breaker is open nobody is admitted.
pub const OPEN_ADMITS_NOBODY: &str = "open_admits_nobody";
/// Open lasts its configured wait (with auto half-open: exactly that).
pub const OPEN_LASTS_ITS_WAIT: &str = "open_lasts_its_wait";
/// Half-open never outlasts its maximum wait, whatever its probes do.
pub const HALF_OPEN_IS_BOUNDED_IN_TIME: &str = "half_open_is_bounded_in_time";
/// A result from another epoch moves nothing.
pub const LATE_RESULTS_MOVE_NOTHING: &str = "late_results_move_nothing";
/// Epochs rise by one with each transition.
pub const EPOCHS_RISE: &str = "epochs_rise";
/// Replies and states are those of a naive breaker that saw the same.
pub const THE_REFERENCE_AGREES: &str = "the_reference_agrees";
/// No more calls reach the server than were admitted.
pub const ONLY_ADMITTED_CALLS_REACH_THE_SERVER: &str = "only_admitted_calls_reach_the_server";
/// Each permit comes back once, and none stays out for longer than its client waits.
pub const EVERY_PERMIT_COMES_BACK: &str = "every_permit_comes_back";
/// A bounded time after everything was healed the breaker is closed, and stays so.
pub const RECOVERS_AFTER_HEALING: &str = "recovers_after_healing";
/// After recovery calls are made, and every one succeeds.
pub const CALLS_SUCCEED_AFTER_RECOVERY: &str = "calls_succeed_after_recovery";
/// The machine's own invariants: see `purlin::breaker::invariants`. A broken one is reported by its own name.
pub const MACHINE_INVARIANTS_HOLD: &str = "machine_invariants_hold";

/// What should be seen at least once in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it in words")]
pub enum Sight {
    AllProbesWereTaken,
    CallWasRejectedWhileOpen,
    BreakerHalfOpened,
    HungProbeWasCutOffByMaximumWait,
    ResultWasLateInHalfOpen,
    BreakerClosedAgain,
    CallLastedExactlySlowLimit,
    CallReachedServer,
    ProbeWasCancelled,
    BreakerWasNotClosedWhenAllWasHealed,
    CallSucceededAfterRecovery,
    BreakerOpened,
    ProbeFailedAndReopenedBreaker,
    SlowCallsOpenedBreaker,
    ResultWasLate,
    OpenWaitWasJittered,
    OpenWaitBackedOff,
}

/// The sights in words, in the order of [`Sight`].
pub const SOMETIMES: [&str; 17] = [
    "all_probes_were_taken",
    "a_call_was_rejected_while_open",
    "the_breaker_half_opened",
    "a_hung_probe_was_cut_off_by_the_maximum_wait",
    "a_result_was_late_in_half_open",
    "the_breaker_closed_again",
    "a_call_lasted_exactly_the_slow_limit",
    "a_call_reached_the_server",
    "a_probe_was_cancelled",
    "the_breaker_was_not_closed_when_all_was_healed",
    "a_call_succeeded_after_recovery",
    "the_breaker_opened",
    "a_probe_failed_and_reopened_the_breaker",
    "slow_calls_opened_the_breaker",
    "a_result_was_late",
    "the_open_wait_was_jittered",
    "the_open_wait_backed_off",
];

/// Each thing that is always so, with what must be seen for it to have been put to the test at all.
pub const ALWAYS: [(&str, Sight); 13] = [
    (PROBES_ARE_BOUNDED, Sight::AllProbesWereTaken),
    (OPEN_ADMITS_NOBODY, Sight::CallWasRejectedWhileOpen),
    (OPEN_LASTS_ITS_WAIT, Sight::BreakerHalfOpened),
    (HALF_OPEN_IS_BOUNDED_IN_TIME, Sight::HungProbeWasCutOffByMaximumWait),
    (LATE_RESULTS_MOVE_NOTHING, Sight::ResultWasLateInHalfOpen),
    (EPOCHS_RISE, Sight::BreakerClosedAgain),
    (THE_REFERENCE_AGREES, Sight::CallLastedExactlySlowLimit),
    (ONLY_ADMITTED_CALLS_REACH_THE_SERVER, Sight::CallReachedServer),
    (EVERY_PERMIT_COMES_BACK, Sight::ProbeWasCancelled),
    (RECOVERS_AFTER_HEALING, Sight::BreakerWasNotClosedWhenAllWasHealed),
    (CALLS_SUCCEED_AFTER_RECOVERY, Sight::CallSucceededAfterRecovery),
    (MACHINE_INVARIANTS_HOLD, Sight::BreakerOpened),
    (crate::NOTHING_PANICS, Sight::ProbeFailedAndReopenedBreaker),
];

/// The names of all that is always so.
pub const NAMES: [&str; ALWAYS.len()] = {
    let mut names = [""; ALWAYS.len()];
    let mut index = 0;
    while index < ALWAYS.len() {
        names[index] = ALWAYS[index].0;
        index += 1;
    }
    names
};
