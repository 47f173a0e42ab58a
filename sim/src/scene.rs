//! Pictures of runs: what happened, on which lane, told so that any scenario of either tier can be drawn alike.

use serde::Serialize;

/// What happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, in nanoseconds of true time from the start of the run.
    pub at_ns: u64,
    /// What.
    #[serde(flatten)]
    pub scene: Scene,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scene {
    /// Of which kind it is.
    pub kind: Kind,
    /// Where it happened: a node, a client, a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Who else has to do with it: the receiver of what is sent, the sender of what arrives, the node that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The number of the ask or of the fault, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it says: the request, the message, or the state as JSON.
    pub text: String,
}

/// The kinds of scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The lane, a client, asks its peer for something. Its number is the ask's.
    Asked,
    /// The lane, a client, is answered by its peer. Its number is the ask's.
    Answered,
    /// The lane, a client, is told that what it asked for was not done. Its number is the ask's.
    Declined,
    /// The lane, a client, will not be answered: it may have been done, or not. Its number is the ask's.
    Unanswered,
    /// The lane announces something.
    Announced,
    /// The lane sends a message to its peer.
    Sent,
    /// A message arrives on the lane, from its peer. What is sent and never arrives was lost; what arrives more often
    /// than it was sent was duplicated.
    Arrived,
    /// The lane hands a record to its disk.
    Written,
    /// What the lane has written is durable.
    Synced,
    /// The process on the lane ended.
    Ended,
    /// A process begins on the lane.
    Recovered,
    /// A process does not begin on the lane, because its journal cannot be read.
    Refused,
    /// The machine on the lane throws its die.
    Thrown,
    /// The machine on the lane has stepped, and this is its state.
    State,
    /// A fault begins. Its number is its index in the plan.
    FaultBegan,
    /// A fault is over. Its number is its index in the plan.
    FaultOver,
    /// The safety phase is over.
    Healed,
}

impl Scene {
    /// A scene without lane, peer and number.
    pub fn new(kind: Kind, text: impl ToString) -> Self {
        Self { kind, lane: None, peer: None, number: None, text: text.to_string() }
    }

    /// The same, on a lane.
    #[must_use]
    pub fn on(self, lane: impl ToString) -> Self {
        Self { lane: Some(lane.to_string()), ..self }
    }

    /// The same, with somebody else.
    #[must_use]
    pub fn with(self, peer: impl ToString) -> Self {
        Self { peer: Some(peer.to_string()), ..self }
    }

    /// The same, with a number.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self { number: Some(number), ..self }
    }
}
