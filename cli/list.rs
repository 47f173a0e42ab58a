//! `purlin list`: the rooms, and what there is of each.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use crate::rooms::{self, Room};
use purlin_models::Scope;
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
    #[serde(skip)]
    scopes: Vec<&'static str>,
    scenarios: Vec<&'static str>,
    spec: bool,
}

pub(crate) fn run(_arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let rooms: Vec<Entry> = rooms::select(&[])?.iter().map(entry).collect();
    output.table(&["room", "models", "scope", "scenarios", "specification"], rooms.iter().map(row).collect())?;
    output.document(&Document { rooms })?;
    Ok(Verdict::Holds)
}

fn entry(room: &Room) -> Entry {
    let models = room.models.iter().map(|model| model.name()).collect();
    let scopes = room.models.iter().map(|model| scope_name(model.scope())).collect();
    let scenarios = room.scenarios.iter().map(|scenario| scenario.name()).collect();
    Entry { name: room.name, models, scopes, scenarios, spec: !room.comparisons.is_empty() }
}

fn row(entry: &Entry) -> Vec<String> {
    let spec = if entry.spec { "yes" } else { "no" };
    let (models, scopes) = (entry.models.join("\n"), entry.scopes.join("\n"));
    vec![entry.name.to_owned(), models, scopes, entry.scenarios.join("\n"), spec.to_owned()]
}

const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Quick => "quick",
        Scope::Full => "full",
    }
}
