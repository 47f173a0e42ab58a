//! Merging: the results of shards, taken together.
//!
//! Results are sets of lines, and merging is their union: in any order, in any grouping, as often as one likes. What a
//! merge writes is a directory of results like any other.

use crate::campaign::{Summary, Tally};
use crate::results::{
    Campaigned, Findings, Line, Origin, RESULTS, ResultsError, Said, failed, keep_plan, plan_name, read_lines,
    results_path,
};
use crate::scenario::Tier;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Results of any number of directories, all of one build.
#[derive(Debug, Default)]
pub struct Merge {
    /// The build, and where it was met first.
    build: Option<(String, PathBuf)>,
    directories: BTreeSet<PathBuf>,
    /// Where all of it was written.
    kept: Option<PathBuf>,
    parts: BTreeMap<(String, Tier), Part>,
}

/// Everything of one scenario in one tier.
#[derive(Debug, Default)]
struct Part {
    campaigned: Option<Campaigned>,
    findings: Findings,
}

/// A campaign, put together from its parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedCampaign {
    /// What it found. `complete` says whether any seed is missing.
    #[serde(flatten)]
    pub summary: Summary,
    /// The seeds of which there is no result.
    #[serde(skip_serializing_if = "Missing::is_none")]
    pub missing: Missing,
    /// The properties that its judges check.
    #[serde(skip)]
    pub always: Vec<String>,
}

/// Seeds of which there is no result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// How many.
    pub count: u64,
    /// The first of them: at most [`Missing::RANGES_MAX`] ranges, each the first seed and the one after the last.
    pub ranges: Vec<[u64; 2]>,
}

/// Why results could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They could not be read or written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// There are none.
    #[error(
        "{directory}: there are no results here: give directories that `purlin chaos --out` or `purlin merge --out` has written"
    )]
    Nothing {
        /// Where.
        directory: PathBuf,
    },
    /// They are not of one build, so that they need not be of the same machines.
    #[error(
        "{path} has results of build {build}, but {other_path} has those of build {other}: merge only those of one build"
    )]
    Builds {
        /// A build.
        build: String,
        /// Where its results are.
        path: PathBuf,
        /// Another build.
        other: String,
        /// Where its results are.
        other_path: PathBuf,
    },
    /// The line that says which seeds were asked for is not there.
    #[error(
        "nothing says of which seeds the results of {scenario} in {tier} are: the line with \"kind\":\"campaign\" was removed"
    )]
    Headless {
        /// The scenario.
        scenario: String,
        /// The tier.
        tier: Tier,
    },
}

impl Merge {
    /// The file with the results in a directory.
    pub const RESULTS: &str = RESULTS;

