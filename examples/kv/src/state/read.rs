//! How queries read the state.

use super::Kv;
use super::alphabet::{Query, Revision, Span, Stats, View};

impl Kv {
    /// The last revision.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The hash of all items.
    pub fn hash(&self) -> u64 {
        self.items.hash()
    }

    pub(super) fn view(&self, query: &Query) -> View {
        match query {
            Query::Get { key } => View::Item { revision: self.revision, item: self.items.get(key).cloned() },
            Query::List { span, limit } => self.list(span, *limit),
            Query::Changes { from, span, limit } => self.changes(*from, span, *limit),
            Query::Leases => View::Leases(self.leases.all()),
            Query::Hash { revision } => self.hash_at(revision.unwrap_or(self.revision)),
            Query::Stats => View::Stats(self.stats()),
            Query::Places => View::Places(self.places.clone()),
            Query::Backup => View::Backup(Box::new(self.clone())),
        }
    }

    fn list(&self, span: &Span, limit: u32) -> View {
        let mut found = self.items.of(span);
        let items = found.by_ref().take(limit as usize).map(|(key, item)| (key.clone(), item.clone())).collect();
        View::Items { revision: self.revision, items, more: found.next().is_some() }
    }

    fn changes(&self, from: Revision, span: &Span, limit: u32) -> View {
        let (from, through) = (from.max(1), self.history.compacted());
        if from <= through {
            return View::Compacted { through };
        }
        let (looked_at, changes) = self.history.since(from, span, limit);
        View::Changes { revision: looked_at.unwrap_or(self.revision), changes }
    }

    fn hash_at(&self, revision: Revision) -> View {
        if revision == self.revision {
            return View::Hash { revision, hash: self.items.hash() };
        }
        match self.history.hash(revision) {
            Some(hash) => View::Hash { revision, hash },
            None if revision > self.revision => View::NotYet { revision: self.revision },
            None => View::Compacted { through: self.history.compacted() },
        }
    }

    /// How things stand.
    pub fn stats(&self) -> Stats {
        Stats {
            revision: self.revision,
            compacted: self.history.compacted(),
            keys: self.items.len(),
            bytes: self.items.bytes(),
            quota: self.space.quota,
            alarm: self.space.alarm,
            leases: self.leases.len(),
            hash: self.items.hash(),
        }
    }
}
