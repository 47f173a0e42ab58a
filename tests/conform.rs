//! `purlin conform`: the vectors of every room, and what the command says of vectors that do not hold.

#[path = "support/command.rs"]
mod command;

use command::{Run, purlin, write};
use serde_json::{Value, json};

const BREAKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/breaker.json");

#[test]
fn every_breaker_vector_passes() {
    let run = purlin(&["--json", "conform", BREAKER]);
    let file = &run.document()["files"][0];
    assert_eq!(file["failed"], json!([]), "{run:?}");
    assert_eq!(file["passed"], 80);
    assert_eq!(file["format"], "breaker/1");
    assert_eq!(run.code, 0);
}

#[test]
fn every_queue_vector_passes() {
    let run = purlin(&["--json", "conform", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/queue.json")]);
    let file = &run.document()["files"][0];
    assert_eq!(file["failed"], json!([]), "{run:?}");
    assert_eq!(file["passed"], 37);
    assert_eq!(run.code, 0);
}

#[test]
fn every_vector_of_the_replica_passes_or_is_skipped_for_what_is_told() {
    let told = |name: &str| {
        let run = purlin(&["--json", "conform", &format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"))]);
        let file = run.document()["files"][0].clone();
        assert_eq!((run.code, &file["failed"]), (0, &json!([])), "{run:?}");
        (file["passed"].clone(), file["skipped"].clone())
    };
    assert_eq!(told("raft_quorum"), (json!(89), json!([])));
    assert_eq!(told("raft_confchange"), (json!(52), json!([])));
    let (passed, skipped) = told("raft_scenario");
    let requires: Vec<&Value> = skipped.as_array().into_iter().flatten().map(|case| &case["requires"]).collect();
    assert_eq!(passed, 140);
    assert_eq!(
        requires,
        [
            &json!(["apply_time_config"]),
            &json!(["async_apply", "apply_time_config"]),
            &json!(["disk_regression_detection"])
        ]
    );
}

/// One scenario of three nodes, judged: the command's `failed`.
fn failed_scenario(steps: Value) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = |id: u64| json!({ "id": id, "initial": { "term": 0, "vote": 0, "log": [], "commit": 0 } });
    let nodes: Vec<Value> = (1..=3).map(node).collect();
    let case =
        json!({ "id": "case", "kind": "test", "config": { "voters": [1, 2, 3] }, "nodes": nodes, "steps": steps });
    let vectors = json!({ "format": "raft_scenario/1", "cases": [case] });
    let run = purlin(&["--json", "conform", &write(&folder, "vectors.json", &vectors.to_string())]);
    let failed = run.document()["files"][0]["failed"].clone();
    assert_eq!(run.code, i32::from(failed != json!([])), "{run:?}");
    failed
}

#[test]
fn a_wrong_expectation_of_a_cluster_fails_with_its_step_and_node() {
    let wrong = [
        json!({ "node": 1, "role": "follower" }),
        json!({ "node": 1, "term": { "min": 2 } }),
        json!({ "nodes": [1, 3], "commit": 3 }),
        json!({ "node": 1, "leader": [null, 2] }),
        json!({ "node": 1, "voters": [1, 2] }),
        json!({ "node": 1, "log_payloads": ["a"] }),
        json!({ "node": 1, "applied_contains": ["b"] }),
        json!({ "node": 1, "applied_excludes": ["a"] }),
        json!({ "node": 3, "role": ["leader", "down"] }),
        json!({ "result": "refused" }),
        json!({ "no_message": { "type": "append", "to": 2 } }),
        json!({ "message": { "type": "append", "to": 2, "entry_terms": [1, 1] } }),
        json!({ "message_count": { "match": { "type": ["append"], "min_entries": 1 }, "count": 3 } }),
        json!({ "one_leader": [2, 3] }),
        json!({ "same_log": [1, 2] }),
        json!({ "same_applied": [2, 3], "min_count": 2 }),
        json!({ "read": { "node": 1, "id": "r", "status": "served" } }),
    ];
    for expectation in wrong {
        let steps = json!([
            { "do": "timeout_election", "node": 1 },
            { "do": "stabilize", "expect": [{ "node": 1, "role": "leader" }, { "nodes": [1, 2, 3], "commit": 1 }] },
            { "do": "propose", "node": 1, "payload": "a" },
            { "do": "stabilize", "expect": [{ "node": 1, "applied_payloads": ["a"] }] },
            { "do": "propose", "node": 1, "payload": "b", "expect": [expectation] },
        ]);
        let failed = failed_scenario(steps);
        assert_eq!(failed[0]["got"]["row"], 4, "{expectation} holds: {failed}");
    }
}

#[test]
fn what_a_scenario_does_not_know_fails() {
    let unknown = [
        json!({ "do": "dance" }),
        json!({ "do": "propose", "node": 1, "payload": "a", "loudly": true }),
        json!({ "do": "drop", "weather": "rain" }),
        json!({ "do": "deliver", "type": "letter" }),
        json!({ "do": "check", "expect": [{ "node": 1, "mood": "good" }] }),
        json!({ "do": "check", "expect": [{ "weather": "rain" }] }),
        json!({ "do": "check", "expect": [{ "no_message": { "type": "vote", "colour": "red" } }] }),
        json!({ "do": "inject", "message": { "type": "timeout_now", "from": 2, "to": 1, "term": 1, "colour": "red" } }),
        json!({ "do": "timeout_election", "node": 9 }),
        json!({ "do": "restart", "node": 1, "options": { "colour": "red" } }),
        json!({ "do": "restart", "node": 1, "checkpoint": "never" }),
    ];
    for step in unknown {
        let failed = failed_scenario(json!([step]));
        assert!(failed[0]["got"]["error"].is_string(), "{step} passes: {failed}");
    }
}

#[test]
fn two_histories_of_one_term_are_found_whatever_is_expected() {
    let append = |to: u64, payload: &str, commit: u64| {
        let entries = json!([{ "term": 1, "payload": payload }]);
        json!({ "do": "inject", "message": { "type": "append", "from": 9, "to": to, "term": 1, "prev_index": 0,
            "prev_term": 0, "commit": commit, "entries": entries } })
    };
    let applied = failed_scenario(json!([append(1, "a", 1), { "do": "crash", "node": 1 }, append(2, "b", 1)]));
    assert!(applied[0]["got"]["because"].to_string().contains("applies"), "{applied}");
    let stored = failed_scenario(json!([append(1, "a", 0), append(2, "b", 0)]));
    assert_eq!(stored[0]["got"]["row"], 1, "{stored}");
    assert!(stored[0]["got"]["because"].to_string().contains("do not match"), "{stored}");
}

#[test]
fn a_case_that_requires_what_is_not_there_is_skipped_and_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = json!({ "id": "stalled", "kind": "test", "requires": ["config", "async_apply"], "steps": "unheard" });
    let file = write(&folder, "vectors.json", &json!({ "format": "raft_scenario/1", "cases": [case] }).to_string());
    let run = purlin(&["conform", &file]);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("0 of 0") && run.stdout.contains("stalled: skipped, for it requires async_apply"),
        "{run:?}"
    );
}

#[test]
fn a_wrong_number_of_a_majority_or_a_membership_fails() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let judged = |format: &str, case: Value| {
        let vectors = json!({ "format": format, "cases": [case] });
        purlin(&["--json", "conform", &write(&folder, "vectors.json", &vectors.to_string())]).document()["files"][0]
            ["failed"][0]
            .clone()
    };
    let acked = json!({ "id": "case", "kind": "committed", "incoming": [1, 2, 3], "outgoing": null,
        "acked": { "1": 9, "2": 7 }, "expect": 9 });
    assert_eq!(judged("raft_quorum/1", acked)["got"], 7);
    let step =
        json!({ "op": "simple", "changes": [{ "op": "remove", "node": 1 }], "expect": { "error": "not_joint" } });
    let removed = json!({ "id": "case", "kind": "sequence", "start": { "voters": [1] }, "steps": [step] });
    assert_eq!(judged("raft_confchange/1", removed)["got"]["error"], "no_voters_left");
}

