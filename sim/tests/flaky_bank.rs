//! The flaky bank in both tiers: it holds, it is deterministic, and its plans can be read and refused.

use purlin_sim::scenarios::breaker::Options;
use purlin_sim::{Campaign, FaultKind, Hash, Plan, Scenario, Summary, Tier, scenarios};
use std::collections::BTreeSet;
use std::process::Command;

fn scenario() -> Scenario {
    scenarios()[0]
}

fn campaign(tier: Tier, seeds: u64) -> Summary {
    Campaign::new(tier, 0..seeds).run(&scenario(), &|_| {}).unwrap()
}

#[test]
fn two_hundred_swarm_seeds_hold_and_see_everything() {
    let summary = campaign(Tier::Swarm, Scenario::SEEDS_TO_SEE_EVERYTHING);
    assert_eq!(summary.failed, []);
    assert_eq!(summary.unseen, [""; 0]);
    assert!(!summary.is_vacuous());
}

#[test]
fn a_campaign_that_did_not_see_everything_is_vacuous() {
    let summary = Summary { unseen: vec!["the_breaker_opened".to_owned()], ..campaign(Tier::Swarm, 200) };
    assert!(summary.is_vacuous());
    let short = Summary { unseen: vec!["the_breaker_opened".to_owned()], ..campaign(Tier::Swarm, 2) };
    assert!(!short.is_vacuous(), "too few seeds to tell");
}

#[test]
fn full_stack_seeds_hold_and_the_breaker_opens_and_closes_in_them() {
    let summary = campaign(Tier::Turmoil, 8);
    assert_eq!(summary.failed, []);
    for seen in ["the_breaker_opened", "the_breaker_half_opened", "the_breaker_closed_again"] {
        assert!(!summary.unseen.contains(&seen.to_owned()), "{seen} was not seen");
    }
}

#[test]
fn a_plan_has_one_history_in_each_tier() {
    for (tier, seed) in [(Tier::Swarm, 3), (Tier::Swarm, 4), (Tier::Turmoil, 3), (Tier::Turmoil, 4)] {
        let plan = scenario().plan(seed);
        let (once, again) = (scenario().run_traced(tier, &plan).unwrap(), scenario().run_traced(tier, &plan).unwrap());
        assert_eq!(once.trace, again.trace, "{tier}, seed {seed}");
        assert_eq!(once.trace_hash, again.trace_hash);
        assert_eq!(once.trace_hash, scenario().run(tier, &plan).unwrap().trace_hash, "a trace changes nothing");
    }
}

#[test]
fn plans_differ_in_their_histories() {
    let hashes: BTreeSet<Hash> =
        (0..50).map(|seed| scenario().run(Tier::Swarm, &scenario().plan(seed)).unwrap().trace_hash).collect();
    assert_eq!(hashes.len(), 50);
    let plan = scenario().plan(0);
    let noisier = Plan { noise: plan.noise ^ 1, ..plan.clone() };
    for tier in Tier::ALL {
        let [hash, other] = [&plan, &noisier].map(|plan| scenario().run(tier, plan).unwrap().trace_hash);
        assert_ne!(hash, other, "{tier}: the noise seed matters");
    }
}

fn hashes() -> String {
    format!("hashes {} {};", campaign(Tier::Swarm, 50).trace_hash, campaign(Tier::Turmoil, 3).trace_hash)
}

#[test]
#[allow(clippy::print_stdout, reason = "one process tells the other")]
fn every_process_has_the_same_histories() {
    if std::env::var_os("TELL_HASHES").is_some() {
        println!("{}", hashes());
        return;
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "every_process_has_the_same_histories", "--nocapture"];
    let output = Command::new(program).args(arguments).env("TELL_HASHES", "1").output().unwrap();
    let (told, own) = (String::from_utf8(output.stdout).unwrap(), hashes());
    assert!(told.contains(&own), "this process says {own:?}, the other {told}");
}

#[test]
fn every_kind_of_fault_is_drawn() {
    let kinds: BTreeSet<&str> =
        (0..100).flat_map(|seed| scenario().plan(seed).faults).map(|fault| fault.kind.name()).collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}

#[test]
fn drawn_plans_are_valid_and_survive_being_written_and_read() {
    for seed in 0..500 {
        let plan = scenario().plan(seed);
        assert_eq!(plan.validate(), Ok(()), "seed {seed}");
        let read = scenario().read(&plan.to_json()).unwrap();
        assert_eq!(read, plan);
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        assert_eq!(read.hash(), plan.hash());
    }
}

#[test]
fn a_plan_that_is_not_valid_is_refused_with_what_where_and_how_to_mend() {
    for (path, value, told) in BAD_FIELDS {
        let mut json: serde_json::Value = serde_json::from_str(&simple_plan().to_json()).unwrap();
        *json.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
        let error = scenario().read(&json.to_string()).unwrap_err().to_string();
        assert!(told.iter().all(|part| error.contains(part)), "{path} = {value}: {error}");
    }
}

