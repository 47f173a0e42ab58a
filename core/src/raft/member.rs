//! Who takes part.

use crate::nameless;
use core::fmt;
use core::num::NonZeroU32;
use serde::{Deserialize, Serialize};

/// A node as a member of its cluster: its id, and which life of its disk this is.
///
/// A node whose disk was lost or replaced is another member: it has forgotten its votes and what it acknowledged. It joins
/// with a higher incarnation, and messages to or from the former one are not its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    /// The node's id, at least 1.
    pub id: NonZeroU32,
    /// How often its disk was lost or replaced.
    #[serde(default)]
    pub incarnation: u32,
}

nameless!(Member);

impl Member {
    /// The first incarnation of a node.
    ///
    /// # Panics
    /// If the id is 0, which means nobody: for literals. [`Member::try_from`] takes what comes from outside.
    pub const fn new(id: u32) -> Self {
        Self { id: NonZeroU32::new(id).expect("ids of members begin with 1"), incarnation: 0 }
    }

    /// The member as one number, never 0.
    pub const fn to_word(self) -> u64 {
        (self.incarnation as u64) << 32 | self.id.get() as u64
    }

    /// The member that a number stands for; none for 0.
    pub const fn from_word(word: u64) -> Option<Self> {
        match NonZeroU32::new(word as u32) {
            Some(id) => Some(Self { id, incarnation: (word >> 32) as u32 }),
            None => None,
        }
    }
}

/// The number cannot be a member's id, which is from 1 to 4,294,967,295.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no member's id: give a number from 1 to 4294967295")]
pub struct NoMember(pub u64);

impl TryFrom<u64> for Member {
    type Error = NoMember;

    fn try_from(id: u64) -> Result<Self, NoMember> {
        let small = u32::try_from(id).ok().and_then(NonZeroU32::new);
        small.map(|id| Self { id, incarnation: 0 }).ok_or(NoMember(id))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.incarnation {
            0 => write!(f, "{}", self.id),
            incarnation => write!(f, "{}.{incarnation}", self.id),
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
