//! A protocol of letters between nodes that have incarnations, and its codec of two versions.

use bytes::{Buf, Bytes};
use purlin::protocol::{Effect, Input, Never, Protocol};
use purlin::{Host, Machine, nameless};
use purlin_tokio::{Codec, CodecError, Lane, Versions};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// From how many bytes on a letter is bulky.
pub(crate) const BULKY: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) incarnation: u32,
}

/// The first incarnation of a node.
pub(crate) const fn member(id: u64) -> Member {
    Member { id, incarnation: 1 }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) number: u32,
    /// Not written by version 1.
    pub(crate) urgent: bool,
    pub(crate) text: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(pub(crate) Bytes);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|bytes| Self(bytes.into()))
    }
}

pub(crate) fn letter(number: u32, text: impl Into<Bytes>) -> Letter {
    Letter { number, urgent: false, text: Text(text.into()) }
}

pub(crate) fn bulky(number: u32) -> Letter {
    letter(number, vec![number as u8; BULKY])
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Mail;

nameless!(Mail, Letter);

impl Machine for Mail {
    type Config = ();
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, _config: &(), _input: Input<Self>, _host: &mut (impl Host<Effect<Self>> + ?Sized)) {}
}

impl Protocol for Mail {
    const FORMAT: u32 = 1;
    type Address = Member;
    type Timer = Never;
    type Request = Never;
    type Answer = Never;
    type Message = Letter;
    type Record = Never;
    type Load = Never;
    type Loaded = Never;
    type Event = Never;
    type Image = Mail;

    fn fold(_image: &mut Mail, record: Never) {
        match record {}
    }

    fn image(&self) -> &Mail {
        self
    }

    fn recover(_config: &(), image: Mail, _host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        image
    }
}

/// Letters as their number and their text; since version 2 they may be urgent, and those that are have no words in version 1
/// if they are empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Post(pub(crate) Versions);

impl Codec<Mail> for Post {
    fn versions(&self) -> Versions {
        self.0
    }

    fn encode(&self, version: u32, letter: &Letter, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(&letter.number.to_le_bytes());
        match version {
            1 if letter.urgent && letter.text.0.is_empty() => {
                return Err(CodecError::new("version 1 has no words for urgency alone"));
            }
            1 => {}
            _ => out.push(u8::from(letter.urgent)),
        }
        out.extend_from_slice(&letter.text.0);
        Ok(())
    }

    fn decode(&self, version: u32, mut body: Bytes) -> Result<Letter, CodecError> {
        let number = body.try_get_u32_le().map_err(CodecError::new)?;
        let urgent = match version {
            1 => false,
            _ => body.try_get_u8().map_err(CodecError::new)? != 0,
        };
        Ok(Letter { number, urgent, text: Text(body) })
    }

    fn lane(&self, letter: &Letter) -> Lane {
        if letter.text.0.len() >= BULKY { Lane::Bulk } else { Lane::Normal }
    }

    fn is_same_node(&self, one: &Member, other: &Member) -> bool {
        one.id == other.id
    }
}
