use crate::raft::application::Application;
use crate::raft::entry::Entry;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, Range};
use derive_where::derive_where;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// Some entries that follow each other, shared with whoever else holds them. It is its entries, wherever they lie.
#[derive_where(Clone)]
pub struct Slice<S: Application> {
    entries: Option<Arc<[Entry<S>]>>,
    from: u32,
    to: u32,
}

impl<S: Application> Slice<S> {
    /// A part of it, counted from its beginning.
    ///
    /// # Panics
    /// If the part is not within it.
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len(), "a part lies within its whole");
        let (from, to) = (self.from + range.start as u32, self.from + range.end as u32);
        Self { entries: self.entries.clone(), from, to }
    }

    /// Whether both are the same memory.
    pub(super) fn shares(&self, other: &Self) -> bool {
        let pointers = [self, other].map(|slice| slice.entries.as_ref().map(Arc::as_ptr));
        (self.from, self.to) == (other.from, other.to) && pointers[0] == pointers[1]
    }
}

impl<S: Application> Default for Slice<S> {
    fn default() -> Self {
        Self { entries: None, from: 0, to: 0 }
    }
}

impl<S: Application> From<Vec<Entry<S>>> for Slice<S> {
    fn from(entries: Vec<Entry<S>>) -> Self {
        entries.into_iter().collect()
    }
}

impl<S: Application> FromIterator<Entry<S>> for Slice<S> {
    fn from_iter<I: IntoIterator<Item = Entry<S>>>(entries: I) -> Self {
        let entries: Arc<[Entry<S>]> = entries.into_iter().collect();
        let to = u32::try_from(entries.len()).expect("a slice has fewer entries than memory has room for");
        Self { entries: (to > 0).then_some(entries), from: 0, to }
    }
}

impl<S: Application> Deref for Slice<S> {
    type Target = [Entry<S>];

    fn deref(&self) -> &[Entry<S>] {
        self.entries.as_ref().map_or(&[], |entries| &entries[self.from as usize..self.to as usize])
    }
}

impl<S: Application> core::fmt::Debug for Slice<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<S: Application> PartialEq for Slice<S> {
    fn eq(&self, other: &Self) -> bool {
        self.shares(other) || self[..] == other[..]
    }
}

impl<S: Application> Eq for Slice<S> {}

impl<S: Application> PartialOrd for Slice<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: Application> Ord for Slice<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl<S: Application> Hash for Slice<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl<S: Application> Serialize for Slice<S> {
    fn serialize<W: Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        self[..].serialize(serializer)
    }
}

impl<'de, S: Application> Deserialize<'de> for Slice<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Entry<S>>::deserialize(deserializer).map(Self::from)
    }
}
