//! The judge of a queue's history. It reads the same entries whichever tier wrote them.
//!
//! Records go into the [`Ledger`] once they are durable; what clients are told is held against it. At the moment of an
//! answer the ledger holds at least all that the queue had persisted when it decided, and at the moment of an ask no more
//! than that.

use super::claims::{self, Sight};
use super::ledger::{Ledger, State};
use super::options::{Options, answer_ms};
use crate::checker::{Coverage, Judge, Violation, claim};
use crate::cluster::{Ask, ByAsk, Event, Phases, Setting, Unanswered};
use core::time::Duration;
use purlin::Instant;
use purlin::queue::{Answer, Delivery, Event as Announcement, Queue, Record, Request, Stats, Status, Token};
use std::collections::{BTreeMap, BTreeSet};

/// How long after healing, or after its start, a queue must notice by itself that leases are over.
const SETTLING: Duration = Duration::from_secs(1);

/// Keeps the books of a queue.
#[derive(Clone)]
pub struct Bookkeeper {
    ledger: Ledger,
    phases: Phases,
    answer_within: Duration,
    /// Written and not known to be durable.
    pending: Vec<Record>,
    open: ByAsk<Question>,
    /// Tokens that somebody is using right now, and how many do.
    in_use: BTreeMap<Token, u32>,
    /// Deaths that are durable and were not announced yet.
    unannounced: Vec<String>,
    /// Messages that were put in, perhaps.
    in_doubt: BTreeSet<String>,
    alive_since: Option<Instant>,
    coverage: Coverage,
}

/// What was asked, and what was known then.
#[derive(Clone, Debug)]
enum Question {
    Enqueue { id: String, dedup_id: Option<String> },
    Claim,
    Ack { token: Token, standing: Standing },
    Extend { token: Token, standing: Standing },
    Nack { token: Token, standing: Standing },
    Kill { id: String, was_known: bool },
    Status { id: String, was_known: bool, was_done: bool },
    Stats { applied: u64 },
    Other,
}

impl Question {
    fn token(&self) -> Option<Token> {
        match *self {
            Self::Ack { token, .. } | Self::Extend { token, .. } | Self::Nack { token, .. } => Some(token),
            _ => None,
        }
    }
}

/// What a token was worth when somebody asked with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It may have proved a lease.
    Open,
    /// Its lease had ended, durably.
    Stale,
    /// Its lease was over by the queue's clock.
    Expired,
}

impl Bookkeeper {
    /// The judge of a run.
    pub fn new(setting: &Setting<Options>) -> Self {
        let Setting { environment, workload } = setting;
        Self {
            ledger: Ledger::new(workload.queue.clone()),
            phases: workload.recovery(environment).phases(environment.safety_ms),
            answer_within: Duration::from_millis(answer_ms(environment)),
            pending: Vec::new(),
            open: ByAsk::default(),
            in_use: BTreeMap::new(),
            unannounced: Vec::new(),
            in_doubt: BTreeSet::new(),
            alive_since: None,
            coverage: Coverage::default(),
        }
    }

    fn saw_if(&mut self, seen: bool, sight: Sight) {
        if seen {
            self.coverage.note(sight as u32);
        }
    }
}

impl Judge for Bookkeeper {
    type Event<'a> = Event<'a, Queue>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
        match *event {
            Event::Asked { ask, clock, request, .. } => self.asked(at, ask, clock, request),
            Event::Answered { ask, clock, answer, .. } => self.answered(ask, clock, answer),
            Event::Unanswered { ask, why, .. } => {
                self.unanswered(ask, why);
                Ok(())
            }
            Event::Notified { event, .. } => self.notified(at, event),
            Event::Written { record, .. } => {
                self.pending.push(record.clone());
                Ok(())
            }
            Event::Synced { records, .. } => self.synced(records),
            Event::Ended { .. } => {
                self.ended();
                Ok(())
            }
            Event::Recovered { records, .. } => self.recovered(at, records),
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, end: Instant) -> Result<(), Violation> {
        let unfinished = self.ledger.unfinished().next();
        claim(claims::EVERY_MESSAGE_ENDS, unfinished.is_none(), || {
            format!("at {end:?} there still is {unfinished:?}")
        })?;
        let untold = self.unannounced.first();
        claim(claims::DEATHS_ARE_ANNOUNCED_ONCE, untold.is_none(), || {
            format!("nobody was told of the end of {untold:?}")
        })
    }

