//! The laws of hosts (`purlin::protocol`), on every host: the cluster model, the swarm and the full stack, which runs the
//! production driver. What the driver does with single effects is told in its own tests, `adapters/tokio/tests/hosts.rs`.
//!
//! Each of them hosts a [`Probe`]: a protocol that numbers its records and says in all that it emits how many came before.
//! So a history alone tells whether a host let something go too early.

#[path = "hosts/modelled.rs"]
mod modelled;
#[path = "hosts/probe.rs"]
mod probe;
#[path = "hosts/simulated.rs"]
mod simulated;

use purlin_models::{Model, ProtocolModel, Scope};
use purlin_sim::{Scenario, Tier};
use simulated::Relay;
use std::collections::BTreeSet;

/// Exhaustively: every order of two requests, of messages and timers, with crashes, a slow disk and a journal taken over.
#[test]
fn the_cluster_model_keeps_the_laws_of_hosts() {
    let model = ProtocolModel::new("hosts", "laws", Scope::Quick, modelled::scope(), modelled::claims());
    let report = model.check(&|_| ());
    assert!(report.holds(), "{report:#?}");
}

#[test]
fn the_swarm_keeps_the_laws_of_hosts() {
    storm(Tier::Swarm, 400);
}

#[test]
fn the_production_driver_keeps_the_laws_of_hosts_under_turmoil() {
    storm(Tier::Turmoil, 12);
}

/// Every seed holds, and all that should be seen now and then was seen.
fn storm(tier: Tier, seeds: u64) {
    let scenario = Scenario::of_protocol::<Relay>();
    let mut missing: Option<BTreeSet<&str>> = None;
    for seed in 0..seeds {
        let run = scenario.run(tier, &scenario.plan(seed)).expect("a drawn plan is valid");
        assert!(run.verdict.holds(), "seed {seed}: {:?}", run.verdict);
        let unseen: BTreeSet<&str> = run.coverage.missing(scenario.sometimes()).collect();
        missing = Some(missing.map_or_else(|| unseen.clone(), |missing| &missing & &unseen));
    }
    assert_eq!(missing, Some(BTreeSet::new()), "never seen in {seeds} seeds");
}
