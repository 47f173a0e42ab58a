//! The `worker` command, from outside.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};

fn worker(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_worker")).args(arguments).output().unwrap()
}

fn is_bad_input(output: &Output, named: &[&str]) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    for name in named {
        assert!(complaint.contains(name), "`{name}` is not named: {complaint}");
    }
}

/// A short version of the torture that `worker torture` runs a thousand rounds of.
#[test]
fn twenty_kills_lose_and_double_nothing() {
    let output = worker(&["torture", "--rounds", "20", "--seed", "7"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("nothing acknowledged was lost"), "{told}");
}

#[test]
fn a_file_that_is_not_ours_is_one_clear_line_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    fs::write(&file, "Dear Sir").unwrap();
    let db = file.to_str().unwrap();
    let output = worker(&["serve", "--db", db, "--listen", "127.0.0.1:0"]);
    is_bad_input(&output, &["letter.txt is not a journal of ours"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    assert_eq!(fs::read(&file).unwrap(), b"Dear Sir");
    is_bad_input(&worker(&["torture", "--db", db]), &["letter.txt is there already"]);
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("jobs.db");
    is_bad_input(&worker(&["serve", "--db", db.to_str().unwrap(), "--listen", &address]), &[&address, "--listen"]);
    assert!(!db.exists(), "the file comes last");
}

#[test]
fn settings_and_urls_that_make_no_sense_are_named() {
    is_bad_input(&worker(&["serve", "--db", "never", "--max-attempts", "0"]), &["max_attempts is 0: give at least 1"]);
    is_bad_input(&worker(&["serve", "--db", "never", "--listen", "here"]), &["--listen"]);
    is_bad_input(&worker(&["work", "--name", "w", "--server", "ftp://here"]), &["ftp://here", "http://"]);
}
