//! How messages become bytes, in which versions, and which of them travel apart.

use bytes::Bytes;
use core::fmt;
use postcard::ser_flavors::Flavor;
use purlin::protocol::Protocol;
use serde::{Deserialize, Serialize};

/// Writes the messages of a protocol into frames and reads them back, in every version that it knows.
///
/// Two ends speak the newest version that both know; nodes can therefore be upgraded one after the other, if a release
/// speaks what the one before it spoke. What bytes mean in a version never changes once nodes have spoken it.
/// [`Postcard`] suits a protocol whose messages are small or whose nodes are upgraded together.
///
/// ```
/// use bytes::{Buf, Bytes};
/// use purlin::protocol::Protocol;
/// use purlin_tokio::{Codec, CodecError, Lane, Versions};
///
/// /// A message of a protocol that stores parts of something large.
/// # #[derive(Clone)]
/// struct Part {
///     offset: u64,
///     bytes: Bytes,
/// }
///
/// struct Parts;
///
/// // Without `where`, for a protocol of one's own.
/// impl<P: Protocol> Codec<P> for Parts
/// where
///     P::Message: AsRef<Part> + From<Part>,
/// {
///     fn versions(&self) -> Versions {
///         Versions::only(1)
///     }
///
///     fn encode(&self, _version: u32, message: &P::Message, out: &mut Vec<u8>) -> Result<(), CodecError> {
///         let part = message.as_ref();
///         out.extend_from_slice(&part.offset.to_le_bytes());
///         out.extend_from_slice(&part.bytes);
///         Ok(())
///     }
///
///     fn decode(&self, _version: u32, mut body: Bytes) -> Result<P::Message, CodecError> {
///         let offset = body.try_get_u64_le().map_err(CodecError::new)?;
///         // What is left lies where it was received.
///         Ok(Part { offset, bytes: body }.into())
///     }
///
///     fn lane(&self, _message: &P::Message) -> Lane {
///         Lane::Bulk
///     }
/// }
/// ```
pub trait Codec<P: Protocol>: Send + Sync + 'static {
    /// What it speaks. Asked once, when a transport opens.
    fn versions(&self) -> Versions;

    /// Appends a message, as it is written in this version.
    ///
    /// # Errors
    /// The version has no words for it. It is lost, and the connection goes on; what was appended is taken back.
    fn encode(&self, version: u32, message: &P::Message, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads what [`encode`](Self::encode) has written in this version. It was not altered on its way, but whoever sent it may
    /// have meant something else.
    ///
    /// Whatever is [sliced](Bytes::slice) out of `body` is not copied: it lies where it was received, and keeps that buffer,
    /// which is 64 KiB or one frame large, until the last slice of it is dropped.
    ///
    /// # Errors
    /// It is no message; the connection ends.
    fn decode(&self, version: u32, body: Bytes) -> Result<P::Message, CodecError>;

    /// On which connection a message travels.
    fn lane(&self, _message: &P::Message) -> Lane {
        Lane::Normal
    }

    /// Whether two addresses are of one node, which can have only one of them at a time: incarnations of it. While one is
    /// [known](super::Directory), or is this node's own, whoever says to be another is refused.
    fn is_same_node(&self, one: &P::Address, other: &P::Address) -> bool {
        one == other
    }
}

/// On which connection a message travels. Each keeps its order; between them there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What should not wait: heartbeats, votes, entries.
    #[default]
    Normal,
    /// What is large and rare, such as parts of a snapshot: on a connection of its own, so that nothing waits behind it.
    Bulk,
}

impl Lane {
    /// Both, what is urgent first.
    pub(super) const ALL: [Self; 2] = [Self::Normal, Self::Bulk];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

/// The versions of messages that an end speaks: all from the oldest to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The oldest.
    pub oldest: u32,
    /// The newest, which is not older than the oldest.
    pub newest: u32,
}

impl Versions {
    /// One version and no other.
    pub const fn only(version: u32) -> Self {
        Self { oldest: version, newest: version }
    }

    /// All from the oldest to the newest.
    pub const fn new(oldest: u32, newest: u32) -> Self {
        Self { oldest, newest }
    }

    /// The newest version that both speak, if there is one.
    pub fn newest_common(self, other: Self) -> Option<u32> {
        let newest = self.newest.min(other.newest);
        (newest >= self.oldest.max(other.oldest)).then_some(newest)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(formatter, "version {}", self.newest),
            false => write!(formatter, "versions {} to {}", self.oldest, self.newest),
        }
    }
}

/// Why a message cannot be written or read, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl CodecError {
    /// What is wrong, in a sentence.
    pub fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl From<postcard::Error> for CodecError {
    fn from(error: postcard::Error) -> Self {
        Self::new(error)
    }
}

/// Messages as postcard writes what serde tells of them.
///
/// Postcard writes no names: any change of a message's shape changes its bytes. So there is one version, which is the
/// protocol's [`FORMAT`](Protocol::FORMAT).
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl<P: Protocol> Codec<P> for Postcard {
    fn versions(&self) -> Versions {
        Versions::only(P::FORMAT)
    }

    fn encode(&self, _version: u32, message: &P::Message, out: &mut Vec<u8>) -> Result<(), CodecError> {
        append(message, out)
    }

    /// Bytes that are left over make a message unreadable: the other end means something else by it.
    fn decode(&self, _version: u32, body: Bytes) -> Result<P::Message, CodecError> {
        whole(&body)
    }
}

pub(super) fn append(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    postcard::serialize_with_flavor(value, Appending(out)).map_err(CodecError::from)
}

pub(super) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(CodecError::new(format_args!("{} bytes are left over", rest.len()))),
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin::queue::{Queue, Request};

    #[test]
    fn two_ends_speak_the_newest_version_that_both_know() {
        let common = |ours, theirs| Versions::newest_common(ours, theirs);
        assert_eq!(common(Versions::new(1, 2), Versions::only(1)), Some(1));
        assert_eq!(common(Versions::new(1, 3), Versions::new(2, 9)), Some(3));
        assert_eq!(common(Versions::only(1), Versions::only(2)), None);
        assert_eq!(common(Versions::new(4, 2), Versions::new(1, 9)), None, "no versions at all");
    }

    #[test]
    fn postcard_speaks_the_format_of_the_protocol_and_nothing_else() {
        assert_eq!(Codec::<Queue>::versions(&Postcard), Versions::only(Queue::FORMAT));
    }

    #[test]
    fn bytes_left_over_make_a_message_unreadable() {
        let mut bytes = Vec::new();
        append(&(1_u8, 2_u8), &mut bytes).unwrap();
        assert_eq!(whole::<u8>(&bytes), Err(CodecError::new("1 bytes are left over")));
        assert_eq!(whole::<(u8, u8)>(&bytes), Ok((1, 2)));
        assert!(whole::<Request>(&bytes[..0]).is_err());
    }
}
