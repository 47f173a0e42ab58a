//! The words that servers exchange.

use crate::state::Kv;
use bytes::Bytes;
use purlin::raft::{Body, Member, Message, Raft};
use purlin_tokio::{Codec, CodecError, Lane, Postcard, Versions};

/// Messages as postcard writes them; pieces of snapshots on a connection of their own, so that no heartbeat waits for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words;

impl Codec<Raft<Kv>> for Words {
    fn versions(&self) -> Versions {
        Codec::<Raft<Kv>>::versions(&Postcard)
    }

    fn encode(&self, version: u32, message: &Message<Kv>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        Codec::<Raft<Kv>>::encode(&Postcard, version, message, out)
    }

    fn decode(&self, version: u32, body: Bytes) -> Result<Message<Kv>, CodecError> {
        Codec::<Raft<Kv>>::decode(&Postcard, version, body)
    }

    fn lane(&self, message: &Message<Kv>) -> Lane {
        if matches!(message.body, Body::Chunk { .. }) { Lane::Bulk } else { Lane::Normal }
    }

    fn is_same_node(&self, one: &Member, other: &Member) -> bool {
        one.id == other.id
    }
}
