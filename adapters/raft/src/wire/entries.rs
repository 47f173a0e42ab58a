//! The entries of an append.

use super::WireError;
use super::cold::whole;
use super::command::Coded;
use super::reader::Reader;
use crate::postcards;
use bytes::Bytes;
use purlin::raft::{Application, ENTRY_OVERHEAD, Entry, Payload, Slice, Stamp, Stamped, size};

const EMPTY: u32 = 0;
const COMMAND: u32 = 1;
const STAMPED: u32 = 2;
const SESSION: u32 = 3;
const MEMBERSHIP: u32 = 4;

pub(super) fn encode<S>(entries: &Slice<S>, out: &mut Vec<u8>) -> Result<(), WireError>
where
    S: Application,
    S::Command: Coded,
{
    out.reserve(entries.iter().map(size).sum());
    entries.iter().try_for_each(|entry| encode_entry(entry, out))
}

fn encode_entry<S>(entry: &Entry<S>, out: &mut Vec<u8>) -> Result<(), WireError>
where
    S: Application,
    S::Command: Coded,
{
    let begin = out.len();
    out.extend_from_slice(&entry.index.to_le_bytes());
    out.extend_from_slice(&entry.term.to_le_bytes());
    out.extend_from_slice(&kind(&entry.payload).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    encode_payload(&entry.payload, out)?;
    let length = u32::try_from(out.len() - begin - ENTRY_OVERHEAD).map_err(|_| WireError::TooLong("an entry"))?;
    out[begin + 20..begin + ENTRY_OVERHEAD].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

fn kind<S: Application>(payload: &Payload<S>) -> u32 {
    match payload {
        Payload::Empty => EMPTY,
        Payload::Command(_) => COMMAND,
        Payload::Stamped(_) => STAMPED,
        Payload::Session { .. } => SESSION,
        Payload::Membership(_) => MEMBERSHIP,
    }
}

fn encode_payload<S>(payload: &Payload<S>, out: &mut Vec<u8>) -> Result<(), WireError>
where
    S: Application,
    S::Command: Coded,
{
    match payload {
        Payload::Empty => {}
        Payload::Command(command) => command.encode(out),
        Payload::Stamped(stamped) => {
            let Stamp { session, sequence, acknowledged } = stamped.stamp;
            [session, sequence, acknowledged].iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
            stamped.command.encode(out);
        }
        Payload::Session { sessions_max } => out.extend_from_slice(&sessions_max.to_le_bytes()),
        Payload::Membership(membership) => postcards::append(membership, out)?,
    }
    Ok(())
}

pub(super) fn decode<S>(count: u32, mut reader: Reader) -> Result<Slice<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    // No more room is made than the entries' heads take.
    let least = (count as usize).saturating_mul(ENTRY_OVERHEAD);
    if least > reader.left() {
        return Err(WireError::TooShort { wanted: least, left: reader.left() });
    }
    let mut entries = Vec::with_capacity(count as usize);
    for _ in 0..count {
        entries.push(decode_entry(&mut reader)?);
    }
    reader.end()?;
    Ok(entries.into())
}

fn decode_entry<S>(reader: &mut Reader) -> Result<Entry<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    let [index, term] = reader.words()?;
    let (kind, length) = (reader.u32()?, reader.u32()?);
    let payload = decode_payload(kind, reader.take(length as usize)?)?;
    Ok(Entry { index, term, payload })
}

fn decode_payload<S>(kind: u32, bytes: Bytes) -> Result<Payload<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    match kind {
        EMPTY => Reader::new(bytes).end().map(|()| Payload::Empty),
        COMMAND => Ok(Payload::Command(S::Command::decode(bytes)?)),
        STAMPED => decode_stamped(bytes),
        SESSION => decode_session(bytes),
        MEMBERSHIP => Ok(Payload::Membership(whole(&bytes)?)),
        other => Err(WireError::Unknown { what: "kind of an entry", number: other.into() }),
    }
}

fn decode_stamped<S>(bytes: Bytes) -> Result<Payload<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    let mut reader = Reader::new(bytes);
    let [session, sequence, acknowledged] = reader.words()?;
    let stamp = Stamp { session, sequence, acknowledged };
    let command = S::Command::decode(reader.rest())?;
    Ok(Payload::Stamped(Box::new(Stamped { stamp, command })))
}

fn decode_session<S: Application>(bytes: Bytes) -> Result<Payload<S>, WireError> {
    let mut reader = Reader::new(bytes);
    let sessions_max = reader.u32()?;
    reader.end().map(|()| Payload::Session { sessions_max })
}
