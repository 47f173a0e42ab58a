//! Leases and their keys.

use super::alphabet::{Lease, LeaseId, Text};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use serde::{Deserialize, Serialize};

/// The leases, and which keys end with which.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Leases {
    leases: RedBlackTreeMapSync<LeaseId, Lease>,
    /// One tree for all of them: a lease with many keys is as cheap to change as one with few.
    attached: RedBlackTreeSetSync<(LeaseId, Text)>,
    last: LeaseId,
}

impl Leases {
    pub(super) fn len(&self) -> u64 {
        self.leases.size() as u64
    }

    pub(super) fn get(&self, lease: LeaseId) -> Option<&Lease> {
        self.leases.get(&lease)
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.leases.values().cloned().collect()
    }

    pub(super) fn grant(&mut self, ttl_ms: u64) -> LeaseId {
        self.last += 1;
        self.leases.insert_mut(self.last, Lease { lease: self.last, ttl_ms, renewals: 0 });
        self.last
    }

    pub(super) fn renew(&mut self, lease: LeaseId) -> Option<Lease> {
        let mut renewed = self.get(lease)?.clone();
        renewed.renewals += 1;
        self.leases.insert_mut(lease, renewed.clone());
        Some(renewed)
    }

    pub(super) fn attach(&mut self, lease: LeaseId, key: &Text) {
        self.attached.insert_mut((lease, key.clone()));
    }

    pub(super) fn detach(&mut self, lease: LeaseId, key: &Text) {
        self.attached.remove_mut(&(lease, key.clone()));
    }

    /// Ends a lease, and gives its keys in their order.
    pub(super) fn end(&mut self, lease: LeaseId) -> Vec<Text> {
        self.leases.remove_mut(&lease);
        let keys: Vec<Text> = self.keys(lease).cloned().collect();
        keys.iter().for_each(|key| self.detach(lease, key));
        keys
    }

    fn keys(&self, lease: LeaseId) -> impl Iterator<Item = &Text> {
        let from = (lease, Text::from(""));
        self.attached.range(from..).take_while(move |(of, _)| *of == lease).map(|(_, key)| key)
    }
}
