//! One node's host: a process after the other, each the production driver with all that it needs.

use super::journal::DiskJournal;
use super::network::{Gated, ProcessNetwork, place};
use super::stage::{Beginning, Stage};
use super::transport::FaultyTransport;
use crate::checker::Violation;
use crate::cluster::Cluster;
use crate::cluster::disk::DiskFailed;
use crate::stack::HostTime;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;
use purlin::protocol::{Effect, Protocol};
use purlin::{Clock, Instant};
use purlin_tokio::{Framing, Site, Wire};
use purlin_tokio::{JournalError, Observer, Options, Setup, Surroundings};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::time::sleep;

type P<C> = <C as Cluster>::Protocol;

/// After how many records the journal is compacted: so few that it happens often.
const COMPACT_AFTER: NonZeroUsize = NonZeroUsize::new(40).expect("40 is not 0");

/// How long the system takes to end the tasks of a process and to close its port.
const RESTARTING: Duration = Duration::from_millis(1);

pub(super) async fn run<C: Cluster>(stage: Arc<Stage<C>>, node: u32) -> turmoil::Result {
    let time = HostTime::start();
    loop {
        let (life, opening) = stage.revive(time, node).await;
        let network = ProcessNetwork::new(Arc::clone(&stage), node, life.clone());
        let process = live(Arc::clone(&stage), node, time, network.clone(), opening);
        let process = Gated::new(Arc::clone(&stage), node, process);
        tokio::select! {
            biased;
            () = life.ended() => {}
            lived = process => lived?,
        }
        network.end();
        sleep(RESTARTING).await;
    }
}

/// One life, until the journal is taken over.
async fn live<C: Cluster>(
    stage: Arc<Stage<C>>,
    node: u32,
    time: HostTime,
    network: ProcessNetwork<C>,
    opening: Duration,
) -> io::Result<()> {
    sleep(opening).await;
    let transport = transport(&stage, node, time, network).await?;
    let Some(Beginning { setup, image, records }) = stage.recover(time.now(), node) else { return Ok(()) };
    let journal = DiskJournal { stage: Arc::clone(&stage), node, time, records };
    let setup = Setup::new(setup.config, journal, image)
        .transport(transport)
        .surroundings(NodeSurroundings { stage: Arc::clone(&stage), node, time })
        .observer(Watch { stage: Arc::clone(&stage), node, time })
        .options(Options { compact_after: COMPACT_AFTER, ..Options::default() });
    let (driver, handle) = setup.build();
    stage.serve(node, handle);
    let ended = driver.run().await;
    // What it said last is heard before it is known to have ended.
    sleep(RESTARTING).await;
    match ended {
        Err(JournalError::Refused) => stage.usurped(time.now(), node),
        Err(JournalError::Failed(DiskFailed)) => stage.disk_failed(time.now(), node),
        Ok(_) if stage.stopped(time.now(), node) => {}
        Ok(_) => {
            stage.note(Err(Violation::new(crate::NOTHING_PANICS, "a driver ended although nobody had asked it to")))
        }
    }
    Ok(())
}

async fn transport<C: Cluster>(
    stage: &Arc<Stage<C>>,
    node: u32,
    time: HostTime,
    network: ProcessNetwork<C>,
) -> io::Result<FaultyTransport<C>> {
    let addresses = stage.addresses();
    let framed = match &addresses[node as usize] {
        Some(address) => {
            let site = site::<C>(node, address, &addresses);
            Some(Framing::new(network, site).wire(wire()).codec(stage.codec(node)).open().await?)
        }
        None => None,
    };
    let stage = Arc::clone(stage);
    Ok(FaultyTransport { stage, node, time, addresses, framed, delayed: BTreeMap::new(), sent: 0 })
}

/// Everybody dials everybody.
fn site<C: Cluster>(
    node: u32,
    address: &<P<C> as Protocol>::Address,
    addresses: &[Option<<P<C> as Protocol>::Address>],
) -> Site<P<C>> {
    let peers = (0..).zip(addresses).filter_map(|(number, peer)| Some((peer.clone()?, place(number))));
    Site { cluster: C::NAME.to_owned(), address: address.clone(), listen: Some(place(node)), peers: peers.collect() }
}

/// Broken connections are noticed, and dialled again, soon enough for a short run.
fn wire() -> Wire {
    Wire {
        heartbeat: Duration::from_millis(200),
        silence_max: Duration::from_secs(1),
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(200),
        ..Wire::default()
    }
}

/// A node's clock and die.
struct NodeSurroundings<C: Cluster> {
    stage: Arc<Stage<C>>,
    node: u32,
    time: HostTime,
}

impl<C: Cluster> Clock for NodeSurroundings<C> {
    fn now(&self) -> Instant {
        self.stage.now(self.time.now(), self.node)
    }
}

impl<C: Cluster> Surroundings for NodeSurroundings<C> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.stage.choose(self.time.now(), self.node, bound)
    }

    fn real(&self, local: Duration) -> Duration {
        self.stage.real(self.node, local)
    }
}

/// Writes down what a driver does.
struct Watch<C: Cluster> {
    stage: Arc<Stage<C>>,
    node: u32,
    time: HostTime,
}

impl<C: Cluster> Observer<P<C>> for Watch<C> {
    fn stepped(&mut self, machine: &P<C>, effects: &[Effect<P<C>>]) {
        self.stage.stepped(self.time.now(), self.node, machine, effects);
    }

    fn released(&mut self, effect: &Effect<P<C>>) {
        if let Effect::Notify(event) = effect {
            self.stage.notify(self.time.now(), self.node, event);
        }
    }
}
