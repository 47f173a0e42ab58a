//! What the records say, read naively: one list of messages, and a rule for each record.
//!
//! It takes durable records only, and refuses one that no queue should have written. It shares nothing with the queue but
//! the records.

use super::claims::{self, Sight};
use crate::checker::{Coverage, Violation, claim};
use purlin::Instant;
use purlin::queue::{NewMessage, Record, Sequence, Settings, Stats, Token};
use std::collections::{BTreeMap, BTreeSet};

/// Every message that was ever accepted, and every lease that was ever given.
#[derive(Clone, Debug)]
pub struct Ledger {
    settings: Settings,
    messages: Vec<Entry>,
    grants: Vec<Grant>,
    /// Messages by id; nowhere once they are forgotten.
    ids: BTreeMap<String, Option<usize>>,
    dedup_ids: BTreeMap<String, Instant>,
    /// Messages of each key that are neither done nor forgotten, in their order.
    keys: BTreeMap<String, BTreeSet<usize>>,
    live: BTreeSet<(Instant, Token)>,
    applied: u64,
    /// What was seen.
    pub coverage: Coverage,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it is in.
    pub state: State,
    /// How often it was handed out since it was last redriven.
    pub attempts: u32,
    /// How often it has died.
    pub deaths: u32,
    key: Option<String>,
}

/// What a message is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the states are")]
pub enum State {
    Ready { at: Instant },
    Leased { token: Token },
    Done { token: Token },
    Dead,
    Forgotten,
}

/// A lease that was given.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Of which message.
    pub message: usize,
    /// To whom.
    pub worker: String,
    /// When it was to end at first.
    pub until: Instant,
    /// When it is to end now.
    pub extended_until: Instant,
    /// The how many-th.
    pub attempt: u32,
}

impl Ledger {
    /// An empty one, for a queue with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            messages: Vec::new(),
            grants: Vec::new(),
            ids: BTreeMap::new(),
            dedup_ids: BTreeMap::new(),
            keys: BTreeMap::new(),
            live: BTreeSet::new(),
            applied: 0,
            coverage: Coverage::default(),
        }
    }

    /// How many records it has taken.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// A message that is remembered, by its id.
    pub fn remembered(&self, id: &str) -> Option<&Entry> {
        self.ids.get(id).copied().flatten().map(|place| &self.messages[place])
    }

    /// The id of the message at a place.
    pub fn id_at(&self, sequence: Sequence) -> Option<&str> {
        self.messages.get(place(sequence.0)).map(|entry| entry.id.as_str())
    }

    /// Whether a message of this id was ever accepted.
    pub fn has_accepted(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Whether a message with this deduplication id was ever accepted.
    pub fn has_deduplicated(&self, dedup_id: &str) -> bool {
        self.dedup_ids.contains_key(dedup_id)
    }

    /// The lease that a token stands for, and its message.
    pub fn grant(&self, token: Token) -> Option<(&Grant, &Entry)> {
        let grant = self.grants.get(usize::try_from(token.0).ok()?)?;
        Some((grant, &self.messages[grant.message]))
    }

    /// Until when this token proves a lease; `None` if it proves none any more.
    pub fn live_until(&self, token: Token) -> Option<Instant> {
        let (grant, entry) = self.grant(token)?;
        (entry.state == State::Leased { token }).then_some(grant.extended_until)
    }

    /// The live lease that ends first.
    pub fn first_end(&self) -> Option<Instant> {
        self.live.first().map(|(until, _)| *until)
    }

    /// The messages that are neither done nor dead.
    pub fn unfinished(&self) -> impl Iterator<Item = &Entry> {
        self.messages.iter().filter(|entry| matches!(entry.state, State::Ready { .. } | State::Leased { .. }))
    }

    /// How many messages are in which state, those that are delayed counted as ready.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for entry in &self.messages {
            match entry.state {
                State::Ready { .. } => stats.ready += 1,
                State::Leased { .. } => stats.leased += 1,
                State::Done { .. } => stats.done += 1,
                State::Dead => stats.dead += 1,
                State::Forgotten => {}
            }
        }
        stats
    }

    /// Takes a record.
    ///
    /// # Errors
    /// The claim that it breaks.
    pub fn apply(&mut self, record: &Record) -> Result<(), Violation> {
        self.applied += 1;
        match record {
            Record::Enqueued { message, ready_at, at, .. } => self.enqueued(message, *ready_at, *at),
            Record::Leased { sequence, worker, until, at } => self.leased(place(sequence.0), worker, *until, *at),
            Record::Extended { sequence, until } => self.extended(place(sequence.0), *until),
            Record::Acked { sequence } => self.acked(place(sequence.0)),
            Record::Forgotten { sequence } => self.forgotten(place(sequence.0)),
            Record::Returned { sequence, ready_at, .. } => self.returned(place(sequence.0), *ready_at),
            Record::Died { sequence, .. } => self.died(place(sequence.0)),
            Record::Redriven { sequence, at } => self.redriven(place(sequence.0), *at),
        }
    }
}

