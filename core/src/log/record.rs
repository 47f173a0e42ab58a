//! Records: what a log is a sequence of, and how one is written.
//!
//! ```text
//!   0      1        5          9          13
//!   │ kind │ length │ previous │ checksum │ `length` bytes of body
//! ```
//! `checksum` covers the rest, `previous`, which is the checksum of the record before, and what is not written down: the
//! log's identity, the place, and how often the log was opened. So a record that was left behind by an earlier use of the
//! same place continues no chain, and is valid nowhere.

use super::sector::{Position, Seed, u32_at, u64_at};
use super::{Boundary, HardState};

pub(super) const HEAD: usize = 13;

/// What changes a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// The log was opened: everything that follows is of a new incarnation.
    Opened,
    /// An entry. While `more` of them follow, they are one change: all survive or none.
    Entry {
        at: Boundary,
        more: bool,
        payload: &'a [u8],
    },
    HardState(HardState),
    TruncateSuffix {
        from: u64,
    },
    TruncatePrefix(Boundary),
}

/// The parts of an encoded record that are not its payload.
pub(super) struct Encoded {
    bytes: [u8; HEAD + Record::FIELDS_MAX],
    length: usize,
    pub(super) checksum: u32,
}

impl Encoded {
    pub(super) fn head(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What a checksum covers although it is not written down.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) seed: Seed,
    pub(super) incarnation: u32,
    pub(super) position: Position,
}

impl<'a> Record<'a> {
    const FIELDS_MAX: usize = 24;
    /// Before the payload of an entry stand its index and its term.
    pub(super) const ENTRY_FIELDS: usize = 16;

    const fn kind(&self) -> u8 {
        match self {
            Self::Opened => 1,
            Self::Entry { more: false, .. } => 2,
            Self::HardState(_) => 3,
            Self::TruncateSuffix { .. } => 4,
            Self::TruncatePrefix(_) => 5,
            Self::Entry { more: true, .. } => 6,
        }
    }

    pub(super) const fn is_entry(&self) -> bool {
        matches!(self, Self::Entry { .. })
    }

    /// Whether the change that it belongs to is not complete with it.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self, Self::Entry { more: true, .. })
    }

    pub(super) fn payload(&self) -> &'a [u8] {
        if let Self::Entry { payload, .. } = self { payload } else { &[] }
    }

    fn fields(&self) -> ([u64; 3], usize) {
        match *self {
            Self::Opened => ([0; 3], 0),
            Self::Entry { at, .. } | Self::TruncatePrefix(at) => ([at.index, at.term, 0], 2),
            Self::HardState(HardState { term, vote, commit }) => ([term, vote, commit], 3),
            Self::TruncateSuffix { from } => ([from, 0, 0], 1),
        }
    }

    pub(super) fn encode(&self, previous: u32, place: Place) -> Encoded {
        let (fields, count) = self.fields();
        let (mut bytes, length) = ([0; HEAD + Self::FIELDS_MAX], HEAD + 8 * count);
        for (field, slot) in fields.iter().zip(bytes[HEAD..length].chunks_exact_mut(8)) {
            slot.copy_from_slice(&field.to_le_bytes());
        }
        let body = length - HEAD + self.payload().len();
        bytes[0] = self.kind();
        bytes[1..5].copy_from_slice(&u32::try_from(body).expect("the length of a payload is bounded").to_le_bytes());
        bytes[5..9].copy_from_slice(&previous.to_le_bytes());
        let checksum = crc32c::crc32c_append(checksum(place, &bytes[..length]), self.payload());
        bytes[9..HEAD].copy_from_slice(&checksum.to_le_bytes());
        Encoded { bytes, length, checksum }
    }

    /// Reads a record, unless something in it is damaged.
    pub(super) fn decode(head: &Head, bytes: &'a [u8], place: Place) -> Option<Self> {
        if checksum(place, bytes) != head.checksum {
            return None;
        }
        let body = &bytes[HEAD..];
        let field = |nth: usize| u64_at(body, 8 * nth);
        Some(match (head.kind, body.len()) {
            (1, 0) => Self::Opened,
            (kind @ (2 | 6), Self::ENTRY_FIELDS..) => {
                let at = Boundary { index: field(0), term: field(1) };
                Self::Entry { at, more: kind == 6, payload: &body[Self::ENTRY_FIELDS..] }
            }
            (3, 24) => Self::HardState(HardState { term: field(0), vote: field(1), commit: field(2) }),
            (4, 8) => Self::TruncateSuffix { from: field(0) },
            (5, 16) => Self::TruncatePrefix(Boundary { index: field(0), term: field(1) }),
            _ => return None,
        })
    }
}

/// The part of a record that every kind has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    kind: u8,
    pub(super) length: usize,
    pub(super) previous: u32,
    pub(super) checksum: u32,
}

impl Head {
    /// `None` if no record of this version begins so.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, length) = (bytes[0], u32_at(bytes, 1) as usize);
        let head = Self { kind, length, previous: u32_at(bytes, 5), checksum: u32_at(bytes, 9) };
        (1..=6).contains(&kind).then_some(head)
    }
}

/// Covers the place, then the head without the checksum itself, then the body.
fn checksum(place: Place, bytes: &[u8]) -> u32 {
    let mut covered = [0; 12 + 9];
    covered[..4].copy_from_slice(&place.incarnation.to_le_bytes());
    covered[4..12].copy_from_slice(&place.position.byte().to_le_bytes());
    covered[12..].copy_from_slice(&bytes[..9]);
    crc32c::crc32c_append(place.seed.checksum(&covered), &bytes[HEAD..])
}
