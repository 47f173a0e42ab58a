//! Whom faults strike, how many, and for how long: links, groups, shares, spans.

use super::Law;
use crate::die::Die;
use crate::plan::{InvalidPlan, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From one node to another: `[0, 2]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(with = "[u32; 2]")]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(with = "Vec<u32>")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(with = "[u32; 2]")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// The span from which a delay is to be drawn evenly, if delays as a whole follow a law.
    pub(crate) fn shortened(self, law: Law, die: &mut Die) -> Self {
        let mut width = self.most_ms - self.least_ms;
        while law == Law::Halving && width > 0 && die.below(2) == 0 {
            width /= 2;
        }
        Self { most_ms: self.least_ms + width, ..self }
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