#[test]
fn a_wrong_expectation_of_a_queue_fails_with_its_operation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ops = json!([{ "at_ms": 0, "op": "enqueue", "id": "a", "expect": "duplicate" }]);
    let vectors = json!({ "format": "queue/1", "cases": [{ "id": "case", "kind": "basic", "ops": ops }] });
    let run = purlin(&["--json", "conform", &write(&folder, "vectors.json", &vectors.to_string())]);
    let failed = &run.document()["files"][0]["failed"][0];
    assert_eq!((&failed["expected"]["answer"], &failed["got"]["answer"]), (&json!("duplicate"), &json!("ok")));
    assert_eq!(run.code, 1);
}

/// One case of the breaker's format, judged: the command's `failed`.
fn failed(case: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let vectors = json!({ "format": "breaker/1", "cases": [case] });
    let file = write(&folder, "vectors.json", &vectors.to_string());
    let run = purlin(&["--json", "conform", &file]);
    let failed = run.document()["files"][0]["failed"].clone();
    assert_eq!(run.code, i32::from(failed != json!([])));
    failed
}

fn timeline(config: Value, rows: Value) -> Value {
    json!({ "id": "case", "kind": "timeline", "config": config, "rows": rows, "expected": "per_row" })
}

fn small() -> Value {
    json!({
        "window": { "count": 2 }, "minimum_calls": 2, "permitted_half_open_calls": 1, "open_wait_ms": 10,
        "slow_call_duration_ms": 5, "ignored_kinds": ["bad_request"],
    })
}

