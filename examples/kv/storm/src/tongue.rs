//! How replicas of two versions write what they say: the newer version knows another way, and keeps to the older one with
//! those who do not.

use bytes::Bytes;
use purlin::raft::{Body, Member, Message, Raft};
use purlin_kv::Kv;
use purlin_tokio::{Codec, CodecError, Lane, Versions};

/// What a version speaks.
pub(crate) struct Tongue {
    versions: Versions,
}

/// Messages as they are.
const PLAIN: u32 = 1;
/// What a message says, and then its term.
const TERM_LAST: u32 = 2;

impl Tongue {
    pub(crate) fn of_version(version: u32) -> Self {
        Self { versions: if version == 0 { Versions::only(PLAIN) } else { Versions::new(PLAIN, TERM_LAST) } }
    }
}

impl Codec<Raft<Kv>> for Tongue {
    fn versions(&self) -> Versions {
        self.versions
    }

    fn encode(&self, version: u32, message: &Message<Kv>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let bytes = match version {
            TERM_LAST => postcard::to_stdvec(&(&message.body, message.term)),
            _ => postcard::to_stdvec(message),
        };
        out.extend_from_slice(&bytes?);
        Ok(())
    }

    fn decode(&self, version: u32, body: Bytes) -> Result<Message<Kv>, CodecError> {
        if version != TERM_LAST {
            return Ok(postcard::from_bytes(&body)?);
        }
        let (body, term) = postcard::from_bytes(&body)?;
        Ok(Message { term, body })
    }

    fn lane(&self, message: &Message<Kv>) -> Lane {
        if matches!(message.body, Body::Chunk { .. }) { Lane::Bulk } else { Lane::Normal }
    }

    /// Incarnations of one node stand side by side here, each on a host of its own.
    fn is_same_node(&self, one: &Member, other: &Member) -> bool {
        one == other
    }
}
