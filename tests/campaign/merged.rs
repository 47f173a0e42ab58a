//! Shards as processes, and their results taken together.

use crate::command::{Run, command, feed, purlin};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const SCENARIO: &str = "hasty-workers";
const SEEDS: &str = "0..180";

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in letters")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The first run of a document, without what the processor's time and a folder's name decide.
fn summary(run: &Run) -> Value {
    let mut summary = run.document()["runs"][0].take();
    let cpu = summary.as_object_mut().expect("a summary").remove("cpu_seconds");
    assert!(cpu.is_some_and(|cpu| cpu.is_f64()));
    summary
}

fn unsharded() -> Value {
    summary(&purlin(&["--json", "chaos", SCENARIO, "--seeds", SEEDS]))
}

fn merge(directories: &[&Path]) -> Run {
    let mut all = vec!["--json", "merge"];
    all.extend(directories.iter().map(|directory| text(directory)));
    purlin(&all)
}

/// Shard `index` of `count`, told of its place as a pod is, on one thread or on all.
fn shard(index: u64, count: u64, directory: &Path) -> Command {
    let mut command = command();
    let count = count.to_string();
    command.args(["--json", "chaos", SCENARIO, "--seeds", SEEDS, "--shard", &count, "--out", text(directory)]);
    command.env("JOB_COMPLETION_INDEX", index.to_string());
    command
}

fn lines(directory: &Path) -> usize {
    fs::read(directory.join("results.jsonl")).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

/// Starts a shard, and kills it without a warning as soon as it has some results. A shard that was too quick is started
/// anew.
fn kill_in_the_middle(index: u64, count: u64, directory: &Path) {
    for _ in 0..20 {
        let _ = fs::remove_dir_all(directory);
        let child = shard(index, count, directory).stdout(Stdio::null()).spawn().expect("a shard");
        if dies_with_some_results(child, directory) {
            return;
        }
    }
    panic!("twenty shards were each done before they could be killed");
}

fn dies_with_some_results(mut child: Child, directory: &Path) -> bool {
    while lines(directory) < 5 && child.try_wait().expect("its state").is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it is dead or dying");
    let ended = child.wait().expect("its end");
    ended.code().is_none() && lines(directory) < 60
}

/// Tears the last line of a shard's results in the middle of a text, as a kill in the middle of writing it may.
fn tear(directory: &Path) {
    let path = directory.join("results.jsonl");
    let whole = fs::read_to_string(&path).expect("results");
    let hash = whole.rfind("\"trace_hash\":\"").expect("every result has one") + 18;
    fs::write(&path, &whole[..hash]).expect("less of them");
}

#[test]
fn shards_of_which_one_was_killed_and_resumed_merge_to_an_unsharded_run() {
    let (results, out) = (folder(), folder());
    let directories: Vec<PathBuf> = (0..3).map(|index| results.path().join(index.to_string())).collect();
    kill_in_the_middle(1, 3, &directories[1]);
    tear(&directories[1]);
    for index in [0, 2] {
        assert_eq!(feed(shard(index, 3, &directories[index as usize]), "").code, 0);
    }

    let all: Vec<&Path> = directories.iter().map(PathBuf::as_path).collect();
    let early = merge(&all).document()["runs"][0].take();
    let missing = early["missing"]["count"].as_u64().expect("some seeds are missing");
    assert!(early["complete"] == false && missing > 0 && missing < 60, "{early}");

    let before = lines(&directories[1]);
    let resumed = feed(shard(1, 3, &directories[1]), "");
    assert_eq!((resumed.code, &summary(&resumed)["passed"]), (0, &Value::from(60)));
    let run_again = lines(&directories[1]) - before;
    assert!(run_again as u64 == missing + 1, "only what was missing, behind the torn line: {run_again}");

    let whole = unsharded();
    assert_eq!(summary(&merge(&all)), whole);
    assert_eq!(summary(&merge(&[all[2], all[0], all[1], all[0]])), whole);
    let kept = purlin(&["--json", "merge", text(results.path()), "--out", text(out.path())]);
    assert_eq!((kept.code, summary(&kept)), (0, whole.clone()));
    assert_eq!(summary(&merge(&[out.path(), all[1]])), whole);
    assert!(out.path().join("junit.xml").exists());
}

#[test]
fn a_campaign_hashes_alike_however_it_is_split() {
    let whole = unsharded();
    for count in [1, 2, 7] {
        let results = folder();
        for index in 0..count {
            let run = feed(shard(index, count, &results.path().join(index.to_string())), "");
            assert_eq!(run.code, 0, "{run:?}");
        }
        let merged = purlin(&["--json", "merge", text(results.path())]);
        assert_eq!(summary(&merged), whole, "{count} shards");
    }
}

#[test]
fn results_of_different_builds_are_not_merged() {
    let (one, two) = (folder(), folder());
    for directory in [&one, &two] {
        purlin(&["chaos", SCENARIO, "--seeds", "0..2", "--out", text(directory.path())]);
    }
    let path = two.path().join("results.jsonl");
    let results = fs::read_to_string(&path).expect("results");
    fs::write(&path, results.replace("\"build\":\"0", "\"build\":\"another-0")).expect("other results");
    merge(&[one.path(), two.path()]).is_bad_input(&["another-0", "build", text(two.path()), text(one.path())]);
}

#[test]
fn two_hashes_of_one_seed_are_a_violation() {
    let (one, two) = (folder(), folder());
    for directory in [&one, &two] {
        purlin(&["chaos", SCENARIO, "--seeds", "0..2", "--out", text(directory.path())]);
    }
    let path = two.path().join("results.jsonl");
    let results = fs::read_to_string(&path).expect("results");
    let (before, after) = results.rsplit_once("\"trace_hash\":\"").expect("a hash");
    fs::write(&path, format!("{before}\"trace_hash\":\"0000000000000000{}", &after[16..])).expect("another hash");
    let run = merge(&[one.path(), two.path()]);
    assert_eq!(run.code, 1, "{run:?}");
    let failed = run.document()["runs"][0]["failed"][0].take();
    assert_eq!(failed["property"], "same_seed_same_bytes", "{failed}");
}

#[test]
fn what_holds_no_results_is_bad_input() {
    let empty = folder();
    merge(&[empty.path()]).is_bad_input(&[text(empty.path()), "chaos --out"]);
    let absent = empty.path().join("absent");
    merge(&[&absent]).is_bad_input(&[text(&absent)]);
    fs::write(empty.path().join("results.jsonl"), "{}\n").expect("a file");
    merge(&[empty.path()]).is_bad_input(&["results.jsonl", "line 1"]);
    purlin(&["merge"]).is_bad_input(&["<DIR>"]);
}

#[test]
fn a_few_seeds_tell_what_they_have_drawn_before_they_run() {
    let run = purlin(&["chaos", SCENARIO, "--seeds", "4..6"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    for (line, seed) in lines.iter().zip([4, 5]) {
        assert!(line.contains(&format!("seed {seed} draws noise ")) && line.contains("\"lease_ms\":"), "{line}");
    }
    assert!(lines[2].contains("all hold of 2"), "{}", lines[2]);
    let many = purlin(&["chaos", SCENARIO, "--seeds", "0..40"]);
    assert_eq!(many.stdout.lines().count(), 1, "{many:?}");
}
