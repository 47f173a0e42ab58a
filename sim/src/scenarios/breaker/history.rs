//! The history of a breaker among its clients and its server.

use crate::hash::Fingerprint;
use crate::history::Happening;
use crate::scene::{Kind, Scene};
use purlin::Instant;
use purlin::breaker::{Event as Announcement, Outcome, Permit, Rejection, Reply};
use std::fmt;

/// One entry. What a step announces is written before the step itself, because that is the order in which shells tell
/// of it; `clock` is what the breaker's own clock showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client begins a call.
    Called {
        /// The client.
        client: u32,
    },
    /// A client has its answer, or gave up waiting.
    Answered {
        /// The client.
        client: u32,
        /// The answer.
        answer: Answer,
    },
    /// The breaker was asked for a permit.
    Asked {
        /// The breaker's clock.
        clock: Instant,
        /// Its reply.
        reply: Reply,
    },
    /// The breaker was told how a call ended.
    Ended {
        /// The breaker's clock.
        clock: Instant,
        /// The permit that was given back.
        permit: Permit,
        /// How the call ended.
        outcome: Outcome,
        /// The breaker's reply.
        reply: Reply,
    },
    /// The breaker threw its die, during the step that follows.
    Thrown {
        /// The face that came up.
        face: u32,
    },
    /// The breaker announced something, during the step that follows.
    Announced(Announcement),
    /// A call reached the server.
    Reached,
    /// A fault of the plan began.
    Began {
        /// Its index in the plan.
        fault: u32,
    },
    /// A fault of the plan is over.
    Over {
        /// Its index in the plan.
        fault: u32,
    },
    /// The safety phase is over.
    Healed,
}

/// How a call ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Well.
    Served,
    /// Badly.
    Failed,
    /// The breaker refused it.
    Rejected,
    /// The client gave up.
    GivenUp,
}

impl Happening for Event {
    fn scene(&self) -> Scene {
        let client = |client: u32| format!("client {client}");
        match *self {
            Self::Called { client: who } => Scene::new(Kind::Asked, "calls").on(client(who)).with("breaker"),
            Self::Answered { client: who, answer } => {
                Scene::new(answer.kind(), answer.phrase()).on(client(who)).with("breaker")
            }
            Self::Asked { .. } | Self::Ended { .. } | Self::Announced(_) => {
                Scene::new(Kind::Announced, self).on("breaker")
            }
            Self::Thrown { face } => Scene::new(Kind::Thrown, face).on("breaker"),
            Self::Reached => Scene::new(Kind::Announced, self).on("bank"),
            Self::Began { fault } => Scene::new(Kind::FaultBegan, self).numbered(fault.into()),
            Self::Over { fault } => Scene::new(Kind::FaultOver, self).numbered(fault.into()),
            Self::Healed => Scene::new(Kind::Healed, self),
        }
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        let (tag, words) = self.words();
        fingerprint.word(tag);
        words.into_iter().for_each(|word| fingerprint.word(word));
    }
}

impl Event {
    fn words(&self) -> (u64, [u64; 6]) {
        match *self {
            Self::Called { client } => (1, [u64::from(client), 0, 0, 0, 0, 0]),
            Self::Answered { client, answer } => (2, [u64::from(client), answer as u64, 0, 0, 0, 0]),
            Self::Asked { clock, reply } => {
                let [kind, first, second] = reply_words(reply);
                (3, [clock.as_nanos(), kind, first, second, 0, 0])
            }
            Self::Ended { clock, permit, outcome, reply } => {
                let [kind, first, second] = reply_words(reply);
                let ended = outcome_word(outcome);
                (4, [clock.as_nanos(), permit.epoch.0, ended, kind, first, second])
            }
            Self::Thrown { face } => (5, [u64::from(face), 0, 0, 0, 0, 0]),
            Self::Announced(announcement) => (6, announcement_words(announcement)),
            Self::Reached => (7, [0; 6]),
            Self::Began { fault } => (8, [u64::from(fault), 0, 0, 0, 0, 0]),
            Self::Over { fault } => (9, [u64::from(fault), 0, 0, 0, 0, 0]),
            Self::Healed => (10, [0; 6]),
        }
    }
}

