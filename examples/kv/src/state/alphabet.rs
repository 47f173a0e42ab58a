//! What goes into the state and what comes out of it.

use super::Kv;
use purlin::raft::Member;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A key, or a value. Shared, so that a value that is in the state, in the history and in an event is there once.
pub type Text = Arc<str>;
/// Rises by one with every command that changes a key. The first is 1.
pub type Revision = u64;
/// The name of a lease. Rises with every lease that is granted, and is never used again.
pub type LeaseId = u64;

/// What changes the state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Gives a key a value. With a condition it is a compare-and-swap.
    Put {
        /// The key.
        key: Text,
        /// Its new value.
        value: Text,
        /// The key is deleted when this lease ends. Without, it leaves the lease that it had.
        lease: Option<LeaseId>,
        /// Nothing is done unless this holds.
        condition: Option<Condition>,
    },
    /// Deletes a key.
    Delete {
        /// The key.
        key: Text,
        /// Nothing is done unless this holds.
        condition: Option<Condition>,
    },
    /// Begins a lease.
    Grant {
        /// How long it lasts after every renewal, in milliseconds.
        ttl_ms: u64,
    },
    /// Renews a lease.
    KeepAlive {
        /// Which.
        lease: LeaseId,
    },
    /// Ends a lease and deletes its keys.
    Revoke {
        /// Which.
        lease: LeaseId,
    },
    /// Ends a lease whose time is over, unless it was renewed since.
    Expire {
        /// Which.
        lease: LeaseId,
        /// How often it had been renewed when its time was over.
        renewals: u64,
    },
    /// Forgets what changed up to a revision.
    Compact {
        /// The last revision to forget.
        through: Revision,
    },
    /// Sets how many bytes the items may take; 0 is any number.
    SetQuota {
        /// How many.
        bytes: u64,
    },
    /// Ends the alarm that a put beyond the quota has raised, if there is space again.
    Disarm,
    /// Says where a member stands, or that it stands nowhere any more.
    SetPlace {
        /// Who.
        member: Member,
        /// Where.
        place: Option<Place>,
    },
}

/// What a key must be like for a command to do anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It has no value.
    Absent,
    /// It has one.
    Present,
    /// It has this one.
    Value(Text),
    /// It was changed by this revision last, and has a value; of 0: it has none.
    Revision(Revision),
}

/// What a command came to. `revision` is the revision of the state behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The key has its new value.
    Put {
        /// That of this change.
        revision: Revision,
        /// What was there.
        previous: Option<Item>,
    },
    /// The key has no value.
    Deleted {
        /// That of this change; nothing was changed if there was nothing.
        revision: Revision,
        /// What was there.
        previous: Option<Item>,
    },
    /// The condition did not hold, and nothing was done.
    ConditionFailed {
        /// As of which it did not.
        revision: Revision,
        /// What is there.
        current: Option<Item>,
    },
    /// The lease has begun.
    Granted {
        /// Its name.
        lease: LeaseId,
        /// How long it lasts after every renewal, in milliseconds.
        ttl_ms: u64,
    },
    /// The lease was renewed.
    Renewed {
        /// How long it lasts from now on, in milliseconds.
        ttl_ms: u64,
        /// How often it was renewed.
        renewals: u64,
    },
    /// The lease has ended.
    Ended {
        /// That of the deletion of its keys.
        revision: Revision,
        /// How many keys were deleted with it.
        deleted: u64,
    },
    /// There is no such lease, and nothing was done.
    NoLease {
        /// Which was named.
        lease: LeaseId,
    },
    /// The lease was renewed since, and nothing was done.
    RenewedSince {
        /// How often it is renewed by now.
        renewals: u64,
    },
    /// Changes up to there are forgotten.
    Compacted {
        /// The last that is.
        through: Revision,
    },
    /// There is no such revision yet, and nothing was done.
    NotYet {
        /// The last that there is.
        revision: Revision,
    },
    /// The quota is set.
    QuotaSet,
    /// There is no alarm.
    Disarmed,
    /// The place is known.
    Placed,
    /// There is no space: nothing was done, and the alarm stays.
    OutOfSpace {
        /// How many bytes the items take.
        bytes: u64,
        /// How many they may.
        quota: u64,
    },
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// The item of a key.
    Get {
        /// The key.
        key: Text,
    },
    /// The items of many keys, in the order of the keys.
    List {
        /// Of which.
        span: Span,
        /// How many at most.
        limit: u32,
    },
    /// What has changed.
    Changes {
        /// The first revision of interest.
        from: Revision,
        /// Of which keys.
        span: Span,
        /// How many revisions at most.
        limit: u32,
    },
    /// All leases.
    Leases,
    /// The hash of all items.
    Hash {
        /// As of which revision; as of now, unless given.
        revision: Option<Revision>,
    },
    /// How things stand.
    Stats,
    /// Where members stand.
    Places,
    /// Everything, to be kept elsewhere.
    Backup,
}

/// Some of the keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Those that begin so.
    Prefix(Text),
    /// Those from one on up to before another.
    Range {
        /// The first.
        from: Text,
        /// The first that is not among them; none, if all behind `from` are.
        to: Option<Text>,
    },
}

