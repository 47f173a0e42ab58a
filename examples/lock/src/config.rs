//! How a lock's nodes are set up.

use crate::Node;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A node's configuration as people write it. [`Settings::validate`] turns it into a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The node that keeps the lock. Default 0.
    pub keeper: Node,
    /// How long a lease lasts, in milliseconds, by the keeper's clock. Default 10,000.
    pub lease_ms: u64,
    /// How much less the holder counts, in milliseconds: at least by how much any two clocks may come apart during one
    /// lease, and less than the lease. **Mutual exclusion rests on it.** The tokens do not. Default 500.
    pub margin_ms: u64,
    /// After how long an unanswered question is asked again, in milliseconds, at least 1. Default 200.
    pub retry_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keeper: Node(0), lease_ms: 10_000, margin_ms: 500, retry_ms: 200 }
    }
}

/// What is wrong with [`Settings`]. Nothing was changed; whoever wrote them is to mend the field that is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {given}: {mend}")]
pub struct InvalidSettings {
    /// The field, as it is called in JSON.
    pub field: &'static str,
    /// What it says.
    pub given: u64,
    /// What it may say.
    pub mend: &'static str,
}

/// The longest lease: ten years, in milliseconds.
const LEASE_MS_MAX: u64 = 10 * 366 * 24 * 3_600 * 1_000;

impl Settings {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(self) -> Result<Config, InvalidSettings> {
        let Self { lease_ms, margin_ms, retry_ms, .. } = self;
        check("lease_ms", lease_ms, (1..=LEASE_MS_MAX).contains(&lease_ms), "give at least 1, at most ten years")?;
        check("margin_ms", margin_ms, margin_ms < lease_ms, "give less than lease_ms")?;
        check("retry_ms", retry_ms, (1..=LEASE_MS_MAX).contains(&retry_ms), "give at least 1, at most ten years")?;
        Ok(Config(self))
    }
}

fn check(field: &'static str, given: u64, fits: bool, mend: &'static str) -> Result<(), InvalidSettings> {
    if fits { Ok(()) } else { Err(InvalidSettings { field, given, mend }) }
}

/// A validated configuration. In JSON it reads and writes as [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Config(Settings);

impl TryFrom<Settings> for Config {
    type Error = InvalidSettings;

    fn try_from(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.validate()
    }
}

impl From<Config> for Settings {
    fn from(config: Config) -> Self {
        config.0
    }
}

impl Config {
    /// The settings that were validated.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.0.lease_ms)
    }

    pub(crate) fn margin(&self) -> Duration {
        Duration::from_millis(self.0.margin_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.0.retry_ms)
    }
}
