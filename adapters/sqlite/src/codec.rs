//! Values as they stand in a row: postcard, and a checksum beside it.
//!
//! SQLite does not check what it reads, and most damaged records would decode into other records.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as it is written.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) checksum: u32,
}

/// A record's checksum also covers its position, so that no row can stand for another.
pub(crate) fn seal(position: u64, value: &impl Serialize) -> Result<Sealed, postcard::Error> {
    let bytes = postcard::to_stdvec(value)?;
    let checksum = checksum(position, &bytes);
    Ok(Sealed { bytes, checksum })
}

/// What was sealed, or what is wrong with it.
pub(crate) fn open<T: DeserializeOwned>(position: u64, bytes: &[u8], sealed: u32) -> Result<T, &'static str> {
    if checksum(position, bytes) != sealed {
        return Err("does not fit its checksum");
    }
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err("is longer than what it says"),
        Err(_) => Err("cannot be decoded, though it is as it was written"),
    }
}

fn checksum(position: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), bytes)
}
