//! Clients that note what they were told, and whom a dead server does not stop for long.

use super::judge::{Fact, Judge, Told, Violation};
use core::time::Duration;
use purlin::queue::{Delivery, Token};
use purlin::{Clock, Instant};
use purlin_tokio::Process;
use purlin_worker::{Claim, Client, ClientError, Enqueue};
use rand::Rng;
use rand_chacha::ChaCha12Rng;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::sleep;

const LEASES_MS: [u64; 3] = [40, 150, 400];
/// A worker that holds more than this does not ask for more.
const HELD_MAX: usize = 8;

/// Where clients note what they were told.
#[derive(Clone)]
pub(super) struct Notes {
    judge: Arc<Mutex<Judge>>,
}

impl Notes {
    pub(super) fn new(judge: Arc<Mutex<Judge>>) -> Self {
        Self { judge }
    }

    fn note(&self, fact: Fact) {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).note(fact);
    }

    fn complain(&self, what: String) {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).complain(Violation(what));
    }
}

/// What a client takes an answer for.
fn told(result: Result<(), ClientError>) -> Result<Told, ClientError> {
    match result {
        Ok(()) => Ok(Told::Done),
        Err(error) if error.is_conflict() => Ok(Told::Refused),
        Err(error) if error.is_unknown() => Ok(Told::Nothing),
        Err(error) => Err(error),
    }
}

/// Enqueues one message after another; half of the producers with a key of their own.
pub(super) struct Producer {
    number: u64,
    next: u64,
    /// The next message was sent already, and nobody knows what became of it.
    unsure: bool,
    die: ChaCha12Rng,
    notes: Notes,
}

