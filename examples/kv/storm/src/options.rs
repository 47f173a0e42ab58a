//! What varies from run to run.

use crate::store;
use core::num::NonZeroU32;
use purlin::raft::{Config, InvalidSettings, Lease, Member, Membership, Settings};
use purlin_sim::cluster::{Environment, Recovery};
use purlin_sim::plan::Ratio;
use purlin_sim::{InvalidPlan, Span};
use serde::{Deserialize, Serialize};

/// What varies from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// How many nodes found the cluster.
    pub founders: u8,
    /// How many nodes may join it. The first is the next incarnation of the first founder.
    pub joiners: u8,
    /// How many people use the store.
    pub users: u8,
    /// How many keys they use.
    pub keys: u8,
    /// How many bytes a value takes, at least.
    pub value_bytes: u32,
    /// Which share of them has a session.
    pub sessions: Ratio,
    /// How long a user rests.
    pub rest: Span,
    /// How long a user waits for an answer, in milliseconds, before asking somebody else.
    pub patience_ms: u64,
    /// How the replicas are set up.
    pub raft: Tuning,
    /// How those of the next version are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded: Option<Tuning>,
}

/// The settings of a replica that the whole cluster shares; each is explained at [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "named and explained as in the settings")]
pub struct Tuning {
    pub election_timeout_ms: u64,
    pub heartbeat_ms: u64,
    pub pre_vote: bool,
    pub check_quorum: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    pub batching: bool,
    pub message_bytes_max: usize,
    pub inflight_messages_max: usize,
    pub inflight_bytes_max: usize,
    pub uncommitted_bytes_max: usize,
    pub log_memory_bytes_max: usize,
    pub snapshot_every: u64,
    pub trailing_entries: u64,
    pub chunk_bytes: u64,
    pub sessions_max: u32,
}

/// Of how many waits the one before an election is drawn: so many that two nodes rarely draw the same.
const ELECTION_SPREAD: NonZeroU32 = NonZeroU32::new(1_000).expect("it is not 0");

/// A bound that nothing in a run comes near to.
pub(crate) const MUCH: usize = 64 << 20;

