//! Runs of a queue as `QueueTrace.tla` reads them.

use super::abstraction::says;
use crate::spec::trace::{RunError, Trace};
use crate::spec::{Source, Value};
use core::time::Duration;
use purlin::Instant;
use purlin::queue::{Answer, Config, Delivery, Event, NewMessage, Request, Settings, Stats};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One run of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueRun {
    /// How the queue was set up.
    pub config: Settings,
    /// What was observed, in its order.
    pub observations: Vec<Observation>,
}

/// What can be observed of a queue from outside. Clocks are the queue's own.
///
/// A history that tells of syncs tells of all of them, and of no others; one that tells of none leaves open when records
/// became durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Observation {
    /// The queue took a request in, at this moment of its clock. One that was never answered need not have come in at all.
    Asked {
        /// The request's number; each has its own.
        ask: u64,
        /// The queue's clock.
        clock: Instant,
        /// What was asked.
        request: Request,
    },
    /// An answer left the queue.
    Answered {
        /// The request's number.
        ask: u64,
        /// The queue's clock.
        clock: Instant,
        /// What was answered.
        answer: Answer,
    },
    /// An announcement left the queue.
    Notified {
        /// The queue's clock.
        clock: Instant,
        /// What was announced.
        event: Event,
    },
    /// Records became durable.
    Synced {
        /// How many are durable now, all in all.
        records: u64,
    },
    /// The process ended.
    Ended {
        /// How many records survived, all in all, if that is known.
        records: Option<u64>,
    },
    /// The process began, from what its journal held.
    Recovered {
        /// The queue's clock.
        clock: Instant,
        /// How many records it found, if that is known.
        records: Option<u64>,
    },
}

impl Observation {
    fn clock(&self) -> Option<Instant> {
        match self {
            Self::Asked { clock, .. }
            | Self::Answered { clock, .. }
            | Self::Notified { clock, .. }
            | Self::Recovered { clock, .. } => Some(*clock),
            Self::Synced { .. } | Self::Ended { .. } => None,
        }
    }
}

const SOURCES: [Source; 2] = [
    Source { name: "Queue.tla", text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/queue/Queue.tla")) },
    Source {
        name: "QueueTrace.tla",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/queue/QueueTrace.tla")),
    },
];

/// TLC's numbers have 32 bits. What is larger stands for what is never reached.
const NUMBER_MAX: u64 = i32::MAX as u64;

impl QueueRun {
    /// As modules for TLC.
    ///
    /// # Errors
    /// If the observations cannot have been made of one run.
    pub fn trace(&self) -> Result<Trace, RunError> {
        let config = Config::try_from(self.config.clone()).map_err(|error| RunError::Config(error.to_string()))?;
        let translator = Translator::new(&config, &self.observations)?;
        Ok(Trace {
            module: "QueueTrace",
            sources: SOURCES.into(),
            data: translator.data(&self.observations)?,
            configuration: configuration(&self.config),
            lines: self.observations.len(),
        })
    }
}

fn configuration(settings: &Settings) -> String {
    let bound = |max: Option<u32>| at_most(max.unwrap_or(0).into());
    let numbers = [
        ("AttemptsMax", at_most(settings.max_attempts.into())),
        ("InFlightMax", bound(settings.max_in_flight)),
        ("WorkerMax", bound(settings.max_in_flight_per_worker)),
        ("MessagesMax", at_most(settings.max_messages.into())),
        ("DoneMax", at_most(settings.max_done.into())),
        ("DedupMax", at_most(settings.max_dedup_ids.into())),
    ];
    // What only bounds the world of the comparison; instants are ranks in the observations.
    let unused = ["LeaseTicks = 1", "DedupTicks = 0", "TokensMax = 0", "TailMax = 0", "OpenMax = 0", "CrashesMax = 0"];
    let sets = ["NewMessages", "Workers", "ClaimSizes", "ExtendTicks", "NackTicks", "Controls"];
    let mut text = "SPECIFICATION TraceSpec\nINVARIANT NotAccepted\nCONSTANTS\n".to_owned();
    numbers.iter().for_each(|(name, number)| text += &format!("    {name} = {number}\n"));
    unused.iter().for_each(|line| text += &format!("    {line}\n"));
    sets.iter().for_each(|name| text += &format!("    {name} = {{}}\n"));
    text + &format!("    DeadBlocksKey = {}\n", Value::from(settings.dead_blocks_key))
}

fn at_most(number: u64) -> i64 {
    number.min(NUMBER_MAX) as i64
}

/// Turns observations into records of TLA+.
struct Translator<'a> {
    config: &'a Config,
    /// Every instant that occurs or follows from a request, in order.
    instants: Vec<Instant>,
    /// What each request was answered, if it was.
    answers: BTreeMap<u64, &'a Answer>,
    /// The requests' numbers, in order.
    asks: Vec<u64>,
    /// Every name that occurs, in order.
    names: Vec<&'a str>,
}

