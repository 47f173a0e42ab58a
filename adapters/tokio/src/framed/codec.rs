//! Frames: what travels between two nodes, byte by byte.
//!
//! ```text
//!   ┌────────┬──────────┬─────────────────┐
//!   │ length │ checksum │ payload         │   length: of the payload, u32, little-endian, at most the bound
//!   │ 4      │ 4        │ length          │   checksum: CRC32C of the length and the payload, u32, little-endian
//!   └────────┴──────────┴─────────────────┘   payload: postcard
//! ```

use bytes::{Buf, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

const HEADER: usize = 8;

/// What came in is no frame, or none of ours. The connection ends; nothing of the frame was used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than allowed: garbage, or the two ends have different bounds.
    #[error("a frame of {length} bytes is longer than {max}: it is garbage, or the other end has another bound")]
    TooLong {
        /// What it says.
        length: usize,
        /// What is allowed.
        max: usize,
    },
    /// Altered on its way.
    #[error("a frame was altered on its way: its checksum does not fit")]
    Damaged,
    /// Whole, but not a value of the type that is spoken here.
    #[error("a frame cannot be read: {0}")]
    Unreadable(postcard::Error),
    /// A value that does not fit into a frame; it was not sent.
    #[error("a message cannot be written: {0}")]
    Unwritable(postcard::Error),
}

/// Appends one frame. On an error nothing is appended.
pub(crate) fn encode(value: &impl Serialize, length_max: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    let length = match postcard::to_extend(value, Appending(out)) {
        Ok(Appending(out)) => out.len() - start - HEADER,
        Err(error) => {
            out.truncate(start);
            return Err(FrameError::Unwritable(error));
        }
    };
    if length > length_max {
        out.truncate(start);
        return Err(FrameError::TooLong { length, max: length_max });
    }
    seal(&mut out[start..]);
    Ok(())
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Appending<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

fn seal(frame: &mut [u8]) {
    let length = (frame.len() - HEADER) as u32;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&frame[..4], &frame[HEADER..]);
    frame[4..HEADER].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), payload)
}

/// Takes the next whole payload from the front of what was read; `None` if more must be read first.
pub(crate) fn take_payload(read: &mut BytesMut, length_max: usize) -> Result<Option<BytesMut>, FrameError> {
    if read.len() < HEADER {
        return Ok(None);
    }
    let (length_bytes, checksum_bytes) = (word(read, 0), word(read, 4));
    let length = u32::from_le_bytes(length_bytes) as usize;
    if length > length_max {
        return Err(FrameError::TooLong { length, max: length_max });
    }
    if read.len() < HEADER + length {
        read.reserve(HEADER + length - read.len());
        return Ok(None);
    }
    read.advance(HEADER);
    let payload = read.split_to(length);
    let whole = checksum(&length_bytes, &payload) == u32::from_le_bytes(checksum_bytes);
    if whole { Ok(Some(payload)) } else { Err(FrameError::Damaged) }
}

