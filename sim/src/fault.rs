//! What can go wrong, and for how long.

use crate::plan::{InvalidPlan, Plan};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// One thing that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, in milliseconds from the start of the run.
    pub start_ms: u64,
    /// How long it lasts, in milliseconds, at least 1; it ends within the safety phase.
    pub duration_ms: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// When it ends, in milliseconds from the start of the run.
    pub fn end_ms(&self) -> u64 {
        self.start_ms.saturating_add(self.duration_ms)
    }

    /// When it begins, from the start of the run.
    pub fn start(&self) -> Duration {
        Duration::from_millis(self.start_ms)
    }

    /// When it ends, from the start of the run.
    pub fn end(&self) -> Duration {
        Duration::from_millis(self.end_ms())
    }
}

/// The kinds of faults. Each scenario knows some of them: those of a called service, or those of a protocol's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The server answers a share of the calls with an error.
    Errors {
        /// The share.
        share: Ratio,
    },
    /// The server takes so much longer over each call.
    Slow {
        /// How much longer.
        extra: Span,
    },
    /// The server never answers a share of the calls.
    Hang {
        /// The share.
        share: Ratio,
    },
    /// The server's process dies: calls in it are cut off, new ones are refused. It is restarted when the fault ends.
    Crash,
    /// Nothing passes between caller and server until the fault ends; then all of it arrives, as TCP sees to.
    Cut,
    /// Each message takes so much longer.
    Delay {
        /// How much longer.
        extra: Span,
        /// Between nodes: over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// A share of the messages is lost, and nobody is told. Under TCP one lost segment is repaired, so in the full stack
    /// the loss is that of a whole request or message.
    Lose {
        /// The share.
        share: Ratio,
        /// Between nodes: over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// Clients give up sooner, which cancels their calls.
    Impatience {
        /// After so many milliseconds.
        patience_ms: u64,
    },
    /// Clients rest only a fraction of their usual time between calls.
    Spike {
        /// What the rest is divided by, at least 2.
        factor: u32,
    },
    /// A share of the messages between nodes arrives twice.
    Duplicate {
        /// The share.
        share: Ratio,
        /// Over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// Nothing passes from the nodes of one group to those of another. What is sent meanwhile arrives when the fault ends,
    /// or is lost.
    Partition {
        /// The two groups.
        groups: [Nodes; 2],
        /// Whether the second group still reaches the first.
        one_way: bool,
    },
    /// A node's process dies. What it had handed to its operating system survives. It is restarted when the fault ends.
    Kill {
        /// The node.
        node: u32,
    },
    /// A node loses its power, in silence. Of what was not synced any prefix may survive. It is restarted when the fault
    /// ends.
    PowerLoss {
        /// The node.
        node: u32,
    },
    /// Another process takes over the node's journal, which refuses whatever the present process writes next: that process
    /// ends. It is restarted when the fault ends.
    Usurp {
        /// The node.
        node: u32,
    },
    /// A node's process stands still. It goes on when the fault ends, with everything that has come in meanwhile.
    Pause {
        /// The node.
        node: u32,
    },
    /// Each sync of a node's disk takes so much longer.
    SlowDisk {
        /// The node.
        node: u32,
        /// How much longer.
        extra: Span,
    },
    /// A node's clock jumps forward when the fault begins, and stays ahead.
    ClockJump {
        /// The node.
        node: u32,
        /// How far, in milliseconds.
        forward_ms: u64,
    },
}

impl FaultKind {
    /// Its name as it stands in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errors { .. } => "errors",
            Self::Slow { .. } => "slow",
            Self::Hang { .. } => "hang",
            Self::Crash => "crash",
            Self::Cut => "cut",
            Self::Delay { .. } => "delay",
            Self::Lose { .. } => "lose",
            Self::Impatience { .. } => "impatience",
            Self::Spike { .. } => "spike",
            Self::Duplicate { .. } => "duplicate",
            Self::Partition { .. } => "partition",
            Self::Kill { .. } => "kill",
            Self::PowerLoss { .. } => "power_loss",
            Self::Usurp { .. } => "usurp",
            Self::Pause { .. } => "pause",
            Self::SlowDisk { .. } => "slow_disk",
            Self::ClockJump { .. } => "clock_jump",
        }
    }

    /// The node that it strikes, if it is one.
    pub const fn node(&self) -> Option<u32> {
        match *self {
            Self::Kill { node } | Self::PowerLoss { node } | Self::Usurp { node } | Self::Pause { node } => Some(node),
            Self::SlowDisk { node, .. } | Self::ClockJump { node, .. } => Some(node),
            _ => None,
        }
    }

    /// The link over which it strikes, if it is one.
    pub const fn link(&self) -> Option<Link> {
        match *self {
            Self::Delay { link, .. } | Self::Lose { link, .. } | Self::Duplicate { link, .. } => link,
            _ => None,
        }
    }
}

