//! The format `breaker/1`.

mod timeline;
mod window;

use super::Case;
use super::compare::{Actual, Mismatch};
use super::row::hold_result;
use purlin::breaker::{Config, Settings};
use serde_json::{Map, Value, json};

pub(super) fn judge(case: &Case) -> Result<(), Mismatch> {
    case.check_keys()?;
    match case.kind.as_str() {
        "timeline" | "late" | "hung" | "cancel" | "sliding" | "manual" => timeline::judge(case),
        "window" => window::judge_window(case),
        "ratio_window" => window::judge_ratio_window(case),
        "effective_minimum" => judge_effective_minimum(case),
        unknown => Err(Mismatch::unreadable(format_args!("the kind `{unknown}` is not known in breaker/1"))),
    }
}

fn judge_effective_minimum(case: &Case) -> Result<(), Mismatch> {
    if !case.rows.is_empty() {
        return Err(Mismatch::unreadable("the kind `effective_minimum` has no `rows`"));
    }
    let (config, _) = read_config(&case.config)?;
    hold_result(case, |key| match key {
        "closed" => Some(Actual::whole(config.minimum_calls_closed())),
        "half_open" => Some(Actual::whole(config.minimum_calls_half_open())),
        _ => None,
    })
}

/// A vector's configuration is a breaker's own, but for the kinds of failure that its caller ignores.
fn read_config(config: &Map<String, Value>) -> Result<(Config, Vec<String>), Mismatch> {
    let mut settings = config.clone();
    let ignored_kinds = settings.remove("ignored_kinds").unwrap_or_else(|| json!([]));
    let ignored_kinds = serde_json::from_value(ignored_kinds).map_err(Mismatch::unreadable)?;
    choose_open_wait(&mut settings);
    saturate(&mut settings);
    let config = serde_json::from_value(settings.into()).map_err(Mismatch::unreadable)?;
    Ok((config, ignored_kinds))
}

/// A vector's schedule counts when there is no single wait; the machine wants one of the two, and that said clearly.
fn choose_open_wait(settings: &mut Map<String, Value>) {
    if settings.get("open_wait_ms").is_some_and(|wait| !wait.is_null()) {
        settings.remove("open_wait_schedule_ms");
    } else if settings.contains_key("open_wait_schedule_ms") {
        settings.insert("open_wait_ms".to_owned(), Value::Null);
    }
}

/// Vectors may hold integers up to 2⁶⁴ - 1. A limit beyond the machine's range is read as the end of that range.
fn saturate(settings: &mut Map<String, Value>) {
    let limits = [
        ("minimum_calls", u64::from(u32::MAX)),
        ("slow_call_duration_ms", Settings::DURATION_MS_MAX),
        ("open_wait_ms", Settings::DURATION_MS_MAX),
        ("half_open_max_wait_ms", Settings::DURATION_MS_MAX),
    ];
    for (key, limit) in limits {
        settings.get_mut(key).into_iter().for_each(|given| saturate_at(limit, given));
    }
    let schedule = settings.get_mut("open_wait_schedule_ms").and_then(Value::as_array_mut);
    schedule.into_iter().flatten().for_each(|wait| saturate_at(Settings::DURATION_MS_MAX, wait));
}

fn saturate_at(limit: u64, given: &mut Value) {
    if given.as_u64().is_some_and(|given| given > limit) {
        *given = json!(limit);
    }
}
