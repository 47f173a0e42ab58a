//! The framed transport, and before it what happens to messages on their way.

use super::stage::Stage;
use crate::cluster::Cluster;
use crate::plan::Link;
use crate::stack::HostTime;
use core::future::pending;
use purlin::protocol::Protocol;
use purlin_tokio::FramedTransport;
use purlin_tokio::Transport;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};

type P<C> = <C as Cluster>::Protocol;
type Parcel<C> = (<P<C> as Protocol>::Address, <P<C> as Protocol>::Message);

/// A node's way to the others, if it has one.
pub(super) struct FaultyTransport<C: Cluster> {
    pub(super) stage: Arc<Stage<C>>,
    pub(super) node: u32,
    pub(super) time: HostTime,
    pub(super) addresses: Vec<Option<<P<C> as Protocol>::Address>>,
    pub(super) framed: Option<FramedTransport<P<C>>>,
    /// What is delayed, in the order in which it goes.
    pub(super) delayed: BTreeMap<(Instant, u64), Parcel<C>>,
    pub(super) sent: u64,
}

impl<C: Cluster> FaultyTransport<C> {
    fn number(&self, address: &<P<C> as Protocol>::Address) -> Option<u32> {
        let place = self.addresses.iter().position(|known| known.as_ref() == Some(address));
        place.map(|place| place as u32)
    }

    /// Sends what is due.
    fn flush(&mut self) {
        let Some(framed) = &mut self.framed else { return };
        let now = Instant::now();
        while let Some(entry) = self.delayed.first_entry()
            && entry.key().0 <= now
        {
            let (to, message) = entry.remove();
            framed.send(to, message);
        }
    }

    fn note_arrival(&self, (from, message): &Parcel<C>) {
        if let Some(from) = self.number(from) {
            self.stage.arrived(self.time.now(), from, self.node, message);
        }
    }

    async fn next(&mut self) -> Parcel<C> {
        loop {
            self.flush();
            let due = self.delayed.first_key_value().map(|((at, _), _)| *at);
            let Some(framed) = &mut self.framed else { return pending().await };
            tokio::select! {
                biased;
                received = framed.receive() => return received,
                () = until(due) => {}
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

impl<C: Cluster> Transport<P<C>> for FaultyTransport<C> {
    fn address(&self) -> Option<&<P<C> as Protocol>::Address> {
        self.addresses[self.node as usize].as_ref()
    }

    async fn receive(&mut self) -> Parcel<C> {
        let parcel = self.next().await;
        self.note_arrival(&parcel);
        parcel
    }

    fn try_receive(&mut self) -> Option<Parcel<C>> {
        let parcel = self.framed.as_mut()?.try_receive()?;
        self.note_arrival(&parcel);
        Some(parcel)
    }

    fn send(&mut self, to: <P<C> as Protocol>::Address, message: <P<C> as Protocol>::Message) {
        let Some(number) = self.number(&to) else { return };
        let link = Link { from: self.node, to: number };
        for delay in self.stage.send(self.time.now(), link, &message) {
            self.sent += 1;
            self.delayed.insert((Instant::now() + delay, self.sent), (to.clone(), message.clone()));
        }
        self.flush();
    }
}