impl<'a> Translator<'a> {
    fn new(config: &'a Config, observations: &'a [Observation]) -> Result<Self, RunError> {
        let clocks: Vec<Option<Instant>> = observations.iter().map(Observation::clock).collect();
        clocks_rise(&clocks)?;
        let (asks, answers) = asks_and_answers(observations)?;
        let mut instants: BTreeSet<Instant> = clocks.into_iter().flatten().collect();
        let mut names = BTreeSet::new();
        for observation in observations {
            instants.extend(following(config, observation));
            names.extend(names_in(observation));
        }
        let (instants, names) = (instants.into_iter().collect(), names.into_iter().collect());
        Ok(Self { config, instants, answers, asks: asks.into_iter().collect(), names })
    }

    fn data(&self, observations: &[Observation]) -> Result<String, RunError> {
        if observations.is_empty() {
            return Err(RunError::Empty);
        }
        let mut lines = Vec::new();
        let mut next_clock = self.instants.len().saturating_sub(1) as i64;
        for (index, observation) in observations.iter().enumerate().rev() {
            next_clock = observation.clock().map_or(next_clock, |clock| self.rank(clock));
            let mut fields =
                self.line(observation).map_err(|number| RunError::TooLarge { observation: index, number })?;
            fields.insert("clock".to_owned(), next_clock.into());
            lines.push(Value::Record(fields).to_string());
        }
        lines.reverse();
        Ok(self.module(&lines, observations))
    }

    fn module(&self, lines: &[String], observations: &[Observation]) -> String {
        let disk_is_told = observations.iter().any(|observation| matches!(observation, Observation::Synced { .. }));
        let untold = self.asks.iter().filter(|ask| !self.answers.contains_key(ask));
        let untold = Value::Set(untold.map(|ask| self.ask(*ask)).collect());
        let mut text = "---- MODULE TraceData ----\nEXTENDS Integers\n".to_owned();
        let end = format!("DiskIsTold == {}\nUntold == {untold}\n====\n", Value::from(disk_is_told));
        write!(text, "Log == <<\n{}\n>>\n{end}", lines.join(",\n")).expect("a string takes all that is written");
        text
    }

    fn rank(&self, instant: Instant) -> i64 {
        self.instants.partition_point(|other| *other < instant) as i64
    }

    /// Requests count from 1: 0 is nobody's.
    fn ask(&self, ask: u64) -> Value {
        Value::from(self.asks.partition_point(|other| *other < ask) as i64 + 1)
    }

    /// TLA+ cannot write every text, and for it the empty one is none.
    fn name(&self, name: &str) -> Value {
        Value::Text(format!("n{}", self.names.partition_point(|other| *other < name)))
    }

    fn name_if(&self, name: Option<&String>) -> Value {
        name.map_or(Value::text(""), |name| self.name(name))
    }

    fn names_of(&self, names: &[String]) -> Value {
        Value::Sequence(names.iter().map(|name| self.name(name)).collect())
    }
}

type Fields = BTreeMap<String, Value>;

fn fields<const N: usize>(op: &str, fields: [(&str, Value); N]) -> Fields {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    fields.chain([("op".to_owned(), Value::text(op))]).collect()
}

