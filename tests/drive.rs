//! `purlin drive`: JSON lines in, JSON lines out, and one clear line for whatever cannot be answered.

#[path = "support/command.rs"]
mod command;

use command::{command, purlin, purlin_fed, write};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

fn answers(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).expect("one JSON document a line")).collect()
}

#[test]
fn each_line_is_answered_before_the_next_one_is_written() {
    let mut child = command().args(["drive", "breaker"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut input = child.stdin.take().unwrap();
    for at_ms in 0..3 {
        writeln!(input, "{}", json!({ "at_ms": at_ms, "input": "ask" })).unwrap();
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["reply"]["admitted"]["epoch"], 0);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_answer_has_reply_effects_and_state() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(&folder, "config.json", r#"{"window": {"count": 1}, "slow_call_duration_ms": null}"#);
    let lines = r#"{"at_ns": 5, "input": {"end": {"permit": {"epoch": 0, "started": null}, "outcome": "failure"}}}"#;
    let run = purlin_fed(&["drive", "breaker", "--config", &config], lines);
    let [answer] = answers(&run.stdout).try_into().unwrap();
    assert_eq!(answer["reply"], json!({ "recorded": { "failed": true, "slow": false } }));
    assert_eq!(answer["effects"][1]["transitioned"]["to"], "open");
    assert_eq!(answer["state"]["epoch"], 1);
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(3));
}

#[test]
fn a_new_configuration_keeps_history_and_takes_what_falls_due() {
    let lines = concat!(
        r#"{"at_ms": 0, "input": {"end": {"permit": {"epoch": 0, "started": 0}, "outcome": "failure"}}}"#,
        "\n\n",
        r#"{"at_ms": 1, "reconfigure": {"window": {"count": 1}}}"#,
    );
    let answers = answers(&purlin_fed(&["drive", "breaker"], lines).stdout);
    assert_eq!(answers[1]["reply"], Value::Null);
    assert_eq!(answers[1]["effects"][1]["transitioned"]["to"], "open");
}

#[test]
fn a_toml_configuration_says_the_same_as_a_json_one() {
    let folder = tempfile::tempdir().unwrap();
    let toml = write(&folder, "config.toml", "initial_state = \"open\"\nopen_wait_ms = 7\nwindow = { count = 3 }\n");
    let json = write(&folder, "config.json", r#"{"initial_state": "open", "open_wait_ms": 7, "window": {"count": 3}}"#);
    let line = r#"{"at_ms": 8, "input": "ask"}"#;
    let (toml, json) = ([toml, json]).map(|file| purlin_fed(&["drive", "breaker", "--config", &file], line)).into();
    assert_eq!(toml.code, 0);
    assert_eq!(toml.stdout, json.stdout);
    assert!(toml.stdout.contains("half_open"));
}

#[test]
fn draws_are_the_throws_of_the_die_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"initial_state": "open", "open_wait_ms": 100, "open_wait_jitter": {"percent": 10, "steps": 4}}"#;
    let config = write(&folder, "config.json", config);
    let drive = |lines: &str| purlin_fed(&["drive", "breaker", "--config", &config], lines);
    let run = drive(r#"{"at_ms": 0, "draws": [4], "input": "ask"}"#);
    assert_eq!(answers(&run.stdout)[0]["reply"]["rejected"]["open"]["retry_at"], 110_000_001);
    drive(r#"{"at_ms": 0, "input": "ask"}"#).is_bad_input(&["line 1", "draws", "too few"]);
    drive(r#"{"at_ms": 0, "draws": [5], "input": "ask"}"#).is_bad_input(&["line 1", "draws", "bound 5"]);
}

#[test]
fn bad_lines_are_named_by_their_number() {
    let cases = [
        ("{\"at_ms\": 0", "EOF"),
        ("{\"at_ms\": 0, \"input\": \"jump\"}", "jump"),
        ("{\"input\": \"ask\"}", "at_ms"),
        ("{\"at_ms\": 0, \"at_ns\": 0, \"input\": \"ask\"}", "at_ms"),
        ("{\"at_ms\": 0}", "input"),
        ("{\"at_ms\": 0, \"input\": \"ask\", \"mood\": 1}", "mood"),
        ("{\"at_ms\": 0, \"reconfigure\": {\"open_wait_ms\": 0}}", "open_wait_ms"),
        ("{\"at_ms\": -1, \"input\": \"ask\"}", "-1"),
    ];
    for (line, named) in cases {
        purlin_fed(&["drive", "breaker"], line).is_bad_input(&["line 1", named]);
    }
}

#[test]
fn time_that_runs_back_is_an_error_after_the_lines_before_it() {
    let lines = "{\"at_ms\": 2, \"input\": \"ask\"}\n{\"at_ms\": 1, \"input\": \"ask\"}\n";
    let run = purlin_fed(&["drive", "breaker"], lines);
    assert_eq!((run.code, run.stdout.lines().count()), (2, 1));
    assert!(run.stderr.contains("line 2") && run.stderr.contains("back"), "{run:?}");
}

#[test]
fn bad_rooms_and_configurations_are_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let zero = write(&folder, "zero.json", r#"{"open_wait_ms": 0}"#);
    let unknown = write(&folder, "unknown.json", r#"{"windows": 3}"#);
    let malformed = write(&folder, "malformed.toml", "window = {\n");
    purlin(&["drive", "attic"]).is_bad_input(&["attic", "breaker"]);
    purlin(&["drive", "lock"]).is_bad_input(&["lock", "breaker, queue"]);
    purlin(&["drive", "breaker", "--config", &zero]).is_bad_input(&[&zero, "open_wait_ms"]);
    purlin(&["drive", "breaker", "--config", &unknown]).is_bad_input(&[&unknown, "windows"]);
    purlin(&["drive", "breaker", "--config", &malformed]).is_bad_input(&[&malformed, "line 1"]);
    purlin(&["drive", "breaker", "--config", "/no/such/file"]).is_bad_input(&["/no/such/file"]);
}

#[test]
fn the_schema_describes_configuration_inputs_and_replies() {
    let run = purlin(&["drive", "breaker", "--schema"]);
    let schema = run.document();
    assert!(schema["config"]["properties"]["open_wait_ms"].is_object(), "{schema}");
    for part in ["line", "input", "reply", "effect"] {
        assert!(schema[part]["$schema"].is_string(), "{part}");
    }
    assert_eq!(run.code, 0);
}

#[test]
fn a_protocol_recovers_what_it_has_persisted_and_nothing_else() {
    let lines = concat!(
        r#"{"at_ms": 5, "input": {"request": {"ticket": 1, "request": {"enqueue": {"id": "a"}}}}}"#,
        "\n",
        r#"{"at_ms": 6, "input": {"request": {"ticket": 2, "request": {"claim": {"worker": "w", "max": 1, "lease_ms": null}}}}}"#,
        "\n\"recover\"\n",
        r#"{"at_ms": 1, "recover": true}"#,
        "\n",
        r#"{"at_ms": 2, "input": {"request": {"ticket": 3, "request": {"ack": {"token": 0}}}}}"#,
    );
    let run = purlin_fed(&["drive", "queue"], lines);
    let answers = answers(&run.stdout);
    assert_eq!(answers.len(), 5, "{run:?}");
    assert_eq!(answers[1]["effects"][1]["answer"]["answer"]["claimed"][0]["id"], "a");
    assert_eq!(answers[2]["effects"][0]["arm"]["timer"], "lease_over");
    assert_eq!(answers[4]["effects"][1]["answer"]["answer"], "ok", "the clock came back earlier, the lease lives on");
    purlin_fed(&["drive", "breaker"], "\"recover\"").is_bad_input(&["line 1", "recover", "journal"]);
    purlin(&["drive", "queue", "--schema"]).document();
}

#[test]
fn a_misspelt_field_of_a_request_is_named() {
    for line in [
        r#"{"at_ms": 5, "input": {"request": {"ticket": 1, "request": {"claim": {"worker": "w", "max": 1, "lease": 5}}}}}"#,
        r#"{"at_ms": 5, "input": {"request": {"ticket": 1, "request": {"nack": {"token": 1, "delay_ms": 1, "lease": 5}}}}}"#,
        r#"{"at_ms": 5, "input": {"request": {"ticket": 1, "request": "stats", "lease": 5}}}"#,
    ] {
        purlin_fed(&["drive", "queue"], line).is_bad_input(&["line 1", "lease"]);
    }
}
