//! How the service stands, and what keeps it in order.

use super::Shared;
use super::body::{Asked, Body};
use super::refusal::Refusal;
use crate::server::Standing;
use crate::state::{Command, Outcome, Query, Revision, View};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use purlin::raft::{Answer, Consistency, Request};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Through {
    through: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quota {
    bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRevision {
    revision: Option<Revision>,
    #[serde(default)]
    consistency: Consistency,
}

pub(super) async fn status(State(service): Shared) -> Result<Json<Value>, Refusal> {
    let status = service.status().await?;
    let stats = service.standing.borrow().stats;
    let leader = status.leader.map(|leader| leader.to_string());
    let hash = hex(stats.hash);
    let (cluster, me) = (&service.cluster, status.me.to_string());
    let followers: Vec<Value> = status
        .followers
        .iter()
        .map(|one| {
            json!({
                "member": one.member.to_string(), "matched": one.matched, "is_active": one.is_active,
                "is_sent_a_snapshot": one.is_sent_a_snapshot, "has_regressed": one.has_regressed,
            })
        })
        .collect();
    Ok(Json(json!({
        "cluster": cluster, "member": me, "role": status.role, "term": status.term, "leader": leader,
        "commit": status.commit, "applied": status.applied, "first": status.first.index + 1, "last": status.last.index,
        "snapshot": status.snapshot.index, "followers": followers,
        "revision": stats.revision, "compacted": stats.compacted, "keys": stats.keys, "bytes": stats.bytes,
        "quota": stats.quota, "alarm": stats.alarm, "leases": stats.leases, "hash": hash,
    })))
}

/// Whether it makes sense to ask this replica.
pub(super) async fn health(State(service): Shared) -> (StatusCode, Json<Value>) {
    let Standing { role, leader, .. } = *service.standing.borrow();
    let is_well = leader.is_some() && !*service.stopping.borrow();
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "healthy": is_well, "role": role, "leader": leader.map(|leader| leader.to_string()) })))
}

pub(super) async fn compact_history(
    State(service): Shared,
    Body(Through { through }): Body<Through>,
) -> Result<Json<Value>, Refusal> {
    match service.propose(None, Command::Compact { through }).await? {
        Outcome::Compacted { through } => Ok(Json(json!({ "compacted": through }))),
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn compact_log(
    State(service): Shared,
    Body(Through { through }): Body<Through>,
) -> Result<Json<Value>, Refusal> {
    match service.ask(Request::Compact { through }).await? {
        Answer::Compacted { at } => Ok(Json(json!({ "snapshot": at }))),
        _ => Err(Refusal::unexpected()),
    }
}

pub(super) async fn set_quota(
    State(service): Shared,
    Body(Quota { bytes }): Body<Quota>,
) -> Result<Json<Value>, Refusal> {
    match service.propose(None, Command::SetQuota { bytes }).await? {
        Outcome::QuotaSet => Ok(Json(json!({ "quota": bytes }))),
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn disarm(State(service): Shared) -> Result<Json<Value>, Refusal> {
    match service.propose(None, Command::Disarm).await? {
        Outcome::Disarmed => Ok(Json(json!({ "alarm": false }))),
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn hash(State(service): Shared, Asked(wish): Asked<OfRevision>) -> Result<Json<Value>, Refusal> {
    let OfRevision { revision, consistency } = wish;
    match service.read(consistency, Query::Hash { revision }).await? {
        View::Hash { revision, hash } => Ok(Json(json!({ "revision": revision, "hash": hex(hash) }))),
        View::Compacted { through } => Err(Refusal::compacted(through)),
        View::NotYet { revision } => {
            let why = format!("that revision has not happened here yet: the last is {revision}");
            Err(Refusal::new(StatusCode::TOO_EARLY, why).with("revision", json!(revision)))
        }
        _ => Err(Refusal::unexpected()),
    }
}

/// In JSON a number of 64 bits is not safe everywhere.
fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}