fn place(sequence: u64) -> usize {
    usize::try_from(sequence).unwrap_or(usize::MAX)
}

/// Records.
impl Ledger {
    fn enqueued(&mut self, message: &NewMessage, ready_at: Instant, at: Instant) -> Result<(), Violation> {
        let place = self.messages.len();
        let before = self.ids.insert(message.id.clone(), Some(place)).flatten();
        claim(claims::IDS_ARE_TAKEN_ONCE, before.is_none(), || {
            format!("{} is accepted while it is known", message.id)
        })?;
        if let Some(dedup_id) = &message.dedup_id {
            self.deduplicate(dedup_id, at)?;
        }
        if let Some(key) = &message.key {
            self.keys.entry(key.clone()).or_default().insert(place);
        }
        let (id, key) = (message.id.clone(), message.key.clone());
        self.messages.push(Entry { id, key, state: State::Ready { at: ready_at }, attempts: 0, deaths: 0 });
        Ok(())
    }

    fn deduplicate(&mut self, dedup_id: &str, at: Instant) -> Result<(), Violation> {
        let before = self.dedup_ids.insert(dedup_id.to_owned(), at);
        let retention = core::time::Duration::from_millis(self.settings.dedup_retention_ms);
        let fits = before.is_none_or(|before| at.saturating_since(before) >= retention);
        claim(claims::DEDUPLICATION_IS_REMEMBERED, fits, || {
            format!("{dedup_id} is accepted at {before:?} and at {at:?}")
        })
    }

    fn leased(&mut self, place: usize, worker: &str, until: Instant, at: Instant) -> Result<(), Violation> {
        self.check_state(place, at)?;
        self.check_key(place)?;
        self.check_in_flight(worker)?;
        let token = Token(self.grants.len() as u64);
        let most = self.settings.max_attempts;
        let entry = &mut self.messages[place];
        entry.attempts += 1;
        entry.state = State::Leased { token };
        let (attempt, id) = (entry.attempts, &entry.id);
        claim(claims::ATTEMPTS_ARE_COUNTED, attempt <= most, || {
            format!("{id} is handed out {attempt} times of {most}")
        })?;
        self.grants.push(Grant { message: place, worker: worker.to_owned(), until, extended_until: until, attempt });
        self.live.insert((until, token));
        self.saw_if(attempt == most, Sight::LastAttemptWasMade);
        self.saw_if(attempt > 1, Sight::MessageWasHandedOutAgain);
        Ok(())
    }

    fn check_state(&self, place: usize, at: Instant) -> Result<(), Violation> {
        let told = |entry: &Entry| format!("{} is handed out while it is {:?}, at {at:?}", entry.id, entry.state);
        let Some(entry) = self.messages.get(place) else {
            return Err(Violation::new(claims::NOTHING_ACCEPTED_IS_LOST, format!("place {place} holds no message")));
        };
        match entry.state {
            State::Ready { at: ready_at } => {
                claim(claims::NOTHING_COMES_BEFORE_ITS_TIME, ready_at <= at, || told(entry))
            }
            State::Leased { .. } => Err(Violation::new(claims::ONE_LIVE_LEASE_A_MESSAGE, told(entry))),
            State::Done { .. } | State::Dead | State::Forgotten => {
                Err(Violation::new(claims::WHAT_IS_DONE_STAYS_DONE, told(entry)))
            }
        }
    }

    fn check_key(&mut self, place: usize) -> Result<(), Violation> {
        let Some(key) = &self.messages[place].key else { return Ok(()) };
        let Some(line) = self.keys.get(key) else { return Ok(()) };
        let leased = line.iter().find(|other| matches!(self.messages[**other].state, State::Leased { .. }));
        let earlier = line.range(..place).find(|other| self.blocks(**other));
        let in_the_way = leased.or(earlier);
        if line.len() > 1 {
            self.coverage.note(Sight::KeyWaited as u32);
        }
        claim(claims::KEYS_KEEP_THEIR_ORDER, in_the_way.is_none(), || {
            let (id, before) = (&self.messages[place].id, in_the_way.map(|other| &self.messages[*other]));
            format!("{id} of {key} is handed out, and before it stands {before:?}")
        })
    }

    fn blocks(&self, place: usize) -> bool {
        match self.messages[place].state {
            State::Ready { .. } | State::Leased { .. } => true,
            State::Dead => self.settings.dead_blocks_key,
            State::Done { .. } | State::Forgotten => false,
        }
    }

