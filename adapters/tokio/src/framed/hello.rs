//! How two ends find out that they belong together.
//!
//! ```text
//!   ┌──────┬────────┬────────┬────────┬───────┐   oldest, newest: the versions of messages that this end speaks
//!   │ PRLN │ layout │ oldest │ newest │ frame │   frame: its cluster, its address, and which lane the connection
//!   │ 4    │ 2      │ 4      │ 4      │       │          is to be; the lane is for who has dialled to say
//!   └──────┴────────┴────────┴────────┴───────┘   layout: the version of frames and hellos themselves
//! ```
//!
//! Each looks at the other's, so both know why they part.

use super::codec::{self, CodecError, Lane, Versions};
use super::frame::{self, FrameError, Kind};
use bytes::{Buf, BytesMut};
use core::fmt::Debug;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"PRLN";
/// The version of frames and hellos as they are laid out; what messages look like is the codec's.
const LAYOUT: u16 = 2;
const LAYOUT_END: usize = MAGIC.len() + 2;
const PREFACE: usize = LAYOUT_END + 8;
/// How long a hello may be, whoever says it.
const HELLO_MAX: usize = 4_096;

/// Two ends do not belong together. Nothing was exchanged; whoever set them up is to look at what is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not one of ours at all.
    #[error("the other end does not speak this wire: is it another service's port, or is only one end set up for TLS?")]
    Foreign,
    /// One of ours that lays out frames differently.
    #[error("the other end lays frames out by version {theirs}, this one by version {ours}: upgrade the older one")]
    Layout {
        /// This end's.
        ours: u16,
        /// The other end's.
        theirs: u16,
    },
    /// One of ours, and there is no version of messages that both know.
    #[error("the other end speaks {theirs} of the messages, this one {ours}: upgrade the older one")]
    Versions {
        /// This end's.
        ours: Versions,
        /// The other end's.
        theirs: Versions,
    },
    /// Of another cluster.
    #[error("the other end belongs to cluster {theirs:?}, this one to {ours:?}: one of them has a wrong place or name")]
    Cluster {
        /// This end's.
        ours: String,
        /// The other end's.
        theirs: String,
    },
    /// Not the node that is expected at this place.
    #[error(
        "the other end is {theirs}, and {expected} was expected: its place is wrong, or two nodes have one address"
    )]
    Stranger {
        /// Who was expected, as it prints.
        expected: String,
        /// Who it is, as it prints.
        theirs: String,
    },
    /// The node that is expected, in an incarnation that is not.
    #[error("the other end is {theirs}, and the same node is known as {expected}: one of the two is out of date")]
    Incarnation {
        /// Who was expected, as it prints.
        expected: String,
        /// Who it is, as it prints.
        theirs: String,
    },
    /// It says to be this very node.
    #[error("the other end says to be {theirs}, which is this node: two nodes have one address")]
    Double {
        /// Who both are, as it prints.
        theirs: String,
    },
    /// A hello that is damaged or cannot be read.
    #[error("the other end's hello is no hello: {0}")]
    Frame(#[from] FrameError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Introduction {
    cluster: String,
    lane: Lane,
    /// Encoded on its own: it is read only once the clusters and versions are known to fit.
    address: Vec<u8>,
}

/// What one end says of itself.
#[derive(Clone, Copy)]
pub(super) struct Hello<'a, A> {
    pub(super) cluster: &'a str,
    pub(super) address: &'a A,
    pub(super) versions: Versions,
}

/// Who the other end is, and how to speak with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeted<A> {
    pub(super) peer: A,
    pub(super) version: u32,
    /// What the other end has said; of a connection that was dialled, this end knows better.
    pub(super) lane: Lane,
}

/// What this end says.
pub(super) fn written<A: Serialize>(hello: &Hello<'_, A>, lane: Lane) -> Result<Vec<u8>, FrameError> {
    let mut address = Vec::new();
    codec::append(hello.address, &mut address).map_err(FrameError::Unwritable)?;
    let introduction = Introduction { cluster: hello.cluster.to_owned(), lane, address };
    let mut bytes = preface(LAYOUT, hello.versions);
    frame::append(Kind::Hello, HELLO_MAX, &mut bytes, |out| codec::append(&introduction, out))?;
    Ok(bytes)
}

