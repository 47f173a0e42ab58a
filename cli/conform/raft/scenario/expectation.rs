//! What a step is expected to have come to.

use super::Cluster;
use super::node::Node;
use super::pattern::{Pattern, fits};
use super::script::{Ids, read};
use super::tell::{role, tell};
use crate::conform::compare::Mismatch;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

type Row = Map<String, Value>;

/// Holds one row against what is.
pub(super) fn hold(cluster: &Cluster, row: &Row) -> Result<(), Mismatch> {
    if row.contains_key("node") || row.contains_key("nodes") {
        return hold_state(cluster, row.clone());
    }
    if row.contains_key("same_applied") {
        return hold_same_applied(cluster, &read(row.clone())?);
    }
    match row.iter().next() {
        Some((kind, given)) if row.len() == 1 => hold_single(cluster, kind, given),
        _ => Err(Mismatch::unreadable(format_args!("the expectation {} is not known", json!(row)))),
    }
}

fn hold_single(cluster: &Cluster, kind: &str, given: &Value) -> Result<(), Mismatch> {
    match kind {
        "result" => judge(kind, given, json!(cluster.result), is_one_of),
        "message" => hold_count(cluster, kind, given, &json!({ "min": 1 })),
        "no_message" => hold_count(cluster, kind, given, &json!(0)),
        "message_count" => {
            let Counted { matching, count } = written(given)?;
            hold_count(cluster, kind, &matching.into(), &count)
        }
        "read" => hold_read(cluster, given),
        "one_leader" => hold_one_leader(cluster, given),
        "same_log" => hold_same_log(cluster, given),
        _ => Err(Mismatch::unreadable(format_args!("the expectation `{kind}` is not known"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    #[serde(rename = "match")]
    matching: Row,
    count: Value,
}

fn written<T: serde::de::DeserializeOwned>(given: &Value) -> Result<T, Mismatch> {
    serde_json::from_value(given.clone()).map_err(Mismatch::unreadable)
}

fn judge(name: &str, expected: &Value, got: Value, holds: impl Fn(&Value, &Value) -> bool) -> Result<(), Mismatch> {
    if holds(expected, &got) {
        Ok(())
    } else {
        Err(Mismatch { expected: json!({ name: expected }), got: json!({ name: got }) })
    }
}

/// What is allowed is one value or a list of them.
fn is_one_of(allowed: &Value, got: &Value) -> bool {
    allowed == got || allowed.as_array().is_some_and(|allowed| allowed.contains(got))
}

fn is_same_set(expected: &Value, got: &Value) -> bool {
    let set = |value: &Value| serde_json::from_value::<BTreeSet<u64>>(value.clone()).ok();
    set(expected).is_some() && set(expected) == set(got)
}

fn contains_all(expected: &Value, got: &Value) -> bool {
    let (Some(expected), Some(got)) = (expected.as_array(), got.as_array()) else { return false };
    expected.iter().all(|one| got.contains(one))
}

fn contains_none(excluded: &Value, got: &Value) -> bool {
    let (Some(excluded), Some(got)) = (excluded.as_array(), got.as_array()) else { return false };
    !excluded.iter().any(|one| got.contains(one))
}

fn is_role(allowed: &Value, got: &Value) -> bool {
    is_one_of(allowed, got) || (is_one_of(allowed, &json!("not_leader")) && *got != json!("leader"))
}

/// The `node` or `nodes` that a row is about, and what is said of each.
fn hold_state(cluster: &Cluster, mut row: Row) -> Result<(), Mismatch> {
    for key in ["node", "nodes"] {
        let Some(ids) = row.remove(key) else { continue };
        for id in written::<Ids>(&ids)?.all() {
            let node = cluster.node(*id)?;
            row.iter().try_for_each(|(name, expected)| hold_key(node, name, expected)).map_err(|it| it.at_node(*id))?;
        }
    }
    Ok(())
}

fn hold_key(node: &Node, name: &str, expected: &Value) -> Result<(), Mismatch> {
    if name == "role" {
        return judge(name, expected, json!(role(node)), is_role);
    }
    let (shown, holds) = shown(name);
    let got = match &node.replica {
        None => return judge(name, expected, json!("down"), |_, _| false),
        Some(replica) => tell(replica, shown),
    };
    let got = got.ok_or_else(|| Mismatch::unreadable(format_args!("the expectation `{name}` is not known")))?;
    judge(name, expected, got, holds)
}

/// What a key speaks of, and how.
fn shown(name: &str) -> (&str, fn(&Value, &Value) -> bool) {
    match name {
        "leader" => (name, is_one_of),
        "voters" | "voters_outgoing" | "learners" | "learners_next" => (name, is_same_set),
        "applied_contains" => ("applied_payloads", contains_all),
        "applied_excludes" => ("applied_payloads", contains_none),
        "log_contains" => ("log_payloads", contains_all),
        "log_excludes" => ("log_payloads", contains_none),
        _ => (name, fits),
    }
}

fn hold_count(cluster: &Cluster, kind: &str, matching: &Value, count: &Value) -> Result<(), Mismatch> {
    let pattern = Pattern::read(written(matching)?)?;
    let got = cluster.sent.iter().filter(|envelope| pattern.matches(envelope)).count();
    if fits(count, &json!(got)) {
        return Ok(());
    }
    let sent: Vec<String> =
        cluster.sent.iter().map(|it| format!("{} to {}: {:?}", it.from, it.to, it.content)).collect();
    Err(Mismatch { expected: json!({ kind: matching, "count": count }), got: json!({ "count": got, "sent": sent }) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRead {
    node: u64,
    id: String,
    status: ReadStatus,
    at_least_index: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReadStatus {
    Served,
    NotServed,
    ServedOrNot,
}

fn hold_read(cluster: &Cluster, given: &Value) -> Result<(), Mismatch> {
    let expected: ExpectedRead = written(given)?;
    let got = cluster.node(expected.node)?.served.get(&expected.id).copied();
    let is_recent = got.is_none_or(|index| Some(index) >= expected.at_least_index);
    let holds = match expected.status {
        ReadStatus::Served => got.is_some() && is_recent,
        ReadStatus::NotServed => got.is_none(),
        ReadStatus::ServedOrNot => is_recent,
    };
    judge("read", given, json!({ "served_at": got }), |_, _| holds)
}

fn hold_one_leader(cluster: &Cluster, given: &Value) -> Result<(), Mismatch> {
    let ids: Vec<u64> = written(given)?;
    let roles = ids.iter().map(|id| Ok((id.to_string(), role(cluster.node(*id)?))));
    let roles: Vec<(String, &str)> = roles.collect::<Result<_, Mismatch>>()?;
    let leaders = roles.iter().filter(|(_, role)| *role == "leader").count();
    judge("one_leader", given, roles.into_iter().collect(), |_, _| leaders == 1)
}

/// Entries are compared where the logs begin alike.
fn hold_same_log(cluster: &Cluster, given: &Value) -> Result<(), Mismatch> {
    let logs = replicas(cluster, given)?.into_iter().map(|replica| {
        let log = replica.log();
        (log.last(), log.boundary(), log.held_from(0).cloned().collect::<Vec<_>>())
    });
    let logs: Vec<_> = logs.collect();
    let agrees = |one: &(_, _, _), other: &(_, _, _)| one.0 == other.0 && (one.1 != other.1 || one.2 == other.2);
    let holds = logs.iter().enumerate().all(|(place, one)| logs[place..].iter().all(|other| agrees(one, other)));
    judge("same_log", given, json!(format!("{logs:?}")), |_, _| holds)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SameApplied {
    same_applied: Value,
    #[serde(default)]
    min_count: usize,
}

fn hold_same_applied(cluster: &Cluster, expected: &SameApplied) -> Result<(), Mismatch> {
    let replicas = replicas(cluster, &expected.same_applied)?;
    let applied: Vec<&Vec<String>> = replicas.iter().map(|replica| &replica.application().0).collect();
    let is_enough = applied.iter().all(|one| one.len() >= expected.min_count);
    let holds = is_enough && applied.windows(2).all(|pair| pair[0] == pair[1]);
    judge("same_applied", &expected.same_applied, json!(applied), |_, _| holds)
}

type Replica = purlin::raft::Raft<super::payloads::Payloads>;

/// Those nodes, all of which are to run.
fn replicas<'a>(cluster: &'a Cluster, ids: &Value) -> Result<Vec<&'a Replica>, Mismatch> {
    let replica = |id: &u64| {
        let down = || Mismatch { expected: json!({ "running": id }), got: json!({ "running": false }) };
        cluster.node(*id)?.replica.as_ref().ok_or_else(down)
    };
    written::<Vec<u64>>(ids)?.iter().map(replica).collect()
}
