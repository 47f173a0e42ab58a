//! The breaker's quick models hold and are not vacuous; without a maximum wait a hung probe holds half-open.

use purlin::breaker::{Breaker, Outcome, Settings, State};
use purlin_models::breaker::{TICK, promises, small};
use purlin_models::caller::{Callers, Claims, LeadsTo};
use purlin_models::{CallerScope, CheckReport, Kind, Model, PolicyModel, Scope, models};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

fn breaker_models() -> Vec<Box<dyn Model>> {
    models().into_iter().filter(|model| model.room() == "breaker").collect()
}

fn quick() -> impl Iterator<Item = Box<dyn Model>> {
    breaker_models().into_iter().filter(|model| model.scope() == Scope::Quick)
}

fn named(name: &str) -> Box<dyn Model> {
    breaker_models().into_iter().find(|model| model.name() == name).expect("the model is listed")
}

#[test]
fn every_quick_model_holds_and_is_explored_to_its_end() {
    for model in quick() {
        let report = model.check(&|_| ());
        assert!(report.holds(), "{}: {:#?}", model.name(), violated(&report));
    }
}

fn violated(report: &CheckReport) -> Vec<String> {
    let violated = report.properties.iter().filter(|property| !property.holds);
    violated.map(|property| format!("{} {:?} {:#?}", property.name, property.kind, property.path)).collect()
}

#[test]
fn every_model_has_a_name_of_its_own_and_witnesses() {
    let mut names = BTreeSet::new();
    for model in breaker_models() {
        assert!(names.insert(model.name()), "{} twice", model.name());
    }
    for model in quick() {
        let report = model.check(&|_| ());
        let count = |kind| report.properties.iter().filter(|property| property.kind == kind).count();
        assert!(count(Kind::Always) >= 10 && count(Kind::Sometimes) >= 1, "{}", model.name());
    }
}

#[test]
fn stateright_counts_the_same_states() {
    for model in quick() {
        let report = model.check(&|_| ());
        let counts = (report.unique_states, report.generated_states);
        assert_eq!(counts, model.count_by_stateright(), "{}", model.name());
    }
}

#[test]
fn the_same_model_gives_the_same_counts_every_time() {
    let counts = || {
        let report = named("two probes").check(&|_| ());
        (report.unique_states, report.generated_states)
    };
    assert_eq!(counts(), counts());
}

/// A breaker whose probes may hang: calls need not end. `max_wait_ms`: how long half-open may last.
fn hanging(max_wait_ms: Option<u64>) -> CheckReport {
    let settings = Settings { half_open_max_wait_ms: max_wait_ms, ..small() };
    let config = settings.validate().expect("the settings are valid");
    let world = CallerScope { tick: TICK, ..CallerScope::new(config, 2, [Outcome::Success, Outcome::Failure]) };
    let promise = LeadsTo::<Breaker, ()> {
        name: "half-open ends, if only time passes",
        from: |state: &Callers<Breaker>, _| state.machine.state() == State::HalfOpen,
        to: |state, _| state.machine.state() != State::HalfOpen,
        fair: promises::time_passes,
    };
    let claims = Claims { leads_to: vec![promise], ..Claims::default() };
    PolicyModel::new("breaker", "a hung probe", Scope::Quick, world, claims).check(&|_| ())
}

#[test]
fn a_hung_probe_holds_half_open_where_it_has_no_maximum_wait() {
    let report = hanging(None);
    let promise = report.properties.iter().find(|property| property.kind == Kind::Eventually).expect("is reported");
    assert!(report.complete && !promise.holds);
    let path = promise.path.as_ref().expect("a violation has a path");
    let cycle = path.iter().position(|line| line == "and then for ever:").expect("it runs round");
    assert!(path[..cycle].iter().any(|line| line.contains("HalfOpen")), "{path:#?}");
    assert!(path[cycle + 1..].iter().all(|line| line.starts_with("advance")), "{path:#?}");
}

#[test]
fn a_maximum_wait_frees_half_open_from_a_hung_probe() {
    let report = hanging(Some(2));
    assert!(report.holds(), "{:#?}", violated(&report));
}

#[test]
fn a_taken_port_is_a_clean_error_before_anything_is_served() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = taken.local_addr().expect("a bound listener has an address");
    let error = named("window of 2").explore(address).expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("cannot serve the explorer on {address}: ")), "{error}");
}

#[test]
fn the_explorer_opens_on_a_model() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = free.local_addr().expect("a bound listener has an address");
    drop(free);
    // It serves until the process ends.
    std::thread::spawn(move || named("window of 2").explore(address));
    let states = get(address, "/.states");
    assert!(states.contains("Callers"), "{states}");
    assert!(get(address, "/.states/0").contains("ask"));
}

fn get(address: SocketAddr, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("the explorer listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the explorer answers");
    answer
}

fn connect(address: SocketAddr) -> std::net::TcpStream {
    for _ in 0..100 {
        if let Ok(stream) = std::net::TcpStream::connect(address) {
            return stream;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the explorer did not open on {address}");
}

#[test]
fn a_model_can_be_drawn() {
    let mut drawing = Vec::new();
    named("window of 2").dot(&mut drawing).expect("a vector takes all bytes");
    let drawing = String::from_utf8(drawing).expect("a drawing is text");
    assert!(drawing.starts_with("digraph"));
    assert!(drawing.contains("label=\"end permit 0: Failure\""), "{drawing}");
}
