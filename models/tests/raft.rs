//! The quick models of Raft hold and are not vacuous; a host with a fault is caught, and so is a clock that breaks its bounds.

use purlin::protocol::{Effect, Fence};
use purlin::raft::Body;
use purlin_models::cluster::{Budgets, HostFault};
use purlin_models::raft::{Case, History, Replica};
use purlin_models::{CheckReport, Kind, Model, ProtocolModel, Scope, models};
use std::collections::BTreeSet;

/// Those of more than twenty thousand states are left to `purlin check`.
const LARGE: [&str; 10] = [
    "a command and another leader",
    "a lease and a transfer",
    "a lease, and clocks that break its bounds",
    "a lease, and clocks that keep within its bounds",
    "entries are dropped while others lag",
    "figure 8: an older entry on a majority",
    "reads of a follower that dies",
    "reads of a leader and a follower, and duplicates",
    "two commands, one at a time, and a heartbeat",
    "three elections, and late messages",
];

fn quick() -> impl Iterator<Item = Box<dyn Model>> {
    models().into_iter().filter(|model| model.room() == "raft" && model.scope() == Scope::Quick)
}

fn violated(report: &CheckReport) -> Vec<String> {
    let violated = report.properties.iter().filter(|property| !property.holds);
    violated.map(|property| format!("{} {:?} {:#?}", property.name, property.kind, property.path)).collect()
}

#[test]
fn small_models_hold_and_are_explored_to_their_end() {
    let mut names = BTreeSet::new();
    for model in quick() {
        assert!(names.insert(model.name()), "{} twice", model.name());
        if LARGE.contains(&model.name()) {
            continue;
        }
        let report = model.check(&|_| ());
        assert!(report.holds(), "{}: {:#?}", model.name(), violated(&report));
        let count = |kind| report.properties.iter().filter(|property| property.kind == kind).count();
        assert!(count(Kind::Always) >= 25 && count(Kind::Sometimes) >= 1, "{}", model.name());
    }
    assert!(LARGE.iter().all(|large| names.contains(large)), "{names:?}");
}

#[test]
fn stateright_counts_the_same_states() {
    for model in quick().filter(|model| ["a joint change and a crash", "recovery from a log"].contains(&model.name())) {
        let report = model.check(&|_| ());
        let counts = (report.unique_states, report.generated_states);
        assert_eq!(counts, model.count_by_stateright(), "{}", model.name());
    }
}

fn check(case: Case, host_fault: Option<HostFault<Replica>>) -> CheckReport {
    let (mut world, claims) = case.into_parts();
    world.host_fault = host_fault;
    ProtocolModel::<Replica, History>::new("raft", "test", Scope::Quick, world, claims).check(&|_| ())
}

/// The first claim that is broken if hosts have this fault. Without it all hold.
fn broken(case: impl Fn() -> Case, host_fault: HostFault<Replica>) -> String {
    let sound = check(case(), None);
    assert!(sound.holds(), "{:#?}", violated(&sound));
    let report = check(case(), Some(host_fault));
    let broken = report.properties.into_iter().find(|property| !property.holds && property.kind == Kind::Always);
    broken.expect("the fault is caught").name
}

fn unfence(effects: &mut [Effect<Replica>], is_meant: fn(&Body<purlin_models::raft::Ledger>) -> bool) {
    for effect in effects {
        if let Effect::Send { message, fence, .. } = effect
            && is_meant(&message.body)
        {
            *fence = Fence::None;
        }
    }
}

#[test]
fn a_host_that_sends_votes_before_its_disk_is_caught_by_a_crash() {
    let case = || {
        Case::new("test", Scope::Quick, 3)
            .elections([0, 1], 2)
            .only_votes()
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
    };
    let fault: HostFault<Replica> = |effects, _| unfence(effects, |body| matches!(body, Body::Voted { granted: true }));
    assert_eq!(broken(case, fault), "nobody votes twice in a term");
}

#[test]
fn a_host_that_acknowledges_before_its_disk_is_caught() {
    let case = || {
        let slow = Budgets { stalls: 1, ..Budgets::CALM };
        Case::new("test", Scope::Quick, 2).elections([0], 1).proposals(1).befall(slow)
    };
    let fault: HostFault<Replica> = |effects, _| unfence(effects, |body| matches!(body, Body::Appended { .. }));
    assert_eq!(broken(case, fault), "what a leader believes to be there is durable there");
}

#[test]
fn a_host_that_loses_a_vote_is_caught() {
    use purlin::raft::Record;
    let case = || Case::new("test", Scope::Quick, 3).elections([0, 1], 2).only_votes();
    let fault: HostFault<Replica> = |effects, _| {
        effects.retain(|effect| !matches!(effect, Effect::Persist(Record::Term { vote: Some(_), .. })));
    };
    assert_eq!(broken(case, fault), "what was persisted is what is known");
}