/// What a query came to, as of a revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The item of a key.
    Item {
        /// As of which.
        revision: Revision,
        /// It; none, if the key has no value.
        item: Option<Item>,
    },
    /// Items, in the order of their keys.
    Items {
        /// As of which.
        revision: Revision,
        /// They.
        items: Vec<(Text, Item)>,
        /// Whether there are more.
        more: bool,
    },
    /// Changes, in the order in which they were made.
    Changes {
        /// Everything up to there was looked at.
        revision: Revision,
        /// They.
        changes: Vec<Change>,
    },
    /// What was asked for is forgotten.
    Compacted {
        /// The last revision that is.
        through: Revision,
    },
    /// What was asked for has not happened here yet.
    NotYet {
        /// The last revision that has.
        revision: Revision,
    },
    /// All leases.
    Leases(Vec<Lease>),
    /// The hash of all items.
    Hash {
        /// As of which.
        revision: Revision,
        /// It. Replicas that agree on the items agree on it.
        hash: u64,
    },
    /// How things stand.
    Stats(Stats),
    /// Where members stand, by their ids.
    Places(BTreeMap<u32, Located>),
    /// Everything.
    Backup(Box<Kv>),
}

/// A value and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// The value.
    pub value: Text,
    /// The revision that gave the key a value when it had none.
    pub created: Revision,
    /// The revision that changed it last.
    pub modified: Revision,
    /// How often it was put since it was created.
    pub version: u64,
    /// The lease with which it ends.
    pub lease: Option<LeaseId>,
}

/// One key that has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Change {
    /// The revision that changed it.
    pub revision: Revision,
    /// The key.
    pub key: Text,
    /// What it is now; none, if it was deleted.
    pub item: Option<Item>,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// Its name.
    pub lease: LeaseId,
    /// How long it lasts after every renewal, in milliseconds.
    pub ttl_ms: u64,
    /// How often it was renewed.
    pub renewals: u64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stats {
    /// The last revision.
    pub revision: Revision,
    /// The last revision whose changes are forgotten.
    pub compacted: Revision,
    /// How many keys have a value.
    pub keys: u64,
    /// How many bytes the items take.
    pub bytes: u64,
    /// How many they may; 0 is any number.
    pub quota: u64,
    /// Whether a put beyond the quota was refused, and the alarm was not disarmed since. Every put is refused meanwhile.
    pub alarm: bool,
    /// How many leases there are.
    pub leases: u64,
    /// The hash of all items.
    pub hash: u64,
}

/// Where a member is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// By the other members, such as `10.0.0.1:4000`.
    pub peer: Text,
    /// By clients, such as `10.0.0.1:3000`.
    pub http: Text,
}

/// A member that stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Located {
    /// Who.
    pub member: Member,
    /// Where.
    pub place: Place,
}

/// What every replica announces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Keys have changed.
    Changed {
        /// By which revision.
        revision: Revision,
        /// What they are now.
        changes: Arc<[Change]>,
    },
    /// A put beyond the quota was refused.
    OutOfSpace {
        /// How many bytes the items take.
        bytes: u64,
        /// How many they may.
        quota: u64,
    },
    /// The alarm has ended.
    Disarmed,
    /// A member stands somewhere else.
    Placed {
        /// Who.
        member: Member,
        /// Where.
        place: Option<Place>,
    },
}

purlin::nameless!(Command, Outcome, Query, View, Event);

impl Command {
    /// A put without conditions.
    pub fn put(key: &str, value: &str) -> Self {
        Self::Put { key: key.into(), value: value.into(), lease: None, condition: None }
    }

    /// A put on a condition.
    pub fn compare_and_swap(key: &str, condition: Condition, value: &str) -> Self {
        Self::Put { key: key.into(), value: value.into(), lease: None, condition: Some(condition) }
    }

    /// A deletion without conditions.
    pub fn delete(key: &str) -> Self {
        Self::Delete { key: key.into(), condition: None }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        const FIXED: usize = 16;
        match self {
            Self::Put { key, value, condition, .. } => FIXED + key.len() + value.len() + expected(condition.as_ref()),
            Self::Delete { key, condition } => FIXED + key.len() + expected(condition.as_ref()),
            _ => FIXED,
        }
    }
}

fn expected(condition: Option<&Condition>) -> usize {
    if let Some(Condition::Value(value)) = condition { value.len() } else { 0 }
}

impl Query {
    /// The item of a key.
    pub fn get(key: &str) -> Self {
        Self::Get { key: key.into() }
    }
}

impl Condition {
    /// Whether a key is like that.
    pub fn holds(&self, current: Option<&Item>) -> bool {
        match self {
            Self::Absent | Self::Revision(0) => current.is_none(),
            Self::Present => current.is_some(),
            Self::Value(value) => current.is_some_and(|item| item.value == *value),
            Self::Revision(revision) => current.is_some_and(|item| item.modified == *revision),
        }
    }
}

impl Span {
    /// All keys.
    pub fn all() -> Self {
        Self::Prefix("".into())
    }

    /// Where it begins.
    pub(crate) fn from(&self) -> &str {
        match self {
            Self::Prefix(from) | Self::Range { from, .. } => from,
        }
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::Prefix(prefix) => key.starts_with(&**prefix),
            Self::Range { from, to } => key >= &**from && to.as_ref().is_none_or(|to| key < &**to),
        }
    }
}