/// Observations, one by one. An error is a number that TLC cannot count to.
impl Translator<'_> {
    fn line(&self, observation: &Observation) -> Result<Fields, u64> {
        Ok(match observation {
            Observation::Asked { ask, clock, request } => self.asked(*ask, *clock, request),
            Observation::Answered { ask, .. } => {
                fields("answered", [("heard", heard(self.ask(*ask), "", Value::text("")))])
            }
            Observation::Notified { event, .. } => fields("notified", [("heard", self.announced(event))]),
            Observation::Synced { records } => fields("synced", [("records", count(Some(*records))?)]),
            Observation::Ended { records } => fields("ended", [("records", count(*records)?)]),
            Observation::Recovered { records, .. } => fields("recovered", [("records", count(*records)?)]),
        })
    }

    fn announced(&self, event: &Event) -> Value {
        match event {
            Event::LeaseExpired { id } => heard(0_u32.into(), "lease_expired", self.name(id)),
            Event::Died { id } => heard(0_u32.into(), "died", self.name(id)),
        }
    }

    fn asked(&self, ask: u64, clock: Instant, request: &Request) -> Fields {
        let answer = self.answers.get(&ask).copied();
        let mut line = self.request(clock, request);
        line.insert("ask".to_owned(), self.ask(ask));
        line.insert("says".to_owned(), Value::text(answer.map_or("?", says)));
        line.extend(answer.and_then(|answer| self.about(answer)).map(|(name, value)| (name.to_owned(), value)));
        line
    }

    fn request(&self, clock: Instant, request: &Request) -> Fields {
        let until = ("until", self.decides(clock, request).map_or(0, |instant| self.rank(instant)).into());
        let token = |token: &purlin::queue::Token| ("token", Value::from(at_most(token.0)));
        match request {
            Request::Enqueue(message) => self.enqueue(clock, message, until),
            Request::Claim { worker, max, .. } => {
                fields("claim", [until, ("worker", self.name(worker)), ("size", at_most((*max).into()).into())])
            }
            Request::Ack { token: it } => fields("ack", [token(it)]),
            Request::Extend { token: it, .. } => fields("extend", [until, token(it)]),
            Request::Nack { token: it, .. } => fields("nack", [until, token(it)]),
            Request::Kill { id } => fields("kill", [("id", self.name(id))]),
            Request::Redrive { ids: None } => fields("redrive_all", []),
            Request::Redrive { ids: Some(these) } => fields("redrive", [("these", self.names_of(these))]),
            Request::Expire => fields("expire", []),
            Request::Status { id } => fields("status", [("id", self.name(id))]),
            Request::Stats => fields("stats", []),
        }
    }

    fn decides(&self, clock: Instant, request: &Request) -> Option<Instant> {
        decided(self.config, clock, request)
    }

    fn enqueue(&self, clock: Instant, message: &NewMessage, until: (&str, Value)) -> Fields {
        let memory = self.rank(free_at(self.config, clock)).into();
        let (key, dedup) = (self.name_if(message.key.as_ref()), self.name_if(message.dedup_id.as_ref()));
        fields("enqueue", [until, ("memory", memory), ("id", self.name(&message.id)), ("key", key), ("dedup", dedup)])
    }

    /// What an answer tells beyond its word.
    fn about(&self, answer: &Answer) -> Option<(&'static str, Value)> {
        match answer {
            Answer::Claimed(deliveries) => {
                Some(("of", Value::Sequence(deliveries.iter().map(|it| self.delivery(it)).collect())))
            }
            Answer::Redriven(ids) | Answer::Expired(ids) => Some(("ids", self.names_of(ids))),
            Answer::Stats(stats) => Some(("counts", counts(*stats))),
            _ => None,
        }
    }

    fn delivery(&self, delivery: &Delivery) -> Value {
        Value::record([
            ("id", self.name(&delivery.id)),
            ("token", at_most(delivery.token.0).into()),
            ("attempt", at_most(delivery.attempt.into()).into()),
            ("until", self.rank(delivery.until).into()),
        ])
    }
}

fn heard(ask: Value, says: &str, id: Value) -> Value {
    Value::record([("ask", ask), ("says", Value::text(says)), ("id", id)])
}

fn count(records: Option<u64>) -> Result<Value, u64> {
    match records {
        None => Ok(Value::from(-1_i64)),
        Some(records) if records <= NUMBER_MAX => Ok(at_most(records).into()),
        Some(records) => Err(records),
    }
}