impl Options {
    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        u32::from(self.founders) + u32::from(self.joiners)
    }

    /// Who a node is.
    pub fn member(&self, node: u32) -> Member {
        match node.checked_sub(self.founders.into()) {
            None => Member::new(node + 1),
            Some(0) => Member { incarnation: 1, ..Member::new(1) },
            Some(_) => Member::new(node),
        }
    }

    /// Which node a member is, if it is one.
    pub fn node_of(&self, member: Member) -> Option<u32> {
        (0..self.nodes()).find(|node| self.member(*node) == member)
    }

    /// Those who found the cluster.
    pub fn founders(&self) -> Membership {
        Membership::of_voters((0..u32::from(self.founders)).map(|node| self.member(node)))
    }

    /// The configuration of a node of that version.
    ///
    /// # Errors
    /// The setting that does not hold.
    pub fn config(&self, node: u32, version: u32) -> Result<Config, InvalidSettings> {
        let tuning = self.upgraded.as_ref().filter(|_| version > 0).unwrap_or(&self.raft);
        let is_founder = node < self.founders.into();
        let founders = if is_founder { self.founders() } else { Membership::default() };
        tuning.settings(self.member(node), founders).validate()
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn check(&self) -> Result<(), InvalidPlan> {
        let fits = |least: u64, most: u64, field: &str, given: u64| {
            InvalidPlan::unless((least..=most).contains(&given), field, given, format!("give {least} to {most}"))
        };
        fits(1, 9, "founders", self.founders.into())?;
        fits(0, 8, "joiners", self.joiners.into())?;
        fits(1, 32, "users", self.users.into())?;
        fits(1, 64, "keys", self.keys.into())?;
        fits(0, 65_536, "value_bytes", self.value_bytes.into())?;
        fits(1, 60_000, "patience_ms", self.patience_ms)?;
        self.rest.validate("rest")?;
        fits(1, 60_000, "rest.least_ms", self.rest.least_ms)?;
        fits(1, 60_000, "rest.most_ms", self.rest.most_ms)?;
        self.check_version("raft", 0)?;
        if self.upgraded.is_some() { self.check_version("upgraded", 1) } else { Ok(()) }
    }

    fn check_version(&self, name: &str, version: u32) -> Result<(), InvalidPlan> {
        let invalid = |InvalidSettings { field, given, mend }| InvalidPlan {
            field: format!("{name}.{field}"),
            given: given.to_string(),
            mend: mend.to_owned(),
        };
        self.config(0, version).map(drop).map_err(invalid)
    }

    /// How long it takes until somebody leads and everybody has caught up: some elections that come to nothing, and a snapshot,
    /// piece by piece.
    pub(crate) fn recovery(&self, environment: &Environment) -> Recovery {
        let timeout_ms = self.slowest(|raft| raft.election_timeout_ms);
        let chunk_bytes = self.upgraded.iter().fold(self.raft.chunk_bytes, |least, next| least.min(next.chunk_bytes));
        let step_ms = environment.slowest_ms();
        let pieces = self.snapshot_bytes() / chunk_bytes + 1;
        let snapshot_ms = pieces * 4 * step_ms;
        let answer_ms = 4 * timeout_ms + 40 * step_ms;
        let calm_ms = 4 * answer_ms + 40 * u64::from(self.users) * self.rest.most_ms + 2_000;
        Recovery { within_ms: 24 * timeout_ms + 2 * snapshot_ms + 200 * step_ms, calm_ms, answer_ms }
    }

    /// Fewer nodes, users, keys and features, one at a time.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        let raft = |change: fn(&mut Tuning)| {
            let mut options = self.clone();
            change(&mut options.raft);
            options.upgraded.iter_mut().for_each(change);
            options
        };
        let simpler = [
            Self { founders: self.founders.min(3), ..self.clone() },
            Self { users: self.users.div_ceil(2), ..self.clone() },
            Self { users: self.users.max(2) - 1, ..self.clone() },
            Self { keys: 1, ..self.clone() },
            Self { sessions: Ratio::new(0, 1).unwrap_or(self.sessions), ..self.clone() },
            Self { value_bytes: 0, ..self.clone() },
            raft(|raft| raft.snapshot_every = 0),
            raft(|raft| raft.log_memory_bytes_max = MUCH),
            raft(|raft| raft.inflight_bytes_max = MUCH),
            raft(|raft| raft.uncommitted_bytes_max = MUCH),
            raft(|raft| raft.message_bytes_max = MUCH),
            raft(|raft| raft.chunk_bytes = MUCH as u64),
            raft(|raft| raft.sessions_max = 1_000),
            raft(|raft| raft.batching = false),
        ];
        simpler.into_iter().filter(|simpler| simpler != self).collect()
    }

    fn slowest(&self, of: impl Fn(&Tuning) -> u64) -> u64 {
        self.upgraded.iter().map(&of).fold(of(&self.raft), u64::max)
    }

    fn snapshot_bytes(&self) -> u64 {
        300 + store::snapshot_bytes(self.keys, self.value_bytes) + 64 * u64::from(self.users)
    }
}

impl Tuning {
    fn settings(&self, me: Member, founders: Membership) -> Settings {
        let Self { election_timeout_ms, heartbeat_ms, pre_vote, check_quorum, lease, batching, .. } = *self;
        let Self { message_bytes_max, inflight_messages_max, inflight_bytes_max, uncommitted_bytes_max, .. } = *self;
        let Self { log_memory_bytes_max, snapshot_every, trailing_entries, chunk_bytes, sessions_max, .. } = *self;
        Settings {
            me,
            founders,
            election_timeout_ms,
            election_spread: ELECTION_SPREAD,
            heartbeat_ms,
            pre_vote,
            check_quorum,
            lease,
            batching,
            message_bytes_max,
            inflight_messages_max,
            inflight_bytes_max,
            uncommitted_bytes_max,
            log_memory_bytes_max,
            snapshot_every,
            trailing_entries,
            chunk_bytes,
            sessions_max,
        }
    }
}
