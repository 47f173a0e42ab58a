//! What wakes the driver, and what it finds when it is awake.

use super::desk::Done;
use super::{Driver, Phase};
use crate::handle::Call;
use crate::journal::{Journal, JournalError};
use crate::observer::Observer;
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use core::future::{pending, ready};
use purlin::protocol::{Input, Protocol};
use std::sync::atomic::Ordering;
use tokio::time::{Instant, sleep_until};

/// Why the driver woke.
enum Woken<P: Protocol> {
    Finished(Done<P>),
    Called(Call<P>),
    Received(P::Address, P::Message),
    /// Somebody asked for it, or nobody can ask for anything any more.
    ShutDown,
    GraceOver,
    /// A timer is due, or the inbox is not empty anyhow.
    Ready,
}

impl<P, J, T, S, O> Driver<P, J, T, S, O>
where
    P: Protocol,
    J: Journal<P>,
    T: Transport<P>,
    S: Surroundings,
    O: Observer<P>,
{
    /// Waits until there is something to do, and takes the first of it.
    pub(super) async fn wake(&mut self) -> Result<(), JournalError<J::Error>> {
        match self.woken().await? {
            Woken::Finished(done) => self.done(done),
            Woken::Called(call) => self.take(call),
            Woken::Received(from, message) => self.inbox.push_back(Input::Message { from, message }),
            Woken::ShutDown => self.close(),
            Woken::GraceOver => self.phase = Phase::Over,
            Woken::Ready => {}
        }
        Ok(())
    }

    /// The order of the branches is the order in which they are looked at, always.
    async fn woken(&mut self) -> Result<Woken<P>, JournalError<J::Error>> {
        let (serving, takes_requests, takes_messages) =
            (self.phase == Phase::Serving, self.takes_requests(), self.takes_messages());
        let Self { desk, ends, transport, timers, inbox, phase, .. } = self;
        let woken = tokio::select! {
            biased;
            done = desk.finished() => Woken::Finished(done?),
            _ = ends.shutdown.changed(), if serving => Woken::ShutDown,
            // Before anything that a busy node might never run out of.
            () = grace_over(*phase) => Woken::GraceOver,
            Some(call) = ends.calls.recv(), if takes_requests => Woken::Called(call),
            (from, message) = transport.receive(), if takes_messages => Woken::Received(from, message),
            () = timers.due() => Woken::Ready,
            () = ready(()), if !inbox.is_empty() => Woken::Ready,
        };
        Ok(woken)
    }

    fn close(&mut self) {
        tracing::debug!(open = self.tickets.len(), "shutting down");
        self.ends.calls.close();
        self.phase = Phase::Closing(Instant::now() + self.options.shutdown_grace);
    }

    /// A closed inbox that is empty gives nothing any more.
    fn takes_requests(&self) -> bool {
        let open = self.phase == Phase::Serving || !self.ends.calls.is_empty();
        open && self.tickets.len() < self.options.tickets_max.get() && self.takes_messages()
    }

    fn takes_messages(&self) -> bool {
        self.desk.unwritten() < self.options.unwritten_max.get()
    }

    fn take(&mut self, call: Call<P>) {
        let ticket = self.tickets.open(call.reply);
        self.inbox.push_back(Input::Request { ticket, request: call.request });
    }

    /// Takes whatever else is there.
    pub(super) fn drain(&mut self) {
        self.drain_calls();
        self.drain_messages();
        self.drain_timers();
        self.tell_refusals();
    }

    fn drain_calls(&mut self) {
        for _ in 0..self.options.batch_max.get() {
            if !self.takes_requests() {
                return;
            }
            let Ok(call) = self.ends.calls.try_recv() else { return };
            self.take(call);
        }
    }

    fn drain_messages(&mut self) {
        for _ in 0..self.options.batch_max.get() {
            if !self.takes_messages() {
                return;
            }
            let Some((from, message)) = self.transport.try_receive() else { return };
            self.inbox.push_back(Input::Message { from, message });
        }
    }

    fn drain_timers(&mut self) {
        let now = Instant::now();
        for _ in 0..self.options.batch_max.get() {
            let Some(timer) = self.timers.fire(now) else { return };
            self.inbox.push_back(Input::Timer(timer));
        }
    }

    fn tell_refusals(&mut self) {
        let refusals = self.ends.refusals.swap(0, Ordering::Relaxed);
        if refusals > 0 {
            self.observer.refused(refusals);
        }
    }
}

async fn grace_over(phase: Phase) {
    match phase {
        Phase::Closing(until) => sleep_until(until).await,
        Phase::Serving | Phase::Over => pending().await,
    }
}