    fn check_in_flight(&mut self, worker: &str) -> Result<(), Violation> {
        let Settings { max_in_flight, max_in_flight_per_worker, .. } = self.settings;
        let total = self.live.len();
        let used_up = max_in_flight.is_some_and(|most| total + 1 == most as usize);
        self.saw_if(used_up, Sight::AllowanceWasUsedUp);
        // Counted only where somebody wants to know.
        let held = || self.live.iter().filter(|(_, token)| self.grants[place(token.0)].worker == worker).count();
        let holds = max_in_flight.is_none_or(|most| total < most as usize)
            && max_in_flight_per_worker.is_none_or(|most| held() < most as usize);
        claim(claims::IN_FLIGHT_IS_BOUNDED, holds, || {
            format!("{worker} gets one more, with {} of its own and {total} of all", held())
        })
    }

    fn extended(&mut self, place: usize, until: Instant) -> Result<(), Violation> {
        let token = self.end_lease(place, "extended")?;
        let grant = &mut self.grants[self::place(token.0)];
        grant.extended_until = until;
        self.live.insert((until, token));
        self.saw_if(true, Sight::LeaseWasExtended);
        Ok(())
    }

    fn acked(&mut self, place: usize) -> Result<(), Violation> {
        let token = self.end_lease(place, "acked")?;
        self.messages[place].state = State::Done { token };
        self.leave_line(place);
        self.saw_if(true, Sight::MessageWasDone);
        Ok(())
    }

    fn forgotten(&mut self, place: usize) -> Result<(), Violation> {
        let entry = self.messages.get_mut(place).filter(|entry| matches!(entry.state, State::Done { .. }));
        let Some(entry) = entry else {
            return Err(Violation::new(
                claims::NOTHING_ACCEPTED_IS_LOST,
                format!("place {place} is forgotten, not done"),
            ));
        };
        entry.state = State::Forgotten;
        self.ids.insert(entry.id.clone(), None);
        self.saw_if(true, Sight::DoneMessageWasForgotten);
        Ok(())
    }

    fn returned(&mut self, place: usize, ready_at: Instant) -> Result<(), Violation> {
        self.end_lease(place, "given back")?;
        let (entry, most) = (&mut self.messages[place], self.settings.max_attempts);
        entry.state = State::Ready { at: ready_at };
        let (id, attempts) = (&entry.id, entry.attempts);
        claim(claims::ATTEMPTS_ARE_COUNTED, attempts < most, || format!("{id} lives after {attempts} attempts"))
    }

    fn died(&mut self, place: usize) -> Result<(), Violation> {
        if self.messages.get(place).is_some_and(|entry| matches!(entry.state, State::Leased { .. })) {
            self.end_lease(place, "dead")?;
        }
        let Some(entry) = self.messages.get_mut(place) else {
            return Err(Violation::new(claims::DEATHS_ARE_ANNOUNCED_ONCE, format!("nobody dies at place {place}")));
        };
        let alive = matches!(entry.state, State::Ready { .. } | State::Leased { .. });
        let was = core::mem::replace(&mut entry.state, State::Dead);
        entry.deaths += 1;
        claim(claims::DEATHS_ARE_ANNOUNCED_ONCE, alive, || format!("{} dies while it is {was:?}", entry.id))
    }

    fn redriven(&mut self, place: usize, at: Instant) -> Result<(), Violation> {
        let entry = self.messages.get_mut(place).filter(|entry| entry.state == State::Dead);
        let Some(entry) = entry else {
            return Err(Violation::new(
                claims::WHAT_IS_DONE_STAYS_DONE,
                format!("place {place} is redriven, not dead"),
            ));
        };
        entry.state = State::Ready { at };
        entry.attempts = 0;
        self.saw_if(true, Sight::DeadMessageWasRedriven);
        Ok(())
    }

    fn end_lease(&mut self, place: usize, what: &str) -> Result<Token, Violation> {
        let state = self.messages.get(place).map(|entry| entry.state);
        let Some(State::Leased { token }) = state else {
            let detail = format!("place {place} is {what} while it is {state:?}");
            return Err(Violation::new(claims::STALE_TOKENS_ARE_REFUSED, detail));
        };
        let until = self.grants[self::place(token.0)].extended_until;
        self.live.remove(&(until, token));
        Ok(token)
    }

    fn leave_line(&mut self, place: usize) {
        if let Some(line) = self.messages[place].key.as_ref().and_then(|key| self.keys.get_mut(key)) {
            line.remove(&place);
        }
    }

    fn saw_if(&mut self, seen: bool, sight: Sight) {
        if seen {
            self.coverage.note(sight as u32);
        }
    }
}
