//! How a log is set up: [`Settings`] as people write them, [`Config`] as a log takes them.

use super::sector::SECTOR;

/// A log's configuration as people write it. [`Settings::validate`] turns it into a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose log it is: it stands in every segment, and segments of another log are refused. Choose it once for each log,
    /// at random or as a number of the cluster and node.
    pub identity: u128,
    /// How large a segment is in bytes, 1,024 to 2 GiB, a multiple of 512. A log that exists keeps the size it was made with. Default
    /// 64 MiB.
    pub segment_bytes: u64,
    /// How long a payload may be in bytes, at most 1 GiB. A log that exists reads longer ones too. Default 16 MiB.
    pub payload_bytes_max: u32,
    /// How many segments that are no longer needed are kept for later use, so that no new ones have to be made. Default 2.
    pub spare_segments_max: u32,
}

impl Settings {
    /// The defaults, for the log of this identity.
    #[must_use]
    pub const fn new(identity: u128) -> Self {
        Self { identity, segment_bytes: 64 << 20, payload_bytes_max: 16 << 20, spare_segments_max: 2 }
    }

    /// The smallest segment: its header and one sector.
    pub const SEGMENT_BYTES_MIN: u64 = 2 * SECTOR as u64;
    /// The largest segment.
    pub const SEGMENT_BYTES_MAX: u64 = 2 << 30;
    /// The longest payload.
    pub const PAYLOAD_BYTES_MAX: u32 = 1 << 30;

    /// Checks every field.
    ///
    /// ```
    /// let settings = purlin::log::Settings { segment_bytes: 1_000, ..purlin::log::Settings::new(7) };
    /// assert_eq!(
    ///     settings.validate().unwrap_err().to_string(),
    ///     "segment_bytes is 1000: give a multiple of 512 between 1024 and 2147483648"
    /// );
    /// ```
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(self) -> Result<Config, InvalidSettings> {
        let range = Self::SEGMENT_BYTES_MIN..=Self::SEGMENT_BYTES_MAX;
        if !range.contains(&self.segment_bytes) || !self.segment_bytes.is_multiple_of(SECTOR as u64) {
            let mend = "give a multiple of 512 between 1024 and 2147483648";
            return Err(InvalidSettings { field: "segment_bytes", given: self.segment_bytes, mend });
        }
        if self.payload_bytes_max > Self::PAYLOAD_BYTES_MAX {
            let given = self.payload_bytes_max.into();
            return Err(InvalidSettings { field: "payload_bytes_max", given, mend: "give at most 1073741824" });
        }
        Ok(Config { settings: self })
    }
}

/// What is wrong with [`Settings`]. Nothing was changed; whoever wrote them is to mend the field that is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {given}: {mend}")]
pub struct InvalidSettings {
    /// The field.
    pub field: &'static str,
    /// What it says.
    pub given: u64,
    /// What it may say.
    pub mend: &'static str,
}

/// A validated configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    settings: Settings,
}

impl TryFrom<Settings> for Config {
    type Error = InvalidSettings;

    fn try_from(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.validate()
    }
}

impl Config {
    /// The settings that were validated.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn sectors(&self) -> u32 {
        u32::try_from(self.settings.segment_bytes / SECTOR as u64).expect("validated: a segment has at most 2 GiB")
    }
}
