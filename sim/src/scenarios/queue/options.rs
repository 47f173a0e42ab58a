//! What the swarm draws for one run, and what follows from it: how long recovery may take.

use crate::cluster::{Environment, Recovery};
use crate::plan::{InvalidPlan, Ratio, Span};
use purlin::queue::{Config, InvalidSettings, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of one run.
///
/// They must leave the system able to recover: a lease lasts for as long as a diligent worker needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// How many producers put messages in, 1 to [`Options::CLIENTS_MAX`].
    pub producers: u32,
    /// How many messages each of them puts in, 1 to [`Options::MESSAGES_MAX`].
    pub messages: u32,
    /// How many workers take them out, 1 to [`Options::CLIENTS_MAX`].
    pub workers: u32,
    /// How many ordering keys there are; 0 leaves all messages without one.
    pub keys: u32,
    /// The share of messages that carry a deduplication id, which they share with their neighbours.
    pub deduplicated: Ratio,
    /// How long everybody rests between asks.
    pub rest: Span,
    /// How long a worker works on a message.
    pub work: Span,
    /// How many messages a worker claims at once, at least 1.
    pub batch: u32,
    /// The share of messages that a worker mishandles, as long as anything may fail.
    pub mishaps: Ratio,
    /// How the queue is set up.
    pub queue: Settings,
}

impl Options {
    /// The most producers, and the most workers.
    pub const CLIENTS_MAX: u32 = 1_000;
    /// The most messages of one producer.
    pub const MESSAGES_MAX: u32 = 100_000;
    /// The most messages in one claim.
    pub const BATCH_MAX: u32 = 100;
    /// How long a message may be held back before it is handed out, in milliseconds.
    pub(super) const DELAY_MS_MAX: u64 = 3_000;

    pub(super) fn check(&self) -> Result<(), InvalidPlan> {
        let within = |field: &str, given: u32, least: u32, most: u32| {
            InvalidPlan::unless((least..=most).contains(&given), field, given, format!("give {least} to {most}"))
        };
        within("producers", self.producers, 1, Self::CLIENTS_MAX)?;
        within("messages", self.messages, 1, Self::MESSAGES_MAX)?;
        within("workers", self.workers, 1, Self::CLIENTS_MAX)?;
        within("batch", self.batch, 1, Self::BATCH_MAX)?;
        self.rest.validate("rest")?;
        InvalidPlan::unless(self.rest.least_ms >= 1, "rest.least_ms", 0, "give at least 1 ms")?;
        self.work.validate("work")?;
        self.config()?;
        Ok(())
    }

    /// The queue's configuration.
    ///
    /// # Errors
    /// The queue's setting that does not hold.
    pub fn config(&self) -> Result<Config, InvalidPlan> {
        let invalid = |InvalidSettings { field, given, mend }| InvalidPlan {
            field: format!("queue.{field}"),
            given: given.to_string(),
            mend: mend.to_owned(),
        };
        self.queue.clone().validate().map_err(invalid)
    }

    /// The lease that a worker asks for, so that it can handle a whole batch in time, by any clock.
    pub(super) fn lease_ms(&self, environment: &Environment) -> u64 {
        let millis = self.handling_ms(answer_ms(environment));
        self.queue.lease_ms.max(millis + millis / 50 + 1)
    }

    /// How long a diligent worker takes over a batch.
    pub(super) fn handling_ms(&self, answer_ms: u64) -> u64 {
        u64::from(self.batch) * (self.work.most_ms + answer_ms) + answer_ms
    }

    /// The bound on recovery. What was mishandled comes back when its lease is over; then, at worst, one message is put in,
    /// claimed and done after the other.
    pub(super) fn recovery(&self, environment: &Environment) -> Recovery {
        let answer_ms = answer_ms(environment);
        let lease_ms = self.lease_ms(environment);
        let round_ms = self.rest.most_ms + answer_ms;
        let messages = u64::from(self.producers) * u64::from(self.messages);
        let work_ms = messages * (2 * round_ms + self.handling_ms(answer_ms));
        let millis = work_ms
            .saturating_add(self.waiting_ms(messages))
            .saturating_add(4 * lease_ms + 2 * Self::DELAY_MS_MAX + 8 * round_ms + 1_000);
        Recovery { within_ms: millis.saturating_add(millis / 50), calm_ms: 8 * round_ms + 500, answer_ms }
    }

    /// How long producers may have to wait until deduplication ids are free again.
    fn waiting_ms(&self, messages: u64) -> u64 {
        let (at_once, retention_ms) = (u64::from(self.queue.max_dedup_ids), self.queue.dedup_retention_ms);
        if messages < at_once { 0 } else { (messages / at_once + 1).saturating_mul(retention_ms) }
    }
}

/// How long a live queue takes to answer when nothing is wrong: a sync that is under way, one's own, and some slack.
pub(super) fn answer_ms(environment: &Environment) -> u64 {
    3 * environment.slowest_ms() + 10
}
