//! Requests that were not served, and why.

use crate::state::{Item, Outcome, Place, Revision};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use purlin::raft::{self, Member, SessionError};
use purlin_tokio::Unanswered;
use serde_json::{Map, Value, json};

/// A request that was not served.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
    is_unknown: bool,
    more: Map<String, Value>,
    /// Who can serve it, and where that one is.
    leader: Option<Place>,
}

/// On a response: somebody else can serve the request.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere(pub(super) Place);

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into(), is_unknown: false, more: Map::new(), leader: None }
    }

    /// Nothing was done, and trying again may help.
    pub(super) fn for_now(why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// It may have been done, or not.
    pub(super) fn unknown(why: &str) -> Self {
        let why = format!("{why}: it may have been done or not; look, or try again in a session");
        Self { is_unknown: true, ..Self::new(StatusCode::GATEWAY_TIMEOUT, why) }
    }

    pub(super) fn no_quorum() -> Self {
        let why = "no quorum of the replicas was reached in time: try again, or read with consistency=stale";
        Self::new(StatusCode::GATEWAY_TIMEOUT, why)
    }

    pub(super) fn unauthorized() -> Self {
        let why = "show a token that this server knows: `Authorization: Bearer …`";
        Self::new(StatusCode::UNAUTHORIZED, why)
    }

    pub(super) fn unexpected() -> Self {
        let why = "the replica has answered something else than was asked";
        Self { is_unknown: true, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, why) }
    }

    pub(super) fn compacted(through: Revision) -> Self {
        let why = format!("changes up to revision {through} are forgotten: read what there is, and go on from there");
        Self::new(StatusCode::GONE, why).with("compacted", json!(through))
    }

    pub(super) fn condition_failed(revision: Revision, current: Option<&Item>) -> Self {
        let why = "the condition does not hold, and nothing was done";
        let refusal = Self::new(StatusCode::PRECONDITION_FAILED, why);
        refusal.with("revision", json!(revision)).with("current", json!(current))
    }

    /// What a command came to that was not what was asked for.
    pub(super) fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::ConditionFailed { revision, current } => Self::condition_failed(*revision, current.as_ref()),
            Outcome::NoLease { lease } => {
                Self::new(StatusCode::NOT_FOUND, format!("there is no lease {lease}, or it has ended"))
            }
            Outcome::OutOfSpace { bytes, quota } => {
                let why = format!(
                    "there is no space: the items take {bytes} of {quota} bytes, and every put is refused until some are deleted \
                     or the quota is raised, and the alarm is disarmed"
                );
                Self::new(StatusCode::INSUFFICIENT_STORAGE, why).with("bytes", json!(bytes)).with("quota", json!(quota))
            }
            Outcome::NotYet { revision } => {
                let why = format!("there is no such revision yet: the last is {revision}");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, why).with("revision", json!(revision))
            }
            _ => Self::unexpected(),
        }
    }

    pub(super) fn of_write(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Busy | Unanswered::ShutDown => Self::for_now(unanswered.to_string()),
            Unanswered::Unknown => Self::unknown("this server ended before it knew"),
        }
    }

    /// A read changes nothing, whatever has become of it.
    pub(super) fn of_read(unanswered: Unanswered) -> Self {
        Self::for_now(match unanswered {
            Unanswered::Unknown => "this server ends: ask another one".to_owned(),
            other => other.to_string(),
        })
    }

    pub(super) fn of_raft(refusal: raft::Refusal, place_of: impl Fn(Member) -> Option<Place>) -> Self {
        use raft::Refusal as Why;
        let told = refusal.to_string();
        match refusal {
            Why::NotLeader { leader: Some(leader) } => Self::elsewhere(told, leader, place_of(leader)),
            Why::NotLeader { leader: None }
            | Why::Transferring
            | Why::Busy
            | Why::ChangeInProgress
            | Why::NotTransferred => Self::for_now(told),
            Why::Change(_) => Self::new(StatusCode::CONFLICT, told),
            Why::NoVoter { .. } | Why::NothingToCompact { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, told),
            Why::Session(error) => Self::of_session(error, told),
        }
    }

    /// Of a session that has ended nobody knows what its commands came to.
    fn of_session(error: SessionError, told: String) -> Self {
        match error {
            SessionError::Ended => Self { is_unknown: true, ..Self::new(StatusCode::GONE, told) },
            SessionError::Acknowledged => Self::new(StatusCode::CONFLICT, told),
            SessionError::TooMany => Self::new(StatusCode::TOO_MANY_REQUESTS, told),
        }
    }

    fn elsewhere(told: String, leader: Member, place: Option<Place>) -> Self {
        let hint = json!({ "member": leader.to_string(), "http": place.as_ref().map(|place| &place.http) });
        let refusal = Self::new(StatusCode::MISDIRECTED_REQUEST, told).with("leader", hint);
        Self { leader: place, ..refusal }
    }

    pub(super) fn with(mut self, field: &str, value: Value) -> Self {
        self.more.insert(field.to_owned(), value);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = self.more;
        body.insert("error".to_owned(), json!(self.why));
        body.insert("outcome".to_owned(), json!(if self.is_unknown { "unknown" } else { "refused" }));
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(leader) = self.leader {
            response.extensions_mut().insert(Elsewhere(leader));
        }
        response
    }
}
