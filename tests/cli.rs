//! The `purlin` command from outside: documents, exit codes, and one clear line for every bad input.

#[path = "support/command.rs"]
mod command;

use command::{command, feed, purlin, write};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::Stdio;

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("{object} is no object")).keys().map(String::as_str).collect()
}

fn has_keys(object: &Value, expected: &[&str]) {
    let present = keys(object);
    for key in expected {
        assert!(present.contains(key), "`{key}` is not among {present:?}");
    }
}

/// The one room there is for certain, and its one scenario.
fn breaker() -> Value {
    let document = purlin(&["list", "--json"]).document();
    let rooms = document["rooms"].as_array().expect("rooms").clone();
    rooms.into_iter().find(|room| room["name"] == "breaker").expect("a breaker")
}

fn scenario() -> String {
    breaker()["scenarios"][0].as_str().expect("a scenario").to_owned()
}

fn quick_model() -> String {
    let document = purlin(&["check", "breaker", "--json"]).document();
    document["runs"][0]["model"].as_str().expect("a model").to_owned()
}

#[test]
fn list_names_models_scenarios_and_specification_of_each_room() {
    let breaker = breaker();
    assert_eq!(keys(&breaker), ["models", "name", "scenarios", "spec"]);
    assert!(breaker["models"].as_array().is_some_and(|models| !models.is_empty()));
    assert_eq!(breaker["spec"], true);
}

#[test]
fn check_reports_every_property_of_every_quick_model() {
    let run = purlin(&["check", "breaker", "--scope", "quick", "--json"]);
    let runs = run.document()["runs"].as_array().expect("runs").clone();
    assert!(runs.len() > 1);
    for model in &runs {
        has_keys(model, &["room", "model", "scope", "complete", "unique_states", "generated_states", "seconds"]);
        assert_eq!((&model["complete"], &model["scope"]), (&json!(true), &json!("quick")), "{model}");
        let properties = model["properties"].as_array().expect("properties");
        assert!(!properties.is_empty());
        properties.iter().for_each(|property| has_keys(property, &["name", "kind", "holds", "path"]));
    }
    assert_eq!(run.code, 0);
}

#[test]
fn check_takes_one_model_by_its_name() {
    let name = quick_model();
    let run = purlin(&["check", "--model", &name, "--scope", "quick", "--json"]);
    let runs = run.document()["runs"].as_array().expect("runs").clone();
    assert!(runs.len() == 1 && runs[0]["model"] == name, "{runs:?}");
}

#[test]
fn check_draws_one_model_and_only_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("model.dot");
    let file = file.to_str().expect("a path");
    let run = purlin(&["check", "--model", &quick_model(), "--scope", "quick", "--dot", file]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(std::fs::read_to_string(file).expect("a drawing").starts_with("digraph"));
    purlin(&["check", "breaker", "--dot", file]).is_bad_input(&["one model, not", "--model"]);
    purlin(&["check", "--model", &quick_model(), "--scope", "quick", "--dot", "/no/such/folder/x.dot"])
        .is_bad_input(&["/no/such/folder/x.dot"]);
}

#[test]
fn spec_compares_with_golden_graphs_where_there_is_no_tlc_and_says_so() {
    let run = purlin(&["spec", "breaker", "--json"]);
    let runs = run.document()["runs"].as_array().expect("runs").clone();
    assert!(runs.len() >= 2, "at two scopes at least");
    for scope in &runs {
        has_keys(scope, &["room", "spec_states", "model_states", "properties", "seconds"]);
        assert_eq!(scope["unexplained_code_steps"], json!([]));
        assert_eq!(scope["unreached_spec_states"], json!([]));
    }
    assert_eq!(run.code, 0);
    assert!(purlin(&["spec"]).stdout.contains("TLC skipped"));
}

#[test]
fn spec_fails_in_ci_and_on_update_where_there_is_no_tlc() {
    let mut in_ci = command();
    in_ci.args(["spec"]).env("CI", "true");
    feed(in_ci, "").is_bad_input(&["TLC", "TLA2TOOLS_JAR"]);
    purlin(&["spec", "--update"]).is_bad_input(&["TLC", "TLA2TOOLS_JAR"]);
    let mut absent = command();
    absent.args(["spec"]).env("TLA2TOOLS_JAR", "/no/such.jar");
    feed(absent, "").is_bad_input(&["/no/such.jar"]);
}

#[test]
fn spec_says_what_is_wrong_with_a_run_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    let path = file.to_str().expect("a path");
    purlin(&["spec", "--trace", path]).is_bad_input(&["run.json", "cannot be read"]);
    let spec_of = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        purlin(&["spec", "--trace", path])
    };
    spec_of("{\"room\":\"attic\"}").is_bad_input(&["run.json", "attic", "queue"]);
    let run = |observations: &str| format!("{{\"room\":\"queue\",\"config\":{{}},\"observations\":[{observations}]}}");
    let early = "{\"recovered\":{\"clock\":5,\"records\":null}},{\"recovered\":{\"clock\":4,\"records\":null}}";
    spec_of(&run(early)).is_bad_input(&["run.json", "observation 1", "earlier"]);
    spec_of(&run("{\"synced\":{\"records\":0}}")).is_bad_input(&["TLC", "TLA2TOOLS_JAR"]);
    spec_of(&run("")).is_bad_input(&["run.json", "no observation"]);
}

