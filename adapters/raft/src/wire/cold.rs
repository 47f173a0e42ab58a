//! What is said seldom, by postcard; and version 1, which says all in this way.

use super::WireError;
use crate::postcards;
use purlin::log::Boundary;
use purlin::raft::{Application, Body, Message};
use serde::{Deserialize, Serialize};

/// A message of version 1.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
enum First<S: Application> {
    /// A vote is asked for, and whether the leader wanted it is not said.
    Vote { term: u64, last: Boundary },
    /// What was said since in the same way.
    Other(Message<S>),
}

pub(super) fn encode_first<S: Application>(message: &Message<S>, out: &mut Vec<u8>) -> Result<(), WireError> {
    let first = match message.body {
        Body::Vote { last, .. } => First::Vote { term: message.term, last },
        _ => First::Other(message.clone()),
    };
    Ok(postcards::append(&first, out)?)
}

pub(super) fn decode_first<S: Application>(bytes: &[u8]) -> Result<Message<S>, WireError> {
    match whole(bytes)? {
        First::Vote { term, last } => Ok(Message { term, body: Body::Vote { last, forced: false } }),
        First::Other(Message { body: Body::Vote { .. }, .. }) => Err(WireError::Unknown { what: "vote", number: 1 }),
        First::Other(message) => Ok(message),
    }
}

/// What has no form of its own in version 2.
#[derive(Serialize, Deserialize)]
pub(super) enum Cold {
    PreVote { last: Boundary },
    PreVoted { granted: bool },
    Vote { last: Boundary, forced: bool },
    Voted { granted: bool },
    TimeoutNow,
}

impl Cold {
    pub(super) fn of<S: Application>(body: &Body<S>) -> Option<Self> {
        Some(match *body {
            Body::PreVote { last } => Self::PreVote { last },
            Body::PreVoted { granted } => Self::PreVoted { granted },
            Body::Vote { last, forced } => Self::Vote { last, forced },
            Body::Voted { granted } => Self::Voted { granted },
            Body::TimeoutNow => Self::TimeoutNow,
            _ => return None,
        })
    }

    pub(super) fn body<S: Application>(self) -> Body<S> {
        match self {
            Self::PreVote { last } => Body::PreVote { last },
            Self::PreVoted { granted } => Body::PreVoted { granted },
            Self::Vote { last, forced } => Body::Vote { last, forced },
            Self::Voted { granted } => Body::Voted { granted },
            Self::TimeoutNow => Body::TimeoutNow,
        }
    }
}

/// A value, and nothing behind it.
pub(super) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(WireError::LeftOver(rest.len())),
    }
}
