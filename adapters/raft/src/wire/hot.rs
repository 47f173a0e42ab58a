//! Version 2.

use super::WireError;
use super::cold::{Cold, whole};
use super::command::Coded;
use super::entries;
use super::reader::Reader;
use crate::postcards;
use bytes::Bytes;
use purlin::log::Boundary;
use purlin::raft::{Application, Body, Message, ReadId};

const COLD: u8 = 0;
const APPEND: u8 = 1;
const APPENDED: u8 = 2;
const NOT_APPENDED: u8 = 3;
const CHUNK: u8 = 4;
const CHUNK_TAKEN: u8 = 5;
const READ_INDEX: u8 = 6;
const READ_INDEX_IS: u8 = 7;

/// What stands before everything else.
struct Head {
    kind: u8,
    flag: bool,
    count: u32,
    term: u64,
}

impl Head {
    fn put(self, words: &[u64], out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind, u8::from(self.flag), 0, 0]);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.term.to_le_bytes());
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    fn take(reader: &mut Reader) -> Result<Self, WireError> {
        let [kind, flag, nothing @ ..] = reader.array::<4>()?;
        if flag > 1 || nothing != [0, 0] {
            return Err(WireError::Unknown { what: "flag", number: flag.into() });
        }
        let count = reader.u32()?;
        let [term] = reader.words()?;
        Ok(Self { kind, flag: flag == 1, count, term })
    }

    /// A kind that has no use for a flag or a count has none.
    fn is_plain(&self) -> Result<(), WireError> {
        let number = u64::from(self.count) << 1 | u64::from(self.flag);
        if number == 0 { Ok(()) } else { Err(WireError::Unknown { what: "flag or count of this kind", number }) }
    }
}

pub(super) fn encode<S>(message: &Message<S>, out: &mut Vec<u8>) -> Result<(), WireError>
where
    S: Application,
    S::Command: Coded,
{
    let plain = |kind| Head { kind, flag: false, count: 0, term: message.term };
    match &message.body {
        Body::Append { round, prev, commit, entries } => {
            let count = u32::try_from(entries.len()).map_err(|_| WireError::TooLong("an append"))?;
            Head { count, ..plain(APPEND) }.put(&[*round, prev.index, prev.term, *commit], out);
            entries::encode(entries, out)?;
        }
        Body::Appended { round, matched } => plain(APPENDED).put(&[*round, *matched], out),
        Body::NotAppended { round, prev, hint } => {
            plain(NOT_APPENDED).put(&[*round, *prev, hint.index, hint.term], out);
        }
        Body::Chunk { round, at, offset, total, bytes } => {
            let count = u32::try_from(bytes.len()).map_err(|_| WireError::TooLong("a piece of a snapshot"))?;
            Head { count, ..plain(CHUNK) }.put(&[*round, at.index, at.term, *offset, *total], out);
            out.extend_from_slice(bytes);
        }
        Body::ChunkTaken { round, at, received } => {
            plain(CHUNK_TAKEN).put(&[*round, at.index, at.term, *received], out);
        }
        Body::ReadIndex { id } => plain(READ_INDEX).put(&[id.life, id.attempt], out),
        Body::ReadIndexIs { id, index } => {
            let head = Head { flag: index.is_some(), ..plain(READ_INDEX_IS) };
            head.put(&[id.life, id.attempt, index.unwrap_or(0)], out);
        }
        other => {
            plain(COLD).put(&[], out);
            postcards::append(&Cold::of(other).ok_or(WireError::ToOneself)?, out)?;
        }
    }
    Ok(())
}

pub(super) fn decode<S>(bytes: Bytes) -> Result<Message<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    let mut reader = Reader::new(bytes);
    let head = Head::take(&mut reader)?;
    let term = head.term;
    let body = match head.kind {
        APPEND => decode_append(&head, reader)?,
        CHUNK => decode_chunk(&head, reader)?,
        READ_INDEX_IS => decode_read_index_is(&head, reader)?,
        kind => {
            head.is_plain()?;
            decode_plain(kind, reader)?
        }
    };
    Ok(Message { term, body })
}

fn decode_append<S>(head: &Head, mut reader: Reader) -> Result<Body<S>, WireError>
where
    S: Application,
    S::Command: Coded,
{
    Head { count: 0, ..*head }.is_plain()?;
    let [round, index, term, commit] = reader.words()?;
    let entries = entries::decode(head.count, reader)?;
    Ok(Body::Append { round, prev: Boundary { index, term }, commit, entries })
}

fn decode_chunk<S: Application>(head: &Head, mut reader: Reader) -> Result<Body<S>, WireError> {
    Head { count: 0, ..*head }.is_plain()?;
    let [round, index, term, offset, total] = reader.words()?;
    let bytes = reader.take(head.count as usize)?;
    reader.end()?;
    Ok(Body::Chunk { round, at: Boundary { index, term }, offset, total, bytes })
}

fn decode_read_index_is<S: Application>(head: &Head, mut reader: Reader) -> Result<Body<S>, WireError> {
    Head { flag: false, ..*head }.is_plain()?;
    let [life, attempt, index] = reader.words()?;
    reader.end()?;
    if !head.flag && index > 0 {
        return Err(WireError::Unknown { what: "index that is none", number: index });
    }
    Ok(Body::ReadIndexIs { id: ReadId { life, attempt }, index: head.flag.then_some(index) })
}

fn decode_plain<S: Application>(kind: u8, mut reader: Reader) -> Result<Body<S>, WireError> {
    let body = match kind {
        COLD => return Ok(whole::<Cold>(&reader.rest())?.body()),
        APPENDED => {
            let [round, matched] = reader.words()?;
            Body::Appended { round, matched }
        }
        NOT_APPENDED => {
            let [round, prev, index, term] = reader.words()?;
            Body::NotAppended { round, prev, hint: Boundary { index, term } }
        }
        CHUNK_TAKEN => {
            let [round, index, term, received] = reader.words()?;
            Body::ChunkTaken { round, at: Boundary { index, term }, received }
        }
        READ_INDEX => {
            let [life, attempt] = reader.words()?;
            Body::ReadIndex { id: ReadId { life, attempt } }
        }
        other => return Err(WireError::Unknown { what: "kind of a message", number: other.into() }),
    };
    reader.end().map(|()| body)
}
