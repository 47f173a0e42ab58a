//! The store as its judge sees it: a map of registers.

use purlin_kv::{Command, Condition, Outcome, Query, Text, View};
use purlin_sim::linearizability::{Keyed, RegisterOperation, RegisterOutcome};

/// What stands under a key: no value twice, so that one look tells which write it was.
pub(crate) type Held = Option<u64>;

/// An operation on the store.
pub(crate) type Operation = Keyed<u8, RegisterOperation<Held>>;

fn key(number: u8) -> Text {
    format!("k{number}").into()
}

fn key_number(key: &str) -> u8 {
    key.strip_prefix('k').and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// A value of so many bytes at least.
fn value(number: u64, bytes: u32) -> Text {
    format!("{number:0width$}", width = bytes as usize).into()
}

fn number(value: &str) -> Held {
    value.parse().ok()
}

/// The query that reads a key.
pub(crate) fn query(number: u8) -> Query {
    Query::Get { key: key(number) }
}

/// The key that a query reads.
pub(crate) fn key_of(query: &Query) -> u8 {
    if let Query::Get { key } = query { key_number(key) } else { 0 }
}

/// The command of an operation that writes; none for one that reads.
pub(crate) fn command(operation: &Operation, bytes: u32) -> Option<Command> {
    let text = |number| value(number, bytes);
    let (new, condition) = match operation.operation {
        RegisterOperation::Read => return None,
        RegisterOperation::Write(new) => (new, None),
        RegisterOperation::Swap { expected: None, new } => (new, Some(Condition::Absent)),
        RegisterOperation::Swap { expected: Some(held), new } => (new, Some(Condition::Value(text(held)))),
    };
    let key = key(operation.key);
    Some(match new {
        Some(new) => Command::Put { key, value: text(new), lease: None, condition },
        None => Command::Delete { key, condition },
    })
}

/// The operation that a command is, if it is one.
pub(crate) fn operation(command: &Command) -> Option<Operation> {
    let (key, new, condition) = match command {
        Command::Put { key, value, condition, .. } => (key, number(value), condition),
        Command::Delete { key, condition } => (key, None, condition),
        _ => return None,
    };
    let operation = match condition {
        None => RegisterOperation::Write(new),
        Some(Condition::Value(value)) => RegisterOperation::Swap { expected: number(value), new },
        Some(_) => RegisterOperation::Swap { expected: None, new },
    };
    Some(Keyed { key: key_number(key), operation })
}

/// What a command came to.
pub(crate) fn outcome(operation: &Operation, outcome: &Outcome) -> RegisterOutcome<Held> {
    match (&operation.operation, outcome) {
        (_, Outcome::ConditionFailed { .. }) => RegisterOutcome::Refused,
        (RegisterOperation::Swap { .. }, _) => RegisterOutcome::Swapped,
        _ => RegisterOutcome::Written,
    }
}

/// As of which revision a command was applied.
pub(crate) fn revision(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Put { revision, .. } | Outcome::Deleted { revision, .. } => Some(*revision),
        _ => None,
    }
}

/// What was read.
pub(crate) fn held(view: &View) -> Held {
    if let View::Item { item: Some(item), .. } = view { number(&item.value) } else { None }
}

/// About how many bytes a snapshot takes: its items, and as many changes as are remembered before somebody tidies up.
pub(crate) fn snapshot_bytes(keys: u8, value_bytes: u32) -> u64 {
    (u64::from(keys) + 60) * (u64::from(value_bytes.max(20)) + 60)
}
