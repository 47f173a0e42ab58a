//! `purlin list`: the rooms, and what there is of each.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use crate::rooms::{self, Room};
use serde::Serialize;

/// List the rooms with their models, scenarios and specifications
#[derive(clap::Args)]
pub(crate) struct Arguments {}

#[derive(Serialize)]
struct Document {
    rooms: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    models: Vec<&'static str>,
    scenarios: Vec<&'static str>,
    spec: bool,
}

pub(crate) fn run(_arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let rooms: Vec<Entry> = rooms::select(&[])?.iter().map(entry).collect();
    output.table(&["room", "models", "scenarios", "specification"], rooms.iter().map(row).collect())?;
    output.document(&Document { rooms })?;
    Ok(Verdict::Holds)
}

fn entry(room: &Room) -> Entry {
    let mut models: Vec<&'static str> = Vec::new();
    for model in &room.models {
        // A model may be there in both scopes.
        if !models.contains(&model.name()) {
            models.push(model.name());
        }
    }
    let scenarios = room.scenarios.iter().map(|scenario| scenario.name()).collect();
    Entry { name: room.name, models, scenarios, spec: !room.comparisons.is_empty() }
}

fn row(entry: &Entry) -> Vec<String> {
    let spec = if entry.spec { "yes" } else { "no" };
    vec![entry.name.to_owned(), entry.models.join("\n"), entry.scenarios.join("\n"), spec.to_owned()]
}
