//! Messages that a scenario makes up.

use super::super::membership::Configuration;
use super::envelope::Envelope;
use super::payloads::Payloads;
use super::script::read;
use crate::conform::compare::Mismatch;
use purlin::log::Boundary;
use purlin::raft::{Applied, Body, Entry, Message, Payload, Snapshot};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An append that is made up asks for an answer, as every append of the vectors does. A heartbeat that nobody has sent
/// does: the first.
const ROUND: u64 = 1;
/// What is made up answers no heartbeat that was sent.
const NO_ROUND: u64 = 0;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Content {
    Append {
        prev_index: u64,
        prev_term: u64,
        commit: u64,
        #[serde(default)]
        entries: Vec<WrittenEntry>,
    },
    AppendReply {
        success: bool,
        match_index: Option<u64>,
        rejected_prev_index: Option<u64>,
        hint_index: Option<u64>,
        hint_term: Option<u64>,
    },
    Heartbeat {
        #[serde(rename = "commit")]
        _commit: Option<u64>,
    },
    HeartbeatReply {},
    Vote {
        last_index: u64,
        last_term: u64,
        #[serde(default)]
        forced: bool,
    },
    VoteReply {
        granted: bool,
    },
    PreVote {
        last_index: u64,
        last_term: u64,
    },
    PreVoteReply {
        granted: bool,
    },
    Snapshot {
        snapshot_index: u64,
        snapshot_term: u64,
        payloads: Vec<String>,
        config: Configuration,
    },
    TimeoutNow {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    term: u64,
    payload: Option<String>,
}

/// The message; nothing for a heartbeat, which is no message of its own here.
pub(super) fn envelope(mut written: Map<String, Value>) -> Result<Option<Envelope>, Mismatch> {
    let mut take = |field: &str| {
        let number = written.remove(field).and_then(|value| value.as_u64());
        number.ok_or_else(|| Mismatch::unreadable(format_args!("a message needs `{field}`, a whole number")))
    };
    let (from, to, term) = (take("from")?, take("to")?, take("term")?);
    let body = read::<Content>(written)?.into_body()?;
    let said = |body| super::envelope::Content::Said(Message { term, body });
    Ok(body.map(|body| Envelope { from, to, content: said(body), answers_heartbeat: false }))
}

impl Content {
    fn into_body(self) -> Result<Option<Body<Payloads>>, Mismatch> {
        Ok(Some(match self {
            Self::Heartbeat { .. } | Self::HeartbeatReply {} => return Ok(None),
            Self::Append { prev_index, prev_term, commit, entries } => {
                let prev = Boundary { index: prev_index, term: prev_term };
                Body::Append { round: ROUND, prev, commit, entries: entries_behind(prev_index, entries).into() }
            }
            Self::AppendReply { success: true, match_index: Some(matched), .. } => {
                Body::Appended { round: NO_ROUND, matched }
            }
            Self::AppendReply { success: false, rejected_prev_index: Some(prev), hint_index, hint_term, .. } => {
                let index = hint_index.unwrap_or(prev.saturating_sub(1));
                let hint = Boundary { index, term: hint_term.unwrap_or(u64::MAX) };
                Body::NotAppended { round: NO_ROUND, prev, hint }
            }
            Self::AppendReply { .. } => {
                return Err(Mismatch::unreadable("an append_reply has a `match_index`, or a `rejected_prev_index`"));
            }
            Self::Vote { last_index, last_term, forced } => {
                Body::Vote { last: Boundary { index: last_index, term: last_term }, forced }
            }
            Self::VoteReply { granted } => Body::Voted { granted },
            Self::PreVote { last_index, last_term } => {
                Body::PreVote { last: Boundary { index: last_index, term: last_term } }
            }
            Self::PreVoteReply { granted } => Body::PreVoted { granted },
            Self::Snapshot { snapshot_index, snapshot_term, payloads, config } => {
                chunk(Boundary { index: snapshot_index, term: snapshot_term }, payloads, &config)?
            }
            Self::TimeoutNow {} => Body::TimeoutNow,
        }))
    }
}

fn entries_behind(prev: u64, written: Vec<WrittenEntry>) -> Vec<Entry<Payloads>> {
    let entries = written.into_iter().zip(prev + 1..);
    entries.map(|(entry, index)| made_up_entry(index, entry.term, entry.payload)).collect()
}

/// An entry as scenarios have it where they do not say what it holds.
pub(super) fn made_up_entry(index: u64, term: u64, payload: Option<String>) -> Entry<Payloads> {
    let payload = Payload::Command(payload.unwrap_or_else(|| format!("t{term}i{index}")));
    Entry { index, term, payload }
}

/// A whole snapshot in one piece.
fn chunk(at: Boundary, payloads: Vec<String>, config: &Configuration) -> Result<Body<Payloads>, Mismatch> {
    let applied = Applied { state: Payloads(payloads), ..Applied::default() };
    let membership = Arc::new(config.to_membership()?);
    let bytes = Snapshot { at, membership_index: at.index, membership, applied }.encode();
    Ok(Body::Chunk { round: ROUND, at, offset: 0, total: bytes.len() as u64, bytes: bytes.into() })
}
