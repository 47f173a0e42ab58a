//! `purlin check`: explores models to their ends, opens one in the explorer, or draws one.

use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms;
use clap::ValueEnum;
use purlin_models::{CheckReport, ExploreError, Kind, Model, PropertyReport, Scope};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Check models exhaustively
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The rooms whose models are checked; all unless given
    #[arg(value_name = "ROOM")]
    rooms: Vec<String>,
    /// How much the models take on; quick unless given, or whichever the named model has
    #[arg(long, value_enum)]
    scope: Option<ScopeName>,
    /// Only the model with this name (`purlin list` has the names)
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Open one model in the explorer, for a browser at this address, such as 127.0.0.1:3000
    #[arg(long, value_name = "ADDR", conflicts_with = "dot")]
    explore: Option<String>,
    /// Draw one model's state graph into this file, in Graphviz's language
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScopeName {
    /// Below a second each
    Quick,
    /// At most ten million states
    Full,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Quick => Self::Quick,
            ScopeName::Full => Self::Full,
        }
    }
}

#[derive(Serialize)]
struct Document {
    runs: Vec<CheckReport>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let models = select(arguments)?;
    if let Some(address) = &arguments.explore {
        return explore(only(&models)?, address, output);
    }
    if let Some(file) = &arguments.dot {
        return draw(only(&models)?, file, output);
    }
    let mut runs = Vec::new();
    for model in &models {
        let report = check(model.as_ref(), output);
        tell(&report, output)?;
        runs.push(report);
    }
    let holds = runs.iter().all(CheckReport::holds);
    let states = runs.iter().map(|run| run.unique_states).sum();
    output.line(format_args!("models: {}; states in all: {}", runs.len(), output::grouped(states)))?;
    output.document(&Document { runs })?;
    Ok(Verdict::holds_if(holds))
}

fn select(arguments: &Arguments) -> Result<Vec<Box<dyn Model>>, Failure> {
    let mut models: Vec<_> = rooms::select(&arguments.rooms)?.into_iter().flat_map(|room| room.models).collect();
    let scope = arguments.scope.or(arguments.model.is_none().then_some(ScopeName::Quick)).map(Scope::from);
    models.retain(|model| scope.is_none_or(|scope| model.scope() == scope));
    let Some(name) = &arguments.model else { return Ok(models) };
    let names = models.iter().map(|model| format!("`{}`", model.name())).collect::<Vec<_>>().join(", ");
    models.retain(|model| model.name() == name);
    if models.is_empty() {
        return Err(Failure::new(format_args!("there is no model `{name}`: choose one of {names}")));
    }
    Ok(models)
}

fn only(models: &[Box<dyn Model>]) -> Result<&dyn Model, Failure> {
    if let [model] = models {
        return Ok(model.as_ref());
    }
    let names = models.iter().map(|model| format!("`{}`", model.name())).collect::<Vec<_>>().join(", ");
    Err(Failure::new(format_args!("this takes exactly one model: choose one with --model: {names}")))
}

/// Checks one model, with a spinner that counts its states.
pub(crate) fn check(model: &dyn Model, output: Output) -> CheckReport {
    let spinner = output.progress(0, format!("{} / {}", model.room(), model.name()));
    let report = model.check(&|progress| {
        spinner.set_message(format!("{} states", output::grouped(progress.unique_states)));
    });
    spinner.finish_and_clear();
    report
}

fn tell(report: &CheckReport, output: Output) -> Result<(), Failure> {
    let broken = violated(report);
    let verdict = match broken.len() {
        0 if report.complete => format!("all {} properties hold", report.properties.len()),
        0 => "the search did not come to its end".to_owned(),
        count => format!("{count} of {} properties VIOLATED", report.properties.len()),
    };
    let (states, seconds) = (output::grouped(report.unique_states), output::seconds(report.seconds));
    output.line(format_args!("{} / {}: {verdict}; {states} states, {seconds}", report.room, report.model))?;
    broken.iter().try_for_each(|property| tell_violation(property, output))
}

/// The properties that do not hold. A search that was stopped by one violation has not seen enough to miss anything.
pub(crate) fn violated(report: &CheckReport) -> Vec<&PropertyReport> {
    let broken = report.properties.iter().filter(|property| !property.holds);
    broken.filter(|property| report.complete || property.kind != Kind::Sometimes).collect()
}

fn tell_violation(property: &PropertyReport, output: Output) -> Result<(), Failure> {
    output.line(format_args!("  {} {}: violated", kind_name(property.kind), property.name))?;
    let steps = property.path.iter().flatten().enumerate();
    steps.map(|(index, step)| format!("    {}. {step}", index + 1)).try_for_each(|line| output.line(line))
}

pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Always => "always",
        Kind::Sometimes => "sometimes",
        Kind::Eventually => "eventually",
    }
}

fn explore(model: &dyn Model, address: &str, output: Output) -> Result<Verdict, Failure> {
    let address = bound(resolve(address)?).map_err(Failure::new)?;
    output.line(format_args!(
        "{} / {}: open http://{address} in a browser; Ctrl-C ends",
        model.room(),
        model.name()
    ))?;
    match model.explore(address) {
        Err(error) => Err(Failure::new(error)),
        Ok(never) => match never {},
    }
}

/// The address once it has been bound, with the port that the system chose if it was asked to. It is free again for the
/// explorer, which binds it by itself.
fn bound(address: SocketAddr) -> Result<SocketAddr, ExploreError> {
    let bound = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bound.map_err(|source| ExploreError::Address { address, source })
}

fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let unusable = |problem: String| {
        Failure::new(format_args!("`{address}` is no address to listen on: {problem}; give one like 127.0.0.1:3000"))
    };
    let mut resolved = address.to_socket_addrs().map_err(|error| unusable(error.to_string()))?;
    resolved.next().ok_or_else(|| unusable("the name has no address".to_owned()))
}

fn draw(model: &dyn Model, file: &Path, output: Output) -> Result<Verdict, Failure> {
    let unwritable = |error| Failure::unwritable(file, &error);
    let mut out = BufWriter::new(File::create(file).map_err(unwritable)?);
    model.dot(&mut out).and_then(|()| out.flush()).map_err(unwritable)?;
    output.line(format_args!("{} / {}: drawn into {}", model.room(), model.name(), file.display()))?;
    output.document(&serde_json::json!({ "runs": [], "dot": file.to_string_lossy() }))?;
    Ok(Verdict::Holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(kind: Kind, holds: bool) -> PropertyReport {
        PropertyReport { name: "claim".to_owned(), kind, holds, path: None, actions: None }
    }

    #[test]
    fn a_search_that_was_stopped_has_not_missed_what_it_did_not_see() {
        let mut report = CheckReport {
            room: "room",
            model: "model",
            scope: Scope::Quick,
            complete: false,
            unique_states: 1,
            generated_states: 1,
            seconds: 0.0,
            properties: vec![
                property(Kind::Always, false),
                property(Kind::Sometimes, false),
                property(Kind::Always, true),
            ],
        };
        assert_eq!(violated(&report).len(), 1);
        report.complete = true;
        assert_eq!(violated(&report).len(), 2);
    }
}