const BAD_FIELDS: &[(&str, &str, &[&str])] = &[
    ("/noise", "-1", &["invalid value", "-1"]),
    ("/noise", "9007199254740993", &["noise is 9007199254740993", "at most"]),
    ("/options/clients", "0", &["options.clients is 0", "give 1 to 1000"]),
    ("/options/rest", r#"{"least_ms": 9, "most_ms": 3}"#, &["options.rest is 9 to 3 ms", "no greater"]),
    ("/options/rest/least_ms", "0", &["options.rest.least_ms is 0", "at least 1"]),
    ("/options/link/most_ms", "1001", &["options.link.most_ms is 1001", "1000"]),
    ("/options/grain_ns", "0", &["options.grain_ns is 0", "1 ns"]),
    ("/options/clock_drift_ppm", "10001", &["options.clock_drift_ppm is 10001"]),
    ("/options/patience_ms", "1", &["options.patience_ms is 1", "healthy call"]),
    ("/options/attempt_timeout_ms", "1", &["options.attempt_timeout_ms is 1", "healthy attempt"]),
    ("/options/safety_ms", "0", &["options.safety_ms is 0"]),
    ("/options/safety_ms", "86400000", &["options.safety_ms", "a day"]),
    ("/options/breaker/minimum_calls", "0", &["options.breaker.minimum_calls is 0"]),
    ("/options/breaker/initial_state", "\"open\"", &["options.breaker.initial_state", "closed"]),
    ("/options/breaker/slow_call_duration_ms", "1", &["options.breaker.slow_call_duration_ms is 1", "null"]),
    ("/options/breaker/half_open_max_wait_ms", "1", &["options.breaker.half_open_max_wait_ms is 1", "probes"]),
    ("/faults/0/duration_ms", "0", &["faults[0].duration_ms is 0"]),
    ("/faults/0/start_ms", "10000000", &["faults[0].duration_ms", "safety phase"]),
    ("/faults/0/kind", r#"{"errors": {"share": [3, 2]}}"#, &["[3, 2] is no share", "[part, whole]"]),
    ("/faults/0/kind", r#"{"errors": {"share": [1, 0]}}"#, &["[1, 0] is no share"]),
    ("/faults/0/kind", r#"{"spike": {"factor": 1}}"#, &["faults[0].kind.spike.factor is 1", "2 to 1000"]),
    ("/faults/0/kind", r#"{"impatience": {"patience_ms": 0}}"#, &["faults[0].kind.impatience.patience_ms is 0"]),
    ("/faults/0/kind", r#"{"slow": {"extra": {"least_ms": 2, "most_ms": 1}}}"#, &["faults[0].kind.slow.extra"]),
    ("/faults/0/kind", r#"{"kill": {"node": 0}}"#, &["faults[0].kind is kill", "this scenario knows errors"]),
    (
        "/faults/0/kind",
        r#"{"lose": {"share": [1, 2], "link": [0, 1]}}"#,
        &["faults[0].kind.lose.link", "leave the link out"],
    ),
    ("/faults/0/kind", r#"{"earthquake": {}}"#, &["unknown variant `earthquake`"]),
    ("/faults/0/kind", r#"{"hang": {"share": [1, 2], "often": true}}"#, &["unknown field `often`"]),
];

#[test]
fn options_that_do_not_fit_are_refused_before_anything_runs() {
    let json = simple_plan().to_json().replacen("\"clients\"", "\"klients\"", 1);
    let plan = Plan::from_json(&json).unwrap();
    let error = scenario().run(Tier::Swarm, &plan).unwrap_err().to_string();
    assert!(error.contains("options") && error.contains("klients"), "{error}");
    let error = scenario().read(&json).unwrap_err().to_string();
    assert!(error.contains("klients") && error.contains("line 5"), "{error}");
}

fn simple_plan() -> Plan {
    let plan = (0..).map(|seed| scenario().plan(seed)).find(|plan| {
        let settings = plan.typed::<Options>().unwrap().options.breaker;
        settings.half_open_max_wait_ms.is_some() && settings.slow_call_duration_ms.is_some()
    });
    plan.unwrap()
}

#[test]
fn a_plan_with_a_field_too_many_or_too_few_is_refused_with_its_place() {
    let json = simple_plan().to_json();
    let error = Plan::from_json(&json.replacen("\"noise\"", "\"noize\"", 1)).unwrap_err().to_string();
    assert!(error.contains("unknown field `noize`") && error.contains("line 3"), "{error}");
    let error = Plan::from_json("{\"scenario\": \"flaky-bank\"}").unwrap_err().to_string();
    assert!(error.contains("missing field `noise`"), "{error}");
    let error = Plan::from_json(&json[..json.len() / 2]).unwrap_err().to_string();
    assert!(error.contains("line"), "{error}");
}

#[test]
fn a_plan_of_another_scenario_is_refused() {
    let plan = Plan { scenario: "leaky-roof".to_owned(), ..simple_plan() };
    let error = scenario().run(Tier::Swarm, &plan).unwrap_err().to_string();
    assert_eq!(error, "scenario is leaky-roof: this run is of \"flaky-bank\"");
}

#[test]
fn a_plan_without_faults_never_opens_the_breaker() {
    for tier in Tier::ALL {
        let plan = Plan { faults: Vec::new(), ..scenario().plan(1) };
        let run = scenario().run(tier, &plan).unwrap();
        assert!(run.verdict.holds(), "{tier}: {:?}", run.verdict);
        let unseen: Vec<_> = run.coverage.missing(scenario().sometimes()).collect();
        assert!(unseen.contains(&"the_breaker_opened"), "{tier}");
    }
}

#[test]
fn each_kind_of_fault_alone_holds_in_both_tiers() {
    let plan = scenario().plan(2);
    let faults = (0..100).flat_map(|seed| scenario().plan(seed).faults);
    let mut kinds: Vec<FaultKind> = faults.map(|fault| fault.kind).collect();
    kinds.sort_by_key(|kind| kind.name());
    kinds.dedup_by_key(|kind| kind.name());
    for kind in kinds {
        let fault = purlin_sim::Fault { start_ms: 500, duration_ms: 2_000, kind };
        let plan = Plan { faults: vec![fault], ..plan.clone() };
        for tier in Tier::ALL {
            let run = scenario().run(tier, &plan).unwrap();
            assert!(run.verdict.holds(), "{tier}, {kind:?}: {:?}", run.verdict);
        }
    }
}
