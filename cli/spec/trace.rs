//! `purlin spec --trace`: one run, explained by its room's specification.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use purlin_models::spec::trace::{Run, TraceVerdict};
use purlin_models::tlc::Tlc;
use serde::Serialize;
use std::fs;
use std::path::Path;

#[derive(Serialize)]
struct Document {
    room: &'static str,
    observations: usize,
    verdict: TraceVerdict,
}

pub(super) fn run(file: &Path, output: Output) -> Result<Verdict, Failure> {
    let run = read(file)?;
    let trace = run.trace().map_err(|error| Failure::in_file(file, error))?;
    let verdict = trace.validate(&Tlc::locate().map_err(Failure::new)?).map_err(Failure::new)?;
    let (room, observations) = (run.room(), trace.lines);
    output.line(match verdict {
        TraceVerdict::Accepted => format!("{room}: all {observations} observations are explained"),
        TraceVerdict::Refused { observation } => format!(
            "{room}: observation {observation} of {observations} (from 0) cannot be explained: {}",
            run.observation(observation)
        ),
    })?;
    output.document(&Document { room, observations, verdict })?;
    Ok(Verdict::holds_if(verdict == TraceVerdict::Accepted))
}

fn read(file: &Path) -> Result<Run, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    serde_json::from_str(&text).map_err(|error| Failure::in_file(file, format_args!("this is no run: {error}")))
}
