//! Frames: what travels between two nodes, byte by byte.
//!
//! ```text
//!   ┌────────┬──────────┬──────┬──────────┐   length: of kind and body, u32, little-endian, at most the bound
//!   │ length │ checksum │ kind │ body     │   checksum: CRC32C of length, kind and body, u32, little-endian
//!   │ 4      │ 4        │ 1    │ length-1 │   kind: 0 "I am still here", 1 a message, 2 a refusal, 3 a hello
//!   └────────┴──────────┴──────┴──────────┘   body: of a message, what the codec writes; of others, postcard
//! ```

use super::codec::{self, CodecError};
use bytes::{Buf, Bytes, BytesMut};

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
    /// Whole, but of a kind that does not exist, or not where it stands.
    #[error("a frame of kind {kind:?} does not belong here: the other end follows other rules")]
    Misplaced {
        /// What it says; `None` if it is empty.
        kind: Option<u8>,
    },
    /// Whole, but not what its kind says.
    #[error("a frame cannot be read: {0}")]
    Unreadable(CodecError),
    /// A value that does not fit into a frame; it was not sent.
    #[error("a message cannot be written: {0}")]
    Unwritable(CodecError),
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Nothing is said, so that silence means something.
    StillHere = 0,
    Message = 1,
    /// Why the connection is going to end, for people.
    Refusal = 2,
    Hello = 3,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::StillHere, Self::Message, Self::Refusal, Self::Hello].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Appends one frame, whose body is what `write` appends. On an error nothing is appended.
pub(super) fn append(
    kind: Kind,
    length_max: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    out.push(kind as u8);
    let written = write(out).map_err(FrameError::Unwritable);
    let sealed = written.and_then(|()| seal(&mut out[start..], length_max));
    if sealed.is_err() {
        out.truncate(start);
    }
    sealed
}

/// A frame that tells why nothing will follow.
pub(super) fn append_refusal(why: &str, length_max: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    append(Kind::Refusal, length_max, out, |out| codec::append(&why, out))
}

fn seal(frame: &mut [u8], length_max: usize) -> Result<(), FrameError> {
    let length = frame.len() - HEADER;
    let Some(length) = u32::try_from(length).ok().filter(|_| length <= length_max) else {
        return Err(FrameError::TooLong { length, max: length_max });
    };
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&frame[..4], &frame[HEADER..]);
    frame[4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), payload)
}

/// Takes the next whole frame from the front of what was read; `None` if more must be read first. The body is not copied.
pub(super) fn take(read: &mut BytesMut, length_max: usize) -> Result<Option<(Kind, Bytes)>, FrameError> {
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
    let payload = read.split_to(length).freeze();
    if checksum(&length_bytes, &payload) != u32::from_le_bytes(checksum_bytes) {
        return Err(FrameError::Damaged);
    }
    opened(payload).map(Some)
}

fn opened(mut payload: Bytes) -> Result<(Kind, Bytes), FrameError> {
    let kind = payload.first().copied();
    let Some(known) = kind.and_then(Kind::of) else { return Err(FrameError::Misplaced { kind }) };
    payload.advance(1);
    Ok((known, payload))
}

fn word(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use purlin::queue::{NewMessage, Request, Token};
    use serde::Serialize;

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

    fn encode(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        append(Kind::Message, LENGTH_MAX, bytes, |out| codec::append(value, out))
    }

    fn encoded(values: &[Request]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in values {
            encode(value, &mut bytes).unwrap();
        }
        bytes
    }

    fn decode((kind, body): (Kind, Bytes)) -> Result<Request, FrameError> {
        assert_eq!(kind, Kind::Message);
        codec::whole(&body).map_err(FrameError::Unreadable)
    }

    /// Everything that can be read before the bytes end or are found to be wrong; and whether they were.
    fn read_all(mut bytes: BytesMut) -> (Vec<Request>, Option<FrameError>) {
        let mut values = Vec::new();
        loop {
            match take(&mut bytes, LENGTH_MAX).and_then(|frame| frame.map(decode).transpose()) {
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
            while let Some(frame) = take(&mut read, LENGTH_MAX).unwrap() {
                got.push(decode(frame).unwrap());
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
        assert!(matches!(encode(&long, &mut bytes), Err(FrameError::TooLong { max: LENGTH_MAX, .. })));
        assert_eq!(bytes, [7]);
    }

    #[test]
    fn a_value_that_cannot_be_written_leaves_nothing_behind() {
        let mut bytes = vec![7];
        let wordless = append(Kind::Message, LENGTH_MAX, &mut bytes, |out| {
            out.extend_from_slice(b"half");
            Err(CodecError::new("no words"))
        });
        assert_eq!(wordless, Err(FrameError::Unwritable(CodecError::new("no words"))));
        assert_eq!(bytes, [7]);
    }

    /// A sealed frame around these bytes, whatever they are.
    fn sealed(payload: &[u8]) -> BytesMut {
        let mut frame = vec![0; HEADER];
        frame.extend_from_slice(payload);
        seal(&mut frame, LENGTH_MAX).unwrap();
        BytesMut::from(&frame[..])
    }

    #[test]
    fn a_whole_frame_of_no_known_kind_is_refused() {
        assert_eq!(take(&mut sealed(b""), LENGTH_MAX), Err(FrameError::Misplaced { kind: None }));
        assert_eq!(take(&mut sealed(b"\x09beam"), LENGTH_MAX), Err(FrameError::Misplaced { kind: Some(9) }));
    }

    #[test]
    fn a_body_lies_where_it_was_received() {
        let mut read = sealed(b"\x01beam");
        let received = read[HEADER + 1..].as_ptr();
        let (kind, body) = take(&mut read, LENGTH_MAX).unwrap().unwrap();
        assert_eq!((kind, &body[..]), (Kind::Message, &b"beam"[..]));
        assert_eq!(body.as_ptr(), received);
    }

    /// The bytes on the wire are a promise to nodes of other versions.
    #[test]
    fn the_bytes_of_a_frame_never_change() {
        let mut bytes = Vec::new();
        encode(&"beam", &mut bytes).unwrap();
        assert_eq!(bytes[..4], [6, 0, 0, 0]);
        assert_eq!(bytes[8..], *b"\x01\x04beam");
        assert_eq!(bytes[4..8], crc32c::crc32c(b"\x06\0\0\0\x01\x04beam").to_le_bytes());
    }
}