#[test]
fn a_wrong_expectation_fails_with_its_row() {
    let rows = json!([
        { "at_ms": 0, "do": "tick" },
        { "at_ms": 1, "do": "admit", "call": "a", "expect": { "admitted": false, "state": "closed" } },
    ]);
    let failed = failed(&timeline(small(), rows));
    assert_eq!(failed[0]["id"], "case");
    assert_eq!(failed[0]["expected"], json!({ "row": 1, "admitted": false }));
    assert_eq!(failed[0]["got"], json!({ "row": 1, "admitted": true }));
}

#[test]
fn an_unknown_expectation_action_or_kind_fails() {
    let unknown_expectation = json!([{ "at_ms": 0, "do": "tick", "expect": { "weather": null } }]);
    let unknown_action = json!([{ "at_ms": 0, "do": "dance" }]);
    let unknown_key = json!([{ "at_ms": 0, "do": "admit", "call": "a", "shoes": 2 }]);
    for (rows, named) in [(unknown_expectation, "weather"), (unknown_action, "dance"), (unknown_key, "shoes")] {
        let failed = failed(&timeline(small(), rows));
        assert!(failed[0]["got"]["error"].as_str().is_some_and(|error| error.contains(named)), "{failed}");
    }
    let mut case = timeline(small(), json!([]));
    case["kind"] = json!("opera");
    assert!(failed(&case)[0]["got"].to_string().contains("opera"));
}

#[test]
fn a_run_takes_its_outcomes_in_turn_and_its_gap_and_its_reported_duration() {
    let config = json!({ "window": { "count": 4 }, "minimum_calls": 4, "slow_call_duration_ms": 5,
        "slow_call_rate_threshold_percent": 100, "failure_rate_threshold_percent": 100 });
    let rows = json!([
        { "at_ms": 0, "do": "run", "outcome": ["succeed", "fail", "ignore", "cancel"], "n": 6, "gap_ms": 10,
          "duration_ms": 6, "expect": { "buffered": 4, "failed": 2, "slow": 4, "state": "open", "admitted": true } },
        { "at_ms": 49, "do": "tick" },
    ]);
    let failed = failed(&timeline(config, rows));
    assert_eq!(failed[0]["got"]["row"], 1, "the clock stands at the run's last call: {failed}");
    assert_eq!(failed.as_array().map(Vec::len), Some(1));
}

