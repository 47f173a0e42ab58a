//! A message on its way, as scenarios see it.

use super::pattern::Type;
use super::payloads::Payloads;
use purlin::raft::{Body, Entry, Message, Request};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) content: Content,
    /// It answers an append without entries, which is how this replica sends heartbeats.
    pub(super) answers_heartbeat: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// What one replica says to another.
    Said(Message<Payloads>),
    /// What a node's host passes on to the leader that its replica has named. Replicas themselves pass on nothing but reads.
    PassedOn(Request<Payloads>),
}

impl Envelope {
    /// What can be said of messages.
    pub(super) const FIELDS: [&str; 11] = [
        "term",
        "last_index",
        "last_term",
        "prev_index",
        "prev_term",
        "commit",
        "entry_terms",
        "entry_count",
        "match_index",
        "granted",
        "snapshot_index",
    ];

    pub(super) fn is(&self, asked: Type) -> bool {
        match (asked, self.kind()) {
            (Type::Heartbeat, Some(Type::Append)) => self.is_heartbeat(),
            (Type::HeartbeatReply, Some(Type::AppendReply)) => self.answers_heartbeat,
            (asked, kind) => kind == Some(asked),
        }
    }

    pub(super) fn is_heartbeat(&self) -> bool {
        self.entries().is_some_and(<[_]>::is_empty)
    }

    fn message(&self) -> Option<&Message<Payloads>> {
        match &self.content {
            Content::Said(message) => Some(message),
            Content::PassedOn(_) => None,
        }
    }

    fn kind(&self) -> Option<Type> {
        let body = match &self.content {
            Content::Said(message) => &message.body,
            Content::PassedOn(Request::Transfer { .. }) => return Some(Type::TransferRequest),
            Content::PassedOn(_) => return Some(Type::ProposeForward),
        };
        match body {
            Body::PreVote { .. } => Some(Type::PreVote),
            Body::PreVoted { .. } => Some(Type::PreVoteReply),
            Body::Vote { .. } => Some(Type::Vote),
            Body::Voted { .. } => Some(Type::VoteReply),
            Body::Append { .. } => Some(Type::Append),
            Body::Appended { .. } | Body::NotAppended { .. } | Body::ChunkTaken { .. } => Some(Type::AppendReply),
            Body::Chunk { .. } => Some(Type::Snapshot),
            Body::TimeoutNow => Some(Type::TimeoutNow),
            Body::ReadIndex { .. } => Some(Type::ReadRequest),
            Body::ReadIndexIs { .. } => Some(Type::ReadReply),
            Body::Flush | Body::Stored { .. } => None,
        }
    }

    pub(super) fn entries(&self) -> Option<&[Entry<Payloads>]> {
        match &self.message()?.body {
            Body::Append { entries, .. } => Some(entries),
            _ => None,
        }
    }

    pub(super) fn success(&self) -> Option<bool> {
        match self.message()?.body {
            Body::Appended { .. } => Some(true),
            Body::NotAppended { .. } | Body::ChunkTaken { .. } => Some(false),
            Body::Voted { granted } | Body::PreVoted { granted } => Some(granted),
            _ => None,
        }
    }

    /// One of [`Self::FIELDS`], if this kind of message has it.
    pub(super) fn field(&self, name: &str) -> Option<Value> {
        let message = self.message()?;
        match (name, &message.body) {
            ("term", _) => Some(json!(message.term)),
            ("last_index", Body::Vote { last, .. } | Body::PreVote { last }) => Some(json!(last.index)),
            ("last_term", Body::Vote { last, .. } | Body::PreVote { last }) => Some(json!(last.term)),
            ("prev_index", Body::Append { prev, .. }) => Some(json!(prev.index)),
            ("prev_term", Body::Append { prev, .. }) => Some(json!(prev.term)),
            ("commit", Body::Append { commit, .. }) => Some(json!(commit)),
            ("entry_terms", Body::Append { entries, .. }) => Some(entries.iter().map(|entry| entry.term).collect()),
            ("entry_count", Body::Append { entries, .. }) => Some(json!(entries.len())),
            ("match_index", Body::Appended { matched, .. }) => Some(json!(matched)),
            ("granted", Body::Voted { granted } | Body::PreVoted { granted }) => Some(json!(granted)),
            ("snapshot_index", Body::Chunk { at, .. }) => Some(json!(at.index)),
            _ => None,
        }
    }
}
