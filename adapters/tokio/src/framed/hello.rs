//! How two ends find out that they belong together.
//!
//! Each sends six bytes, `PRLN` and the version of the wire, and a frame that tells its cluster, the format of its
//! protocol's messages, and its address. Each looks at the other's, so both know why they part.

use super::codec::{self, FrameError};
use bytes::{Buf, BytesMut};
use purlin::protocol::Protocol;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

const MAGIC: [u8; 4] = *b"PRLN";
/// The version of frames and hellos as they are written.
pub(crate) const WIRE_VERSION: u16 = 1;
const PREFACE: usize = MAGIC.len() + 2;
/// How long a hello may be, whoever says it.
const HELLO_MAX: usize = 4_096;

/// Two ends do not belong together. Nothing was exchanged; whoever set them up is to look at what is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not one of ours at all.
    #[error("the other end does not speak this wire: is it another service's port?")]
    Foreign,
    /// One of ours, of another version.
    #[error("the other end speaks version {theirs} of the wire, this one version {ours}: upgrade the older one")]
    WireVersion {
        /// This end's.
        ours: u16,
        /// The other end's.
        theirs: u16,
    },
    /// Of another cluster.
    #[error("the other end belongs to cluster `{theirs}`, this one to `{ours}`: one of them has a wrong place or name")]
    Cluster {
        /// This end's.
        ours: String,
        /// The other end's.
        theirs: String,
    },
    /// Of this cluster, with another version of the protocol.
    #[error("the other end writes format {theirs} of the protocol, this one format {ours}: upgrade the older one")]
    Format {
        /// This end's.
        ours: u32,
        /// The other end's.
        theirs: u32,
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
    /// A hello that is damaged or cannot be read.
    #[error("the other end's hello is no hello: {0}")]
    Frame(#[from] FrameError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Introduction {
    cluster: String,
    format: u32,
    /// Encoded on its own, because it can be read only once the format is known to be the same.
    address: Vec<u8>,
}

/// What this end says.
pub(crate) fn hello<P: Protocol>(cluster: &str, address: &P::Address) -> Result<Vec<u8>, FrameError> {
    let address = postcard::to_stdvec(address).map_err(FrameError::Unwritable)?;
    let introduction = Introduction { cluster: cluster.to_owned(), format: P::FORMAT, address };
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&WIRE_VERSION.to_le_bytes());
    codec::encode(&introduction, HELLO_MAX, &mut bytes)?;
    Ok(bytes)
}

/// Who the other end is; `None` if more must be read first.
pub(crate) fn take_hello<P: Protocol>(read: &mut BytesMut, cluster: &str) -> Result<Option<P::Address>, HelloError> {
    check_preface(read)?;
    if read.len() < PREFACE {
        return Ok(None);
    }
    let mut rest = BytesMut::from(&read[PREFACE..]);
    let Some(payload) = codec::take_payload(&mut rest, HELLO_MAX)? else { return Ok(None) };
    read.advance(read.len() - rest.len());
    check_introduction::<P>(codec::decode(&payload)?, cluster).map(Some)
}

/// Looks at as much as there is: somebody who speaks something else may never send more.
fn check_preface(read: &BytesMut) -> Result<(), HelloError> {
    if !MAGIC.iter().zip(read.iter()).all(|(ours, theirs)| ours == theirs) {
        return Err(HelloError::Foreign);
    }
    match read.get(MAGIC.len()..PREFACE) {
        Some(&[low, high]) if u16::from_le_bytes([low, high]) != WIRE_VERSION => {
            Err(HelloError::WireVersion { ours: WIRE_VERSION, theirs: u16::from_le_bytes([low, high]) })
        }
        _ => Ok(()),
    }
}

fn check_introduction<P: Protocol>(theirs: Introduction, cluster: &str) -> Result<P::Address, HelloError> {
    if theirs.cluster != cluster {
        return Err(HelloError::Cluster { ours: cluster.to_owned(), theirs: theirs.cluster });
    }
    if theirs.format != P::FORMAT {
        return Err(HelloError::Format { ours: P::FORMAT, theirs: theirs.format });
    }
    Ok(codec::decode(&theirs.address)?)
}

/// Whether it is the node that was expected at this place.
pub(crate) fn check_expected<A: Debug + Eq>(expected: Option<&A>, theirs: &A) -> Result<(), HelloError> {
    match expected {
        Some(expected) if expected != theirs => {
            Err(HelloError::Stranger { expected: format!("{expected:?}"), theirs: format!("{theirs:?}") })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin::queue::Queue;

    fn introduced(cluster: &str, format: u32) -> BytesMut {
        let introduction = Introduction { cluster: cluster.into(), format, address: vec![7] };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&WIRE_VERSION.to_le_bytes());
        codec::encode(&introduction, HELLO_MAX, &mut bytes).unwrap();
        BytesMut::from(&bytes[..])
    }

    fn refusal(mut bytes: BytesMut) -> HelloError {
        take_hello::<Queue>(&mut bytes, "beams").unwrap_err()
    }

    #[test]
    fn another_cluster_or_format_is_refused_by_name() {
        let (ours, theirs) = (Queue::FORMAT, Queue::FORMAT + 1);
        let other_cluster = HelloError::Cluster { ours: "beams".into(), theirs: "rafters".into() };
        assert_eq!(refusal(introduced("rafters", ours)), other_cluster);
        assert_eq!(refusal(introduced("beams", theirs)), HelloError::Format { ours, theirs });
    }

    #[test]
    fn another_wire_is_refused_as_soon_as_it_can_be_told() {
        assert_eq!(refusal(BytesMut::from("H")), HelloError::Foreign);
        let version_9 = HelloError::WireVersion { ours: WIRE_VERSION, theirs: 9 };
        assert_eq!(refusal(BytesMut::from(&b"PRLN\x09\x00"[..])), version_9);
    }

    /// An address is read only when both ends mean the same by it; the queue's has no value at all.
    #[test]
    fn a_damaged_hello_is_refused_and_a_part_of_one_waits() {
        let whole = introduced("beams", Queue::FORMAT);
        assert!(matches!(refusal(whole.clone()), HelloError::Frame(FrameError::Unreadable(_))));
        let mut part = BytesMut::from(&whole[..whole.len() - 1]);
        assert_eq!(take_hello::<Queue>(&mut part, "beams"), Ok(None));
        let mut damaged = whole;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(refusal(damaged), HelloError::Frame(FrameError::Damaged));
    }

    #[test]
    fn a_node_that_was_not_expected_is_a_stranger() {
        assert_eq!(check_expected(Some(&1), &1), Ok(()));
        assert_eq!(check_expected(None, &2), Ok(()));
        assert!(matches!(check_expected(Some(&1), &2), Err(HelloError::Stranger { .. })));
    }
}
