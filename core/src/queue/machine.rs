//! The queue itself: how it answers, and what it writes down first.

use super::alphabet::{Answer, Delivery, Event, NewMessage, Record, Request, Sequence, Stats, Status, Timer, Token};
use super::config::Config;
use super::image::{Image, Message, MessageState};
use super::index::Index;
use crate::machine::{Host, Machine};
use crate::names;
use crate::protocol::{Effect, Input, Never, Protocol, Ticket};
use crate::time::Instant;
use core::time::Duration;
use serde::Serialize;

/// A lease queue. See the [module](super) for the states of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Queue {
    pub(super) image: Image,
    pub(super) index: Index,
    /// When the timer was last set to fire, so that it is set again only if that changes.
    armed: Option<Instant>,
}

impl Machine for Queue {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let now = host.now().max(self.image.latest);
        let expired = self.end_leases(config, now, host);
        match input {
            Input::Request { ticket, request } => self.serve(config, ticket, request, expired, now, host),
            Input::Timer(Timer::LeaseOver) => self.armed = None,
            Input::Message { message, .. } => match message {},
            Input::Loaded(loaded) => match loaded {},
        }
        self.set_timer(now, host);
    }

    fn reconfigure(&mut self, _old: &Config, new: &Config, _host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.index = Index::of(new, &self.image);
    }
}

names! { struct Queue { image, index, armed } }

impl Protocol for Queue {
    const FORMAT: u32 = 1;
    type Address = Never;
    type Request = Request;
    type Answer = Answer;
    type Message = Never;
    type Timer = Timer;
    type Record = Record;
    type Load = Never;
    type Loaded = Never;
    type Event = Event;
    type Image = Image;

    fn fold(image: &mut Image, record: Record) {
        image.fold(record);
    }

    fn image(&self) -> &Image {
        &self.image
    }

    /// The process may have died between an ack and what it made the queue forget.
    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let index = Index::of(config, &image);
        let mut queue = Self { image, index, armed: None };
        queue.forget_oldest_done(config, host);
        let now = host.now().max(queue.image.latest);
        queue.set_timer(now, host);
        queue
    }
}

/// Requests.
impl Queue {
    fn serve(
        &mut self,
        config: &Config,
        ticket: Ticket,
        request: Request,
        expired: Vec<String>,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) {
        let answer = match request {
            Request::Enqueue(message) => self.enqueue(config, message, now, host),
            Request::Claim { worker, max, lease_ms } => {
                Answer::Claimed(self.claim(config, &worker, max, config.lease(lease_ms), now, host))
            }
            Request::Ack { token } => self.ack(config, token, host),
            Request::Extend { token, lease_ms } => self.extend(config, token, now + config.lease(Some(lease_ms)), host),
            Request::Nack { token, delay_ms } => {
                self.nack(config, token, now + Duration::from_millis(delay_ms), now, host)
            }
            Request::Kill { id } => self.kill(config, &id, now, host),
            Request::Redrive { ids } => Answer::Redriven(self.redrive(config, ids, now, host)),
            Request::Expire => Answer::Expired(expired),
            Request::Status { id } => Answer::Status(self.status(&id, now)),
            Request::Stats => Answer::Stats(self.stats(now)),
        };
        host.emit(Effect::Answer { ticket, answer });
    }

