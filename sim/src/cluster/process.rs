//! One life of a node's process in the swarm: its machine, and what dies with it.

use super::asks::ByAsk;
use super::client::Ask;
use super::faults::Faults;
use super::history::Event;
use super::judges::Judges;
use crate::checker::Judge;
use crate::die::Die;
use crate::history::Recorder;
use core::num::NonZeroU32;
use derive_where::derive_where;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::{Clock, Host, Instant};
use std::collections::VecDeque;

/// What is gone when the process ends.
#[derive_where(Clone)]
pub(super) struct Process<P: Protocol> {
    pub(super) machine: P,
    /// Messages to itself, to be taken after the present batch.
    pub(super) own: VecDeque<Input<P>>,
    /// Which client asked what.
    tickets: ByAsk<u32>,
    held: VecDeque<(u64, Fenced<P>)>,
    timers: Vec<(P::Timer, u64)>,
}

/// What waits for the disk.
#[derive_where(Clone)]
pub(super) enum Fenced<P: Protocol> {
    Send { to: P::Address, message: P::Message },
    Answer { ticket: Ticket, answer: P::Answer },
    Notify(P::Event),
}

impl<P: Protocol> Process<P> {
    pub(super) fn new(machine: P) -> Self {
        let (own, held) = (VecDeque::new(), VecDeque::new());
        Self { machine, own, tickets: ByAsk::default(), held, timers: Vec::new() }
    }

    /// Takes an ask in. Its ticket bears its number.
    pub(super) fn open(&mut self, client: u32, ask: Ask) -> Ticket {
        self.tickets.insert(ask, client);
        Ticket(ask.0)
    }

    /// Whose ticket it is and what for, if it is open. It no longer is.
    pub(super) fn close(&mut self, ticket: Ticket) -> Option<(u32, Ask)> {
        let ask = Ask(ticket.0);
        self.tickets.remove(ask).map(|client| (client, ask))
    }

    /// All tickets that are open.
    pub(super) fn asked(&self) -> impl Iterator<Item = (u32, Ask)> {
        self.tickets.iter().map(|(ask, client)| (*client, ask))
    }

    /// Holds something back until so many records are synced.
    pub(super) fn hold(&mut self, records: u64, fenced: Fenced<P>) {
        self.held.push_back((records, fenced));
    }

    /// The next that may go, now that so many records are synced.
    pub(super) fn release(&mut self, synced: u64) -> Option<Fenced<P>> {
        let (records, _) = self.held.front()?;
        if *records > synced { None } else { self.held.pop_front().map(|(_, fenced)| fenced) }
    }

    pub(super) fn arm(&mut self, timer: P::Timer, serial: u64) {
        match self.timers.iter_mut().find(|(armed, _)| *armed == timer) {
            Some((_, present)) => *present = serial,
            None => self.timers.push((timer, serial)),
        }
    }

    pub(super) fn disarm(&mut self, timer: &P::Timer) {
        self.timers.retain(|(armed, _)| armed != timer);
    }

    /// The timer that was armed under this serial number, unless it was armed anew or stopped since.
    pub(super) fn fire(&mut self, serial: u64) -> Option<P::Timer> {
        let place = self.timers.iter().position(|(_, armed)| *armed == serial)?;
        Some(self.timers.swap_remove(place).0)
    }
}

/// A machine's host during one step.
pub(super) struct Errands<'a, P: Protocol, J>
where
    Judges<P, J>: Judge,
{
    pub(super) at: Instant,
    pub(super) clock: Instant,
    pub(super) node: u32,
    pub(super) die: &'a mut Die,
    pub(super) faults: &'a Faults,
    pub(super) recorder: &'a mut Recorder<Judges<P, J>>,
    pub(super) effects: &'a mut Vec<Effect<P>>,
}

impl<P: Protocol, J> Clock for Errands<'_, P, J>
where
    Judges<P, J>: Judge,
{
    fn now(&self) -> Instant {
        self.clock
    }
}

impl<P: Protocol, J> Host<Effect<P>> for Errands<'_, P, J>
where
    Judges<P, J>: for<'a> Judge<Event<'a> = Event<'a, P>>,
{
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        let thrown = self.die.choose(bound);
        let face = self.faults.loaded(self.node, bound).unwrap_or(thrown);
        self.recorder.record(self.at, &Event::Thrown { node: self.node, face });
        face
    }

    fn emit(&mut self, effect: Effect<P>) {
        self.effects.push(effect);
    }
}
