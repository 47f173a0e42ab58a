//! The formats of the replica: the arithmetic of its majorities and memberships, and scenarios of whole clusters.

mod confchange;
mod membership;
mod quorum;
mod scenario;

pub(super) use confchange::judge as judge_confchange;
pub(super) use quorum::judge as judge_quorum;
pub(super) use scenario::judge as judge_scenario;

/// What this replica does in another way. Cases that require it are skipped, and that is told.
pub(super) const LACKS: [&str; 4] = [
    // A membership counts from the moment when it is in the log.
    "apply_time_config",
    // What is committed is applied in the same step.
    "async_apply",
    // A leader sees that a member has lost what it had acknowledged; the member itself has nobody to tell it.
    "disk_regression_detection",
    // A heartbeat is an append without entries.
    "heartbeat_message",
];