    fn enqueue(
        &mut self,
        config: &Config,
        message: NewMessage,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Answer {
        let seen = |dedup_id: &String| self.image.remembers(dedup_id, now);
        if self.image.by_id.contains_key(&message.id) || message.dedup_id.as_ref().is_some_and(seen) {
            return Answer::Duplicate;
        }
        if self.is_full(config, message.dedup_id.is_some(), now) {
            return Answer::Full;
        }
        let ready_at = message.not_before.unwrap_or(now).max(now);
        let dedup_until = message.dedup_id.is_some().then(|| now + config.dedup_retention());
        let sequence = self.image.next_sequence();
        self.persist(config, sequence, Record::Enqueued { message, ready_at, dedup_until, at: now }, host);
        Answer::Ok
    }

    fn is_full(&self, config: &Config, dedups: bool, now: Instant) -> bool {
        let settings = config.settings();
        self.image.unfinished() >= settings.max_messages as usize
            || dedups && self.image.remembers_as_many(settings.max_dedup_ids as usize, now)
    }

    fn claim(
        &mut self,
        config: &Config,
        worker: &str,
        max: u32,
        lease: Duration,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while deliveries.len() < max as usize
            && self.may_hand_out(config, worker)
            && let Some(sequence) = self.index.next_ready(now)
        {
            let until = now + lease;
            let leased = Record::Leased { sequence, worker: worker.to_owned(), until, at: now };
            self.persist(config, sequence, leased, host);
            deliveries.extend(self.delivery(sequence));
        }
        deliveries
    }

    fn may_hand_out(&self, config: &Config, worker: &str) -> bool {
        let settings = config.settings();
        let room = settings.max_in_flight.is_none_or(|max| self.index.leased() < max as usize);
        room && settings.max_in_flight_per_worker.is_none_or(|max| self.index.held_by(worker) < max)
    }

    fn delivery(&self, sequence: Sequence) -> Option<Delivery> {
        let message = self.image.messages.get(&sequence)?;
        let MessageState::Leased { token, until, .. } = message.state else { return None };
        let (id, payload) = (message.id.clone(), message.payload.clone());
        Some(Delivery { id, payload, token, attempt: message.attempts, until })
    }

    fn ack(&mut self, config: &Config, token: Token, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Answer {
        let Some((sequence, ..)) = self.image.leased(token) else {
            return if self.image.finished_under(token) { Answer::Ok } else { Answer::Stale };
        };
        self.persist(config, sequence, Record::Acked { sequence }, host);
        self.forget_oldest_done(config, host);
        Answer::Ok
    }

    fn forget_oldest_done(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        while let (count, Some(sequence)) = self.image.done()
            && count > config.settings().max_done as usize
        {
            self.persist(config, sequence, Record::Forgotten { sequence }, host);
        }
    }

    fn extend(
        &mut self,
        config: &Config,
        token: Token,
        longer: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Answer {
        let Some((sequence, _, until)) = self.image.leased(token) else { return Answer::Stale };
        if longer > until {
            self.persist(config, sequence, Record::Extended { sequence, until: longer }, host);
        }
        Answer::Ok
    }

    fn nack(
        &mut self,
        config: &Config,
        token: Token,
        ready_at: Instant,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Answer {
        let Some((sequence, ..)) = self.image.leased(token) else { return Answer::Stale };
        if self.give_back(config, sequence, ready_at, now, host) {
            return Answer::Ok;
        }
        self.announce_death(sequence, host);
        Answer::Dead
    }

    fn kill(
        &mut self,
        config: &Config,
        id: &str,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Answer {
        let Some(sequence) = self.image.by_id.get(id).copied() else { return Answer::NotFound };
        let state = self.image.messages.get(&sequence).map(|message| &message.state);
        if matches!(state, Some(MessageState::Done { .. } | MessageState::Dead)) {
            return Answer::Terminal;
        }
        self.persist(config, sequence, Record::Died { sequence, at: now }, host);
        self.announce_death(sequence, host);
        Answer::Ok
    }

    fn redrive(
        &mut self,
        config: &Config,
        ids: Option<Vec<String>>,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Vec<String> {
        let mut redriven = Vec::new();
        for sequence in self.index.dead().clone() {
            let Some(id) = self.image.messages.get(&sequence).map(|message| message.id.clone()) else { continue };
            if ids.as_ref().is_none_or(|ids| ids.contains(&id)) {
                self.persist(config, sequence, Record::Redriven { sequence, at: now }, host);
                redriven.push(id);
            }
        }
        redriven
    }

    fn status(&self, id: &str, now: Instant) -> Status {
        let sequence = self.image.by_id.get(id);
        sequence.and_then(|sequence| self.image.messages.get(sequence)).map_or(Status::Unknown, |it| it.status(now))
    }

    fn stats(&self, now: Instant) -> Stats {
        let mut stats = Stats::default();
        for message in self.image.messages.values() {
            match message.status(now) {
                Status::Ready => stats.ready += 1,
                Status::Delayed => stats.delayed += 1,
                Status::Leased => stats.leased += 1,
                Status::Done => stats.done += 1,
                Status::Dead => stats.dead += 1,
                Status::Unknown => {}
            }
        }
        stats
    }
}

impl Message {
    fn status(&self, now: Instant) -> Status {
        match self.state {
            MessageState::Ready { at } if at > now => Status::Delayed,
            MessageState::Ready { .. } => Status::Ready,
            MessageState::Leased { .. } => Status::Leased,
            MessageState::Done { .. } => Status::Done,
            MessageState::Dead => Status::Dead,
        }
    }
}

/// What is written down.
impl Queue {
    /// Every change of a message goes through here: into the image, into the index, and to the journal.
    fn persist(
        &mut self,
        config: &Config,
        sequence: Sequence,
        record: Record,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) {
        let before = self.image.messages.get(&sequence).cloned();
        self.image.fold(record.clone());
        self.index.update(config, sequence, before.as_ref(), &self.image);
        host.emit(Effect::Persist(record));
    }

    /// Ready again, or dead if that was the last attempt.
    fn give_back(
        &mut self,
        config: &Config,
        sequence: Sequence,
        ready_at: Instant,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> bool {
        let attempts = self.image.messages.get(&sequence).map_or(0, |message| message.attempts);
        let again = attempts < config.settings().max_attempts;
        let record =
            if again { Record::Returned { sequence, ready_at, at: now } } else { Record::Died { sequence, at: now } };
        self.persist(config, sequence, record, host);
        again
    }

    fn announce_death(&self, sequence: Sequence, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if let Some(message) = self.image.messages.get(&sequence) {
            host.emit(Effect::Notify(Event::Died { id: message.id.clone() }));
        }
    }

    /// Leases that are over end before anything else happens, in the order of their ends: noticing late equals ticking
    /// on time. A message whose lease ended is ready from that end on.
    fn end_leases(
        &mut self,
        config: &Config,
        now: Instant,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) -> Vec<String> {
        let mut expired = Vec::new();
        while let Some((until, sequence)) = self.index.first_lease().filter(|(until, _)| *until <= now) {
            let Some(id) = self.image.messages.get(&sequence).map(|message| message.id.clone()) else { break };
            let again = self.give_back(config, sequence, until, until, host);
            host.emit(Effect::Notify(Event::LeaseExpired { id: id.clone() }));
            if !again {
                self.announce_death(sequence, host);
            }
            expired.push(id);
        }
        expired
    }

    fn set_timer(&mut self, now: Instant, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let first = self.index.first_lease().map(|(until, _)| until);
        if first == self.armed {
            return;
        }
        self.armed = first;
        host.emit(match first {
            Some(until) => Effect::Arm { timer: Timer::LeaseOver, after: until.saturating_since(now) },
            None => Effect::Disarm(Timer::LeaseOver),
        });
    }
}