    fn coverage(&self) -> Coverage {
        self.coverage.merged(self.ledger.coverage)
    }
}

/// The journal.
impl Bookkeeper {
    fn synced(&mut self, records: u64) -> Result<(), Violation> {
        let pending = core::mem::take(&mut self.pending);
        pending.iter().try_for_each(|record| self.apply(record))?;
        let applied = self.ledger.applied();
        claim(claims::DURABLE_RECORDS_SURVIVE, applied == records, || {
            format!("the journal holds {records} records, and {applied} were written")
        })
    }

    fn apply(&mut self, record: &Record) -> Result<(), Violation> {
        if let Record::Enqueued { ready_at, at, .. } = record {
            self.saw_if(ready_at > at, Sight::MessageWasHeldBack);
        }
        self.ledger.apply(record)?;
        if let Record::Died { sequence, .. } = record {
            self.unannounced.extend(self.ledger.id_at(*sequence).map(ToOwned::to_owned));
        }
        Ok(())
    }

    fn ended(&mut self) {
        self.saw_if(!self.unannounced.is_empty(), Sight::DeathWentUnannounced);
        self.unannounced.clear();
        self.alive_since = None;
    }

    /// Of what was not known to be durable, a part is. Deaths among it are never announced.
    fn recovered(&mut self, at: Instant, records: u64) -> Result<(), Violation> {
        let (applied, pending) = (self.ledger.applied(), core::mem::take(&mut self.pending));
        let survived = records.checked_sub(applied).filter(|survived| *survived <= pending.len() as u64);
        let Some(survived) = survived else {
            let detail =
                format!("{records} records are found, {applied} were durable and {} on their way", pending.len());
            return Err(Violation::new(claims::DURABLE_RECORDS_SURVIVE, detail));
        };
        pending.iter().take(survived as usize).try_for_each(|record| self.apply(record))?;
        self.saw_if(!self.unannounced.is_empty(), Sight::DeathWentUnannounced);
        self.saw_if(applied > 0, Sight::DurableRecordsWereRead);
        self.unannounced.clear();
        self.alive_since = Some(at);
        Ok(())
    }

    fn notified(&mut self, at: Instant, announcement: &Announcement) -> Result<(), Violation> {
        match announcement {
            Announcement::LeaseExpired { .. } => {
                self.saw_if(at > Instant::ORIGIN + self.phases.healed, Sight::LeaseEndedInCalm);
                Ok(())
            }
            Announcement::Died { id } => {
                let place = self.unannounced.iter().position(|untold| untold == id);
                self.saw_if(true, Sight::DeathWasAnnounced);
                claim(claims::DEATHS_ARE_ANNOUNCED_ONCE, place.is_some(), || {
                    format!("{id} is announced once too often")
                })?;
                place.map(|place| self.unannounced.remove(place));
                Ok(())
            }
        }
    }
}

/// Asks.
impl Bookkeeper {
    fn asked(&mut self, at: Instant, ask: Ask, clock: Instant, request: &Request) -> Result<(), Violation> {
        let question = self.question(clock, request);
        if let Some(token) = question.token() {
            *self.in_use.entry(token).or_default() += 1;
        }
        self.open.insert(ask, question);
        self.check_leases_end(at, clock)
    }

    fn question(&self, clock: Instant, request: &Request) -> Question {
        match request {
            Request::Enqueue(message) => {
                Question::Enqueue { id: message.id.clone(), dedup_id: message.dedup_id.clone() }
            }
            Request::Claim { .. } => Question::Claim,
            Request::Ack { token } => Question::Ack { token: *token, standing: self.standing(*token, clock, true) },
            Request::Extend { token, .. } => {
                Question::Extend { token: *token, standing: self.standing(*token, clock, false) }
            }
            Request::Nack { token, .. } => {
                Question::Nack { token: *token, standing: self.standing(*token, clock, false) }
            }
            Request::Kill { id } => Question::Kill { id: id.clone(), was_known: self.ledger.remembered(id).is_some() },
            Request::Status { id } => {
                let entry = self.ledger.remembered(id);
                let was_done = entry.is_some_and(|entry| matches!(entry.state, State::Done { .. }));
                Question::Status { id: id.clone(), was_known: entry.is_some(), was_done }
            }
            Request::Stats => Question::Stats { applied: self.ledger.applied() },
            Request::Redrive { .. } | Request::Expire => Question::Other,
        }
    }

