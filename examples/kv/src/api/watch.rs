//! Watches: what has changed, as it changes, from any revision that is remembered.
//!
//! Every replica serves them from what it has applied, so a watch that is cut off goes on at another one, from where it stopped:
//! no change is missed and none is told twice, whoever leads meanwhile.

use super::body::{Asked, check};
use super::refusal::Refusal;
use super::{Service, Shared, keys};
use crate::state::{Change, Query, Revision, Span, Text, View};
use axum::Json;
use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use core::convert::Infallible;
use core::time::Duration;
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, header};
use purlin::raft::Consistency;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// How many revisions one answer tells of at most.
const REVISIONS_MAX: u32 = 1_000;
/// The longest that an answer may wait.
const WAIT_MS_MAX: u64 = 300_000;

const EVENTS: &str = "text/event-stream";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// The first revision of interest: all that come, unless given.
    revision: Option<Revision>,
    prefix: Option<Text>,
    from: Option<Text>,
    to: Option<Text>,
    #[serde(default = "Wish::wait_ms_default")]
    wait_ms: u64,
}

impl Wish {
    const fn wait_ms_default() -> u64 {
        30_000
    }
}

pub(super) async fn watch(
    State(service): Shared,
    headers: HeaderMap,
    Asked(wish): Asked<Wish>,
) -> Result<Response, Refusal> {
    let Wish { revision, prefix, from, to, wait_ms } = wish;
    check("wait_ms", wait_ms <= WAIT_MS_MAX, format_args!("at most {WAIT_MS_MAX}"))?;
    let span = keys::span(prefix, from, to)?;
    let next = match resumed(&headers)?.or(revision) {
        Some(next) => next.max(1),
        None => service.standing.borrow().stats.revision + 1,
    };
    let watch = Watch { service, span, next };
    if wants_events(&headers) {
        return Ok(Sse::new(watch.events()).keep_alive(KeepAlive::default()).into_response());
    }
    watch.once(Instant::now() + Duration::from_millis(wait_ms)).await.map(IntoResponse::into_response)
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains(EVENTS))
}

/// Behind the last event that the client says it has got.
fn resumed(headers: &HeaderMap) -> Result<Option<Revision>, Refusal> {
    let Some(last) = headers.get("last-event-id") else { return Ok(None) };
    let last: Option<Revision> = last.to_str().ok().and_then(|last| last.parse().ok());
    check("last-event-id", last.is_some(), format_args!("a revision"))?;
    Ok(last.map(|last| last.saturating_add(1)))
}

/// Somebody watches, and has seen everything before `next`.
struct Watch {
    service: Arc<Service>,
    span: Span,
    next: Revision,
}

/// What there is to tell.
enum Told {
    Changes(Vec<Change>),
    Compacted(Revision),
}

impl Watch {
    /// One answer: as soon as something has changed, or when the time is over.
    async fn once(mut self, until: Instant) -> Result<Json<serde_json::Value>, Refusal> {
        let changes = match timeout_at(until, self.told()).await {
            Err(_) | Ok(Ok(None)) => Vec::new(),
            Ok(Ok(Some(Told::Changes(changes)))) => changes,
            Ok(Ok(Some(Told::Compacted(through)))) => return Err(Refusal::compacted(through)),
            Ok(Err(refusal)) => return Err(refusal),
        };
        Ok(Json(json!({ "changes": changes, "next": self.next })))
    }

    /// Events until the server stops, or what comes next is forgotten.
    fn events(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        let batches = stream::unfold(Some(self), |watch| async {
            let mut watch = watch?;
            match watch.told().await {
                Ok(Some(Told::Changes(changes))) => Some((events(&changes), Some(watch))),
                Ok(Some(Told::Compacted(through))) => Some((vec![compacted(through)], None)),
                Ok(None) | Err(_) => None,
            }
        });
        batches.flat_map(|events| stream::iter(events.into_iter().map(Ok)))
    }

    /// What has changed since, once something has; nothing, if the server stops.
    async fn told(&mut self) -> Result<Option<Told>, Refusal> {
        let mut stopping = self.service.stopping.clone();
        loop {
            let mut standing = self.service.standing.clone();
            let next = self.next;
            tokio::select! {
                biased;
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return Ok(None),
                there = standing.wait_for(|standing| standing.stats.revision >= next) => {
                    if there.is_err() {
                        return Ok(None);
                    }
                }
            }
            match self.look().await? {
                Told::Changes(changes) if changes.is_empty() => {}
                told => return Ok(Some(told)),
            }
        }
    }

    async fn look(&mut self) -> Result<Told, Refusal> {
        let query = Query::Changes { from: self.next, span: self.span.clone(), limit: REVISIONS_MAX };
        match self.service.read(Consistency::Stale, query).await? {
            View::Changes { revision, changes } => {
                self.next = self.next.max(revision + 1);
                Ok(Told::Changes(changes))
            }
            View::Compacted { through } => Ok(Told::Compacted(through)),
            _ => Err(Refusal::unexpected()),
        }
    }
}

/// Several changes of one revision are one event, so that whoever resumes behind its id misses none of them.
fn events(changes: &[Change]) -> Vec<sse::Event> {
    let revisions = changes.chunk_by(|one, next| one.revision == next.revision);
    revisions.map(event).collect()
}

fn event(changes: &[Change]) -> sse::Event {
    let revision = changes.first().map(|change| change.revision).unwrap_or_default();
    let data = json!({ "revision": revision, "changes": changes });
    sse::Event::default().event("change").id(revision.to_string()).data(data.to_string())
}

fn compacted(through: Revision) -> sse::Event {
    sse::Event::default().event("compacted").data(json!({ "compacted": through }).to_string())
}
