//! Values that many states have in common: cloned by counting, hashed once, searched for instants once.

use crate::fingerprint::fingerprint;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use purlin::{Instant, Names};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;
use std::sync::Arc;

/// A value behind an [`Arc`], with its fingerprint and its instants beside it. What a search pays for is cloning and
/// hashing, and a step changes one node out of several.
pub struct Shared<T>(Arc<Sealed<T>>);

struct Sealed<T> {
    fingerprint: u64,
    instants: SmallVec<[Instant; 4]>,
    value: T,
}

impl<T: Hash + Names> Shared<T> {
    /// Seals a value.
    pub fn new(mut value: T) -> Self {
        let mut instants = SmallVec::new();
        value.instants(&mut |instant| instants.push(*instant));
        Self(Arc::new(Sealed { fingerprint: fingerprint(&value), instants, value }))
    }

    /// Changes a copy and seals it.
    pub fn edit(&mut self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        let mut value = self.0.value.clone();
        change(&mut value);
        *self = Self::new(value);
    }

    /// Its instants, in the order of [`Names::instants`].
    pub(super) fn instants(&self) -> &[Instant] {
        &self.0.instants
    }

    /// Moves its instants; the value is copied only if one of them moves.
    pub(super) fn move_instants(&mut self, to: &impl Fn(Instant) -> Instant)
    where
        T: Clone,
    {
        if self.instants().iter().any(|instant| to(*instant) != *instant) {
            self.edit(|value| value.instants(&mut |instant| *instant = to(*instant)));
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(out)
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.fingerprint == other.0.fingerprint && self.0.value == other.0.value)
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.value.cmp(&other.0.value) }
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.fingerprint);
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Hash + Names> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}
