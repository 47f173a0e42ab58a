//! A backup: the state as of one moment, in a file that tells whether it is whole.

use crate::state::Kv;
use serde::{Deserialize, Serialize};

/// How every backup begins.
const MARK: &[u8] = b"purlin-kv backup 1\n";

/// The state as of one moment. Sessions are not in it: whoever restores it begins a cluster of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The cluster that it was taken of.
    pub cluster: String,
    /// The state.
    pub kv: Kv,
}

/// The bytes are not a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBackup {
    /// They are something else.
    #[error("it is no backup of this program: give a file that `kv backup` wrote")]
    Foreign,
    /// They were altered, or some are missing.
    #[error("it is damaged or not whole: its checksum does not match. Take another copy of it")]
    Damaged,
}

impl Backup {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).expect("plain values can be written");
        let checksum = crc32c::crc32c(&body).to_le_bytes();
        [MARK, &checksum, &body].concat()
    }

    /// The backup in these bytes.
    ///
    /// # Errors
    /// See [`BadBackup`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadBackup> {
        let rest = bytes.strip_prefix(MARK).ok_or(BadBackup::Foreign)?;
        let (checksum, body) = rest.split_first_chunk::<4>().ok_or(BadBackup::Damaged)?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err(BadBackup::Damaged);
        }
        postcard::from_bytes(body).map_err(|_| BadBackup::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Command;
    use purlin::raft::Application;

    #[test]
    fn a_backup_is_whole_or_refused() {
        let mut kv = Kv::default();
        kv.apply(1, &Command::put("a", "b"), &mut |_| {});
        let backup = Backup { cluster: "shop".into(), kv };
        let bytes = backup.encode();
        assert_eq!(Backup::decode(&bytes), Ok(backup));
        for end in 0..MARK.len() {
            assert_eq!(Backup::decode(&bytes[..end]), Err(BadBackup::Foreign));
        }
        for end in MARK.len()..bytes.len() {
            assert_eq!(Backup::decode(&bytes[..end]), Err(BadBackup::Damaged));
        }
        for place in MARK.len()..bytes.len() {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            assert_eq!(Backup::decode(&altered), Err(BadBackup::Damaged), "byte {place}");
        }
    }
}
