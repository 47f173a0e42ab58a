//! The `lock` command, from outside.

use std::net::TcpListener;
use std::process::{Command, Output};

fn lock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lock")).args(arguments).output().unwrap()
}

fn is_bad_input(arguments: &[&str], named: &[&str]) {
    let output = lock(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    for name in named {
        assert!(complaint.contains(name), "`{name}` is not named: {complaint}");
    }
}

#[test]
fn the_demonstration_shows_a_kill_a_takeover_and_a_refusal() {
    let output = lock(&[]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for shown in
        ["SIGKILL to anna", "bela holds the lock", "token 1 is refused: 2 has been here", "one holder at a time"]
    {
        assert!(told.contains(shown), "`{shown}` was not shown: {told}");
    }
}

#[test]
fn settings_and_places_that_make_no_sense_are_named() {
    let never = ["serve", "--db", "never", "--listen", "127.0.0.1:0"];
    let with = |more: &[&'static str]| [&never, more].concat();
    is_bad_input(&with(&["--node", "1", "--margin-ms", "10000"]), &["margin_ms is 10000: give less than lease_ms"]);
    is_bad_input(&with(&["--node", "0", "--retry-ms", "0"]), &["retry_ms is 0: give at least 1"]);
    is_bad_input(&with(&["--node", "0", "--keeper-at", "127.0.0.1:1"]), &["--keeper-at", "node 0 is the keeper"]);
    is_bad_input(&with(&["--node", "1", "--meet", "127.0.0.1:0"]), &["--meet is for the keeper", "node 0"]);
    is_bad_input(&with(&["--node", "300"]), &["--node", "300"]);
    is_bad_input(&with(&["--node", "1", "--keeper-at", "there"]), &["--keeper-at", "there"]);
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("lock.db");
    let file = db.to_str().unwrap();
    let free = "127.0.0.1:0";
    is_bad_input(
        &["serve", "--node", "0", "--db", file, "--listen", &address, "--meet", free],
        &[&address, "--listen"],
    );
    is_bad_input(&["serve", "--node", "0", "--db", file, "--listen", free, "--meet", &address], &[&address, "--meet"]);
    assert!(!db.exists(), "the file comes last");
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "Dear Sir").unwrap();
    let db = file.to_str().unwrap();
    is_bad_input(
        &["serve", "--node", "1", "--db", db, "--listen", "127.0.0.1:0"],
        &["letter.txt is not a journal of ours"],
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"Dear Sir");
}
