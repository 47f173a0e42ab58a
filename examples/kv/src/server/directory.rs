//! Keeps the transport and the forwarding of requests up to date about where members stand.

use crate::state::{Event, Kv, Place, Query, View};
use purlin::raft::{Answer, Consistency, Event as RaftEvent, Member, Membership, Raft, Request};
use purlin_tokio::{Directory, Handle};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::broadcast::error::RecvError;

/// Where members stand, as this server knows: first what it was told when it was started, then what the log says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<RwLock<BTreeMap<Member, Place>>>);

impl Places {
    pub(super) fn new(places: BTreeMap<Member, Place>) -> Self {
        Self(Arc::new(RwLock::new(places)))
    }

    pub(crate) fn of(&self, member: Member) -> Option<Place> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&member).cloned()
    }

    pub(crate) fn all(&self) -> BTreeMap<Member, Place> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, places: BTreeMap<Member, Place>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = places;
    }
}

/// Follows what the log says about places, until the replica ends.
pub(super) async fn follow(
    raft: Handle<Raft<Kv>>,
    me: Member,
    told: BTreeMap<Member, Place>,
    places: Places,
    directory: Directory<Raft<Kv>>,
) {
    let mut events = raft.events();
    loop {
        let (Some(known), Some(membership)) = (known(&raft).await, membership(&raft).await) else { return };
        let current = merged(&told, &known, &membership);
        bring_up_to_date(&directory, me, &current);
        places.set(current);
        loop {
            match events.recv().await {
                Ok(event) if !concerns_places(&event) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn concerns_places(event: &RaftEvent<Kv>) -> bool {
    match event {
        RaftEvent::Application { event, .. } => matches!(event, Event::Placed { .. }),
        RaftEvent::Installed { .. } | RaftEvent::MembersChanged { .. } => true,
        _ => false,
    }
}

async fn known(raft: &Handle<Raft<Kv>>) -> Option<BTreeMap<Member, Place>> {
    let read = Request::Read { consistency: Consistency::Stale, query: Query::Places };
    match raft.request(read).await {
        Ok(Answer::Read { view: View::Places(places), .. }) => {
            Some(places.into_values().map(|located| (located.member, located.place)).collect())
        }
        _ => None,
    }
}

async fn membership(raft: &Handle<Raft<Kv>>) -> Option<Membership> {
    match raft.request(Request::Status).await {
        Ok(Answer::Status(status)) => Some(status.membership),
        _ => None,
    }
}

/// What the log says counts; of members that it says nothing about, and before there are any, what this server was told.
fn merged(
    told: &BTreeMap<Member, Place>,
    known: &BTreeMap<Member, Place>,
    membership: &Membership,
) -> BTreeMap<Member, Place> {
    let is_known = |member: &Member| known.keys().any(|other| other.id == member.id);
    let takes_part = |member: &Member| membership.voters.is_empty() || membership.contains(*member);
    let others = told.iter().filter(|(member, _)| !is_known(member) && takes_part(member));
    known.iter().chain(others).map(|(member, place)| (*member, place.clone())).collect()
}

fn bring_up_to_date(directory: &Directory<Raft<Kv>>, me: Member, current: &BTreeMap<Member, Place>) {
    for gone in directory.places().keys().filter(|member| !current.contains_key(member)) {
        directory.forget(gone);
    }
    for (member, place) in current.iter().filter(|(member, _)| **member != me) {
        directory.set_place(*member, &*place.peer);
    }
}
