//! Stock axum, hyper-util's pooled client and tonic in a deterministic simulation: the traps, each by itself, and a town
//! of all of them under faults, whose runs are the same to the last byte.

mod stacks;
mod tonic_stack;
mod town;
mod traps;

use std::process::Command;
use std::sync::OnceLock;
use town::{Town, run};

const SEEDS: u64 = 4;

/// The first run of each seed in this process.
fn first_runs() -> &'static [Town] {
    static RUNS: OnceLock<Vec<Town>> = OnceLock::new();
    RUNS.get_or_init(|| (0..SEEDS).map(run).collect())
}

/// Method: events and the bytes on all wires, of two runs of each seed. The lines tell where two runs part.
#[test]
fn two_runs_in_one_process_are_the_same_to_the_last_byte() {
    for (seed, once) in (0..).zip(first_runs()) {
        let again = run(seed);
        let parting = once.lines.iter().zip(&again.lines).find(|(one, other)| one != other);
        assert_eq!(parting, None, "seed {seed}");
        assert_eq!(*once, again, "seed {seed}");
    }
    assert_ne!(first_runs()[0].fingerprint, first_runs()[1].fingerprint);
}

#[test]
#[allow(clippy::print_stdout, reason = "one process tells the other")]
fn two_processes_are_the_same_to_the_last_byte() {
    let hashes: Vec<_> = first_runs().iter().map(|run| run.hash().to_string()).collect();
    let hashes = format!("hashes {};", hashes.join(" "));
    if std::env::var_os("TELL_HASHES").is_some() {
        println!("{hashes}");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "two_processes_are_the_same_to_the_last_byte", "--nocapture"];
    let output = Command::new(program).args(arguments).env("TELL_HASHES", "1").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains(&hashes), "this process says {hashes:?}, the other {told}");
}

/// A run in which nothing happens is the same as any other such run.
#[test]
fn a_town_meets_every_fault_and_serves_most() {
    let count = |part: &str| first_runs().iter().flat_map(|run| &run.lines).filter(|line| line.contains(part)).count();
    for fault in ["begins: Cut", "begins: OneWay", "begins: Kill", "begins: Power"] {
        assert!(count(fault) > 5, "{fault}: {}", count(fault));
    }
    let seeds = SEEDS as usize;
    assert_eq!(
        count("asks"),
        seeds * (town::CLIENTS.len() * town::REQUESTS + town::PROBES),
        "everyone comes to an end"
    );
    assert!(count("asks shop") - count("shop: 200 OK") > 10, "some are not served");
    assert!(count("shop: 200 OK") > seeds * 200, "{}", count("shop: 200 OK"));
    assert!(count("health: serving") > seeds * 50, "{}", count("health: serving"));
    assert!(count("given up") > 5 && count("client error") > 5);
}
