//! The loop.
//!
//! ```text
//!            ┌───────────────────────── wake: a request, a message, a timer, the journal ◀──────────────────────┐
//!            ▼                                                                                                    │
//!   drain the inbox ─▶ step each ─┬─▶ unfenced sends, timers: at once                                            │
//!                                 ├─▶ records ─▶ gather ─▶ one append (while it is under way, the loop goes on) ─┘
//!                                 └─▶ fenced effects ─▶ wait for the append that covers what was persisted before them
//! ```

mod ahead;
mod desk;
mod effects;
mod fences;
mod host;
mod inbox;
mod tickets;
mod timers;

use crate::handle::{Ends, Handle, Unanswered};
use crate::journal::{Journal, JournalError};
use crate::observer::Observer;
use crate::options::Options;
use crate::setup::Setup;
use crate::surroundings::{Process, Surroundings};
use crate::transport::{Alone, Transport};
use desk::{Desk, Done};
use fences::Fences;
use host::StepHost;
use purlin::Instant;
use purlin::protocol::{Effect, Input, Protocol};
use std::collections::VecDeque;
use tickets::Tickets;
use timers::Timers;
use tokio::task::coop;

/// Drives one protocol. See the [crate] for what it promises, and [`Setup`] for how it is made.
#[must_use = "a driver does nothing unless it is run"]
pub struct Driver<P: Protocol, J: Journal<P>, T = Alone, S = Process, O = ()> {
    config: P::Config,
    options: Options,
    machine: P,
    transport: T,
    surroundings: S,
    observer: O,
    ends: Ends<P>,
    phase: Phase,
    /// What is to be stepped next: what the machine has sent to itself, what was loaded, what came in.
    inbox: VecDeque<Input<P>>,
    /// What the last step asked for.
    effects: Vec<Effect<P>>,
    /// The latest instant that a step has seen.
    latest: Instant,
    desk: Desk<P, J>,
    fences: Fences<P>,
    tickets: Tickets<P>,
    timers: Timers<P::Timer>,
}

/// How far a driver has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No further request is let into the inbox. What is there and what is open has time until then.
    Closing(tokio::time::Instant),
    /// That time is over: nothing is stepped any more.
    Over,
}

impl<P, J, T, S, O> Driver<P, J, T, S, O>
where
    P: Protocol,
    J: Journal<P>,
    T: Transport<P>,
    S: Surroundings,
    O: Observer<P>,
{
    pub(crate) fn new(setup: Setup<P, J, T, S, O>) -> (Self, Handle<P>) {
        let Setup { config, image, journal, transport, mut surroundings, observer, options } = setup;
        let (handle, ends) = Handle::new(options.inbox_max.get(), options.events_max.get());
        let mut effects = Vec::new();
        let mut host = StepHost::new(&mut surroundings, &mut effects, Instant::ORIGIN);
        let machine = P::recover(&config, image, &mut host);
        let latest = host.latest();
        let driver = Self {
            config,
            options,
            machine,
            transport,
            surroundings,
            observer,
            ends,
            phase: Phase::Serving,
            inbox: VecDeque::new(),
            effects,
            latest,
            desk: Desk::new(journal),
            fences: Fences::new(),
            tickets: Tickets::new(),
            timers: Timers::new(),
        };
        (driver, handle)
    }

    /// Runs until it is shut down, or until the last handle is dropped, and gives the journal back.
    ///
    /// It starts no task of its own and can be spawned on any runtime, or awaited where it stands. Dropping the future is
    /// a crash: whoever waits is told [`Unanswered::Unknown`].
    ///
    /// # Errors
    /// The journal has refused or failed. Nothing that waited for it was answered, sent or announced; whether it was
    /// written is unknown, and every open request was told so: [`Unanswered::Unknown`].
    pub async fn run(mut self) -> Result<J, JournalError<J::Error>> {
        let result = self.live().await;
        self.end().await;
        result?;
        let journal = self.desk.into_journal();
        Ok(journal.expect("a driver stops living only when its journal is idle or has failed"))
    }

    async fn live(&mut self) -> Result<(), JournalError<J::Error>> {
        self.observer.stepped(&self.machine, &self.effects);
        self.perform();
        while !self.is_finished() {
            coop::consume_budget().await;
            self.begin_work();
            self.wake().await?;
            self.drain();
            self.step_batch();
        }
        self.last_sync().await
    }

    /// Whether all that was asked was answered, and all that was persisted is durable.
    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Serving => false,
            Phase::Closing(_) => {
                let idle = self.inbox.is_empty() && self.fences.is_empty() && self.desk.is_quiet();
                idle && self.tickets.len() == 0 && self.ends.calls.is_empty()
            }
            Phase::Over => true,
        }
    }

    fn begin_work(&mut self) {
        let Self { desk, machine, options, .. } = self;
        desk.begin(options, || machine.image().clone());
    }

    /// Writes what is left, and does what waits for it, without another step.
    async fn last_sync(&mut self) -> Result<(), JournalError<J::Error>> {
        while !self.desk.is_quiet() {
            self.begin_work();
            let done = self.desk.finished().await?;
            self.done(done);
        }
        Ok(())
    }

    fn done(&mut self, done: Done<P>) {
        match done {
            Done::Written { durable, records, took } => {
                tracing::debug!(records, durable, ?took, "synced");
                self.observer.synced(records, took);
                // The next write goes first: the disk is slower than all that follows, and need not wait for it.
                self.desk.begin_append_early(&self.options);
                self.release();
            }
            Done::Loaded(loaded) => self.inbox.extend(loaded.map(Input::Loaded)),
        }
    }

    /// Every ticket is answered, also those that were never taken from the inbox.
    async fn end(&mut self) {
        self.tickets.give_up();
        self.ends.calls.close();
        while let Some(call) = self.ends.calls.recv().await {
            let _ = call.reply.send(Err(Unanswered::ShutDown));
        }
        self.observer.tickets(0);
    }
}
