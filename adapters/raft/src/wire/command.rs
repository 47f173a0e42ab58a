use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// How a command travels. Each command stands for itself, beside the entry that holds it, and is as long as it was written.
pub trait Coded: Sized {
    /// Appends the command.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads what [`encode`](Self::encode) has written. What is [sliced](Bytes::slice) out of the bytes is not copied.
    ///
    /// # Errors
    /// It is no command.
    fn decode(bytes: Bytes) -> Result<Self, Undecodable>;
}

/// Bytes that are no command, and why, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a command cannot be read: {0}")]
pub struct Undecodable(pub String);

/// A command that is bytes, which only the application understands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Opaque(pub Bytes);

purlin::nameless!(Opaque);

impl Coded for Opaque {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode(bytes: Bytes) -> Result<Self, Undecodable> {
        Ok(Self(bytes))
    }
}
