//! What the rows of all formats have in common.

use super::Case;
use super::compare::{Actual, Mismatch, Tolerance, hold};
use purlin::Instant;
use serde_json::{Map, Value, json};

/// The most calls that one row may stand for. Beyond them nobody would wait for the end.
const CALLS_MAX: u64 = 10_000_000;

/// How many calls a row stands for.
pub(super) fn check_calls(calls: u64) -> Result<(), Mismatch> {
    if calls > CALLS_MAX {
        return Err(Mismatch::unreadable(format_args!("`n` is {calls}: give at most {CALLS_MAX}")));
    }
    Ok(())
}

/// When a row happens, counted from the creation of what is tested.
pub(super) fn take_instant(row: &mut Map<String, Value>) -> Result<Instant, Mismatch> {
    let mut read = |key: &str| row.remove(key).map(|at| at.as_u64().ok_or((key.to_owned(), at))).transpose();
    let unreadable =
        |(key, at): (String, Value)| Mismatch::unreadable(format_args!("`{key}` is {at}: give a whole number"));
    match (read("at_ns").map_err(unreadable)?, read("at_ms").map_err(unreadable)?) {
        (Some(nanos), None) => Ok(Instant::from_nanos(nanos)),
        (None, Some(millis)) => Ok(Instant::from_millis(millis)),
        _ => Err(Mismatch::unreadable("a row has either `at_ms` or `at_ns`")),
    }
}

/// What a row expects. Notes are for people.
pub(super) fn take_expectations(row: &mut Map<String, Value>) -> Result<Map<String, Value>, Mismatch> {
    row.remove("note");
    serde_json::from_value(row.remove("expect").unwrap_or_else(|| json!({}))).map_err(Mismatch::unreadable)
}

/// Holds `expected` against the end of a case, unless each row carries its own.
pub(super) fn hold_result(case: &Case, find: impl Fn(&str) -> Option<Actual>) -> Result<(), Mismatch> {
    match &case.expected {
        Value::Object(expect) => hold(expect, Tolerance::of(case), find),
        Value::String(text) if text == "per_row" => check_rows_expect(case),
        other => Err(Mismatch::unreadable(format_args!("`expected` is {other}: neither an object nor \"per_row\""))),
    }
}

/// A case in which no row expects anything would hold whatever happens.
fn check_rows_expect(case: &Case) -> Result<(), Mismatch> {
    if case.rows.iter().any(|row| row.contains_key("expect")) {
        return Ok(());
    }
    Err(Mismatch::unreadable("`expected` is \"per_row\", but no row has an `expect`"))
}
