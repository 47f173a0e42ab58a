//! raft-rs on the workload of `../raft`. The codec of its messages, and with it the type of a payload, is a feature of the
//! whole build: hence a package of its own, which `cargo bench --bench raft` next door builds once with each.

#[path = "../raft/child.rs"]
mod child;
#[path = "../raft/drive.rs"]
mod drive;
mod engine;
#[path = "../raft/workload.rs"]
mod workload;

use child::{Errand, MEASURE};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let errand = words.split_first().filter(|(first, _)| *first == MEASURE).and_then(|(_, rest)| Errand::parse(rest));
    let Some((batch_append, load)) = errand.and_then(|errand| Some((batches(&errand.engine)?, errand.load))) else {
        eprintln!("usage: {MEASURE} one|batched WINDOW PAYLOAD PROPOSALS");
        return ExitCode::from(2);
    };
    println!("{}", drive::drive(engine::Cluster::elect(batch_append), load));
    ExitCode::SUCCESS
}

/// Whether appends that wait are joined: raft-rs's `batch_append`.
fn batches(engine: &str) -> Option<bool> {
    match engine {
        "one" => Some(false),
        "batched" => Some(true),
        _ => None,
    }
}
