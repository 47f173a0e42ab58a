//! `purlin merge`: the results of shards, taken together.

use crate::chaos::{holds, tell, write_junit};
use crate::failure::{Failure, Verdict};
use crate::output::{Output, first_few, grouped};
use purlin_sim::{Merge, MergedCampaign, Missing};
use serde::Serialize;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// Merge the results of shards into those of the whole campaign
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Directories that shards, or earlier merges, have kept their results in; or one that holds such directories
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
    let mut directories = Vec::new();
    for directory in &arguments.directories {
        directories.extend(with_results(directory)?);
    }
    let mut merge = Merge::read(directories.iter().map(PathBuf::as_path)).map_err(Failure::new)?;
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

/// A directory with results; or else those within it that have some. A shard that has not begun has none yet.
fn with_results(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: io::Error| Failure::unreadable(directory, &error);
    let has_results = |directory: &Path| directory.join(Merge::RESULTS).exists();
    let entries = fs::read_dir(directory).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let within: Vec<PathBuf> = entries.iter().map(DirEntry::path).filter(|entry| has_results(entry)).collect();
    if has_results(directory) || within.is_empty() { Ok(vec![directory.to_owned()]) } else { Ok(within) }
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
