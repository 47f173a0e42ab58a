//! Who waits for an answer.

use crate::handle::{Reply, Unanswered};
use purlin::protocol::{Protocol, Ticket};
use std::collections::BTreeMap;

/// The open tickets.
#[derive(Debug)]
pub(super) struct Tickets<P: Protocol> {
    open: BTreeMap<Ticket, Reply<P>>,
    next: Ticket,
}

impl<P: Protocol> Tickets<P> {
    pub(super) fn new() -> Self {
        Self { open: BTreeMap::new(), next: Ticket(0) }
    }

    pub(super) fn open(&mut self, reply: Reply<P>) -> Ticket {
        let ticket = self.next;
        self.next = Ticket(ticket.0 + 1);
        self.open.insert(ticket, reply);
        ticket
    }

    /// Answers a ticket, once: what a machine says of it later goes nowhere. Somebody who stopped waiting is no error.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: P::Answer) {
        if let Some(reply) = self.open.remove(&ticket) {
            let _ = reply.send(Ok(answer));
        }
    }

    /// Tells everybody who still waits that nobody knows.
    pub(super) fn give_up(&mut self) {
        while let Some((_, reply)) = self.open.pop_first() {
            let _ = reply.send(Err(Unanswered::Unknown));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
