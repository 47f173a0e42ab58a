//! `purlin mutants`: plants each bug of `tests/mutants` in a scratch copy and names the checks that catch it.
//!
//! ```text
//!   tests/mutants/<room>/<name>.patch ──▶ scratch copy ──▶ build ──▶ model, spec, law, swarm (others where asked)
//! ```
//! A patch's header, the text before its diff, may say `# caught-by: model, spec`: those checks run first and must catch
//! it. Unit tests do not count: they are written with the bug in mind.

mod checks;
mod patch;
mod scratch;

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use checks::{Check, Found};
use patch::Patch;
use scratch::{Builds, Scratch};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Instant;

/// Plant known bugs and name the checks that catch them
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folders of tests/mutants; all unless given
    #[arg(value_name = "ROOM")]
    rooms: Vec<String>,
    /// Take only so many of them, drawn by the seed
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// The seed that draws the sample
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize)]
struct Document {
    mutants: Vec<Mutant>,
}

#[derive(Serialize)]
struct Mutant {
    name: String,
    room: String,
    caught_by: Vec<Check>,
    seconds: f64,
    /// Checks that its patch promises and that let it through.
    #[serde(skip)]
    missed_by: Vec<Check>,
    /// Checks that did not come to an end in time.
    #[serde(skip)]
    unended: Vec<Check>,
}

impl Mutant {
    fn is_caught(&self) -> bool {
        !self.caught_by.is_empty() && self.missed_by.is_empty()
    }
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let root = scratch::checkout_root()?;
    let patches = patch::select(&root, &arguments.rooms, arguments.sample.map(|count| (count, arguments.seed)))?;
    let scratch = Scratch::claim(&root)?;
    let progress = output.progress(patches.len() as u64 + 1, "mutants");
    progress.set_message("the tree as it is");
    pass_unharmed(&scratch, &patches)?;
    let mut mutants = Vec::new();
    for patch in &patches {
        progress.inc(1);
        progress.set_message(patch.name.clone());
        let mutant = plant(&scratch, patch)?;
        progress.suspend(|| tell(&mutant, output))?;
        mutants.push(mutant);
    }
    progress.finish_and_clear();
    let caught = mutants.iter().filter(|mutant| mutant.is_caught()).count();
    output.line(format_args!("{caught} of {} mutants are caught as they should be", mutants.len()))?;
    output.document(&Document { mutants })?;
    Ok(Verdict::holds_if(caught == patches.len()))
}

/// A check that fails without any bug would seem to catch them all.
fn pass_unharmed(scratch: &Scratch, patches: &[Patch]) -> Result<(), Failure> {
    scratch.restore()?;
    let planned: BTreeSet<(&str, Check)> =
        patches.iter().flat_map(|patch| plan(patch).into_iter().map(|check| (patch.room.as_str(), check))).collect();
    let builds = Builds::new(scratch);
    for (room, check) in planned {
        match check.run(&builds, room)? {
            Found::Nothing => {}
            Found::Bug => {
                return Err(Failure::new(format_args!(
                    "without any mutant `{check}` fails for {room}: mend that first"
                )));
            }
            Found::NoEnd => {
                let limit = check.time_limit().as_secs();
                return Err(Failure::new(format_args!(
                    "without any mutant `{check}` takes more than {limit} s for {room}"
                )));
            }
        }
    }
    Ok(())
}

fn plant(scratch: &Scratch, patch: &Patch) -> Result<Mutant, Failure> {
    let began = Instant::now();
    scratch.restore()?;
    scratch.apply(patch)?;
    let builds = Builds::new(scratch);
    let (mut caught_by, mut unended) = (Vec::new(), Vec::new());
    for check in plan(patch) {
        match check.run(&builds, &patch.room).map_err(|failure| Failure::in_file(&patch.path, failure))? {
            Found::Bug => caught_by.push(check),
            Found::NoEnd => unended.push(check),
            Found::Nothing => {}
        }
    }
    let missed_by = patch.caught_by.iter().copied().filter(|check| !caught_by.contains(check)).collect();
    let seconds = began.elapsed().as_secs_f64();
    Ok(Mutant { name: patch.name.clone(), room: patch.room.clone(), caught_by, seconds, missed_by, unended })
}

/// The checks that a patch promises, then those that are quick enough to be tried on every mutant of a machine.
fn plan(patch: &Patch) -> Vec<Check> {
    let mut planned = patch.caught_by.clone();
    if matches!(planned[..], [only] if only.is_alone()) {
        return planned;
    }
    planned.extend(Check::ALWAYS.into_iter().filter(|check| !patch.caught_by.contains(check)));
    planned
}

fn tell(mutant: &Mutant, output: Output) -> Result<(), Failure> {
    let Mutant { name, room, caught_by, seconds, missed_by, unended } = mutant;
    let caught = if caught_by.is_empty() { "nothing".to_owned() } else { names(caught_by) };
    let missed = if missed_by.is_empty() { String::new() } else { format!("; MISSED by {}", names(missed_by)) };
    let unended = if unended.is_empty() { String::new() } else { format!("; no end in {}", names(unended)) };
    output.line(format_args!("{room}/{name}: caught by {caught}{missed}{unended} ({})", output::seconds(*seconds)))
}

fn names(checks: &[Check]) -> String {
    checks.iter().map(Check::to_string).collect::<Vec<_>>().join(", ")
}
