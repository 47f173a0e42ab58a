//! What comes in with a request, or a refusal in JSON.

use super::refusal::Refusal;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use http::StatusCode;
use http::request::Parts;
use purlin::raft::{Consistency, Member};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let refused = |error: JsonRejection| Refusal::new(error.status(), error.body_text());
        <Json<T> as FromRequest<S>>::from_request(request, state).await.map(|Json(body)| Self(body)).map_err(refused)
    }
}

/// None where there is no body: where there is one, it says that it is JSON.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let refused = |error: JsonRejection| Refusal::new(error.status(), error.body_text());
        let body = <Json<T> as OptionalFromRequest<S>>::from_request(request, state).await;
        body.map(|body| body.map(|Json(body)| Self(body))).map_err(refused)
    }
}

/// The parameters of a request's query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|error| Refusal::new(error.status(), error.body_text()))
    }
}

/// The one segment of a path that is not fixed.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let named = Path::<T>::from_request_parts(parts, state).await;
        named.map(|Path(named)| Self(named)).map_err(|error| Refusal::new(error.status(), error.body_text()))
    }
}

/// How fresh what is read must be.
#[derive(Default, Deserialize)]
pub(super) struct Freshness {
    #[serde(default)]
    pub(super) consistency: Consistency,
}

/// A member's name, or that there can be none of that name.
pub(super) fn member(name: &str) -> Result<Member, Refusal> {
    crate::server::member_named(name).map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

pub(super) fn check(field: &str, fits: bool, wanted: std::fmt::Arguments<'_>) -> Result<(), Refusal> {
    if fits { Ok(()) } else { Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field} must be {wanted}"))) }
}