fn reply_words(reply: Reply) -> [u64; 3] {
    match reply {
        Reply::Admitted(permit) => [1, permit.epoch.0, permit.started.map_or(u64::MAX, Instant::as_nanos)],
        Reply::Rejected(Rejection::Open { retry_at }) => [2, retry_at.as_nanos(), 0],
        Reply::Rejected(Rejection::ProbesTaken) => [3, 0, 0],
        Reply::Rejected(Rejection::ForcedOpen) => [4, 0, 0],
        Reply::Recorded(mark) => [5, u64::from(mark.failed), u64::from(mark.slow)],
        Reply::Unrecorded => [6, 0, 0],
        Reply::Late => [7, 0, 0],
        Reply::Ticked => [8, 0, 0],
        Reply::Controlled => [9, 0, 0],
        Reply::Illegal => [10, 0, 0],
    }
}

fn outcome_word(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Success => 1,
        Outcome::Failure => 2,
        Outcome::Ignored => 3,
        Outcome::Cancelled => 4,
        Outcome::Reported { failed, duration_ms } => 5 | u64::from(failed) << 3 | duration_ms << 4,
        Outcome::Hinted { retry_after_ms } => 6 | retry_after_ms << 4,
    }
}

fn announcement_words(announcement: Announcement) -> [u64; 6] {
    match announcement {
        Announcement::Transitioned { from, to, reason, at, epoch } => {
            [1, from as u64, to as u64, reason as u64, at.as_nanos(), epoch.0]
        }
        Announcement::CyclesPassed { cycles } => [2, cycles, 0, 0, 0, 0],
        Announcement::FailureRateExceeded { totals } => {
            [3, totals.calls.into(), totals.failed.into(), totals.slow.into(), 0, 0]
        }
        Announcement::SlowCallRateExceeded { totals } => {
            [4, totals.calls.into(), totals.failed.into(), totals.slow.into(), 0, 0]
        }
        Announcement::Reset => [5, 0, 0, 0, 0, 0],
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Called { client } => write!(formatter, "client {client} calls"),
            Self::Answered { client, answer } => write!(formatter, "client {client} {}", answer.phrase()),
            Self::Asked { reply, .. } => write!(formatter, "breaker asked: {}", phrase(reply)),
            Self::Ended { permit, outcome, reply, .. } => {
                write!(formatter, "breaker told {outcome:?} of epoch {}: {}", permit.epoch.0, phrase(reply))
            }
            Self::Thrown { face } => write!(formatter, "breaker throws {face}"),
            Self::Announced(announcement) => announce(formatter, announcement),
            Self::Reached => write!(formatter, "server reached by a call"),
            Self::Began { fault } => write!(formatter, "fault {fault} begins"),
            Self::Over { fault } => write!(formatter, "fault {fault} is over"),
            Self::Healed => write!(formatter, "everything is healed"),
        }
    }
}

impl Answer {
    fn kind(self) -> Kind {
        match self {
            Self::Served => Kind::Answered,
            Self::Failed | Self::Rejected => Kind::Declined,
            Self::GivenUp => Kind::Unanswered,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Served => "is served",
            Self::Failed => "is told that its call failed",
            Self::Rejected => "is rejected",
            Self::GivenUp => "gives up",
        }
    }
}

fn phrase(reply: &Reply) -> String {
    match reply {
        Reply::Admitted(permit) => format!("admitted in epoch {}", permit.epoch.0),
        Reply::Rejected(rejection) => format!("rejected, {rejection:?}"),
        Reply::Recorded(mark) => format!("recorded, failed {}, slow {}", mark.failed, mark.slow),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn announce(formatter: &mut fmt::Formatter<'_>, announcement: &Announcement) -> fmt::Result {
    match announcement {
        Announcement::Transitioned { from, to, reason, epoch, .. } => {
            let (from, to, reason) = (from.name(), to.name(), reason.name());
            write!(formatter, "breaker goes from {from} to {to} because of {reason}, epoch {}", epoch.0)
        }
        other => write!(formatter, "breaker announces {other:?}"),
    }
}
