//! Keys and their values.

use super::body::{Asked, Body, Freshness, Named, check};
use super::refusal::Refusal;
use super::session::Stamped;
use super::{KEY_BYTES_MAX, Shared, VALUE_BYTES_MAX};
use crate::state::{Command, Condition, LeaseId, Outcome, Query, Span, Text, View};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use purlin::raft::Consistency;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many items one list may have.
const LIMIT_MAX: u32 = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Put {
    value: Text,
    #[serde(default)]
    lease: Option<LeaseId>,
    #[serde(default, rename = "if")]
    condition: Option<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    #[serde(default, rename = "if")]
    condition: Option<Condition>,
}

/// Which keys are meant: those of a prefix, or those of a range.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    prefix: Option<Text>,
    from: Option<Text>,
    to: Option<Text>,
    #[serde(default = "List::limit_default")]
    limit: u32,
    #[serde(default)]
    consistency: Consistency,
}

impl List {
    const fn limit_default() -> u32 {
        1_000
    }
}

/// The keys of a prefix or of a range; all, if neither is given.
pub(super) fn span(prefix: Option<Text>, from: Option<Text>, to: Option<Text>) -> Result<Span, Refusal> {
    let is_range = from.is_some() || to.is_some();
    check("prefix", prefix.is_none() || !is_range, format_args!("without from and to"))?;
    Ok(match prefix {
        Some(prefix) => Span::Prefix(prefix),
        None => Span::Range { from: from.unwrap_or_default(), to },
    })
}

pub(super) async fn get(
    State(service): Shared,
    Named(key): Named<String>,
    Asked(Freshness { consistency }): Asked<Freshness>,
) -> Result<Json<Value>, Refusal> {
    check_key(&key)?;
    match service.read(consistency, Query::get(&key)).await? {
        View::Item { revision, item: Some(item) } => {
            Ok(Json(json!({ "revision": revision, "key": key, "item": item })))
        }
        View::Item { revision, item: None } => {
            let why = "the key has no value";
            Err(Refusal::new(StatusCode::NOT_FOUND, why).with("revision", json!(revision)))
        }
        _ => Err(Refusal::unexpected()),
    }
}

pub(super) async fn list(State(service): Shared, Asked(list): Asked<List>) -> Result<Json<Value>, Refusal> {
    let List { prefix, from, to, limit, consistency } = list;
    check("limit", (1..=LIMIT_MAX).contains(&limit), format_args!("from 1 to {LIMIT_MAX}"))?;
    let query = Query::List { span: span(prefix, from, to)?, limit };
    match service.read(consistency, query).await? {
        View::Items { revision, items, more } => {
            let items: Vec<Value> = items.into_iter().map(|(key, item)| json!({ "key": key, "item": item })).collect();
            Ok(Json(json!({ "revision": revision, "items": items, "more": more })))
        }
        _ => Err(Refusal::unexpected()),
    }
}

pub(super) async fn put(
    State(service): Shared,
    Named(key): Named<String>,
    Stamped(stamp): Stamped,
    Body(put): Body<Put>,
) -> Result<Json<Value>, Refusal> {
    let Put { value, lease, condition } = put;
    check_key(&key)?;
    check("value", value.len() <= VALUE_BYTES_MAX, format_args!("at most {VALUE_BYTES_MAX} bytes long"))?;
    changed(&service.propose(stamp, Command::Put { key: key.into(), value, lease, condition }).await?)
}

pub(super) async fn delete(
    State(service): Shared,
    Named(key): Named<String>,
    Stamped(stamp): Stamped,
    body: Option<Body<Delete>>,
) -> Result<Json<Value>, Refusal> {
    check_key(&key)?;
    let Delete { condition } = body.map(|Body(delete)| delete).unwrap_or_default();
    changed(&service.propose(stamp, Command::Delete { key: key.into(), condition }).await?)
}

fn changed(outcome: &Outcome) -> Result<Json<Value>, Refusal> {
    match outcome {
        Outcome::Put { revision, previous } | Outcome::Deleted { revision, previous } => {
            Ok(Json(json!({ "revision": revision, "previous": previous })))
        }
        other => Err(Refusal::of_outcome(other)),
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    check("the key", (1..=KEY_BYTES_MAX).contains(&key.len()), format_args!("from 1 to {KEY_BYTES_MAX} bytes long"))
}
