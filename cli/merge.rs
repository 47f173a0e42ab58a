//! `purlin merge`: the results of shards, taken together.

use crate::chaos::{holds, tell, write_junit};
use crate::failure::{Failure, Verdict};
use crate::output::{Output, first_few, grouped};
use purlin_sim::{Merge, MergedCampaign, Missing};
use serde::Serialize;
use std::path::PathBuf;

/// Merge the results of shards into those of the whole campaign
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The directories that the shards have kept their results in; those of an earlier merge are as good
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Keep the merged results and plans here, together with what is there already
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a report in JUnit's format here; junit.xml beside the results where they are kept
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    runs: Vec<MergedCampaign>,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<Verdict, Failure> {
    let mut merge = Merge::read(arguments.directories.iter().map(PathBuf::as_path)).map_err(Failure::new)?;
    if let Some(out) = &arguments.out {
        merge.keep(out).map_err(Failure::new)?;
    }
    let runs = merge.campaigns().map_err(Failure::new)?;
    runs.iter().try_for_each(|run| tell_merged(run, output))?;
    let reports: Vec<_> = runs.iter().map(|run| (&run.summary, run.always.iter().collect())).collect();
    write_junit::<&String>(arguments.junit.as_deref(), arguments.out.as_deref(), &reports)?;
    let verdict = Verdict::holds_if(runs.iter().all(|run| holds(&run.summary)));
    output.document(&Document { runs })?;
    Ok(verdict)
}

fn tell_merged(run: &MergedCampaign, output: Output) -> Result<(), Failure> {
    tell(&run.summary, output)?;
    let Missing { count, ranges } = &run.missing;
    if *count == 0 {
        return Ok(());
    }
    let ranges: Vec<String> = ranges.iter().map(|[first, end]| format!("{first}..{end}")).collect();
    let (count, ranges) = (grouped(*count), first_few(&ranges).join(", "));
    output.line(format_args!("  {count} seeds are missing: {ranges}; resume their shards and merge again"))
}
