//! How a snapshot is written.
//!
//! ```text
//!   0      8        12     13        16        24       32          40         48      56      60 … 64
//!   │ magic │ version │ how │ nothing │ at.index │ at.term │ through.index │ .term │ length │ checksum │ nothing │ `length` bytes
//! ```
//! The checksum covers what is before it; the body, which is [`Snapshot::encode`], has its own.

use crate::cabinet::Sheet;
use crate::error::SheetError;
use purlin::log::Boundary;
use purlin::raft::{Application, Snapshot};

pub(crate) const HEADER: usize = 64;
const MAGIC: &[u8; 8] = b"PURLSNAP";
const VERSION: u32 = 1;

/// How a snapshot came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was taken of what this replica had applied. The log goes on around it.
    Taken,
    /// It came from a leader, in place of the log.
    Installed,
}

/// What stands before a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) origin: Origin,
    /// The snapshot's last entry.
    pub(crate) at: Boundary,
    /// The last entry that is to be dropped from the log.
    pub(crate) through: Boundary,
    /// How long the body is.
    pub(crate) length: u64,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let Self { origin, at, through, length } = self;
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12] = u8::from(origin == Origin::Installed);
        let words = [at.index, at.term, through.index, through.term, length];
        for (word, place) in words.iter().zip(bytes[16..56].chunks_exact_mut(8)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes[..56]);
        bytes[56..60].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Result<Self, SheetError> {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a word has 8 bytes"));
        let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("half a word has 4 bytes"));
        if &bytes[..8] != MAGIC {
            return Err(SheetError::NoSnapshot);
        }
        if half(8) != VERSION {
            return Err(SheetError::Version { theirs: half(8), ours: VERSION });
        }
        if crc32c::crc32c(&bytes[..56]) != half(56) {
            return Err(SheetError::Damaged("the checksum of its header does not match"));
        }
        let origin = if bytes[12] == 0 { Origin::Taken } else { Origin::Installed };
        let boundary = |at: usize| Boundary { index: word(at), term: word(at + 8) };
        Ok(Self { origin, at: boundary(16), through: boundary(32), length: word(48) })
    }

    /// The header of a snapshot that is as long as it says.
    pub(crate) fn of(sheet: &mut impl Sheet) -> Result<Self, SheetError> {
        let mut bytes = [0; HEADER];
        if sheet.length() < HEADER as u64 {
            return Err(SheetError::Damaged("it is shorter than its header"));
        }
        sheet.read(0, &mut bytes)?;
        let header = Self::from_bytes(&bytes)?;
        let is_whole = header.length.checked_add(HEADER as u64) == Some(sheet.length());
        if is_whole { Ok(header) } else { Err(SheetError::Damaged("it is not as long as it was written")) }
    }
}

/// All of a snapshot.
pub(crate) fn read<S: Application>(sheet: &mut impl Sheet) -> Result<(Header, Snapshot<S>), SheetError> {
    let header = Header::of(sheet)?;
    let length = usize::try_from(header.length).map_err(|_| SheetError::Damaged("it is longer than memory"))?;
    let mut body = vec![0; length];
    sheet.read(HEADER as u64, &mut body)?;
    let snapshot =
        Snapshot::decode(&body).map_err(|_| SheetError::Damaged("the checksum of its body does not match"))?;
    let fits = snapshot.at == header.at;
    if fits { Ok((header, snapshot)) } else { Err(SheetError::Damaged("its header is of another snapshot")) }
}
