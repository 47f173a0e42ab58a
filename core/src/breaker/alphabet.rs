//! Everything that goes into a breaker and everything that comes out of it.

use super::window::{Mark, Totals};
use crate::machine::{Epoch, Names};
use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// What a breaker can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Admits all calls and judges by its window.
    Closed,
    /// Rejects all calls until its wait is over.
    Open,
    /// Admits a bounded number of probes, whose results decide.
    HalfOpen,
    /// Admits all calls and records nothing.
    Disabled,
    /// Rejects all calls until it is told otherwise.
    ForcedOpen,
    /// Admits all calls, records, and never leaves by itself.
    MetricsOnly,
}

impl State {
    /// All states, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Closed, Self::Open, Self::HalfOpen, Self::Disabled, Self::ForcedOpen, Self::MetricsOnly];

    /// Its name as it stands in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Disabled => "disabled",
            Self::ForcedOpen => "forced_open",
            Self::MetricsOnly => "metrics_only",
        }
    }
}

/// What an admitted call holds: the epoch that admitted it, and when, if calls are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Permit {
    /// A result counts only while the breaker is still in the epoch that admitted its call.
    pub epoch: Epoch,
    /// When the call was admitted; `None` where slow calls do not count.
    pub started: Option<Instant>,
}

impl Names for Permit {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.started.iter_mut().for_each(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        each(&mut self.epoch);
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well; slow or not by the breaker's own clock.
    Success,
    /// Badly; slow or not by the breaker's own clock.
    Failure,
    /// In a way that says nothing of the service (a client's error): its permit goes back, nothing is recorded.
    Ignored,
    /// Not at all: it was dropped. Counts as [`Settings::cancelled_counts`](super::Settings::cancelled_counts) says.
    Cancelled,
    /// With a duration that the caller measured.
    Reported {
        /// Whether it failed.
        failed: bool,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// Badly, and the server said how long to stay away (`Retry-After`). Opens the breaker for that long where
    /// [`Settings::server_hint_max_ms`](super::Settings::server_hint_max_ms) allows it.
    Hinted {
        /// How long the server wants to be left alone, in milliseconds.
        retry_after_ms: u64,
    },
}

/// What an operator may tell a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Closed, with a fresh window; announced as a reset.
    Reset,
    /// Closed, with a fresh window.
    Close,
    /// Open for the configured wait.
    Open,
    /// Open for so many milliseconds.
    OpenFor {
        /// The wait in milliseconds.
        ms: u64,
    },
    /// Open until an instant.
    OpenUntil {
        /// The instant on the breaker's clock.
        at: Instant,
    },
    /// Half-open. Illegal from closed and from metrics only.
    HalfOpen,
    /// Rejects all calls until told otherwise.
    ForceOpen,
    /// Admits all calls and records nothing.
    Disable,
    /// Admits all calls and records them, without consequences.
    MetricsOnly,
}

/// Everything that can happen to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A caller asks for a permit.
    Ask,
    /// A caller gives its permit back.
    End {
        /// The permit that [`Reply::Admitted`] gave.
        permit: Permit,
        /// How the call ended.
        outcome: Outcome,
    },
    /// Time passes.
    Tick,
    /// An operator speaks.
    Control(Control),
}

impl Names for Input {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        match self {
            Self::End { permit, .. } => permit.instants(each),
            Self::Control(Control::OpenUntil { at }) => each(at),
            Self::Ask | Self::Tick | Self::Control(_) => {}
        }
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        if let Self::End { permit, .. } = self {
            permit.epochs(each);
        }
    }
}

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The breaker is open.
    Open {
        /// The first instant at which asking again can succeed.
        retry_at: Instant,
    },
    /// The breaker is half-open and all its probes are on their way.
    ProbesTaken,
    /// The breaker was forced open.
    ForcedOpen,
}

/// A breaker's immediate answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Input::Ask`]: go ahead, and bring this back.
    Admitted(Permit),
    /// To [`Input::Ask`]: no.
    Rejected(Rejection),
    /// To [`Input::End`]: the result is in the window, and counts like this.
    Recorded(Mark),
    /// To [`Input::End`]: the result says nothing that counts here; a half-open permit went back.
    Unrecorded,
    /// To [`Input::End`]: the call belongs to an earlier epoch (or to none). Nothing changed.
    Late,
    /// To [`Input::Tick`].
    Ticked,
    /// To [`Input::Control`]: done.
    Controlled,
    /// To [`Input::Control`]: there is no such transition from this state. Nothing changed.
    Illegal,
}

impl Names for Reply {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        match self {
            Self::Admitted(permit) => permit.instants(each),
            Self::Rejected(Rejection::Open { retry_at }) => each(retry_at),
            _ => {}
        }
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        if let Self::Admitted(permit) = self {
            permit.epochs(each);
        }
    }
}

/// Why a breaker went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Too many calls failed (perhaps too many were slow as well).
    FailureRate,
    /// Too many calls were slow.
    SlowCallRate,
    /// The probes went well.
    ProbesPassed,
    /// The open wait is over.
    OpenWaitOver,
    /// Half-open lasted its maximum.
    HalfOpenMaxWait,
    /// The server asked to be left alone.
    ServerHint,
    /// An operator said so.
    Control,
}

impl Reason {
    /// Its name as it stands in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowCallRate => "slow_call_rate",
            Self::ProbesPassed => "probes_passed",
            Self::OpenWaitOver => "open_wait_over",
            Self::HalfOpenMaxWait => "half_open_max_wait",
            Self::ServerHint => "server_hint",
            Self::Control => "control",
        }
    }
}

/// What a breaker announces. No decision of a host is asked for, so a host may ignore all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It went from one state to another (perhaps the same, entered afresh).
    Transitioned {
        /// Where it was.
        from: State,
        /// Where it is.
        to: State,
        /// Why.
        reason: Reason,
        /// When, which is a timer's own deadline even if it was noticed late.
        at: Instant,
        /// The new epoch.
        epoch: Epoch,
    },
    /// So many whole cycles of open and half-open went by unnoticed.
    CyclesPassed {
        /// How many.
        cycles: u64,
    },
    /// The share of failed calls reached its threshold, in closed or metrics only. At most once a stay.
    FailureRateExceeded {
        /// What the window held.
        totals: Totals,
    },
    /// The share of slow calls reached its threshold, in closed or metrics only. At most once a stay.
    SlowCallRateExceeded {
        /// What the window held.
        totals: Totals,
    },
    /// An operator reset it.
    Reset,
}

impl Names for Event {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        if let Self::Transitioned { at, .. } = self {
            each(at);
        }
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        if let Self::Transitioned { epoch, .. } = self {
            each(epoch);
        }
    }
}