fn campaign(arguments: &[&str]) -> Value {
    let mut all = vec!["chaos", "--json"];
    all.extend(arguments);
    let run = purlin(&all);
    assert_eq!(run.code, 0, "{run:?}");
    run.document()["runs"][0].clone()
}

#[test]
fn chaos_gives_the_same_hash_each_time_and_another_for_other_seeds() {
    let first = campaign(&["--seeds", "0..20"]);
    has_keys(&first, &["scenario", "tier", "seeds", "passed", "failed", "events", "simulated_seconds", "cpu_seconds"]);
    assert_eq!((&first["seeds"], &first["passed"]), (&json!([0, 20]), &json!(20)));
    assert_eq!(first["trace_hash"], campaign(&["--seeds", "0..20"])["trace_hash"]);
    assert_ne!(first["trace_hash"], campaign(&["--seeds", "1..21"])["trace_hash"]);
}

#[test]
fn shards_share_the_seeds_of_a_campaign() {
    let passed = |shard: &str| campaign(&["--seeds", "0..11", "--shard", shard])["passed"].as_u64();
    assert_eq!((passed("0/3"), passed("1/3"), passed("2/3")), (Some(4), Some(4), Some(3)));
}

#[test]
fn a_cluster_tells_which_shard_to_run() {
    for (index, count) in [("JOB_COMPLETION_INDEX", "3"), ("SLURM_ARRAY_TASK_ID", "3")] {
        let mut pod = command();
        pod.args(["chaos", "--json", "--seeds", "0..11", "--shard", count]).env(index, "2");
        assert_eq!(feed(pod, "").document()["runs"][0]["passed"], 3);
    }
    let mut pod = command();
    pod.args(["chaos", "--seeds", "0..11"]).env("JOB_COMPLETION_INDEX", "2");
    feed(pod, "").is_bad_input(&["--shard"]);
    let mut task = command();
    task.args(["chaos", "--seeds", "0..11", "--shard", "3"]).env("SLURM_ARRAY_TASK_ID", "second");
    feed(task, "").is_bad_input(&["SLURM_ARRAY_TASK_ID", "second"]);
}

#[test]
fn a_budget_ends_a_campaign() {
    let timed = campaign(&["--budget", "1s"]);
    assert_eq!(timed["complete"], false);
    assert!(timed["passed"].as_u64() > Some(0), "{timed}");
}

#[test]
fn a_campaign_that_keeps_results_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("a path");
    let whole = campaign(&["--seeds", "0..8"]);
    campaign(&["--seeds", "0..5", "--out", out]);
    let resumed = campaign(&["--seeds", "0..8", "--out", out]);
    assert_eq!(whole["trace_hash"], resumed["trace_hash"]);
    assert_eq!(whole["events"], resumed["events"]);
}

#[test]
fn replay_runs_a_seed_or_its_plan_again_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scenario = scenario();
    let trace = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (first, second) = (trace("first"), trace("second"));
    let run = purlin(&["--json", "replay", &scenario, "--seed", "7", "--trace", &first]);
    let document = run.document();
    assert_eq!(keys(&document), ["property", "scenario", "trace_hash", "verdict"]);
    assert_eq!((&document["verdict"], &document["property"]), (&json!("holds"), &Value::Null));
    assert_eq!(document, purlin(&["--json", "replay", &scenario, "--seed", "7", "--trace", &second]).document());
    let (first, second) = (std::fs::read(first).expect("a trace"), std::fs::read(second).expect("a trace"));
    assert!(!first.is_empty() && first == second);
    assert_ne!(
        document["trace_hash"],
        purlin(&["--json", "replay", &scenario, "--seed", "8"]).document()["trace_hash"]
    );
}

