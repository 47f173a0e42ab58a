//! How a replica is set up: [`Settings`] as people write them, [`Config`] as the machine takes them.

use super::member::Member;
use super::membership::Membership;
use core::num::NonZeroU32;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A replica's configuration as people write it. [`Settings::validate`] turns it into a [`Config`].
///
/// Fields may differ between replicas, but for `election_timeout_ms`, `check_quorum` and `lease` where leases are used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// This replica.
    pub me: Member,
    /// The members with whom the cluster is founded, the same on each of them; none for a replica that joins later. Read by
    /// the first process only.
    #[serde(default)]
    pub founders: Membership,
    /// After how long without a word of the leader a replica stands for election, in milliseconds: at least so long, and less
    /// than twice. At least 1; ten times the heartbeat is usual. Default 1,000.
    #[serde(default = "default::election_timeout_ms")]
    pub election_timeout_ms: u64,
    /// Of how many equally likely waits the one before an election is drawn, at least 1. Default 1,000.
    #[serde(default = "default::election_spread")]
    pub election_spread: NonZeroU32,
    /// How often the leader is heard, in milliseconds, at least 1 and less than `election_timeout_ms`. Default 100.
    #[serde(default = "default::heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Whether an election is preceded by a poll that changes no term: a replica that was cut off then disturbs nobody when it
    /// returns (section 9.6 of the dissertation). Default true.
    #[serde(default = "default::yes")]
    pub pre_vote: bool,
    /// Whether a leader that does not hear of a quorum for an election timeout steps down, and whether voters that hear the
    /// leader refuse to vote (section 6.2 of the dissertation). Default true.
    #[serde(default = "default::yes")]
    pub check_quorum: bool,
    /// Reads by the leader's clock, without asking a quorum (section 6.4.1 of the dissertation). They are stale if the bounds
    /// are broken. Default none.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Whether what is proposed while others wait is appended and sent as one. Default true.
    #[serde(default = "default::yes")]
    pub batching: bool,
    /// How many bytes of entries go into one message, unless the first takes more; 0 is one entry. Default 1 MiB.
    #[serde(default = "default::message_bytes_max")]
    pub message_bytes_max: usize,
    /// How many messages with entries one follower may have unacknowledged, at least 1. Default 256.
    #[serde(default = "default::inflight_messages_max")]
    pub inflight_messages_max: usize,
    /// How many bytes of entries one follower may have unacknowledged, unless one message takes more. Default 64 MiB.
    #[serde(default = "default::bytes")]
    pub inflight_bytes_max: usize,
    /// How many bytes of entries a leader lets wait to be committed, unless one takes more; beyond it proposals are refused as
    /// busy. Default 64 MiB.
    #[serde(default = "default::bytes")]
    pub uncommitted_bytes_max: usize,
    /// How many bytes of applied entries are kept in memory; older ones are read back when a follower needs them. Default 64 MiB.
    #[serde(default = "default::bytes")]
    pub log_memory_bytes_max: usize,
    /// After how many applied entries a snapshot is taken; 0 is never. Default 100,000.
    #[serde(default = "default::snapshot_every")]
    pub snapshot_every: u64,
    /// How many entries before a snapshot are kept for followers that lag. Default 10,000.
    #[serde(default = "default::trailing_entries")]
    pub trailing_entries: u64,
    /// How many bytes of a snapshot go into one message, at least 1. Default 256 KiB.
    #[serde(default = "default::chunk_bytes")]
    pub chunk_bytes: u64,
    /// How many sessions are remembered; beyond it the one that was used longest ago ends. At least 1. Default 10,000.
    #[serde(default = "default::sessions_max")]
    pub sessions_max: u32,
}

/// What reads by the leader's clock rest on. The clocks are those that every replica's host shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// How much faster or slower than the truth any clock runs, in millionths, below 1,000,000. 500 is common for a quartz.
    pub max_drift_ppm: u32,
    /// How long a process may stand still between reading its clock and answering, in milliseconds.
    pub max_pause_ms: u64,
}

mod default {
    use core::num::NonZeroU32;

    pub(super) const fn yes() -> bool {
        true
    }

    pub(super) const fn election_timeout_ms() -> u64 {
        1_000
    }

    pub(super) const fn election_spread() -> NonZeroU32 {
        NonZeroU32::new(1_000).expect("a thousand is not 0")
    }

    pub(super) const fn heartbeat_ms() -> u64 {
        100
    }

    pub(super) const fn message_bytes_max() -> usize {
        1 << 20
    }

    pub(super) const fn inflight_messages_max() -> usize {
        256
    }

    pub(super) const fn bytes() -> usize {
        64 << 20
    }

    pub(super) const fn snapshot_every() -> u64 {
        100_000
    }

    pub(super) const fn trailing_entries() -> u64 {
        10_000
    }

    pub(super) const fn chunk_bytes() -> u64 {
        256 << 10
    }