fn word(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

/// What a payload says. Bytes that are left over make it unreadable: the other end means something else by it.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(FrameError::Unreadable(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(FrameError::Unreadable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use purlin::queue::{NewMessage, Request, Token};

    const LENGTH_MAX: usize = 1_000;

    fn requests() -> impl Strategy<Value = Request> {
        let enqueue = (".{0,20}", ".{0,200}", proptest::option::of(".{0,9}"))
            .prop_map(|(id, payload, key)| Request::Enqueue(NewMessage { id, payload, key, ..NewMessage::default() }));
        let ack = any::<u64>().prop_map(|token| Request::Ack { token: Token(token) });
        let claim = (".{0,9}", any::<u32>(), any::<Option<u64>>()).prop_map(|(worker, max, lease_ms)| Request::Claim {
            worker,
            max,
            lease_ms,
        });
        prop_oneof![enqueue, ack, claim, Just(Request::Expire)]
    }

    fn encoded(values: &[Request]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in values {
            encode(value, LENGTH_MAX, &mut bytes).unwrap();
        }
        bytes
    }

    /// Everything that can be read before the bytes end or are found to be wrong; and whether they were.
    fn read_all(mut bytes: BytesMut) -> (Vec<Request>, Option<FrameError>) {
        let mut values = Vec::new();
        loop {
            match take_payload(&mut bytes, LENGTH_MAX).and_then(|payload| payload.map(|it| decode(&it)).transpose()) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => return (values, None),
                Err(error) => return (values, Some(error)),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            values in proptest::collection::vec(requests(), 0..5), cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = encoded(&values);
            let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
            let mut read = BytesMut::from(&bytes[..cut]);
            let mut got = Vec::new();
            while let Some(payload) = take_payload(&mut read, LENGTH_MAX).unwrap() {
                got.push(decode(&payload).unwrap());
            }
            read.extend_from_slice(&bytes[cut..]);
            let (rest, error) = read_all(read);
            got.extend(rest);
            prop_assert_eq!(error, None);
            prop_assert_eq!(got, values);
        }

        #[test]
        fn garbage_is_refused_or_waits_for_more(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            // Random bytes pass a checksum once in 2³² times.
            prop_assert!(read_all(BytesMut::from(&bytes[..])).0.is_empty());
        }

        #[test]
        fn a_truncated_frame_gives_what_was_before_it_and_nothing_else(
            values in proptest::collection::vec(requests(), 1..5), cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = encoded(&values);
            let (got, error) = read_all(BytesMut::from(&bytes[..cut.index(bytes.len())]));
            prop_assert_eq!(error, None);
            prop_assert!(got.len() < values.len());
            prop_assert_eq!(&got[..], &values[..got.len()]);
        }

        #[test]
        fn an_altered_byte_is_detected(
            values in proptest::collection::vec(requests(), 1..5),
            at in any::<proptest::sample::Index>(), flip in 1_u8..,
        ) {
            let mut bytes = encoded(&values);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let (got, _) = read_all(BytesMut::from(&bytes[..]));
            let before = whole_frames_before(&values, at);
            prop_assert_eq!(&got[..], &values[..before], "nothing of the altered frame is used, nor of what follows");
        }
    }

    fn whole_frames_before(values: &[Request], at: usize) -> usize {
        (0..values.len()).take_while(|count| encoded(&values[..=*count]).len() <= at).count()
    }

    #[test]
    fn a_value_that_is_too_long_is_not_written() {
        let mut bytes = vec![7];
        let long = Request::Status { id: "x".repeat(LENGTH_MAX) };
        assert!(matches!(encode(&long, LENGTH_MAX, &mut bytes), Err(FrameError::TooLong { max: LENGTH_MAX, .. })));
        assert_eq!(bytes, [7]);
    }

    #[test]
    fn bytes_left_over_make_a_payload_unreadable() {
        let mut bytes = Vec::new();
        encode(&(1_u8, 2_u8), LENGTH_MAX, &mut bytes).unwrap();
        let payload = take_payload(&mut BytesMut::from(&bytes[..]), LENGTH_MAX).unwrap().unwrap();
        assert!(matches!(decode::<u8>(&payload), Err(FrameError::Unreadable(_))));
        assert_eq!(decode::<(u8, u8)>(&payload), Ok((1, 2)));
    }

    /// The bytes on the wire are a promise to nodes of other versions.
    #[test]
    fn the_bytes_of_a_frame_never_change() {
        let mut bytes = Vec::new();
        encode(&"beam", LENGTH_MAX, &mut bytes).unwrap();
        assert_eq!(bytes[..4], [5, 0, 0, 0]);
        assert_eq!(bytes[8..], *b"\x04beam");
        assert_eq!(bytes[4..8], crc32c::crc32c(b"\x05\0\0\0\x04beam").to_le_bytes());
    }
}
