//! Steps, and what they ask for.

use super::Driver;
use super::host::StepHost;
use crate::journal::Journal;
use crate::observer::Observer;
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use core::mem;
use purlin::protocol::{Effect, Fence, Input, Protocol};

impl<P, J, T, S, O> Driver<P, J, T, S, O>
where
    P: Protocol,
    J: Journal<P>,
    T: Transport<P>,
    S: Surroundings,
    O: Observer<P>,
{
    /// Steps what is in the inbox now. What the machine sends itself meanwhile is for the next batch.
    pub(super) fn step_batch(&mut self) {
        let batch = mem::take(&mut self.inbox);
        if batch.is_empty() {
            return;
        }
        let _span = tracing::debug_span!("batch", inputs = batch.len()).entered();
        self.observer.batch(batch.len());
        batch.into_iter().for_each(|input| self.step(input));
        self.observer.tickets(self.tickets.len());
    }

    fn step(&mut self, input: Input<P>) {
        tracing::trace!(?input, "step");
        self.observer.stepping(&self.machine, &input);
        let mut host = StepHost::new(&mut self.surroundings, &mut self.effects, self.latest);
        self.machine.step(&self.config, input, &mut host);
        self.latest = host.latest();
        self.observer.stepped(&self.machine, &self.effects);
        self.perform();
    }

    /// Does what the last step asked for, or puts it where it waits.
    pub(super) fn perform(&mut self) {
        let mut effects = mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            tracing::trace!(?effect, "effect");
            match effect {
                Effect::Persist(record) => self.desk.persist(record),
                Effect::Load(load) => self.desk.load(load),
                Effect::Arm { timer, after } => self.timers.arm(timer, self.surroundings.real(after)),
                Effect::Disarm(timer) => self.timers.disarm(&timer),
                Effect::Send { to, message, fence: Fence::None } => self.send(to, message),
                fenced @ (Effect::Send { .. } | Effect::Answer { .. } | Effect::Notify(_)) => {
                    self.fences.hold(self.desk.persisted(), fenced);
                }
            }
        }
        self.effects = effects;
        self.release();
    }

    /// Does what waits for nothing any more, in order.
    pub(super) fn release(&mut self) {
        while let Some(effect) = self.fences.release(self.desk.durable()) {
            self.observer.released(&effect);
            match effect {
                Effect::Send { to, message, .. } => self.send(to, message),
                Effect::Answer { ticket, answer } => self.tickets.answer(ticket, answer),
                // Nobody may be listening, which is no error.
                Effect::Notify(event) => drop(self.ends.events.send(event)),
                Effect::Persist(_) | Effect::Load(_) | Effect::Arm { .. } | Effect::Disarm(_) => {}
            }
        }
    }

    /// A message to oneself goes nowhere near the transport: it must not be lost.
    fn send(&mut self, to: P::Address, message: P::Message) {
        if self.transport.address() == Some(&to) {
            self.inbox.push_back(Input::Message { from: to, message });
        } else {
            self.transport.send(to, message);
        }
    }
}