    pub(super) const fn sessions_max() -> u32 {
        10_000
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
    /// The longest duration in any field: an hour, in milliseconds.
    pub const DURATION_MS_MAX: u64 = 3_600_000;

    /// The defaults for one of the founders of a cluster.
    ///
    /// ```
    /// use purlin::raft::{Member, Settings};
    ///
    /// let members = [1, 2, 3].map(Member::new);
    /// let settings = Settings::founding(members[0], members);
    /// assert_eq!(settings.validate()?.election_timeout().as_millis(), 1_000);
    /// # Ok::<(), purlin::raft::InvalidSettings>(())
    /// ```
    pub fn founding(me: Member, founders: impl IntoIterator<Item = Member>) -> Self {
        Self { founders: Membership::of_voters(founders), ..Self::joining(me) }
    }

    /// The defaults for a replica that joins a cluster.
    pub fn joining(me: Member) -> Self {
        Self {
            me,
            founders: Membership::default(),
            election_timeout_ms: default::election_timeout_ms(),
            election_spread: default::election_spread(),
            heartbeat_ms: default::heartbeat_ms(),
            pre_vote: true,
            check_quorum: true,
            lease: None,
            batching: true,
            message_bytes_max: default::message_bytes_max(),
            inflight_messages_max: default::inflight_messages_max(),
            inflight_bytes_max: default::bytes(),
            uncommitted_bytes_max: default::bytes(),
            log_memory_bytes_max: default::bytes(),
            snapshot_every: default::snapshot_every(),
            trailing_entries: default::trailing_entries(),
            chunk_bytes: default::chunk_bytes(),
            sessions_max: default::sessions_max(),
        }
    }

    /// Checks every field.
    ///
    /// ```
    /// use purlin::raft::{Member, Settings};
    ///
    /// let settings = Settings { heartbeat_ms: 0, ..Settings::joining(Member::new(1)) };
    /// assert_eq!(settings.validate().unwrap_err().to_string(), "heartbeat_ms is 0: give at least 1");
    /// ```
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(self) -> Result<Config, InvalidSettings> {
        let least_one = [
            ("election_timeout_ms", self.election_timeout_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("inflight_messages_max", self.inflight_messages_max as u64),
            ("chunk_bytes", self.chunk_bytes),
            ("sessions_max", self.sessions_max.into()),
        ];
        for (field, given) in least_one {
            check(field, given, given >= 1, "give at least 1")?;
        }
        let timeout = self.election_timeout_ms;
        check("election_timeout_ms", timeout, timeout <= Self::DURATION_MS_MAX, "give at most an hour")?;
        check("heartbeat_ms", self.heartbeat_ms, self.heartbeat_ms < timeout, "give less than election_timeout_ms")?;
        let members = self.founders.everyone().len() as u64;
        check("founders", members, members <= super::Slots::MAX as u64, "give at most 64 members")?;
        let lease = self.lease.map_or(Ok(Duration::ZERO), |lease| self.lease_duration(lease))?;
        let founders = Arc::new(self.founders.clone());
        let election_step = Duration::from_millis(timeout) / self.election_spread.get();
        Ok(Config { settings: self, founders, election_step, lease })
    }

    /// How long a lease lasts on the leader's clock: what is left of an election timeout if the leader's clock is the slowest and
    /// the voters' the fastest, and the leader stands still before it answers.
    fn lease_duration(&self, lease: Lease) -> Result<Duration, InvalidSettings> {
        let drift = u64::from(lease.max_drift_ppm);
        check("lease.max_drift_ppm", drift, drift < 1_000_000, "give less than 1,000,000")?;
        check("check_quorum", 0, self.check_quorum, "switch it on: leases rest on voters being true to their leader")?;
        let micros = self.election_timeout_ms * 1_000 * (1_000_000 - drift) / (1_000_000 + drift);
        let left = micros.saturating_sub(lease.max_pause_ms.saturating_mul(1_000));
        let mend = "give less: nothing is left of an election timeout";
        check("lease.max_pause_ms", lease.max_pause_ms, left > 0, mend)?;
        Ok(Duration::from_micros(left))
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
    founders: Arc<Membership>,
    election_step: Duration,
    lease: Duration,
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
    /// The settings that it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// This replica.
    pub fn me(&self) -> Member {
        self.settings.me
    }

    /// The shortest time after which a replica stands for election.
    pub fn election_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.election_timeout_ms)
    }

    /// By how much one wait before an election differs from the next.
    pub(super) fn election_step(&self) -> Duration {
        self.election_step
    }

    /// How often the leader is heard.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.settings.heartbeat_ms)
    }

    pub(super) fn founders(&self) -> &Arc<Membership> {
        &self.founders
    }

    /// How long a lease lasts from the moment when the heartbeat was sent; none without leases.
    pub fn lease(&self) -> Option<Duration> {
        self.settings.lease.map(|_| self.lease)
    }
}
