//! How fast the models are explored, and what a state costs: the largest full models, one after the other, each in a
//! process of its own so that its memory is its own.
//!
//! `cargo run --release -p purlin-models --example search_speed [NAME…]`
//!
//! Each model is explored twice: by this crate's search, with every claim judged, and by stateright's breadth-first one.

use purlin_models::Model;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The child process checks the one model of this name.
const CHILD: &str = "--only";
/// What is measured unless names are given.
const DEFAULT: [&str; 3] = [
    "window of 8, 4 callers, slow calls",
    "window of 6, 6 callers, slow calls",
    "time window of 4 buckets, half a bucket at a time",
];
/// Added to a name: the same model by stateright's own search.
const BY_STATERIGHT: &str = "--by-stateright";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, name] if flag == CHILD => measure(name, "purlin", purlin),
        [flag, name, by] if flag == CHILD && by == BY_STATERIGHT => measure(name, "stateright", stateright),
        [] => spawn_each(DEFAULT.iter().map(ToString::to_string)),
        names => spawn_each(names.iter().cloned()),
    }
}

fn spawn_each(names: impl Iterator<Item = String>) -> ExitCode {
    line("model | search | unique | generated | CPU s | wall s | generated per CPU-s | peak bytes per unique");
    for name in names {
        if !(spawn(&[CHILD, &name]) && spawn(&[CHILD, &name, BY_STATERIGHT])) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn spawn(arguments: &[&str]) -> bool {
    let program = std::env::current_exe().expect("a running program has a path");
    Command::new(program).args(arguments).status().expect("a program can start itself").success()
}

fn purlin(model: &dyn Model) -> (u64, u64) {
    let report = model.check(&|_| ());
    assert!(report.holds(), "{} is violated", model.name());
    (report.unique_states, report.generated_states)
}

fn stateright(model: &dyn Model) -> (u64, u64) {
    model.count_by_stateright()
}

fn measure(name: &str, by: &str, explore: fn(&dyn Model) -> (u64, u64)) -> ExitCode {
    let Some(model) = purlin_models::models().into_iter().find(|model| model.name() == name) else {
        line(&format!("no model is called {name:?}"));
        return ExitCode::FAILURE;
    };
    let (began, cpu_before, memory_before) = (Instant::now(), cpu_seconds(), peak_bytes());
    let (unique, generated) = explore(&*model);
    let cpu = cpu_seconds() - cpu_before;
    let wall = began.elapsed().as_secs_f64();
    let bytes = (peak_bytes() - memory_before) / unique as f64;
    let rate = generated as f64 / cpu;
    line(&format!("{name} | {by} | {unique} | {generated} | {cpu:.2} | {wall:.2} | {rate:.0} | {bytes:.0}"));
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout, reason = "what an example is for")]
fn line(text: &str) {
    println!("{text}");
}

/// User and system time of this process and its threads, in hundredths of a second, as Linux counts them.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory that this process has held.
fn peak_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() * 1024.0
}
