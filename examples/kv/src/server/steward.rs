//! What the server of the leader does of its own accord: it ends leases whose time is over, and makes known where the members
//! stand that it was told of when it was started.
//!
//! Time is that of its own monotonic clock, from when it first saw a renewal. So a lease lasts longer when the leader changes,
//! and never shorter than it was granted for.

use super::standing::Standing;
use crate::state::{Command, Kv, Lease, LeaseId, Place, Query, View};
use core::time::Duration;
use futures_util::future::join_all;
use purlin::raft::{Answer, Consistency, Member, Raft, Request};
use purlin_tokio::Handle;
use std::collections::BTreeMap;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How often leases are looked at.
const TICK: Duration = Duration::from_millis(50);

pub(super) struct Steward {
    pub(super) raft: Handle<Raft<Kv>>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) places: BTreeMap<Member, Place>,
}

/// The leases that the leader of a term has seen: how often each was renewed, and when its time is over.
#[derive(Default)]
struct Watched {
    term: u64,
    has_placed: bool,
    leases: BTreeMap<LeaseId, (u64, Instant)>,
}

impl Steward {
    /// Until the replica ends.
    pub(super) async fn run(self) {
        let mut watched = Watched::default();
        while self.standing.has_changed().is_ok() {
            sleep(TICK).await;
            let standing = *self.standing.borrow();
            if !standing.leads() {
                continue;
            }
            if watched.term != standing.term {
                watched = Watched { term: standing.term, ..Watched::default() };
            }
            if !watched.has_placed {
                watched.has_placed = self.make_places_known().await.is_some();
            }
            self.end_leases(&mut watched, standing).await;
        }
    }

    /// What was made known by a client stays: it is later news.
    async fn make_places_known(&self) -> Option<()> {
        let Some(View::Places(known)) = self.read(Query::Places).await else { return None };
        for (member, place) in self.places.iter().filter(|(member, _)| !known.contains_key(&member.id.get())) {
            let command = Command::SetPlace { member: *member, place: Some(place.clone()) };
            self.propose(command).await?;
        }
        Some(())
    }

    async fn end_leases(&self, watched: &mut Watched, standing: Standing) {
        if standing.stats.leases == 0 && watched.leases.is_empty() {
            return;
        }
        let Some(View::Leases(leases)) = self.read(Query::Leases).await else { return };
        let over = watched.look_at(&leases, Instant::now());
        let end = |(lease, renewals)| self.propose(Command::Expire { lease, renewals });
        join_all(over.into_iter().map(end)).await;
    }

    /// What this replica has applied: a leader has all that it has answered.
    async fn read(&self, query: Query) -> Option<View> {
        match self.raft.request(Request::Read { consistency: Consistency::Stale, query }).await {
            Ok(Answer::Read { view, .. }) => Some(view),
            _ => None,
        }
    }

    /// It is tried again at the next tick if it was not applied.
    async fn propose(&self, command: Command) -> Option<()> {
        match self.raft.request(Request::Propose { stamp: None, command }).await {
            Ok(Answer::Applied { .. }) => Some(()),
            _ => None,
        }
    }
}

impl Watched {
    /// Takes note of the leases that there are, and gives those whose time is over, each with its renewals.
    fn look_at(&mut self, leases: &[Lease], now: Instant) -> Vec<(LeaseId, u64)> {
        self.leases = leases.iter().map(|lease| (lease.lease, self.seen(lease, now))).collect();
        let is_over = |(_, (_, until)): &(&LeaseId, &(u64, Instant))| *until <= now;
        self.leases.iter().filter(is_over).map(|(lease, (renewals, _))| (*lease, *renewals)).collect()
    }

    fn seen(&self, lease: &Lease, now: Instant) -> (u64, Instant) {
        match self.leases.get(&lease.lease) {
            Some((renewals, until)) if *renewals == lease.renewals => (*renewals, *until),
            _ => (lease.renewals, now + Duration::from_millis(lease.ttl_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_over_when_its_time_has_passed_since_its_last_renewal_was_seen() {
        let (mut watched, began) = (Watched::default(), Instant::now());
        let at = |millis| began + Duration::from_millis(millis);
        let lease = |renewals| [Lease { lease: 1, ttl_ms: 100, renewals }];
        assert_eq!(watched.look_at(&lease(0), at(0)), []);
        assert_eq!(watched.look_at(&lease(0), at(99)), []);
        assert_eq!(watched.look_at(&lease(1), at(100)), [], "it was renewed");
        assert_eq!(watched.look_at(&lease(1), at(199)), []);
        assert_eq!(watched.look_at(&lease(1), at(200)), [(1, 1)]);
        assert_eq!(watched.look_at(&lease(1), at(250)), [(1, 1)], "again, until it is gone");
        assert_eq!(watched.look_at(&[], at(300)), []);
    }
}