impl Producer {
    pub(super) fn new(number: u64, die: ChaCha12Rng, notes: Notes) -> Self {
        Self { number, next: 0, unsure: false, die, notes }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Until the server is gone.
    pub(super) async fn work(&mut self, client: &Client) {
        while self.enqueue_next(client).await {
            if self.die.random_ratio(1, 16) {
                self.enqueue_again(client).await;
            }
            sleep(Duration::from_micros(self.die.random_range(0..4_000))).await;
        }
    }

    /// Finds out what became of the last message.
    pub(super) async fn settle(&mut self, client: &Client) {
        if self.unsure {
            self.enqueue_next(client).await;
        }
    }

    async fn enqueue_next(&mut self, client: &Client) -> bool {
        let message = self.message(self.next);
        let id = message.id.clone();
        self.notes.note(Fact::Enqueuing { id: id.clone(), key: message.key.clone() });
        match told(client.enqueue(&message).await) {
            Ok(Told::Nothing) => {
                self.unsure = true;
                return false;
            }
            Ok(Told::Refused) if !self.unsure => self.notes.complain(format!("{id} was refused, and is new")),
            Ok(Told::Done | Told::Refused) => self.notes.note(Fact::Enqueued { id }),
            Err(error) => self.notes.complain(format!("{id} was not taken: {error}")),
        }
        (self.next, self.unsure) = (self.next + 1, false);
        true
    }

    /// An id that is taken stays taken.
    async fn enqueue_again(&mut self, client: &Client) {
        let earlier = self.die.random_range(0..self.next);
        let message = self.message(earlier);
        if let Ok(()) = client.enqueue(&message).await {
            self.notes.complain(format!("{} was taken twice", message.id));
        }
    }

    fn message(&self, number: u64) -> Enqueue {
        let id = format!("p{}-{number}", self.number);
        let key = self.number.is_multiple_of(2).then(|| format!("k{}", self.number));
        Enqueue { payload: payload(&id), id, key, ..Enqueue::default() }
    }
}

fn payload(id: &str) -> String {
    format!("the payload of {id}")
}

/// A lease that a worker believes to hold.
#[derive(Clone)]
struct Held {
    id: String,
    token: Token,
}

/// Claims, and then finishes, gives back, keeps or forgets what it has got.
pub(super) struct Consumer {
    number: u64,
    held: Vec<Held>,
    die: ChaCha12Rng,
    notes: Notes,
}

impl Consumer {
    pub(super) fn new(number: u64, die: ChaCha12Rng, notes: Notes) -> Self {
        Self { number, held: Vec::new(), die, notes }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Until the server is gone.
    pub(super) async fn work(&mut self, client: &Client) {
        while self.claim(client).await && self.work_on_what_is_held(client).await {
            sleep(Duration::from_micros(self.die.random_range(0..4_000))).await;
        }
    }

    /// Takes what there is and finishes it.
    pub(super) async fn finish_some(&mut self, client: &Client) {
        self.claim(client).await;
        for held in std::mem::take(&mut self.held) {
            self.ack(client, &held).await;
        }
    }

    async fn claim(&mut self, client: &Client) -> bool {
        if self.held.len() >= HELD_MAX {
            return true;
        }
        let lease_ms = LEASES_MS[self.die.random_range(0..LEASES_MS.len())];
        let (worker, max) = (format!("w{}", self.number), self.die.random_range(1..=4));
        match client.claim(&Claim { worker, max, lease_ms: Some(lease_ms) }).await {
            Ok(deliveries) => {
                deliveries.into_iter().for_each(|delivery| self.take(delivery, lease_ms));
                true
            }
            Err(error) => {
                if !error.is_unknown() {
                    self.notes.complain(format!("a claim was refused: {error}"));
                }
                false
            }
        }
    }

    fn take(&mut self, delivery: Delivery, lease_ms: u64) {
        let Delivery { id, payload: said, token, attempt, until } = delivery;
        if said != payload(&id) {
            self.notes.complain(format!("{id} says `{said}`"));
        }
        let granted = until - Duration::from_millis(lease_ms);
        self.notes.note(Fact::Delivered { id: id.clone(), token, attempt, granted, until });
        self.held.push(Held { id, token });
    }

    async fn work_on_what_is_held(&mut self, client: &Client) -> bool {
        for held in std::mem::take(&mut self.held) {
            let told = match self.die.random_range(0..10) {
                0..=5 => self.ack(client, &held).await,
                6 => self.nack(client, &held).await,
                7 => self.extend(client, &held).await,
                // Too late, perhaps, when it comes back to this.
                8 => None,
                // Forgotten: the lease runs out.
                _ => Some(Told::Done),
            };
            if matches!(told, None | Some(Told::Nothing)) {
                self.held.push(held);
            }
            if told == Some(Told::Nothing) {
                return false;
            }
        }
        true
    }

    async fn ack(&self, client: &Client, held: &Held) -> Option<Told> {
        let Held { id, token } = held.clone();
        self.notes.note(Fact::Acking { id: id.clone() });
        let told = self.understood("ack", client.ack(token).await)?;
        self.notes.note(Fact::Acked { id, token, told });
        Some(told)
    }

    async fn nack(&mut self, client: &Client, held: &Held) -> Option<Told> {
        let Held { id, token } = held.clone();
        // Noted before it is sent: whatever the answer, the message may be handed out again from now on.
        self.notes.note(Fact::Nacking { id, token });
        let delay_ms = self.die.random_range(0..20);
        self.understood("nack", client.nack(token, delay_ms).await)
    }

    async fn extend(&mut self, client: &Client, held: &Held) -> Option<Told> {
        let Held { id, token } = held.clone();
        let lease_ms = LEASES_MS[self.die.random_range(0..LEASES_MS.len())];
        let asked: Instant = Process::new().now();
        let told = self.understood("extension", client.extend(token, lease_ms).await)?;
        if told == Told::Done {
            self.notes.note(Fact::Extended { id, token, until: asked + Duration::from_millis(lease_ms) });
        }
        // It is held on to, unless it is lost.
        if told == Told::Done { None } else { Some(told) }
    }

    fn understood(&self, what: &str, result: Result<(), ClientError>) -> Option<Told> {
        told(result).inspect_err(|error| self.notes.complain(format!("an {what} was not understood: {error}"))).ok()
    }
}