fn preface(layout: u16, versions: Versions) -> Vec<u8> {
    let Versions { oldest, newest } = versions;
    [&MAGIC[..], &layout.to_le_bytes(), &oldest.to_le_bytes(), &newest.to_le_bytes()].concat()
}

/// Who the other end is; `None` if more must be read first.
pub(super) fn take<A: for<'a> Deserialize<'a>>(
    read: &mut BytesMut,
    ours: &Hello<'_, A>,
) -> Result<Option<Greeted<A>>, HelloError> {
    let Some(version) = check_preface(read, ours.versions)? else { return Ok(None) };
    let mut rest = BytesMut::from(&read[PREFACE..]);
    let Some((kind, body)) = frame::take(&mut rest, HELLO_MAX)? else { return Ok(None) };
    if kind != Kind::Hello {
        return Err(FrameError::Misplaced { kind: Some(kind as u8) }.into());
    }
    read.advance(read.len() - rest.len());
    let Introduction { cluster, lane, address } = codec::whole(&body).map_err(unreadable)?;
    if cluster != ours.cluster {
        return Err(HelloError::Cluster { ours: ours.cluster.to_owned(), theirs: cluster });
    }
    let peer = codec::whole(&address).map_err(unreadable)?;
    Ok(Some(Greeted { peer, version, lane }))
}

fn unreadable(error: CodecError) -> HelloError {
    FrameError::Unreadable(error).into()
}

/// Looks at as much as there is: somebody who speaks something else may never send more.
fn check_preface(read: &BytesMut, ours: Versions) -> Result<Option<u32>, HelloError> {
    if !MAGIC.iter().zip(read.iter()).all(|(ours, theirs)| ours == theirs) {
        return Err(HelloError::Foreign);
    }
    let Some(mut fields) = read.get(MAGIC.len()..LAYOUT_END) else { return Ok(None) };
    let layout = fields.get_u16_le();
    if layout != LAYOUT {
        return Err(HelloError::Layout { ours: LAYOUT, theirs: layout });
    }
    let Some(mut fields) = read.get(LAYOUT_END..PREFACE) else { return Ok(None) };
    let theirs = Versions { oldest: fields.get_u32_le(), newest: fields.get_u32_le() };
    ours.newest_common(theirs).map(Some).ok_or(HelloError::Versions { ours, theirs })
}

/// Whether the other end is somebody to speak with: not this node, and who is expected, if somebody is.
pub(super) fn check_peer<A: Debug + Eq>(
    is_same_node: impl Fn(&A, &A) -> bool,
    this_node: &A,
    expected: Option<&A>,
    theirs: &A,
) -> Result<(), HelloError> {
    if theirs == this_node {
        return Err(HelloError::Double { theirs: printed(theirs) });
    }
    if is_same_node(this_node, theirs) {
        return Err(another_incarnation(this_node, theirs));
    }
    match expected {
        Some(expected) if expected == theirs => Ok(()),
        Some(expected) if is_same_node(expected, theirs) => Err(another_incarnation(expected, theirs)),
        Some(expected) => Err(HelloError::Stranger { expected: printed(expected), theirs: printed(theirs) }),
        None => Ok(()),
    }
}

pub(super) fn another_incarnation(expected: &impl Debug, theirs: &impl Debug) -> HelloError {
    HelloError::Incarnation { expected: printed(expected), theirs: printed(theirs) }
}