/// From one node to another: `[0, 2]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u32; 2]", from = "[u32; 2]")]
pub struct Link {
    /// The sender.
    pub from: u32,
    /// The receiver.
    pub to: u32,
}

impl From<Link> for [u32; 2] {
    fn from(link: Link) -> Self {
        [link.from, link.to]
    }
}

impl From<[u32; 2]> for Link {
    fn from([from, to]: [u32; 2]) -> Self {
        Self { from, to }
    }
}

/// A group of nodes: `[0, 2]` in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u32>", try_from = "Vec<u32>")]
pub struct Nodes {
    members: u64,
}

impl Nodes {
    /// The most nodes that a scenario may have.
    pub const MAX: u32 = u64::BITS;

    /// The group without members.
    pub const NONE: Self = Self { members: 0 };

    /// This group and `node`, which must be below [`Nodes::MAX`].
    #[must_use]
    pub const fn with(self, node: u32) -> Self {
        Self { members: self.members | 1 << (node % Self::MAX) }
    }

    /// Whether `node` is a member.
    pub const fn contains(self, node: u32) -> bool {
        node < Self::MAX && self.members & 1 << node != 0
    }

    /// The members, in order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..Self::MAX).filter(move |node| self.contains(*node))
    }
}

impl From<Nodes> for Vec<u32> {
    fn from(nodes: Nodes) -> Self {
        nodes.iter().collect()
    }
}

impl TryFrom<Vec<u32>> for Nodes {
    type Error = String;

    fn try_from(members: Vec<u32>) -> Result<Self, String> {
        match members.iter().find(|node| **node >= Self::MAX) {
            Some(node) => Err(format!("{node} is no node: give nodes from 0 to {}", Self::MAX - 1)),
            None => Ok(members.into_iter().fold(Self::NONE, Self::with)),
        }
    }
}

/// A share as a ratio of integers: `[3, 10]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u32; 2]", try_from = "[u32; 2]")]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// All of it.
    pub const ALL: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator` of `denominator`; `None` if that is more than all, or of nothing.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if denominator == 0 || numerator > denominator { None } else { Some(Self { numerator, denominator }) }
    }

    /// The part.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The whole, at least 1.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

impl From<Ratio> for [u32; 2] {
    fn from(ratio: Ratio) -> Self {
        [ratio.numerator, ratio.denominator]
    }
}

impl TryFrom<[u32; 2]> for Ratio {
    type Error = String;

    fn try_from([numerator, denominator]: [u32; 2]) -> Result<Self, String> {
        let mend = "give [part, whole] with a whole of at least 1 and a part no greater";
        Self::new(numerator, denominator).ok_or_else(|| format!("[{numerator}, {denominator}] is no share: {mend}"))
    }
}

/// A range of durations, both ends included; each time a duration is needed one is drawn from it, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The shortest, in milliseconds.
    pub least_ms: u64,
    /// The longest, in milliseconds.
    pub most_ms: u64,
}

impl Span {
    /// From `least_ms` to `most_ms`.
    pub const fn new(least_ms: u64, most_ms: u64) -> Self {
        Self { least_ms, most_ms }
    }

    /// Checks that it is a range, and no longer than a plan allows.
    ///
    /// # Errors
    /// That it is not, with `field` as its name.
    pub fn validate(self, field: &str) -> Result<(), InvalidPlan> {
        let given = format!("{} to {} ms", self.least_ms, self.most_ms);
        let fits = self.least_ms <= self.most_ms && self.most_ms <= Plan::DURATION_MS_MAX;
        let mend = "give a least that is no greater than the most, which is at most a day";
        InvalidPlan::unless(fits, field, given, mend)
    }
}

/// Checks what a kind says by itself.
pub(crate) fn check_kind(field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
    match *kind {
        FaultKind::Slow { extra } | FaultKind::Delay { extra, .. } | FaultKind::SlowDisk { extra, .. } => {
            extra.validate(&format!("{field}.extra"))
        }
        FaultKind::Impatience { patience_ms: millis } => check_millis(&format!("{field}.patience_ms"), millis),
        FaultKind::ClockJump { forward_ms: millis, .. } => check_millis(&format!("{field}.forward_ms"), millis),
        FaultKind::Spike { factor } => {
            let fits = (2..=Plan::SPIKE_FACTOR_MAX).contains(&factor);
            InvalidPlan::unless(fits, format!("{field}.factor"), factor, "give 2 to 1000")
        }
        _ => Ok(()),
    }
}

fn check_millis(field: &str, millis: u64) -> Result<(), InvalidPlan> {
    let fits = (1..=Plan::DURATION_MS_MAX).contains(&millis);
    InvalidPlan::unless(fits, field, millis, "give at least 1 ms and at most a day")
}
