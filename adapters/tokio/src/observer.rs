//! Who is told what a driver does.

use core::time::Duration;
use purlin::protocol::{Effect, Input, Protocol};

/// Is told what a driver does, on the driver's own task, and can change nothing. Keep it short: the machine waits.
///
/// `()` observes nothing; a pair tells both.
pub trait Observer<P: Protocol>: Send + 'static {
    /// The inbox was drained, and so many inputs are about to be stepped.
    fn batch(&mut self, _inputs: usize) {}
    /// One input is about to be stepped by the machine as it stands.
    fn stepping(&mut self, _machine: &P, _input: &Input<P>) {}
    /// It was stepped: the machine as it stands now, and what it asks for. Recovery is told likewise.
    fn stepped(&mut self, _machine: &P, _effects: &[Effect<P>]) {}
    /// An append of so many records became durable, or an image that stands for them, so long after it began, by tokio's
    /// clock. A journal may make several appends durable at once.
    fn synced(&mut self, _records: usize, _took: Duration) {}
    /// A fenced effect has waited long enough and is done now: a send, an answer or a notification.
    fn released(&mut self, _effect: &Effect<P>) {}
    /// So many requests are open now.
    fn tickets(&mut self, _open: usize) {}
    /// So many requests were turned away since this was last told, because the inbox was full.
    fn refused(&mut self, _requests: u64) {}
}

impl<P: Protocol> Observer<P> for () {}

impl<P: Protocol, A: Observer<P>, B: Observer<P>> Observer<P> for (A, B) {
    fn batch(&mut self, inputs: usize) {
        self.0.batch(inputs);
        self.1.batch(inputs);
    }

    fn stepping(&mut self, machine: &P, input: &Input<P>) {
        self.0.stepping(machine, input);
        self.1.stepping(machine, input);
    }

    fn stepped(&mut self, machine: &P, effects: &[Effect<P>]) {
        self.0.stepped(machine, effects);
        self.1.stepped(machine, effects);
    }

    fn synced(&mut self, records: usize, took: Duration) {
        self.0.synced(records, took);
        self.1.synced(records, took);
    }

    fn released(&mut self, effect: &Effect<P>) {
        self.0.released(effect);
        self.1.released(effect);
    }

    fn tickets(&mut self, open: usize) {
        self.0.tickets(open);
        self.1.tickets(open);
    }

    fn refused(&mut self, requests: u64) {
        self.0.refused(requests);
        self.1.refused(requests);
    }
}