    /// The token by which a message was finished may be used for that again. Of a token that is in use, or may have been
    /// when the process ended, the journal does not tell everything yet.
    fn standing(&self, token: Token, clock: Instant, to_ack: bool) -> Standing {
        let done = self.ledger.grant(token).is_some_and(|(_, entry)| entry.state == State::Done { token });
        let tells_all = self.alive_since.is_some() && !self.in_use.contains_key(&token);
        match self.ledger.live_until(token) {
            None if to_ack && done => Standing::Open,
            None => Standing::Stale,
            Some(until) if until <= clock && tells_all => Standing::Expired,
            Some(_) => Standing::Open,
        }
    }

    /// Whoever asks now finds the leases ended that have been over for a while.
    fn check_leases_end(&self, at: Instant, clock: Instant) -> Result<(), Violation> {
        let settled = Instant::ORIGIN + self.phases.healed + SETTLING;
        let has_settled = at > settled && self.alive_since.is_some_and(|since| at > since + SETTLING);
        let first = self.ledger.first_end().filter(|_| has_settled);
        let holds = first.is_none_or(|first| clock < first + self.answer_within);
        claim(claims::LEASES_END_BY_THEMSELVES, holds, || format!("it is {clock:?}, and a lease was over at {first:?}"))
    }

    fn unanswered(&mut self, ask: Ask, why: Unanswered) {
        match self.close(ask) {
            Some(Question::Enqueue { id, .. }) if why == Unanswered::Unknown => drop(self.in_doubt.insert(id)),
            _ => {}
        }
    }

    fn close(&mut self, ask: Ask) -> Option<Question> {
        let question = self.open.remove(ask)?;
        if let Some(token) = question.token()
            && let Some(count) = self.in_use.get_mut(&token)
        {
            *count -= 1;
            if *count == 0 {
                self.in_use.remove(&token);
            }
        }
        Some(question)
    }
}

/// Answers.
impl Bookkeeper {
    fn answered(&mut self, ask: Ask, clock: Instant, answer: &Answer) -> Result<(), Violation> {
        match self.close(ask) {
            Some(Question::Enqueue { id, dedup_id }) => self.put_in(&id, dedup_id.as_deref(), answer),
            Some(Question::Claim) => self.claimed(answer),
            Some(Question::Ack { token, standing }) => {
                self.check_standing(token, standing, clock, answer)?;
                self.acked(token, answer)
            }
            Some(Question::Extend { token, standing }) => self.check_standing(token, standing, clock, answer),
            Some(Question::Nack { token, standing }) => {
                self.check_standing(token, standing, clock, answer)?;
                self.given_back(token, answer)
            }
            Some(Question::Kill { id, was_known }) => self.killed(&id, was_known, answer),
            Some(Question::Status { id, was_known, was_done }) => self.status(&id, was_known, was_done, answer),
            Some(Question::Stats { applied }) => self.counted(applied, answer),
            Some(Question::Other) | None => Ok(()),
        }
    }

    fn put_in(&mut self, id: &str, dedup_id: Option<&str>, answer: &Answer) -> Result<(), Violation> {
        let is_in = self.ledger.has_accepted(id);
        match answer {
            Answer::Ok => {
                claim(claims::ANSWERS_ARE_DURABLE, is_in, || format!("{id} is accepted and not in the journal"))
            }
            Answer::Duplicate => {
                let shares = dedup_id.is_some_and(|dedup_id| self.ledger.has_deduplicated(dedup_id));
                self.saw_if(is_in, Sight::DuplicateWasRefused);
                self.saw_if(is_in && self.in_doubt.contains(id), Sight::AcceptedMessageWasInDoubt);
                self.saw_if(shares && !is_in, Sight::DeduplicationWasRefused);
                claim(claims::NOTHING_ACCEPTED_IS_LOST, is_in || shares, || format!("{id} is no duplicate of anything"))
            }
            _ => {
                self.saw_if(*answer == Answer::Full, Sight::QueueWasFull);
                Ok(())
            }
        }
    }

