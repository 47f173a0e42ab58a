//! Keys and their values, how many bytes they take, and what they hash to.

use super::alphabet::{Item, Span, Text};
use super::digest::digest;
use core::ops::Bound;
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

/// What an item counts beside its key and its value, in bytes.
pub const ITEM_OVERHEAD: u64 = 64;

/// The items. What is reckoned over all of them is kept up with every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Items {
    items: RedBlackTreeMapSync<Text, Item>,
    bytes: u64,
    hash: u64,
}

impl Items {
    pub(super) fn get(&self, key: &str) -> Option<&Item> {
        self.items.get(key)
    }

    pub(super) fn len(&self) -> u64 {
        self.items.size() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Those of a span, in the order of their keys.
    pub(super) fn of<'a>(&'a self, span: &'a Span) -> impl Iterator<Item = (&'a Text, &'a Item)> {
        let bounds = (Bound::Included(span.from()), Bound::Unbounded);
        self.items.range::<str, _>(bounds).take_while(|(key, _)| span.contains(key))
    }

    pub(super) fn put(&mut self, key: &Text, item: Item) {
        self.remove(key);
        self.bytes += bytes(key, &item.value);
        self.hash = self.hash.wrapping_add(digest(key, &item));
        self.items.insert_mut(key.clone(), item);
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Item> {
        let item = self.items.get(key)?.clone();
        self.bytes -= bytes(key, &item.value);
        self.hash = self.hash.wrapping_sub(digest(key, &item));
        self.items.remove_mut(key);
        Some(item)
    }
}

/// How many bytes an item counts.
pub(super) fn bytes(key: &str, value: &str) -> u64 {
    (key.len() + value.len()) as u64 + ITEM_OVERHEAD
}
