//! A lease queue as one would write it on a napkin: a list that is walked through, no index, no journal, no timer. It says
//! what the room `queue` must answer, and was written from the rules (`vectors/queue.json` follows the same), not from the
//! room.

use core::time::Duration;
use purlin::Instant;
use purlin::queue::{Answer, Delivery, NewMessage, Request, Settings, Stats, Status, Token};

pub(crate) struct Naive {
    settings: Settings,
    entries: Vec<Entry>,
    /// Deduplication ids and until when they are taken.
    taken: Vec<(String, Instant)>,
    tokens: u64,
    acks: u64,
}

struct Entry {
    message: NewMessage,
    attempts: u32,
    state: State,
}

#[derive(Clone, PartialEq)]
enum State {
    Ready(Instant),
    Leased { token: Token, until: Instant, worker: String },
    Done { token: Token, nth: u64 },
    Dead,
}

impl Naive {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, entries: Vec::new(), taken: Vec::new(), tokens: 0, acks: 0 }
    }

    pub(crate) fn answer(&mut self, request: &Request, now: Instant) -> Answer {
        let expired = self.expire(now);
        match request {
            Request::Enqueue(message) => self.enqueue(message, now),
            Request::Claim { worker, max, lease_ms } => Answer::Claimed(self.claim(worker, *max, *lease_ms, now)),
            Request::Ack { token } => self.ack(*token),
            Request::Extend { token, lease_ms } => self.extend(*token, now + Duration::from_millis(*lease_ms)),
            Request::Nack { token, delay_ms } => self.nack(*token, now + Duration::from_millis(*delay_ms)),
            Request::Kill { id } => self.kill(id),
            Request::Redrive { ids } => Answer::Redriven(self.redrive(ids.as_deref(), now)),
            Request::Expire => Answer::Expired(expired),
            Request::Status { id } => Answer::Status(self.find(id).map_or(Status::Unknown, |at| self.status(at, now))),
            Request::Stats => Answer::Stats(self.stats(now)),
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.message.id == id)
    }

    fn holder(&self, wanted: Token) -> Option<usize> {
        self.entries.iter().position(|entry| matches!(entry.state, State::Leased { token, .. } if token == wanted))
    }

    fn expire(&mut self, now: Instant) -> Vec<String> {
        let mut over: Vec<(Instant, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let State::Leased { until, .. } = entry.state
                && until <= now
            {
                over.push((until, at));
            }
        }
        over.sort();
        over.into_iter().map(|(until, at)| self.give_back(at, until).0).collect()
    }

    /// The message's id, and whether it will be handed out again.
    fn give_back(&mut self, at: usize, ready: Instant) -> (String, bool) {
        let entry = &mut self.entries[at];
        let again = entry.attempts < self.settings.max_attempts;
        entry.state = if again { State::Ready(ready) } else { State::Dead };
        (entry.message.id.clone(), again)
    }

    fn enqueue(&mut self, message: &NewMessage, now: Instant) -> Answer {
        self.taken.retain(|(_, until)| now < *until);
        let taken = message.dedup_id.as_ref().is_some_and(|id| self.taken.iter().any(|(taken, _)| taken == id));
        if taken || self.find(&message.id).is_some() {
            return Answer::Duplicate;
        }
        let unfinished = self.entries.iter().filter(|entry| !matches!(entry.state, State::Done { .. })).count();
        let many = message.dedup_id.is_some() && self.taken.len() >= self.settings.max_dedup_ids as usize;
        if many || unfinished >= self.settings.max_messages as usize {
            return Answer::Full;
        }
        if let Some(id) = &message.dedup_id {
            self.taken.push((id.clone(), now + Duration::from_millis(self.settings.dedup_retention_ms)));
        }
        let ready = message.not_before.map_or(now, |not_before| not_before.max(now));
        self.entries.push(Entry { message: message.clone(), attempts: 0, state: State::Ready(ready) });
        Answer::Ok
    }

    fn claim(&mut self, worker: &str, max: u32, lease_ms: Option<u64>, now: Instant) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while deliveries.len() < max as usize && self.has_room(worker) {
            let Some((_, at)) = (0..self.entries.len()).filter_map(|at| Some((self.offered(at, now)?, at))).min()
            else {
                break;
            };
            let token = Token(self.tokens);
            self.tokens += 1;
            let until = now + Duration::from_millis(lease_ms.unwrap_or(self.settings.lease_ms));
            let entry = &mut self.entries[at];
            entry.attempts += 1;
            entry.state = State::Leased { token, until, worker: worker.to_owned() };
            let (id, payload) = (entry.message.id.clone(), entry.message.payload.clone());
            deliveries.push(Delivery { id, payload, token, attempt: entry.attempts, until });
        }
        deliveries
    }

    fn has_room(&self, asks: &str) -> bool {
        let held = |by: Option<&str>| {
            let leased = |entry: &&Entry| matches!(&entry.state, State::Leased { worker, .. } if by.is_none_or(|by| by == worker));
            self.entries.iter().filter(leased).count()
        };
        let below = |limit: Option<u32>, count: usize| limit.is_none_or(|limit| count < limit as usize);
        below(self.settings.max_in_flight, held(None))
            && below(self.settings.max_in_flight_per_worker, held(Some(asks)))
    }

    /// Since when a message may be handed out, if it may.
    fn offered(&self, at: usize, now: Instant) -> Option<Instant> {
        let entry = &self.entries[at];
        let State::Ready(ready) = entry.state else { return None };
        let free = entry.message.key.is_none()
            || !self.entries.iter().enumerate().any(|(other, it)| self.blocks(other, it, at));
        (ready <= now && free).then_some(ready)
    }

    /// Whether another message of the key stands before it, or is being worked on.
    fn blocks(&self, other: usize, entry: &Entry, at: usize) -> bool {
        let waits = match entry.state {
            State::Ready(_) => other < at,
            State::Leased { .. } => other != at,
            State::Dead => other < at && self.settings.dead_blocks_key,
            State::Done { .. } => false,
        };
        waits && entry.message.key == self.entries[at].message.key
    }

    fn ack(&mut self, token: Token) -> Answer {
        let Some(at) = self.holder(token) else {
            let done = |entry: &Entry| matches!(entry.state, State::Done { token: by, .. } if by == token);
            return if self.entries.iter().any(done) { Answer::Ok } else { Answer::Stale };
        };
        self.entries[at].state = State::Done { token, nth: self.acks };
        self.acks += 1;
        self.forget_the_oldest();
        Answer::Ok
    }

    fn forget_the_oldest(&mut self) {
        let nth = |entry: &Entry| if let State::Done { nth, .. } = entry.state { Some(nth) } else { None };
        let mut done: Vec<u64> = self.entries.iter().filter_map(nth).collect();
        done.sort_unstable();
        let surplus = done.len().saturating_sub(self.settings.max_done as usize);
        self.entries.retain(|entry| nth(entry).is_none_or(|nth| !done[..surplus].contains(&nth)));
    }

    fn extend(&mut self, wanted: Token, longer: Instant) -> Answer {
        let Some(at) = self.holder(wanted) else { return Answer::Stale };
        if let State::Leased { until, .. } = &mut self.entries[at].state {
            *until = longer.max(*until);
        }
        Answer::Ok
    }

    fn nack(&mut self, token: Token, ready: Instant) -> Answer {
        let Some(at) = self.holder(token) else { return Answer::Stale };
        if self.give_back(at, ready).1 { Answer::Ok } else { Answer::Dead }
    }

    fn kill(&mut self, id: &str) -> Answer {
        let Some(at) = self.find(id) else { return Answer::NotFound };
        if matches!(self.entries[at].state, State::Done { .. } | State::Dead) {
            return Answer::Terminal;
        }
        self.entries[at].state = State::Dead;
        Answer::Ok
    }

    fn redrive(&mut self, ids: Option<&[String]>, now: Instant) -> Vec<String> {
        let wanted =
            |entry: &&mut Entry| entry.state == State::Dead && ids.is_none_or(|ids| ids.contains(&entry.message.id));
        let redriven = self.entries.iter_mut().filter(wanted).map(|entry| {
            (entry.attempts, entry.state) = (0, State::Ready(now));
            entry.message.id.clone()
        });
        redriven.collect()
    }

    fn status(&self, at: usize, now: Instant) -> Status {
        match self.entries[at].state {
            State::Ready(ready) if ready > now => Status::Delayed,
            State::Ready(_) => Status::Ready,
            State::Leased { .. } => Status::Leased,
            State::Done { .. } => Status::Done,
            State::Dead => Status::Dead,
        }
    }

    fn stats(&self, now: Instant) -> Stats {
        let count = |status| (0..self.entries.len()).filter(|at| self.status(*at, now) == status).count() as u64;
        Stats {
            ready: count(Status::Ready),
            delayed: count(Status::Delayed),
            leased: count(Status::Leased),
            done: count(Status::Done),
            dead: count(Status::Dead),
        }
    }
}
