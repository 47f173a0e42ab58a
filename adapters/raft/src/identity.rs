//! Whose directory it is.

use crate::error::{Damage, OpenError};
use purlin::raft::Member;
use serde::{Deserialize, Serialize};

/// Whose replica it is: a directory belongs to one member of one cluster for as long as it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the cluster.
    pub cluster: String,
    /// The member. A node whose directory was lost begins anew with a higher incarnation.
    pub member: Member,
}

impl Identity {
    /// The log's: its upper half follows from the cluster's name (FNV-1a), its lower half is the member.
    pub(crate) fn of_log(&self) -> u128 {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        let cluster = self.cluster.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        u128::from(cluster) << 64 | u128::from(self.member.to_word())
    }
}

impl core::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "member {} of the cluster `{}`", self.member, self.cluster)
    }
}

/// The versions of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Formats {
    /// How the directory is laid out.
    pub(crate) layout: u32,
    /// The protocol's records.
    pub(crate) records: u32,
    /// The application's commands and states.
    pub(crate) application: u32,
}

impl core::fmt::Display for Formats {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { layout, records, application } = self;
        write!(formatter, "layout {layout}, records {records}, application {application}")
    }
}

/// What `replica.json` says. It is written anew whenever a process begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    #[serde(flatten)]
    pub(crate) formats: Formats,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// How many processes have begun here.
    pub(crate) lives: u64,
    /// The term in which the last one began: no later one is earlier.
    pub(crate) term: u64,
    /// Up to where the log was known to be committed then: no later one ends before.
    pub(crate) commit: u64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    note: Note,
    /// The CRC32C of the rest, as JSON without blanks.
    checksum: u32,
}

impl Note {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let sealed = Sealed { note: self.clone(), checksum: self.checksum() };
        let mut bytes = serde_json::to_vec_pretty(&sealed).expect("plain values can be written");
        bytes.push(b'\n');
        bytes
    }

    fn checksum(&self) -> u32 {
        crc32c::crc32c(&serde_json::to_vec(self).expect("plain values can be written"))
    }

    /// What the note says, if it is about this replica and written as this program writes.
    pub(crate) fn read(place: &str, bytes: &[u8], ours: (&Identity, Formats)) -> Result<Self, OpenError> {
        let place = || place.to_owned();
        let damaged = |what: String| OpenError::Damaged { place: place(), damage: Damage::Note(what) };
        // The versions first: another version may say the rest in another way.
        let theirs = serde_json::from_slice::<Formats>(bytes).map_err(|error| damaged(error.to_string()))?;
        if theirs != ours.1 {
            return Err(OpenError::Format { place: place(), theirs: theirs.to_string(), ours: ours.1.to_string() });
        }
        let Sealed { note, checksum } = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if checksum != note.checksum() {
            return Err(damaged("its checksum does not match".into()));
        }
        if note.identity != *ours.0 {
            return Err(OpenError::OtherReplica { place: place(), theirs: note.identity, ours: ours.0.clone() });
        }
        Ok(note)
    }
}
