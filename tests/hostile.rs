//! What the command does with readers that go away, files that cannot hold what it says, and vectors that are misspelt.

#![cfg(unix)]

#[path = "support/command.rs"]
mod command;

use command::{command, feed, purlin, write};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn a_drawing_whose_path_is_no_text_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"graph\xff.dot"));
    let output = command().args(["--json", "check", "--model", "two probes", "--dot"]).arg(path).output().unwrap();
    assert_ne!(output.status.code(), Some(101), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn bad_input_ends_with_2_even_if_nobody_can_be_told() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = command().arg("nonsense").stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn driving_ends_when_nobody_reads_on() {
    let mut child = command().args(["drive", "breaker"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut lines, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    writeln!(lines, r#"{{"at_ms":0,"input":"tick"}}"#).unwrap();
    answers.read_line(&mut String::new()).unwrap();
    drop(answers);
    // A writer that goes on is to learn of it by its own broken pipe.
    for _ in 0..100 {
        if writeln!(lines, r#"{{"at_ms":0,"input":"tick"}}"#).is_err() {
            child.wait().unwrap();
            return;
        }
        sleep(Duration::from_millis(10));
    }
    drop(lines);
    child.wait().unwrap();
    panic!("it took a hundred more lines that nobody will ever see answered");
}

#[test]
fn help_whose_reader_has_gone_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command().arg("--help").stdout(writer).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

fn exit_code(case: Value) -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let vectors = json!({ "format": "breaker/1", "cases": [case] });
    purlin(&["conform", &write(&folder, "vectors.json", &vectors.to_string())]).code
}

#[test]
fn a_misspelt_expectation_is_not_passed_over() {
    for action in ["tick", "reset", "disable", "to_closed"] {
        let rows = json!([{ "at_ms": 0, "do": action, "expct": { "state": "open" } }]);
        let case = json!({ "id": "a", "kind": "manual", "config": {}, "expected": "per_row", "rows": rows });
        assert_ne!(exit_code(case), 0, "{action}");
    }
}

#[test]
fn a_case_without_rows_does_not_pass_per_row() {
    let row = json!([{ "at_ms": 0, "do": "tick", "expect": { "state": "open" } }]);
    assert_ne!(exit_code(json!({ "id": "a", "kind": "timeline", "config": {}, "expected": "per_row", "row": row })), 0);
}

#[test]
fn a_wait_beyond_the_range_of_settings_is_not_cut_short_in_silence() {
    let rows = json!([
        { "at_ms": 0, "do": "run", "n": 1, "outcome": "fail", "expect": { "state": "open" } },
        { "at_ms": 400_000_000_000_u64, "do": "admit", "expect": { "state": "half_open" } },
    ]);
    let config = json!({ "window": { "count": 1 }, "open_wait_ms": u64::MAX });
    let case = json!({ "id": "a", "kind": "timeline", "config": config, "expected": "per_row", "rows": rows });
    assert_ne!(exit_code(case), 0, "half-open after 12 years of a wait of 584 million");
}

#[test]
fn a_schedule_beyond_the_range_of_settings_is_not_cut_short_in_silence() {
    let rows = json!([
        { "at_ms": 0, "do": "run", "n": 1, "outcome": "fail", "expect": { "state": "open" } },
        { "at_ms": 400_000_000_000_u64, "do": "admit", "expect": { "state": "open" } },
    ]);
    let config = json!({ "window": { "count": 1 }, "open_wait_schedule_ms": [u64::MAX] });
    let case = json!({ "id": "a", "kind": "timeline", "config": config, "expected": "per_row", "rows": rows });
    assert_eq!(exit_code(case), 0, "a wait is read as the longest one that there is");
}

/// What is wrong with one case: it must be told, and the command must live to tell it.
fn told(case: Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let vectors = json!({ "format": "breaker/1", "cases": [case] });
    let run = purlin(&["--json", "conform", &write(&folder, "vectors.json", &vectors.to_string())]);
    assert_eq!(run.code, 1, "{run:?}");
    run.document()["files"][0]["failed"][0]["got"]["error"].as_str().expect("an error").to_owned()
}

#[test]
fn windows_too_large_to_be_held_are_told() {
    let rows = json!([{ "at_ms": 0, "do": "snapshot", "expect": { "total": 0 } }]);
    let window = json!({ "window": { "time_s": u32::MAX, "bucket_ms": 1 } });
    let error = told(json!({ "id": "a", "kind": "window", "config": window, "expected": "per_row", "rows": rows }));
    assert!(error.contains("window is 4294967295 s"), "{error}");
    let ratio = json!({ "window_ms": 10_000, "buckets": u32::MAX });
    let error = told(json!({ "id": "a", "kind": "ratio_window", "config": ratio, "expected": {}, "rows": [] }));
    assert!(error.contains("`buckets` is 4294967295"), "{error}");
}

#[test]
fn rows_of_too_many_calls_are_told() {
    let calls = 10_000_001;
    let record = json!([{ "at_ms": 0, "do": "record", "success": true, "n": calls, "expect": { "total": calls } }]);
    let ratio = json!({ "window_ms": 10_000, "buckets": 10 });
    let record = json!({ "id": "a", "kind": "ratio_window", "config": ratio, "expected": "per_row", "rows": record });
    let run = json!([{ "at_ms": 0, "do": "run", "outcome": "succeed", "n": calls, "expect": { "state": "closed" } }]);
    let run = json!({ "id": "a", "kind": "timeline", "expected": "per_row", "rows": run });
    for case in [record, run] {
        let error = told(case);
        assert!(error.contains("`n` is 10000001"), "{error}");
    }
}

#[test]
fn a_misspelt_key_of_a_case_a_window_row_or_a_window_is_told() {
    let row = json!({ "at_ms": 0, "do": "snapshot", "expct": { "total": 1 } });
    let expect = json!({ "at_ms": 0, "do": "snapshot", "expect": { "total": 0 } });
    let window = json!({ "window": { "count": 1 } });
    let case = |config: Value, rows: Value| json!({ "id": "a", "kind": "window", "config": config, "expected": "per_row", "rows": rows });
    assert_eq!(exit_code(case(window.clone(), json!([expect]))), 0);
    assert!(told(case(window.clone(), json!([expect, row]))).contains("expct"));
    assert!(told(case(json!({ "window": { "count": 1 }, "windw": 2 }), json!([expect]))).contains("windw"));
    let mut extra = case(window, json!([expect]));
    extra["tolerence"] = json!(1);
    assert!(told(extra).contains("tolerence"));
    let minimum = json!({ "id": "a", "kind": "effective_minimum", "expected": "per_row", "rows": [expect] });
    assert!(told(minimum).contains("rows"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_whose_name_is_no_text_is_judged_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"vectors\xff.json"));
    std::fs::write(&path, json!({ "format": "breaker/1", "cases": [] }).to_string()).unwrap();
    let output = command().args(["--json", "conform"]).arg(path).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["files"][0]["file"].as_str().is_some_and(|file| file.contains("vectors\u{fffd}.json")));
}

#[test]
fn a_place_in_a_cluster_that_is_no_text_is_refused() {
    for name in ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"] {
        let mut task = command();
        task.args(["chaos", "--seeds", "0..1"]).env(name, OsStr::from_bytes(b"1\xff"));
        feed(task, "").is_bad_input(&[name, "whole number"]);
    }
}

#[test]
fn specifications_that_nobody_would_read_are_refused() {
    purlin(&["spec", "--specs", "specs"]).is_bad_input(&["--specs", "TLA2TOOLS_JAR"]);
}

#[test]
fn the_explorer_is_announced_only_at_an_address_that_was_bound() {
    let explore = ["check", "--model", "two probes", "--explore"];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    purlin(&[&explore[..], &[&address]].concat()).is_bad_input(&[&address]);
    let mut child = command().args(explore).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').find_map(|word| word.strip_prefix("http://")).unwrap_or_default().to_owned();
    let served = (0..200).any(|_| {
        sleep(Duration::from_millis(20));
        TcpStream::connect(&address).is_ok()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(served, "nobody is at the address that was announced: {line}");
}