    fn claimed(&self, answer: &Answer) -> Result<(), Violation> {
        let Answer::Claimed(deliveries) = answer else { return Ok(()) };
        deliveries.iter().try_for_each(|delivery| {
            let holds = self.is_granted(delivery);
            claim(claims::ANSWERS_ARE_DURABLE, holds, || format!("the journal knows nothing of {delivery:?}"))
        })
    }

    fn is_granted(&self, delivery: &Delivery) -> bool {
        self.ledger.grant(delivery.token).is_some_and(|(grant, entry)| {
            (&entry.id, grant.until, grant.attempt) == (&delivery.id, delivery.until, delivery.attempt)
        })
    }

    fn check_standing(
        &mut self,
        token: Token,
        standing: Standing,
        clock: Instant,
        answer: &Answer,
    ) -> Result<(), Violation> {
        let refused = *answer == Answer::Stale;
        self.saw_if(refused && standing == Standing::Stale, Sight::StaleTokenWasRefused);
        self.saw_if(refused && standing == Standing::Expired, Sight::ExpiredTokenWasRefused);
        claim(claims::STALE_TOKENS_ARE_REFUSED, refused || standing == Standing::Open, || {
            format!("token {} was {standing:?} when it was used, and the answer is {answer:?}", token.0)
        })?;
        let is_live = self.ledger.live_until(token).is_some_and(|until| clock < until);
        claim(claims::LIVE_TOKENS_ARE_HONOURED, !(refused && is_live), || {
            format!("token {} proves a lease, and is refused", token.0)
        })
    }

    fn acked(&self, token: Token, answer: &Answer) -> Result<(), Violation> {
        let state = self.ledger.grant(token).map(|(_, entry)| entry.state);
        let is_done = state == Some(State::Done { token }) || state == Some(State::Forgotten);
        let holds = *answer != Answer::Ok || is_done;
        claim(claims::ANSWERS_ARE_DURABLE, holds, || format!("an ack is confirmed, and its message is {state:?}"))
    }

    fn given_back(&self, token: Token, answer: &Answer) -> Result<(), Violation> {
        let is_live = self.ledger.live_until(token).is_some();
        claim(claims::ANSWERS_ARE_DURABLE, *answer == Answer::Stale || !is_live, || {
            format!("token {} was given back, and still proves a lease", token.0)
        })
    }

    fn killed(&self, id: &str, was_known: bool, answer: &Answer) -> Result<(), Violation> {
        let entry = self.ledger.remembered(id);
        let lost = *answer == Answer::NotFound && was_known && entry.is_some();
        claim(claims::NOTHING_ACCEPTED_IS_LOST, !lost, || format!("{id} is not found, and it is {entry:?}"))?;
        let holds = *answer != Answer::Ok || entry.is_none_or(|entry| entry.deaths > 0);
        claim(claims::ANSWERS_ARE_DURABLE, holds, || format!("{id} was killed, and it is {entry:?}"))
    }

    fn status(&mut self, id: &str, was_known: bool, was_done: bool, answer: &Answer) -> Result<(), Violation> {
        let Answer::Status(status) = *answer else { return Ok(()) };
        self.saw_if(was_known, Sight::StatusOfKnownMessageWasAsked);
        let lost = status == Status::Unknown && was_known && self.ledger.remembered(id).is_some();
        claim(claims::NOTHING_ACCEPTED_IS_LOST, !lost, || format!("{id} was known, and is not any longer"))?;
        let holds = !was_done || matches!(status, Status::Done | Status::Unknown);
        claim(claims::WHAT_IS_DONE_STAYS_DONE, holds, || format!("{id} was done, and is {status:?}"))
    }

    /// If no record has come between ask and answer, the ledger is what the queue saw.
    fn counted(&mut self, applied: u64, answer: &Answer) -> Result<(), Violation> {
        let Answer::Stats(told) = *answer else { return Ok(()) };
        if self.ledger.applied() != applied {
            return Ok(());
        }
        self.saw_if(true, Sight::NumbersWereCompared);
        let (told, own) = (Stats { ready: told.ready + told.delayed, delayed: 0, ..told }, self.ledger.stats());
        claim(claims::NUMBERS_ADD_UP, told == own, || format!("the queue counts {told:?}, its records {own:?}"))
    }
}
