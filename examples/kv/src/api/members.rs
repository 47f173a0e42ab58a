//! Who is a member, where each stands, and who leads.

use super::body::{Body, Named, check, member};
use super::refusal::Refusal;
use super::{Service, Shared};
use crate::server::place;
use crate::state::{Command, Outcome, Place};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use purlin::raft::{Answer, Change, Member, Membership, Request, Status, Transition};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Addition {
    member: String,
    peer: String,
    http: String,
    #[serde(default)]
    voter: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stands {
    peer: String,
    http: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    #[serde(default)]
    transition: Transition,
    changes: Vec<Wanted>,
}

/// One change, with the member as it is written elsewhere.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    AddVoter(String),
    AddLearner(String),
    Remove(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    to: String,
}

pub(super) async fn list(State(service): Shared) -> Result<Json<Value>, Refusal> {
    let status = service.status().await?;
    let places: BTreeMap<String, Place> =
        service.places.all().into_iter().map(|(member, place)| (member.to_string(), place)).collect();
    Ok(Json(json!({ "membership": told(&status.membership), "places": places })))
}

/// The place first: whoever is a member is to be reached.
pub(super) async fn add(State(service): Shared, Body(addition): Body<Addition>) -> Result<Json<Value>, Refusal> {
    let Addition { member: name, peer, http, voter } = addition;
    let (member, place) = (member(&name)?, checked(&peer, &http)?);
    service.set_place(member, Some(place)).await?;
    let change = if voter { Change::AddVoter(member) } else { Change::AddLearner(member) };
    service.change(Transition::Auto, vec![change]).await
}

pub(super) async fn promote(State(service): Shared, Named(name): Named<String>) -> Result<Json<Value>, Refusal> {
    let member = member(&name)?;
    service.check_is_member(member).await?;
    service.change(Transition::Auto, vec![Change::AddVoter(member)]).await
}

pub(super) async fn set_place(
    State(service): Shared,
    Named(name): Named<String>,
    Body(Stands { peer, http }): Body<Stands>,
) -> Result<Json<Value>, Refusal> {
    let (member, place) = (member(&name)?, checked(&peer, &http)?);
    service.check_is_member(member).await?;
    service.set_place(member, Some(place.clone())).await?;
    Ok(Json(json!({ "member": member.to_string(), "place": place })))
}

/// The place last: until it is off, it is to hear what is going on.
pub(super) async fn remove(State(service): Shared, Named(name): Named<String>) -> Result<Json<Value>, Refusal> {
    let member = member(&name)?;
    service.check_is_member(member).await?;
    let removed = service.change(Transition::Auto, vec![Change::Remove(member)]).await?;
    // Whether this is done or not changes nothing about who is a member: whoever removed itself leads no more.
    let _ = service.set_place(member, None).await;
    Ok(removed)
}

pub(super) async fn change(
    State(service): Shared,
    Body(Changes { transition, changes }): Body<Changes>,
) -> Result<Json<Value>, Refusal> {
    let changes = changes.into_iter().map(Wanted::change).collect::<Result<_, _>>()?;
    service.change(transition, changes).await
}

pub(super) async fn transfer(
    State(service): Shared,
    Body(Transfer { to }): Body<Transfer>,
) -> Result<Json<Value>, Refusal> {
    let to = member(&to)?;
    match service.ask(Request::Transfer { to }).await? {
        Answer::Transferred { to } => Ok(Json(json!({ "leader": to.to_string() }))),
        _ => Err(Refusal::unexpected()),
    }
}

impl Wanted {
    fn change(self) -> Result<Change, Refusal> {
        Ok(match self {
            Self::AddVoter(name) => Change::AddVoter(member(&name)?),
            Self::AddLearner(name) => Change::AddLearner(member(&name)?),
            Self::Remove(name) => Change::Remove(member(&name)?),
        })
    }
}

impl Service {
    /// How this replica stands.
    pub(super) async fn status(&self) -> Result<Box<Status>, Refusal> {
        match self.ask(Request::Status).await? {
            Answer::Status(status) => Ok(status),
            _ => Err(Refusal::unexpected()),
        }
    }

    async fn change(&self, transition: Transition, changes: Vec<Change>) -> Result<Json<Value>, Refusal> {
        match self.ask(Request::ChangeMembers { transition, changes }).await? {
            Answer::MembersChanged { index, membership } => {
                Ok(Json(json!({ "index": index, "membership": told(&membership) })))
            }
            _ => Err(Refusal::unexpected()),
        }
    }

    async fn set_place(&self, member: Member, place: Option<Place>) -> Result<(), Refusal> {
        match self.propose(None, Command::SetPlace { member, place }).await? {
            Outcome::Placed => Ok(()),
            other => Err(Refusal::of_outcome(&other)),
        }
    }

    /// A replica that does not lead may not know yet of a member: the leader decides.
    async fn check_is_member(&self, member: Member) -> Result<(), Refusal> {
        let is_unknown = self.standing.borrow().leads() && !self.status().await?.membership.contains(member);
        if is_unknown {
            let why = format!("{member} is no member: add it first");
            return Err(Refusal::new(StatusCode::NOT_FOUND, why));
        }
        Ok(())
    }
}

fn checked(peer: &str, http: &str) -> Result<Place, Refusal> {
    let bad = |error: crate::server::BadPeers| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    let place = place(peer, http).map_err(bad)?;
    check("peer", place.peer != place.http, format_args!("another place than http"))?;
    Ok(place)
}

/// A membership with its members as they are written elsewhere.
fn told(membership: &Membership) -> Value {
    let names = |members: &std::collections::BTreeSet<Member>| -> Vec<String> {
        members.iter().map(ToString::to_string).collect()
    };
    let Membership { voters, outgoing, learners, learners_next, auto_leave } = membership;
    json!({
        "voters": names(voters),
        "outgoing": names(outgoing),
        "learners": names(learners),
        "learners_next": names(learners_next),
        "auto_leave": auto_leave,
    })
}
