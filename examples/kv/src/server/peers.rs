//! Who the members are and where they stand, as people write it.

use crate::state::Place;
use core::num::NonZeroU32;
use core::str::FromStr;
use purlin::raft::Member;
use std::collections::BTreeMap;

/// Members and their places, written `1=10.0.0.1:4000/10.0.0.1:3000,2=…`: for each its id, where the other members reach it,
/// and where clients do. A member whose disk was replaced is written with its incarnation: `1.2=…`.
///
/// ```
/// use purlin::raft::Member;
/// use purlin_kv::Peers;
///
/// let peers: Peers = "1=10.0.0.1:4000/10.0.0.1:3000,2=10.0.0.2:4000/10.0.0.2:3000".parse()?;
/// assert_eq!(&*peers.0[&Member::new(2)].http, "10.0.0.2:3000");
/// # Ok::<(), purlin_kv::BadPeers>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(pub BTreeMap<Member, Place>);

/// What was written is not a list of members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPeers {
    /// A part of it is not one.
    #[error("`{0}` is no member: write ID=PEER-PLACE/HTTP-PLACE, such as 1=10.0.0.1:4000/10.0.0.1:3000")]
    Peer(String),
    /// A place is no place.
    #[error("`{0}` is no place: write HOST:PORT, such as 10.0.0.1:4000")]
    Place(String),
    /// A member's name is none.
    #[error("`{0}` is no member: write its id, from 1 to 4294967295, and its incarnation behind a dot if it has one")]
    Member(String),
    /// The same node twice.
    #[error("{0} is written twice: leave one out")]
    Twice(Member),
}

impl FromStr for Peers {
    type Err = BadPeers;

    fn from_str(written: &str) -> Result<Self, BadPeers> {
        let mut peers = BTreeMap::new();
        for part in written.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (member, place) = peer(part)?;
            let is_there = peers.keys().any(|other: &Member| other.id == member.id);
            if is_there {
                return Err(BadPeers::Twice(member));
            }
            peers.insert(member, place);
        }
        Ok(Self(peers))
    }
}

fn peer(part: &str) -> Result<(Member, Place), BadPeers> {
    let no_peer = || BadPeers::Peer(part.to_owned());
    let (member, places) = part.split_once('=').ok_or_else(no_peer)?;
    let (peer, http) = places.split_once('/').ok_or_else(no_peer)?;
    Ok((member_named(member)?, place(peer, http)?))
}

/// A member's places, if they can be such.
///
/// # Errors
/// [`BadPeers::Place`].
pub fn place(peer: &str, http: &str) -> Result<Place, BadPeers> {
    for place in [peer, http] {
        let (host, port) = place.rsplit_once(':').ok_or_else(|| BadPeers::Place(place.to_owned()))?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(BadPeers::Place(place.to_owned()));
        }
    }
    Ok(Place { peer: peer.into(), http: http.into() })
}

/// The member of a name such as `3`, or `3.1` for its second incarnation.
///
/// # Errors
/// [`BadPeers::Member`].
pub fn member_named(name: &str) -> Result<Member, BadPeers> {
    let (id, incarnation) = name.split_once('.').unwrap_or((name, "0"));
    let id: Option<NonZeroU32> = id.parse().ok();
    let member = id.zip(incarnation.parse().ok()).map(|(id, incarnation)| Member { id, incarnation });
    member.ok_or_else(|| BadPeers::Member(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_members_says_which_part() {
        for (written, why) in [
            ("1", "`1` is no member: write ID="),
            ("1=a:1", "`1=a:1` is no member"),
            ("0=a:1/b:1", "`0` is no member: write its id"),
            ("1.x=a:1/b:1", "`1.x` is no member"),
            ("1=a/b:1", "`a` is no place"),
            ("1=a:1/b:99999", "`b:99999` is no place"),
            ("1=a:1/b:1,1.1=a:2/b:2", "1.1 is written twice"),
        ] {
            let told = written.parse::<Peers>().unwrap_err().to_string();
            assert!(told.contains(why), "{written}: {told}");
        }
        let second = member_named("7.2").unwrap();
        assert_eq!((second.id.get(), second.incarnation, second.to_string().as_str()), (7, 2, "7.2"));
    }
}
