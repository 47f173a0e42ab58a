//! Images, minds and messages in the words of `Raft.tla`.

use super::Tape;
use super::knowledge::{Knowledge, Pace, Poll, Progress, Role};
use crate::spec::Value;
use purlin::log::Boundary;
use purlin::raft::{Body, Image, Member, Message, Slots};
use std::collections::BTreeSet;

pub(super) fn number(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn node(member: Option<Member>) -> Value {
    member.map_or(Value::Integer(0), |member| Value::from(member.id.get()))
}

pub(super) fn image(image: &Image<Tape>) -> Value {
    let terms = image.log.held_from(1).map(|entry| number(entry.term));
    Value::record([
        ("term", number(image.term)),
        ("vote", node(image.vote)),
        ("log", Value::Sequence(terms.collect())),
        ("commit", number(image.commit)),
    ])
}

/// What a process knows that is not up.
pub(super) fn asleep() -> Value {
    mind("down", &Mind::default())
}

#[derive(Default)]
struct Mind {
    leader: Option<Member>,
    commit: u64,
    granted: Slots,
    refused: Slots,
    round: u64,
    progress: Vec<Value>,
}

fn mind(role: &str, mind: &Mind) -> Value {
    Value::record([
        ("role", Value::text(role)),
        ("leader", node(mind.leader)),
        ("commit", number(mind.commit)),
        ("granted", slots(mind.granted)),
        ("refused", slots(mind.refused)),
        ("round", number(mind.round)),
        ("progress", Value::Sequence(mind.progress.clone())),
    ])
}

/// Members stand in the order of their numbers, from 1 on.
fn slots(slots: Slots) -> Value {
    let members = (0..Slots::MAX).filter(|slot| slots.contains(*slot));
    Value::Set(members.map(|slot| number(slot as u64 + 1)).collect::<BTreeSet<_>>())
}

pub(super) fn awake(me: Member, knowledge: &Knowledge) -> Value {
    let known = Mind { leader: knowledge.leader, commit: knowledge.commit, ..Mind::default() };
    let polling = |poll: &Poll, known| Mind { granted: poll.granted, refused: poll.refused, ..known };
    match &knowledge.role {
        Role::Follower => mind("follower", &known),
        Role::PreCandidate(poll) => mind("pre_candidate", &polling(poll, known)),
        Role::Candidate(poll) => mind("candidate", &polling(poll, known)),
        Role::Leader(leader) => {
            let progress = leader.progress.iter().map(|one| progress(me, one)).collect();
            mind("leader", &Mind { round: leader.round, progress, ..known })
        }
    }
}

/// Of itself a leader only knows how far its disk is.
fn progress(me: Member, one: &Progress) -> Value {
    let (next, pace, told) = match &one.pace {
        _ if one.member == me => (0, "own", 0),
        _ if one.has_regressed => (one.next, "regressed", one.commit_told),
        Pace::Probe { is_sent: false } => (one.next, "probe", one.commit_told),
        Pace::Probe { is_sent: true } => (one.next, "probed", one.commit_told),
        Pace::Stream(_) => (one.next, "stream", one.commit_told),
        Pace::Snapshot(_) => (one.next, "snapshot", one.commit_told),
    };
    Value::record([
        ("matched", number(one.matched)),
        ("next", number(next)),
        ("pace", Value::text(pace)),
        ("told", number(told)),
    ])
}

/// The specification's name of a kind of message; none of one that it knows nothing of.
pub(super) fn kind(body: &Body<Tape>) -> Option<&'static str> {
    Some(match body {
        Body::PreVote { .. } => "pre_vote",
        Body::PreVoted { .. } => "pre_voted",
        Body::Vote { .. } => "vote",
        Body::Voted { .. } => "voted",
        Body::Append { .. } => "append",
        Body::Appended { .. } => "appended",
        Body::NotAppended { .. } => "not_appended",
        Body::Stored { .. } => "stored",
        _ => return None,
    })
}

/// # Errors
/// If the specification knows no such message.
pub(super) fn message(from: Member, to: Member, message: &Message<Tape>) -> Result<Value, String> {
    let kind = kind(&message.body).ok_or_else(|| format!("nobody says {:?} here", message.body))?;
    let whole = [
        ("kind", Value::text(kind)),
        ("from", node(Some(from))),
        ("to", node(Some(to))),
        ("term", number(message.term)),
    ];
    let fields = whole.into_iter().chain(said(&message.body));
    Ok(Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn said(body: &Body<Tape>) -> Vec<(&'static str, Value)> {
    match body {
        Body::PreVote { last } | Body::Vote { last, .. } => vec![("last", boundary(*last))],
        Body::PreVoted { granted } | Body::Voted { granted } => vec![("granted", Value::from(*granted))],
        Body::Append { round, prev, commit, entries } => vec![
            ("round", number(*round)),
            ("prev", boundary(*prev)),
            ("entries", Value::Sequence(entries.iter().map(|entry| number(entry.term)).collect())),
            ("commit", number(*commit)),
        ],
        Body::Appended { round, matched } => vec![("round", number(*round)), ("matched", number(*matched))],
        Body::NotAppended { round, prev, hint } => {
            vec![("round", number(*round)), ("prev", number(*prev)), ("hint", boundary(*hint))]
        }
        Body::Stored { at } => vec![("at", boundary(*at))],
        _ => Vec::new(),
    }
}

fn boundary(at: Boundary) -> Value {
    Value::record([("index", number(at.index)), ("term", number(at.term))])
}