#[test]
fn counters_and_events_are_totals_and_rejections_restart_with_the_state() {
    let rows = json!([
        { "at_ns": 0, "do": "admit", "call": "old", "expect": { "admitted": true } },
        { "at_ms": 1, "do": "run", "outcome": "fail", "n": 2,
          "expect": { "state": "open", "ev_failure": 1, "ev_slow": 0, "not_permitted": 0, "failure_rate_percent": 100.0 } },
        { "at_ms": 2, "do": "admit", "call": "no", "expect": { "admitted": false, "not_permitted": 1 } },
        { "at_ms": 3, "do": "fail", "call": "old", "kind": "bad_request", "expect": { "late": 1, "state": "open" } },
        { "at_ms": 11, "do": "admit", "call": "edge", "expect": { "admitted": false, "not_permitted": 2 } },
        { "at_ms": 12, "do": "admit", "call": "probe", "expect": { "state": "half_open", "not_permitted": 0 } },
        { "at_ms": 12, "do": "fail", "call": "probe", "kind": "bad_request",
          "expect": { "state": "half_open", "buffered": 0, "failure_rate_percent": null, "slow_rate_percent": null } },
    ]);
    assert_eq!(failed(&timeline(small(), rows)), json!([]));
}

#[test]
fn an_illegal_transition_is_told_and_changes_nothing() {
    let rows = json!([
        { "at_ms": 0, "do": "to_half_open", "expect": { "error": "illegal_transition", "state": "closed" } },
        { "at_ms": 0, "do": "to_open", "until_ms": 7, "expect": { "error": null, "state": "open" } },
        { "at_ms": 7, "do": "admit", "call": "a", "expect": { "admitted": false } },
        { "at_ms": 8, "do": "admit", "call": "b", "expect": { "admitted": true, "state": "half_open" } },
        { "at_ms": 8, "do": "to_closed", "expect": { "state": "closed" } },
    ]);
    let mut case = timeline(small(), rows);
    case["kind"] = json!("manual");
    assert_eq!(failed(&case), json!([]));
}

#[test]
fn a_schedule_counts_where_there_is_no_single_wait_and_large_limits_are_limits() {
    let config = json!({ "window": { "time_s": 1 }, "minimum_calls": u64::MAX, "half_open_max_wait_ms": u64::MAX,
        "open_wait_schedule_ms": [10, 20] });
    let rows = json!([
        { "at_ms": 0, "do": "run", "outcome": "fail", "n": 50, "expect": { "state": "closed", "failure_rate_percent": null } },
        { "at_ms": 0, "do": "to_open", "expect": { "state": "open" } },
        { "at_ms": 11, "do": "admit", "call": "a", "expect": { "admitted": true, "state": "half_open" } },
        { "at_ms": 11, "do": "to_open" },
        { "at_ms": 31, "do": "admit", "call": "b", "expect": { "admitted": false } },
        { "at_ms": 32, "do": "admit", "call": "c", "expect": { "admitted": true } },
    ]);
    assert_eq!(failed(&timeline(config, rows)), json!([]));
}

#[test]
fn rows_that_cannot_be_run_fail_their_case() {
    let unheard = json!([{ "at_ms": 0, "do": "succeed", "call": "nobody" }]);
    let backwards = json!([{ "at_ms": 2, "do": "tick" }, { "at_ms": 1, "do": "tick" }]);
    let timeless = json!([{ "do": "tick" }]);
    for rows in [unheard, backwards, timeless] {
        assert_ne!(failed(&timeline(small(), rows)), json!([]));
    }
    let bad_config = timeline(json!({ "open_wait_ms": 0 }), json!([]));
    assert!(failed(&bad_config)[0]["got"].to_string().contains("open_wait_ms"));
}

#[test]
fn a_file_that_is_no_vectors_is_bad_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let malformed = write(&folder, "malformed.json", "{\"format\":");
    let unknown = write(&folder, "unknown.json", "{\"format\":\"opera/9\",\"cases\":[]}");
    let shapeless = write(&folder, "shapeless.json", "[]");
    let absent = folder.path().join("absent.json").to_string_lossy().into_owned();
    for (file, named) in [(malformed, "EOF"), (unknown, "opera/9"), (shapeless, "vectors"), (absent, "cannot be read")]
    {
        let run: Run = purlin(&["conform", &file]);
        run.is_bad_input(&[&file, named]);
    }
}
