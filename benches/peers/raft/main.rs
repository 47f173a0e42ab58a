//! Raft beside its peers: `cargo bench --bench raft` here prints the table of `benches/README.md`.
//!
//! ```text
//!   cargo bench --bench raft                                 # CPU-ns, proposals per second, messages per proposal
//!   cargo bench --bench raft -- --instructions               # and instructions per proposal, by valgrind (minutes)
//!   cargo bench --bench raft -- --rounds 1 OmniPaxos         # only cases whose names contain one of these words
//! ```
//! raft-rs is built once with each of its codecs, in `raft-rs/` next door; that needs `protoc` (`apt-get install
//! protobuf-compiler`). Without it those rows are left out. The workload is that of `workload.rs`. Every measurement has a process of
//! its own, and every round visits all cases. Instructions per proposal are (I(N2) − I(N1)) / (N2 − N1), as counted by
//! `valgrind --tool=callgrind` over whole runs with N1 and N2 proposals; to see where they go:
//!
//! ```text
//!   valgrind --tool=callgrind target/release/deps/raft-* --measure purlin 1000 16 50000 && callgrind_annotate callgrind.out.*
//! ```

mod cases;
mod child;
mod drive;
mod omnipaxos;
mod openraft;
mod options;
mod parent;
mod purlin;
mod table;
mod workload;

use child::{Errand, MEASURE};
use drive::{Figures, drive};
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, rest)) if first == MEASURE => measure(rest),
        _ => compare(words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::from(2)
        }
    }
}

/// As a child: one measurement.
fn measure(words: &[String]) -> Result<(), String> {
    let figures = Errand::parse(words).and_then(|errand| run(&errand));
    let usage = || format!("usage: {MEASURE} purlin|openraft|omnipaxos-1|omnipaxos-1000 WINDOW PAYLOAD PROPOSALS");
    println!("{}", figures.ok_or_else(usage)?);
    Ok(())
}

fn run(errand: &Errand) -> Option<Figures> {
    Some(match errand.engine.as_str() {
        "purlin" => drive(purlin::Cluster::elect(), errand.load),
        "openraft" => drive(openraft::Cluster::elect(), errand.load),
        "omnipaxos-1" => drive(omnipaxos::Cluster::elect(1), errand.load),
        "omnipaxos-1000" => drive(omnipaxos::Cluster::elect(1_000), errand.load),
        _ => return None,
    })
}

/// As a parent: all measurements, in children.
fn compare(words: Vec<String>) -> Result<(), String> {
    let options = Options::parse(words)?;
    let cases = cases::cases(&options);
    if cases.is_empty() {
        return Err("no case has any of these words in its name: give none to see all names".to_owned());
    }
    let rows = parent::measure(cases, &options)?;
    table::print(&rows);
    Ok(())
}
