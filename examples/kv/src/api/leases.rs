//! Leases.

use super::Shared;
use super::body::{Asked, Body, Freshness, Named, check};
use super::refusal::Refusal;
use super::session::Stamped;
use crate::state::{Command, LeaseId, Outcome, Query, View};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest that a lease may last after a renewal: a year.
const TTL_MS_MAX: u64 = 366 * 24 * 3_600_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    ttl_ms: u64,
}

pub(super) async fn grant(
    State(service): Shared,
    Stamped(stamp): Stamped,
    Body(Grant { ttl_ms }): Body<Grant>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    check("ttl_ms", (1..=TTL_MS_MAX).contains(&ttl_ms), format_args!("from 1 to {TTL_MS_MAX}, which is a year"))?;
    match service.propose(stamp, Command::Grant { ttl_ms }).await? {
        Outcome::Granted { lease, ttl_ms } => {
            Ok((StatusCode::CREATED, Json(json!({ "lease": lease, "ttl_ms": ttl_ms }))))
        }
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn keep_alive(
    State(service): Shared,
    Named(lease): Named<LeaseId>,
    Stamped(stamp): Stamped,
) -> Result<Json<Value>, Refusal> {
    match service.propose(stamp, Command::KeepAlive { lease }).await? {
        Outcome::Renewed { ttl_ms, renewals } => Ok(Json(json!({ "ttl_ms": ttl_ms, "renewals": renewals }))),
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn revoke(
    State(service): Shared,
    Named(lease): Named<LeaseId>,
    Stamped(stamp): Stamped,
) -> Result<Json<Value>, Refusal> {
    match service.propose(stamp, Command::Revoke { lease }).await? {
        Outcome::Ended { revision, deleted } => Ok(Json(json!({ "revision": revision, "deleted": deleted }))),
        other => Err(Refusal::of_outcome(&other)),
    }
}

pub(super) async fn list(
    State(service): Shared,
    Asked(Freshness { consistency }): Asked<Freshness>,
) -> Result<Json<Value>, Refusal> {
    match service.read(consistency, Query::Leases).await? {
        View::Leases(leases) => Ok(Json(json!({ "leases": leases }))),
        _ => Err(Refusal::unexpected()),
    }
}
