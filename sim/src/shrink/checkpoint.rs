//! How far shrinking has come, on disk, so that it goes on where it was broken off.

use super::ShrinkError;
use super::symptom::Symptom;
use crate::hash::Hash;
use crate::plan::Plan;
use crate::scenario::{Scenario, Tier};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    scenario: String,
    tier: Tier,
    /// The plan that is being shrunk.
    original: Hash,
    pub(super) symptom: Symptom,
    pub(super) runs: u64,
    /// The simplest plan so far.
    pub(super) plan: Plan,
}

impl Checkpoint {
    pub(super) fn new(
        scenario: &Scenario,
        tier: Tier,
        original: &Plan,
        symptom: &Symptom,
        runs: u64,
        best: &Plan,
    ) -> Self {
        let (scenario, original) = (scenario.name().to_owned(), original.hash());
        Self { scenario, tier, original, symptom: symptom.clone(), runs, plan: best.clone() }
    }

    pub(super) fn read(path: &Path) -> Result<Option<Self>, ShrinkError> {
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, "read", error)),
            Ok(json) => match serde_json::from_str(&json) {
                Ok(checkpoint) => Ok(Some(checkpoint)),
                Err(error) => Err(ShrinkError::Checkpoint { path: path.to_owned(), why: error.to_string() }),
            },
        }
    }

    /// Checks that it is of this plan.
    pub(super) fn check_owner(
        &self,
        path: &Path,
        scenario: &Scenario,
        tier: Tier,
        original: &Plan,
    ) -> Result<(), ShrinkError> {
        let same = self.scenario == scenario.name() && self.tier == tier && self.original == original.hash();
        let why = || format!("it is of another plan, of {} in the {}", self.scenario, self.tier);
        if same { Ok(()) } else { Err(ShrinkError::Checkpoint { path: path.to_owned(), why: why() }) }
    }

    /// Whoever reads it finds all of it, or what was there before.
    pub(super) fn write(&self, path: &Path) -> Result<(), ShrinkError> {
        let json = serde_json::to_string(self).expect("a checkpoint holds only numbers, texts and lists");
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let written = std::fs::write(&fresh, json + "\n").and_then(|()| std::fs::rename(&fresh, path));
        written.map_err(|error| failed(path, "written", error))
    }

    pub(super) fn remove(path: &Path) -> Result<(), ShrinkError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "removed", error)),
            _ => Ok(()),
        }
    }
}

fn failed(path: &Path, what: &'static str, error: io::Error) -> ShrinkError {
    ShrinkError::Io { path: path.to_owned(), what, error }
}