#[test]
fn shrink_refuses_a_plan_that_does_not_fail() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, out) = (scenario(), folder.path().join("least.json").display().to_string());
    purlin(&["shrink", &scenario, "--seed", "7", "--out", &out]).is_bad_input(&["every property holds", "that fails"]);
    purlin(&["shrink", &scenario, "--seed", "7", "--out", "least.rs"]).is_bad_input(&["least.rs", "plan.json"]);
    purlin(&["shrink", &scenario, "--out", &out]).is_bad_input(&["--seed", "--plan"]);
    purlin(&["shrink", &scenario, "--seed", "7"]).is_bad_input(&["--out"]);
    purlin(&["shrink", "opera", "--seed", "7", "--out", &out]).is_bad_input(&["opera", &scenario]);
    purlin(&["shrink", &scenario, "--seed", "7", "--budget", "3", "--out", &out]).is_bad_input(&["--budget", "30m"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn replay_refuses_what_is_no_plan() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let malformed = write(&folder, "plan.json", "{\"scenario\": ");
    let shapeless = write(&folder, "shapeless.json", "{\"weather\": 1}");
    let scenario = scenario();
    purlin(&["replay", &scenario, "--plan", &malformed]).is_bad_input(&[&malformed, "line 1"]);
    purlin(&["replay", &scenario, "--plan", &shapeless]).is_bad_input(&[&shapeless, "weather"]);
    purlin(&["replay", &scenario, "--plan", "/no/such/plan"]).is_bad_input(&["/no/such/plan"]);
    purlin(&["replay", &scenario]).is_bad_input(&["--seed", "--plan"]);
    purlin(&["replay", &scenario, "--seed", "1", "--plan", &malformed]).is_bad_input(&["--seed", "--plan"]);
    purlin(&["replay", &scenario, "--seed", "1", "--trace", "/no/such/folder/t"]).is_bad_input(&["/no/such/folder/t"]);
    purlin(&["replay", "opera", "--seed", "1"]).is_bad_input(&["opera", &scenario]);
}

#[test]
fn verify_reports_every_room_in_one_offline_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("new").join("report.html");
    let run = purlin(&["--json", "verify", "--report", file.to_str().expect("a path")]);
    let document = run.document();
    assert_eq!(run.code, 0, "{run:?}");
    let room = &document["rooms"][0];
    assert_eq!(keys(room), ["models", "room", "seconds", "seeds", "states", "violations"]);
    assert_eq!((&room["room"], &room["violations"]), (&json!("breaker"), &json!(0)));
    assert!(room["seeds"].as_u64() > Some(200), "both tiers: {room}");
    let report = std::fs::read_to_string(&file).expect("a report");
    assert!(report.starts_with("<!doctype html>") && report.contains("breaker"));
    assert!(!report.contains("http"), "it must not need a network");
    assert_eq!(document["report"].as_str(), file.to_str());
}

#[test]
fn unknown_names_are_told_with_the_known_ones() {
    purlin(&["check", "attic"]).is_bad_input(&["attic", "breaker"]);
    purlin(&["spec", "attic"]).is_bad_input(&["attic", "breaker"]);
    purlin(&["mutants", "attic"]).is_bad_input(&["attic", "breaker"]);
    let near = quick_model();
    purlin(&["check", "--model", &format!("{near} and more")]).is_bad_input(&["and more", "purlin list", &near]);
    purlin(&["chaos", "opera"]).is_bad_input(&["opera", &scenario()]);
    purlin(&["chaos", "--tier", "basement"]).is_bad_input(&["basement", "swarm"]);
    purlin(&["check", "--scope", "vast"]).is_bad_input(&["vast", "quick"]);
}

#[test]
fn bad_ranges_shards_and_budgets_are_bad_input() {
    for seeds in ["5..3", "3..3", "a..b", "", "7", "-1..4"] {
        purlin(&["chaos", "--seeds", seeds]).is_bad_input(&["--seeds", seeds]);
    }
    for shard in ["4/4", "x/2", "0", "1/0"] {
        purlin(&["chaos", "--seeds", "0..1", "--shard", shard]).is_bad_input(&["--shard", shard]);
    }
    for budget in ["30", "soon", "0m"] {
        purlin(&["chaos", "--budget", budget]).is_bad_input(&["--budget", budget]);
    }
}

#[test]
fn a_taken_port_and_an_impossible_address_are_bad_input() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let explore = |address: &str| {
        purlin(&["--json", "check", "--model", &quick_model(), "--scope", "quick", "--explore", address])
    };
    explore(&address).is_bad_input(&[&address]);
    explore("here").is_bad_input(&["here", "127.0.0.1:3000"]);
    explore("127.0.0.1:99999").is_bad_input(&["127.0.0.1:99999"]);
}

#[test]
fn files_that_cannot_be_written_are_bad_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = write(&folder, "file", "");
    let below = format!("{file}/report.html");
    let run = purlin(&["verify", "--report", &below]);
    assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{run:?}");
    assert!(run.stderr.contains(&below));
    purlin(&["--json", "chaos", "--seeds", "0..1", "--out", &below]).is_bad_input(&[&file]);
}

#[test]
fn mutants_outside_of_a_checkout_are_bad_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut outside = command();
    outside.arg("mutants").current_dir(&folder).env("GIT_CEILING_DIRECTORIES", folder.path());
    feed(outside, "").is_bad_input(&["git checkout", "clone"]);
}

#[test]
fn usage_errors_are_one_line() {
    purlin(&["raise"]).is_bad_input(&["raise"]);
    purlin(&["conform"]).is_bad_input(&["<FILE>"]);
    purlin(&["list", "--loud"]).is_bad_input(&["--loud"]);
    purlin(&["mutants", "--sample", "many"]).is_bad_input(&["--sample", "many"]);
}

#[test]
fn help_version_and_completions_are_no_errors() {
    for arguments in
        [&["--help"][..], &["--version"], &["drive", "--help"], &["completions", "bash"], &["completions", "fish"]]
    {
        let run = purlin(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        assert!(run.stdout.contains("purlin"));
    }
    purlin(&["completions", "abacus"]).is_bad_input(&["abacus", "bash"]);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child =
        command().args(["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