    /// Reads the results of directories.
    ///
    /// # Errors
    /// If there are none in one of them, or they are not of one build.
    pub fn read<'a>(directories: impl IntoIterator<Item = &'a Path>) -> Result<Self, MergeError> {
        let mut merge = Self::default();
        directories.into_iter().try_for_each(|directory| merge.add(directory))?;
        Ok(merge)
    }

    /// Keeps the results in `directory`, together with those that are there already, and beside them the plans of the seeds
    /// that are told. Interrupted at any point it may be done again.
    ///
    /// # Errors
    /// If the file system refuses, or what is there is of another build. What was there stays.
    pub fn keep(&mut self, directory: &Path) -> Result<(), MergeError> {
        std::fs::create_dir_all(directory).map_err(failed(directory, "made"))?;
        let path = results_path(directory);
        if path.exists() {
            self.add(directory)?;
        }
        for campaign in self.campaigns()? {
            self.keep_plans(campaign.summary, directory)?;
        }
        let part = path.with_extension("part");
        let written = self.write(&part).and_then(|()| std::fs::rename(&part, &path));
        written.map_err(failed(&path, "written"))?;
        self.kept = Some(directory.to_owned());
        Ok(())
    }

    /// The campaigns, in order of their scenarios.
    ///
    /// # Errors
    /// If nothing says what was asked for.
    pub fn campaigns(&self) -> Result<Vec<MergedCampaign>, MergeError> {
        self.parts.iter().map(|((scenario, tier), part)| self.campaign(scenario, *tier, part)).collect()
    }

    /// The build whose results these are; none if there are none.
    pub fn build(&self) -> Option<&str> {
        self.build.as_ref().map(|(build, _)| build.as_str())
    }

    fn add(&mut self, directory: &Path) -> Result<(), MergeError> {
        let path = results_path(directory);
        let (mut refused, mut is_empty) = (None, true);
        read_lines(&path, |line| {
            is_empty = false;
            if refused.is_none() {
                refused = self.add_line(line, &path).err();
            }
        })?;
        match refused {
            Some(refused) => Err(refused),
            None if is_empty => Err(MergeError::Nothing { directory: directory.to_owned() }),
            None => {
                self.directories.insert(directory.to_owned());
                Ok(())
            }
        }
    }

    fn add_line(&mut self, Line { origin, said }: Line, path: &Path) -> Result<(), MergeError> {
        let Origin { build, scenario, tier } = origin;
        self.check_build(build, path)?;
        let part = self.parts.entry((scenario, tier)).or_default();
        match said {
            Said::Result(record) => part.findings.add(record),
            Said::Campaign(more) => {
                let merged = part.campaigned.take().map_or_else(|| more.clone(), |campaigned| campaigned.merged(&more));
                part.campaigned = Some(merged);
            }
        }
        Ok(())
    }

    fn check_build(&mut self, other: String, other_path: &Path) -> Result<(), MergeError> {
        let other_path = other_path.to_owned();
        match &self.build {
            None => self.build = Some((other, other_path)),
            Some((build, _)) if *build == other => {}
            Some((build, path)) => {
                let (build, path) = (build.clone(), path.clone());
                return Err(MergeError::Builds { build, path, other, other_path });
            }
        }
        Ok(())
    }

    fn campaign(&self, scenario: &str, tier: Tier, part: &Part) -> Result<MergedCampaign, MergeError> {
        let headless = || MergeError::Headless { scenario: scenario.to_owned(), tier };
        let campaigned = part.campaigned.as_ref().ok_or_else(headless)?;
        let mut tally = Tally::new(campaigned.seeds[0]);
        let mut missing = Missing::default();
        let mut next = campaigned.seeds[0];
        for record in part.findings.by_seed() {
            tally.add(&record);
            missing.note(next, record.finding.seed);
            next = record.finding.seed.saturating_add(1);
        }
        missing.note(next, campaigned.seeds[1]);
        let of = campaigned.seeds[1].saturating_sub(campaigned.seeds[0]);
        let mut summary = tally.summarise(scenario, tier, campaigned, of);
        summary.plans().for_each(|(seed, plan)| *plan = self.find_plan(&plan_name(scenario, tier, seed)));
        Ok(MergedCampaign { summary, missing, always: campaigned.always.clone() })
    }

    /// Where a plan is: any of the files of this name, since they are all alike, but always the same.
    fn find_plan(&self, name: &str) -> Option<PathBuf> {
        let directories = self.kept.iter().chain(&self.directories);
        directories.map(|directory| directory.join(name)).find(|path| path.exists())
    }

    fn keep_plans(&self, mut summary: Summary, directory: &Path) -> Result<(), ResultsError> {
        for (_, plan) in summary.plans() {
            let Some((path, name)) = plan.as_deref().and_then(|path| Some((path, path.file_name()?))) else { continue };
            let json = std::fs::read(path).map_err(failed(path, "read"))?;
            keep_plan(&directory.join(name), &json)?;
        }
        Ok(())
    }

    /// Writes every line once, in one order, so that equal results are equal bytes.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for ((scenario, tier), part) in &self.parts {
            let build = self.build().unwrap_or_default().to_owned();
            let origin = Origin { build, scenario: scenario.clone(), tier: *tier };
            let campaigned = part.campaigned.iter().cloned().map(Said::Campaign);
            for said in campaigned.chain(part.findings.iter().map(Said::Result)) {
                file.write_all(Line { origin: origin.clone(), said }.text().as_bytes())?;
            }
        }
        file.into_inner()?.sync_data()
    }
}

impl Missing {
    /// So many ranges are told.
    pub const RANGES_MAX: usize = 100;

    /// Whether no seed is missing.
    pub fn is_none(&self) -> bool {
        self.count == 0
    }

    /// Seeds from `first` on are missing, up to `end`, if that is any.
    fn note(&mut self, first: u64, end: u64) {
        if first < end {
            self.count += end - first;
            if self.ranges.len() < Self::RANGES_MAX {
                self.ranges.push([first, end]);
            }
        }
    }
}