fn counts(stats: Stats) -> Value {
    let Stats { ready, delayed, leased, done, dead } = stats;
    let counts = [("ready", ready), ("delayed", delayed), ("leased", leased), ("done", done), ("dead", dead)];
    Value::record(counts.map(|(name, number)| (name, Value::from(at_most(number)))))
}

/// The instant that a request sets: when a message is ready, or when a lease ends.
fn decided(config: &Config, clock: Instant, request: &Request) -> Option<Instant> {
    let settings = config.settings();
    let lease = |lease_ms: u64| clock + Duration::from_millis(lease_ms.clamp(1, Settings::DURATION_MS_MAX));
    match request {
        Request::Enqueue(message) => Some(message.not_before.unwrap_or(clock).max(clock)),
        Request::Claim { lease_ms, .. } => Some(lease(lease_ms.unwrap_or(settings.lease_ms))),
        Request::Extend { lease_ms, .. } => Some(lease(*lease_ms)),
        Request::Nack { delay_ms, .. } => Some(clock + Duration::from_millis(*delay_ms)),
        _ => None,
    }
}

fn free_at(config: &Config, clock: Instant) -> Instant {
    clock + Duration::from_millis(config.settings().dedup_retention_ms)
}

/// Every instant that follows from an observation, beside its own.
fn following(config: &Config, observation: &Observation) -> Vec<Instant> {
    match observation {
        Observation::Asked { clock, request, .. } => {
            let free_at = matches!(request, Request::Enqueue(_)).then(|| free_at(config, *clock));
            decided(config, *clock, request).into_iter().chain(free_at).collect()
        }
        Observation::Answered { answer: Answer::Claimed(deliveries), .. } => {
            deliveries.iter().map(|delivery| delivery.until).collect()
        }
        _ => Vec::new(),
    }
}

fn names_in(observation: &Observation) -> Vec<&str> {
    match observation {
        Observation::Asked { request, .. } => names_in_request(request),
        Observation::Answered { answer, .. } => match answer {
            Answer::Claimed(deliveries) => deliveries.iter().map(|delivery| delivery.id.as_str()).collect(),
            Answer::Redriven(ids) | Answer::Expired(ids) => ids.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        },
        Observation::Notified { event: Event::LeaseExpired { id } | Event::Died { id }, .. } => vec![id],
        Observation::Synced { .. } | Observation::Ended { .. } | Observation::Recovered { .. } => Vec::new(),
    }
}

fn names_in_request(request: &Request) -> Vec<&str> {
    match request {
        Request::Enqueue(message) => {
            let optional = message.key.iter().chain(&message.dedup_id);
            optional.chain([&message.id]).map(String::as_str).collect()
        }
        Request::Claim { worker, .. } => vec![worker],
        Request::Kill { id } | Request::Status { id } => vec![id],
        Request::Redrive { ids: Some(ids) } => ids.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn clocks_rise(clocks: &[Option<Instant>]) -> Result<(), RunError> {
    let mut latest = Instant::ORIGIN;
    for (observation, clock) in clocks.iter().enumerate() {
        let clock = clock.unwrap_or(latest);
        if clock < latest {
            return Err(RunError::ClockRanBack { observation });
        }
        latest = clock;
    }
    Ok(())
}

type AsksAndAnswers<'a> = (BTreeSet<u64>, BTreeMap<u64, &'a Answer>);

fn asks_and_answers(observations: &[Observation]) -> Result<AsksAndAnswers<'_>, RunError> {
    let (mut asks, mut answers) = (BTreeSet::new(), BTreeMap::new());
    for (observation, it) in observations.iter().enumerate() {
        match it {
            Observation::Asked { ask, .. } if !asks.insert(*ask) => {
                return Err(RunError::AskedTwice { observation, ask: *ask });
            }
            Observation::Answered { ask, answer, .. }
                if !asks.contains(ask) || answers.insert(*ask, answer).is_some() =>
            {
                return Err(RunError::NotAsked { observation, ask: *ask });
            }
            _ => {}
        }
    }
    Ok((asks, answers))
}