fn printed(address: &impl Debug) -> String {
    format!("{address:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Hello<'_, u8> = Hello { cluster: "beams", address: &1, versions: Versions::new(2, 3) };

    fn said(hello: Hello<'_, u8>) -> BytesMut {
        BytesMut::from(&written(&hello, Lane::Bulk).unwrap()[..])
    }

    fn refusal(mut bytes: BytesMut) -> HelloError {
        take(&mut bytes, &OURS).unwrap_err()
    }

    #[test]
    fn a_hello_tells_who_it_is_and_what_is_spoken() {
        let theirs = Hello { address: &7, versions: Versions::new(1, 2), ..OURS };
        let mut bytes = said(theirs);
        bytes.extend_from_slice(b"what follows");
        assert_eq!(take(&mut bytes, &OURS), Ok(Some(Greeted { peer: 7, version: 2, lane: Lane::Bulk })));
        assert_eq!(bytes, b"what follows"[..]);
    }

    #[test]
    fn another_cluster_or_version_is_refused_by_name() {
        let other_cluster = HelloError::Cluster { ours: "beams".into(), theirs: "rafters".into() };
        assert_eq!(refusal(said(Hello { cluster: "rafters", ..OURS })), other_cluster);
        let (ours, theirs) = (OURS.versions, Versions::only(1));
        assert_eq!(refusal(said(Hello { versions: theirs, ..OURS })), HelloError::Versions { ours, theirs });
    }

    #[test]
    fn another_wire_is_refused_as_soon_as_it_can_be_told() {
        assert_eq!(refusal(BytesMut::from("H")), HelloError::Foreign);
        assert_eq!(refusal(BytesMut::from(&b"PRLN\x09\x00"[..])), HelloError::Layout { ours: LAYOUT, theirs: 9 });
        let theirs = Versions::only(4);
        let too_new = HelloError::Versions { ours: OURS.versions, theirs };
        assert_eq!(refusal(BytesMut::from(&preface(LAYOUT, theirs)[..])), too_new);
    }

    #[test]
    fn a_damaged_hello_is_refused_and_a_part_of_one_waits() {
        let whole = said(OURS);
        for length in 0..whole.len() {
            assert_eq!(take(&mut BytesMut::from(&whole[..length]), &OURS), Ok(None));
        }
        let mut damaged = whole;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(refusal(damaged), HelloError::Frame(FrameError::Damaged));
    }

    #[test]
    fn what_is_no_hello_or_no_address_cannot_be_read() {
        let nobody = Hello { cluster: "beams", address: &(), versions: OURS.versions };
        let bytes = BytesMut::from(&written(&nobody, Lane::Normal).unwrap()[..]);
        assert!(matches!(refusal(bytes), HelloError::Frame(FrameError::Unreadable(_))));
        let mut bytes = preface(LAYOUT, OURS.versions);
        frame::append(Kind::Message, 10, &mut bytes, |_| Ok(())).unwrap();
        let misplaced = FrameError::Misplaced { kind: Some(Kind::Message as u8) };
        assert_eq!(refusal(BytesMut::from(&bytes[..])), HelloError::Frame(misplaced));
    }

    /// The bytes on the wire are a promise to nodes of other versions.
    #[test]
    fn the_bytes_of_a_hello_never_change() {
        let bytes = said(OURS);
        assert_eq!(bytes[..14], *b"PRLN\x02\0\x02\0\0\0\x03\0\0\0");
        assert_eq!(bytes[14..18], [10, 0, 0, 0]);
        assert_eq!(bytes[22..], *b"\x03\x05beams\x01\x01\x01");
    }

    /// Of the addresses 31 and 32, both are of node 3.
    #[test]
    fn whoever_was_not_expected_is_told_apart() {
        let check = |expected, theirs: u8| check_peer(|one, other| one / 10 == other / 10, &11, expected, &theirs);
        assert_eq!(check(Some(&31), 31), Ok(()));
        assert_eq!(check(None, 31), Ok(()));
        assert!(matches!(check(Some(&31), 21), Err(HelloError::Stranger { .. })));
        assert!(matches!(check(Some(&31), 32), Err(HelloError::Incarnation { .. })));
        assert!(matches!(check(None, 12), Err(HelloError::Incarnation { .. })), "of this node itself");
        assert!(matches!(check(None, 11), Err(HelloError::Double { .. })));
    }
}
