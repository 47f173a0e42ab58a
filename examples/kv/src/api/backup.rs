//! Everything, as a file.

use super::Shared;
use super::body::{Asked, Freshness};
use super::refusal::Refusal;
use crate::backup::Backup;
use crate::state::{Query, View};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

pub(super) async fn backup(
    State(service): Shared,
    Asked(Freshness { consistency }): Asked<Freshness>,
) -> Result<Response, Refusal> {
    match service.read(consistency, Query::Backup).await? {
        View::Backup(kv) => {
            let bytes = Backup { cluster: service.cluster.clone(), kv: *kv }.encode();
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
        }
        _ => Err(Refusal::unexpected()),
    }
}
