//! How commands change the state.

use super::Kv;
use super::alphabet::{Change, Command, Condition, Event, Item, LeaseId, Located, Outcome, Place, Revision, Text};
use super::items::bytes;
use purlin::raft::Member;
use std::sync::Arc;

type Announce<'a> = &'a mut dyn FnMut(Event);

impl Kv {
    pub(super) fn applied(&mut self, command: &Command, announce: Announce<'_>) -> Outcome {
        match command {
            Command::Put { key, value, lease, condition } => self.put(key, value, *lease, condition.as_ref(), announce),
            Command::Delete { key, condition } => self.delete(key, condition.as_ref(), announce),
            Command::Grant { ttl_ms } => self.grant(*ttl_ms),
            Command::KeepAlive { lease } => self.keep_alive(*lease),
            Command::Revoke { lease } => self.end(*lease, announce),
            Command::Expire { lease, renewals } => self.expire(*lease, *renewals, announce),
            Command::Compact { through } => self.compact(*through),
            Command::SetQuota { bytes } => self.set_quota(*bytes),
            Command::Disarm => self.space.disarm(self.items.bytes(), announce),
            Command::SetPlace { member, place } => self.set_place(*member, place.as_ref(), announce),
        }
    }

    fn put(
        &mut self,
        key: &Text,
        value: &Text,
        lease: Option<LeaseId>,
        condition: Option<&Condition>,
        announce: Announce<'_>,
    ) -> Outcome {
        let previous = self.items.get(key).cloned();
        if condition.is_some_and(|condition| !condition.holds(previous.as_ref())) {
            return Outcome::ConditionFailed { revision: self.revision, current: previous };
        }
        if let Some(lease) = lease.filter(|lease| self.leases.get(*lease).is_none()) {
            return Outcome::NoLease { lease };
        }
        if !self.has_space_for(key, value, previous.as_ref(), announce) {
            return self.out_of_space();
        }
        self.attach(key, previous.as_ref(), lease);
        let item = next_item(self.revision + 1, value, previous.as_ref(), lease);
        self.items.put(key, item.clone());
        let revision = self.revise([(key.clone(), Some(item))], announce);
        Outcome::Put { revision, previous }
    }

    fn has_space_for(&mut self, key: &str, value: &str, previous: Option<&Item>, announce: Announce<'_>) -> bool {
        let freed = previous.map_or(0, |item| bytes(key, &item.value));
        self.space.admits(self.items.bytes() - freed + bytes(key, value), announce)
    }

    fn out_of_space(&self) -> Outcome {
        Outcome::OutOfSpace { bytes: self.items.bytes(), quota: self.space.quota }
    }

    fn attach(&mut self, key: &Text, previous: Option<&Item>, lease: Option<LeaseId>) {
        if let Some(left) = previous.and_then(|item| item.lease) {
            self.leases.detach(left, key);
        }
        if let Some(lease) = lease {
            self.leases.attach(lease, key);
        }
    }

    fn delete(&mut self, key: &Text, condition: Option<&Condition>, announce: Announce<'_>) -> Outcome {
        let previous = self.items.get(key).cloned();
        if condition.is_some_and(|condition| !condition.holds(previous.as_ref())) {
            return Outcome::ConditionFailed { revision: self.revision, current: previous };
        }
        if previous.is_some() {
            self.attach(key, previous.as_ref(), None);
            self.items.remove(key);
            self.revise([(key.clone(), None)], announce);
        }
        Outcome::Deleted { revision: self.revision, previous }
    }

    /// A lease is refused while there is no space, as a put is: it is there for keys that could not be put.
    fn grant(&mut self, ttl_ms: u64) -> Outcome {
        if self.space.alarm {
            return self.out_of_space();
        }
        let ttl_ms = ttl_ms.max(1);
        Outcome::Granted { lease: self.leases.grant(ttl_ms), ttl_ms }
    }

    fn keep_alive(&mut self, lease: LeaseId) -> Outcome {
        match self.leases.renew(lease) {
            Some(renewed) => Outcome::Renewed { ttl_ms: renewed.ttl_ms, renewals: renewed.renewals },
            None => Outcome::NoLease { lease },
        }
    }

    fn expire(&mut self, lease: LeaseId, renewals: u64, announce: Announce<'_>) -> Outcome {
        match self.leases.get(lease).map(|lease| lease.renewals) {
            Some(now) if now != renewals => Outcome::RenewedSince { renewals: now },
            _ => self.end(lease, announce),
        }
    }

    fn end(&mut self, lease: LeaseId, announce: Announce<'_>) -> Outcome {
        if self.leases.get(lease).is_none() {
            return Outcome::NoLease { lease };
        }
        let keys = self.leases.end(lease);
        keys.iter().for_each(|key| drop(self.items.remove(key)));
        let deleted = keys.len() as u64;
        if deleted > 0 {
            self.revise(keys.into_iter().map(|key| (key, None)), announce);
        }
        Outcome::Ended { revision: self.revision, deleted }
    }

    fn compact(&mut self, through: Revision) -> Outcome {
        if through > self.revision {
            return Outcome::NotYet { revision: self.revision };
        }
        self.history.compact(through);
        Outcome::Compacted { through: self.history.compacted() }
    }

    fn set_quota(&mut self, bytes: u64) -> Outcome {
        self.space.quota = bytes;
        Outcome::QuotaSet
    }

    /// A place that another incarnation took in the meantime is not taken away.
    fn set_place(&mut self, member: Member, place: Option<&Place>, announce: Announce<'_>) -> Outcome {
        let id = member.id.get();
        let is_newer = |located: &Located| located.member.incarnation > member.incarnation;
        if self.places.get(&id).is_some_and(is_newer) {
            return Outcome::Placed;
        }
        let located = place.map(|place| Located { member, place: place.clone() });
        let former = match located {
            Some(located) => self.places.insert(id, located),
            None => self.places.remove(&id),
        };
        if former.map(|former| (former.member, former.place)) != place.map(|place| (member, place.clone())) {
            announce(Event::Placed { member, place: place.cloned() });
        }
        Outcome::Placed
    }

    /// The items have changed: that is a revision.
    fn revise(&mut self, changed: impl IntoIterator<Item = (Text, Option<Item>)>, announce: Announce<'_>) -> Revision {
        self.revision += 1;
        let revision = self.revision;
        let change = |(key, item)| Change { revision, key, item };
        let changes: Arc<[Change]> = changed.into_iter().map(change).collect();
        self.history.add(revision, Arc::clone(&changes), self.items.hash());
        announce(Event::Changed { revision, changes });
        revision
    }
}

fn next_item(revision: Revision, value: &Text, previous: Option<&Item>, lease: Option<LeaseId>) -> Item {
    let (created, version) = previous.map_or((revision, 1), |item| (item.created, item.version + 1));
    Item { value: value.clone(), created, modified: revision, version, lease }
}
