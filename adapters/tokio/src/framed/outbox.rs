//! What waits to be sent on one connection.

use purlin::protocol::Protocol;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// The end of a queue, and what was taken out of it and is not sent yet.
pub(super) struct Outbox<P: Protocol> {
    queue: mpsc::Receiver<P::Message>,
    received: Vec<P::Message>,
    taken: VecDeque<P::Message>,
}

impl<P: Protocol> Outbox<P> {
    pub(super) fn new(queue: mpsc::Receiver<P::Message>) -> Self {
        Self { queue, received: Vec::new(), taken: VecDeque::new() }
    }

    /// Waits until there is something to send, and takes at most `max`; `false` if there never will be. Dropping the future
    /// loses nothing.
    pub(super) async fn wait(&mut self, max: usize) -> bool {
        if self.taken.is_empty() {
            self.queue.recv_many(&mut self.received, max.max(1)).await;
            self.taken.extend(self.received.drain(..));
        }
        !self.taken.is_empty()
    }

    /// The next of those that were taken.
    pub(super) fn take(&mut self) -> Option<P::Message> {
        self.taken.pop_front()
    }

    /// Loses everything that waits.
    pub(super) fn clear(&mut self) -> usize {
        let mut lost = self.taken.len();
        self.taken.clear();
        while self.queue.try_recv().is_ok() {
            lost += 1;
        }
        lost
    }
}
