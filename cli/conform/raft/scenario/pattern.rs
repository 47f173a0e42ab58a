//! Which messages are meant, and what is expected of what they say.

use super::envelope::Envelope;
use super::script::{Ids, read};
use crate::conform::compare::Mismatch;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(rename = "type")]
    types: Option<Types>,
    from: Option<Ids>,
    to: Option<Ids>,
    success: Option<bool>,
    min_entries: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Types {
    One(Type),
    Many(Vec<Type>),
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Type {
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    Vote,
    VoteReply,
    PreVote,
    PreVoteReply,
    Snapshot,
    TimeoutNow,
    ReadRequest,
    ReadReply,
    ProposeForward,
    TransferRequest,
}

impl Filter {
    const FIELDS: [&str; 5] = ["type", "from", "to", "success", "min_entries"];

    pub(super) fn take_fields(written: &mut Map<String, Value>) -> Map<String, Value> {
        let take = |field: &str| written.remove(field).map(|value| (field.to_owned(), value));
        Self::FIELDS.into_iter().filter_map(take).collect()
    }

    pub(super) fn matches(&self, envelope: &Envelope) -> bool {
        let is = |types: &Types| match types {
            Types::One(one) => envelope.is(*one),
            Types::Many(many) => many.iter().any(|one| envelope.is(*one)),
        };
        let wants_entries = |count: u64| envelope.entries().is_some_and(|entries| entries.len() as u64 >= count);
        self.types.as_ref().is_none_or(is)
            && self.from.as_ref().is_none_or(|ids| ids.contains(envelope.from))
            && self.to.as_ref().is_none_or(|ids| ids.contains(envelope.to))
            && self.success.is_none_or(|success| envelope.success() == Some(success))
            && self.min_entries.is_none_or(wants_entries)
    }
}

/// A filter, and what the message says besides.
pub(super) struct Pattern {
    filter: Filter,
    says: Map<String, Value>,
}

impl Pattern {
    pub(super) fn read(mut written: Map<String, Value>) -> Result<Self, Mismatch> {
        let filter = read(Filter::take_fields(&mut written))?;
        match written.keys().find(|key| !Envelope::FIELDS.contains(&key.as_str())) {
            Some(key) => Err(Mismatch::unreadable(format_args!("the field `{key}` of a message is not known"))),
            None => Ok(Self { filter, says: written }),
        }
    }

    pub(super) fn matches(&self, envelope: &Envelope) -> bool {
        let holds = |(key, expected): (&String, &Value)| envelope.field(key).is_some_and(|got| fits(expected, &got));
        self.filter.matches(envelope) && self.says.iter().all(holds)
    }
}

/// A number is exact, or `{"min", "max", "in"}` bounds it; a list is exact, or one of `{"any_of"}`.
pub(super) fn fits(expected: &Value, got: &Value) -> bool {
    match expected {
        Value::Object(bounds) => !bounds.is_empty() && bounds.iter().all(|(bound, given)| keeps(bound, given, got)),
        _ => expected == got,
    }
}

fn keeps(bound: &str, given: &Value, got: &Value) -> bool {
    let among = || given.as_array().is_some_and(|any| any.contains(got));
    match (bound, given.as_u64(), got.as_u64()) {
        ("min", Some(min), Some(got)) => got >= min,
        ("max", Some(max), Some(got)) => got <= max,
        ("in" | "any_of", _, _) => among(),
        _ => false,
    }
}
