//! How a queue is set up: [`Settings`] as people write them, [`Config`] as the machine takes them.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A queue's configuration as people write it. [`Settings::validate`] turns it into a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a lease lasts unless the claim says otherwise, in milliseconds, at least 1. Default 1,000.
    pub lease_ms: u64,
    /// How often a message is handed out before it is dead, at least 1. Default 3.
    pub max_attempts: u32,
    /// For how long a deduplication id is remembered from the enqueue that was accepted with it, in milliseconds; a change
    /// holds for later enqueues. Default 300,000, as Amazon SQS has it.
    pub dedup_retention_ms: u64,
    /// Whether a dead message keeps the later ones of its key waiting. Default false.
    pub dead_blocks_key: bool,
    /// How many messages may be leased at once. `null` is unlimited. Default `null`.
    pub max_in_flight: Option<u32>,
    /// How many messages one worker may hold at once. `null` is unlimited. Default `null`.
    pub max_in_flight_per_worker: Option<u32>,
    /// How many messages may be ready, delayed, leased or dead; beyond it an enqueue is refused as full. At least 1.
    /// Default 1,000,000.
    pub max_messages: u32,
    /// How many finished messages are remembered, so that their ids stay taken and a repeated ack is known; the oldest are
    /// forgotten first. At least 1. Default 1,000,000.
    pub max_done: u32,
    /// How many deduplication ids are remembered; beyond it an enqueue that brings one is refused as full. At least 1.
    /// Default 1,000,000: as many enqueues in one `dedup_retention_ms`.
    pub max_dedup_ids: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease_ms: 1_000,
            max_attempts: 3,
            dedup_retention_ms: 300_000,
            dead_blocks_key: false,
            max_in_flight: None,
            max_in_flight_per_worker: None,
            max_messages: 1_000_000,
            max_done: 1_000_000,
            max_dedup_ids: 1_000_000,
        }
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

impl Settings {
    /// The longest duration in any field: ten years, in milliseconds.
    pub const DURATION_MS_MAX: u64 = 10 * 366 * 24 * 3_600 * 1_000;

    /// Checks every field.
    ///
    /// ```
    /// let settings = purlin::queue::Settings { max_attempts: 0, ..Default::default() };
    /// assert_eq!(settings.validate().unwrap_err().to_string(), "max_attempts is 0: give at least 1");
    /// ```
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(self) -> Result<Config, InvalidSettings> {
        let least_one = [
            ("lease_ms", self.lease_ms),
            ("max_attempts", self.max_attempts.into()),
            ("max_in_flight", self.max_in_flight.unwrap_or(1).into()),
            ("max_in_flight_per_worker", self.max_in_flight_per_worker.unwrap_or(1).into()),
            ("max_messages", self.max_messages.into()),
            ("max_done", self.max_done.into()),
            ("max_dedup_ids", self.max_dedup_ids.into()),
        ];
        for (field, given) in least_one {
            check(field, given, given >= 1, "give at least 1")?;
        }
        for (field, given) in [("lease_ms", self.lease_ms), ("dedup_retention_ms", self.dedup_retention_ms)] {
            check(field, given, given <= Self::DURATION_MS_MAX, "give at most ten years")?;
        }
        Ok(Config { settings: self })
    }
}

fn check(field: &'static str, given: u64, fits: bool, mend: &'static str) -> Result<(), InvalidSettings> {
    if fits { Ok(()) } else { Err(InvalidSettings { field, given, mend }) }
}

/// A validated configuration. In JSON it reads and writes as [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Config {
    settings: Settings,
}

impl TryFrom<Settings> for Config {
    type Error = InvalidSettings;

    fn try_from(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.validate()
    }
}

impl From<Config> for Settings {
    fn from(config: Config) -> Self {
        config.settings
    }
}

impl Config {
    /// The settings that were validated.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How long a lease lasts: as the claim says, else as configured.
    pub(super) fn lease(&self, asked_ms: Option<u64>) -> Duration {
        Duration::from_millis(asked_ms.unwrap_or(self.settings.lease_ms).clamp(1, Settings::DURATION_MS_MAX))
    }

    pub(super) fn dedup_retention(&self) -> Duration {
        Duration::from_millis(self.settings.dedup_retention_ms)
    }
}
