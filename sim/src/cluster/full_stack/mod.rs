//! A cluster as a full stack: the production driver and its framed transport over turmoil's network.
//!
//! ```text
//!   clients ── Handle ──▶ driver ─▶ journal (simulated disk)
//!                            └────▶ faulty transport ─▶ framed transport ─▶ turmoil's TCP
//! ```
//!
//! What the plan says comes true where it would in the world. Messages are lost, doubled and delayed before they become
//! bytes. A partition holds the bytes back, as one that TCP outlasts; if it is one-way, messages are lost instead, because
//! a held direction would hold the acknowledgements of the other. A killed process takes its tasks and connections with it,
//! and the system beneath it says so to its peers; where the power goes nobody says anything. A paused process is not
//! polled. Clocks and disks are simulated as in the swarm.

mod clients;
mod director;
mod journal;
mod network;
mod node;
mod stage;
mod transport;

use super::{Cluster, Staged};
use crate::history::Watch;
use crate::plan::Plan;
use crate::scenario::Played;
use crate::stack::simulation;
use core::time::Duration;
use director::Director;
use purlin::Instant;
use stage::Stage;
use std::sync::Arc;

const CLIENTS: &str = "clients";
const PORT: u16 = 80;

/// The host on which a node runs.
fn host(node: u32) -> String {
    format!("node-{node}")
}

pub(super) fn play<C: Cluster>(plan: &Plan<Staged<C>>, watch: Watch) -> Played {
    let (stage, notices) = Stage::<C>::new(plan, watch);
    let end = plan.options.phases().within(&plan.budget).end;
    let mut simulation = simulation(plan.noise, end + Duration::from_secs(1));
    for node in 0..stage.nodes() {
        let stage = Arc::clone(&stage);
        simulation.host(host(node), move || node::run(Arc::clone(&stage), node));
    }
    simulation.client(CLIENTS, clients::run(Arc::clone(&stage), notices));
    let simulated = Director::new(plan, &stage).direct(&mut simulation, end);
    let (recorder, events) = stage.close().expect("the history is closed once, here");
    drop(simulation);
    let throws = stage.thrown();
    let recorded = if plan.budget.liveness { recorder.finish(Instant::ORIGIN + simulated) } else { recorder.stop() };
    Played { recorded, events, simulated, throws }
}
