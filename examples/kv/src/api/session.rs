//! Sessions: a request that is sent again is applied once.

use super::body::check;
use super::refusal::Refusal;
use super::{Service, Shared};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use purlin::raft::{Answer, Request, Stamp};
use serde_json::{Value, json};
use std::sync::Arc;

const SESSION: &str = "session";
const SEQUENCE: &str = "session-sequence";
const ACKNOWLEDGED: &str = "session-acknowledged";

pub(super) async fn open(State(service): Shared) -> Result<(StatusCode, Json<Value>), Refusal> {
    match service.ask(Request::OpenSession).await? {
        Answer::SessionOpened { session } => Ok((StatusCode::CREATED, Json(json!({ "session": session })))),
        _ => Err(Refusal::unexpected()),
    }
}

/// The place of a request in its client's session, if it has one.
pub(super) struct Stamped(pub(super) Option<Stamp>);

impl FromRequestParts<Arc<Service>> for Stamped {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _service: &Arc<Service>) -> Result<Self, Refusal> {
        let (session, sequence, acknowledged) =
            (number(parts, SESSION)?, number(parts, SEQUENCE)?, number(parts, ACKNOWLEDGED)?);
        let (Some(session), Some(sequence)) = (session, sequence) else {
            let has_none = session.is_none() && sequence.is_none() && acknowledged.is_none();
            check("session", has_none, format_args!("given together with session-sequence"))?;
            return Ok(Self(None));
        };
        check(SEQUENCE, sequence >= 1, format_args!("at least 1"))?;
        Ok(Self(Some(Stamp { session, sequence, acknowledged: acknowledged.unwrap_or(0) })))
    }
}

fn number(parts: &Parts, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|value| value.parse().ok());
    check(name, number.is_some(), format_args!("a number"))?;
    Ok(number)
}
