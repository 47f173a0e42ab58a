//! The replica's stories: transcripts of small clusters that are run, and compared with what they said when they were last
//! read.
//!
//! `PURLIN_REWRITE=1 cargo test --test raft` rewrites what came of the commands; the difference is for a person to read. Every
//! disk writes at once, and what a replica says to itself it hears at once; nothing else moves unless a command says so.
//!
//! ```text
//! > settings {"pre_vote":false}         of all replicas that follow
//! > founders 1 2 3                      three replicas, running
//! > join 4                              one that is not a member yet
//! > 1 election                          a timer fires: election, stickiness, heartbeat, check_quorum, transfer, retry_reads
//! > 1 propose a                         a command, and of a session: propose a {"session":1,"sequence":1,"acknowledged":0}
//! > 1 ask {"transfer":{"to":{"id":2}}}  any other request
//! > deliver                             what is on its way, but not what comes of it
//! > deliver 1 2                         of that, what goes from 1 to 2
//! > settle                              until nothing is on its way
//! > lose 1 2                            what is on its way from 1 to 2 gets lost; without numbers, all of it
//! > cut 3                               nothing gets through to 3 and from 3; `heal` ends all cuts
//! > crash 3                             its process ends; `start 3` begins another
//! > show                                how things stand
//! ```

#[path = "raft/cluster.rs"]
mod cluster;
#[path = "raft/describe.rs"]
mod describe;

use cluster::Cluster;
use purlin::raft::{Member, Request, Timer};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_transcript_still_tells_the_same_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/raft");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().for_each(|file| compare(file));
}

fn compare(file: &Path) {
    let written = std::fs::read_to_string(file).unwrap();
    let told = retell(&written);
    if std::env::var_os("PURLIN_REWRITE").is_some() {
        std::fs::write(file, &told).unwrap();
    } else {
        assert_eq!(told, written, "{} tells another story", file.display());
    }
}

/// The same commands and comments, with what comes of them today.
fn retell(written: &str) -> String {
    let mut cluster = Cluster::default();
    let mut told = String::new();
    for line in written.lines().filter(|line| line.is_empty() || line.starts_with(['#', '>'])) {
        writeln!(told, "{line}").unwrap();
        if let Some(command) = line.strip_prefix("> ") {
            run(&mut cluster, command);
            cluster.told.drain(..).for_each(|line| writeln!(told, "  {line}").unwrap());
        }
    }
    told
}

fn run(cluster: &mut Cluster, command: &str) {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    match name {
        "settings" => cluster.settings = serde_json::from_str(rest).unwrap(),
        "founders" => cluster.found(&members(rest)),
        "join" => members(rest).into_iter().for_each(|member| cluster.join(member)),
        "deliver" => cluster.deliver(link(rest)),
        "settle" => cluster.settle(),
        "lose" => cluster.lose(link(rest)),
        "cut" => cluster.cut(&members(rest)),
        "heal" => cluster.heal(),
        "crash" => members(rest).into_iter().for_each(|member| cluster.crash(member)),
        "start" => members(rest).into_iter().for_each(|member| cluster.start(member)),
        "show" => cluster.show(),
        _ => act(cluster, member(name), rest),
    }
}

fn act(cluster: &mut Cluster, member: Member, action: &str) {
    let (name, rest) = action.split_once(' ').unwrap_or((action, ""));
    match name {
        "propose" => cluster.ask(member, proposal(rest)),
        "ask" => cluster.ask(member, serde_json::from_str(rest).unwrap()),
        timer => cluster.fire(member, serde_json::from_value::<Timer>(json!(timer)).unwrap()),
    }
}

/// A command, and perhaps its stamp.
fn proposal(written: &str) -> Request<describe::Letters> {
    let (command, stamp) = written.split_once(' ').unwrap_or((written, "null"));
    let stamp: Value = serde_json::from_str(stamp).unwrap();
    Request::Propose { stamp: serde_json::from_value(stamp).unwrap(), command: command.to_owned() }
}

fn members(written: &str) -> Vec<Member> {
    written.split_whitespace().map(member).collect()
}

fn member(written: &str) -> Member {
    Member::new(written.parse().unwrap_or_else(|_| panic!("`{written}` is neither a command nor a member")))
}

fn link(written: &str) -> Option<(Member, Member)> {
    match members(written)[..] {
        [from, to] => Some((from, to)),
        _ => None,
    }
}
