//! `purlin verify`: every room in all its worlds, in less than a minute, with a report.

use crate::chaos;
use crate::failure::{Failure, Verdict};
use crate::output::{self, Output};
use crate::rooms::{self, Room};
use crate::violations::{Violation, violations};
use crate::{check, report, spec};
use purlin_models::spec::{Oracle, SpecReport};
use purlin_models::{CheckReport, Scope};
use purlin_sim::{Scenario, Summary, Tier};
use serde::Serialize;
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Check, compare and simulate every room, and write a report (what `purlin` alone does)
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = DEFAULT_REPORT)]
    report: PathBuf,
}

const DEFAULT_REPORT: &str = "target/purlin/report.html";

impl Default for Arguments {
    fn default() -> Self {
        Self { report: DEFAULT_REPORT.into() }
    }
}

/// How many seeds each room is run with, shared among its scenarios: many where a seed takes a millisecond, a few in the full
/// stack.
const SEEDS: [(Tier, u64); 2] = [(Tier::Swarm, 200), (Tier::Turmoil, 4)];

#[derive(Serialize)]
struct Document<'a> {
    rooms: Vec<RoomSummary>,
    report: Cow<'a, str>,
}

#[derive(Serialize)]
struct RoomSummary {
    room: &'static str,
    models: usize,
    states: u64,
    seeds: u64,
    violations: u64,
    seconds: f64,
}

/// All that was found of one room.
pub(crate) struct RoomFindings {
    pub(crate) room: &'static str,
    pub(crate) models: Vec<CheckReport>,
    pub(crate) comparisons: Vec<SpecReport>,
    pub(crate) campaigns: Vec<Summary>,
    pub(crate) seconds: f64,
}

impl RoomFindings {
    pub(crate) fn states(&self) -> u64 {
        self.models.iter().map(|model| model.unique_states).sum()
    }

    pub(crate) fn seeds(&self) -> u64 {
        self.campaigns.iter().map(Summary::judged).sum()
    }

    /// How many claims do not hold.
    pub(crate) fn violated(&self) -> u64 {
        violations(self).len() as u64
    }

    fn summary(&self) -> RoomSummary {
        RoomSummary {
            room: self.room,
            models: self.models.len(),
            states: self.states(),
            seeds: self.seeds(),
            violations: self.violated(),
            seconds: self.seconds,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let began = Instant::now();
    let findings = rooms::select(&[])?.iter().map(|room| verify(room, output)).collect::<Result<Vec<_>, _>>()?;
    write_report(&arguments.report, &report::render(&findings, began.elapsed().as_secs_f64()))?;
    tell(&findings, &arguments.report, output)?;
    let rooms: Vec<RoomSummary> = findings.iter().map(RoomFindings::summary).collect();
    let holds = rooms.iter().all(|room| room.violations == 0);
    output.document(&Document { rooms, report: arguments.report.to_string_lossy() })?;
    Ok(Verdict::holds_if(holds))
}

fn verify(room: &Room, output: Output) -> Result<RoomFindings, Failure> {
    let began = Instant::now();
    let quick = room.models.iter().filter(|model| model.scope() == Scope::Quick);
    let models = quick.map(|model| check::check(model.as_ref(), output)).collect();
    let compared =
        room.comparisons.iter().map(|comparison| spec::compare(comparison.as_ref(), &Oracle::Golden, output));
    let comparisons = compared.collect::<Result<_, _>>()?;
    let mut campaigns = Vec::new();
    for scenario in &room.scenarios {
        campaigns.extend(simulate(scenario, room.scenarios.len() as u64, output)?);
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(RoomFindings { room: room.name, models, comparisons, campaigns, seconds })
}

fn simulate(scenario: &Scenario, scenarios: u64, output: Output) -> Result<Vec<Summary>, Failure> {
    let share = |count: u64| (count / scenarios).max(1);
    SEEDS.map(|(tier, count)| chaos::run_seeds(scenario, tier, 0..share(count), output)).into_iter().collect()
}

fn write_report(file: &Path, report: &str) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(file, report)).map_err(|error| Failure::unwritable(file, &error))
}

fn tell(findings: &[RoomFindings], report: &Path, output: Output) -> Result<(), Failure> {
    let header = ["room", "models", "states", "comparisons", "seeds", "violations", "time"];
    let rows = findings.iter().map(|room| {
        vec![
            room.room.to_owned(),
            room.models.len().to_string(),
            output::grouped(room.states()),
            room.comparisons.len().to_string(),
            output::grouped(room.seeds()),
            room.violated().to_string(),
            output::seconds(room.seconds),
        ]
    });
    output.table(&header, rows.collect())?;
    let violations: Vec<String> = findings.iter().flat_map(violations).map(|it| in_one_line(&it)).collect();
    output::first_few(&violations).iter().try_for_each(|violation| output.line(violation))?;
    output.line(format_args!("report: {}", report.display()))
}

fn in_one_line(violation: &Violation) -> String {
    format!("VIOLATED: {}; again: {}", violation.claim, violation.command)
}
