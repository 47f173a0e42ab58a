//! What is given to a cluster says what this command understands.

use crate::command::{command, feed, purlin};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn manifest(name: &str) -> Value {
    let yaml = fs::read_to_string(file(name)).expect("a manifest");
    serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn container(job: &Value) -> &Value {
    &job["spec"]["template"]["spec"]["containers"][0]
}

fn arguments(job: &Value) -> Vec<String> {
    assert_eq!(container(job)["command"], json!(["purlin"]));
    let arguments = container(job)["args"].as_array().expect("arguments").iter();
    arguments.map(|argument| argument.as_str().expect("text").to_owned()).collect()
}

fn value<'a>(arguments: &'a [String], option: &str) -> &'a str {
    arguments.iter().find_map(|argument| argument.strip_prefix(option)?.strip_prefix('=')).expect("the option")
}

/// What the manifest's volume stands for here, and few seeds.
fn arguments_here(job: &Value, results: &Path, index: &str) -> Vec<String> {
    let here = |argument: &String| match argument.strip_prefix("--seeds=") {
        Some(_) => "--seeds=0..150".to_owned(),
        None => argument.replace("/results", results.to_str().unwrap()).replace("$(JOB_COMPLETION_INDEX)", index),
    };
    arguments(job).iter().map(here).collect()
}

#[test]
fn the_campaign_is_an_indexed_job_with_one_completion_for_each_shard() {
    let job = manifest("kubernetes/campaign.yaml");
    assert_eq!((&job["apiVersion"], &job["kind"]), (&json!("batch/v1"), &json!("Job")));
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!(value(&arguments(&job), "--shard"), spec["completions"].to_string());
    assert!(spec["parallelism"].as_u64() <= spec["completions"].as_u64());
    assert!(spec["backoffLimitPerIndex"].as_u64() > Some(0));
    assert_eq!(spec["backoffLimit"], Value::Null, "it would end all shards for the attempts of some");
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never", "attempts are counted for each index only then");
}

#[test]
fn a_violation_ends_its_shard_and_what_the_cluster_takes_away_is_no_attempt() {
    let job = manifest("kubernetes/campaign.yaml");
    let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().expect("rules");
    let action = |code: u64| {
        let rule = rules
            .iter()
            .find(|rule| rule["onExitCodes"]["values"].as_array().is_some_and(|c| c.contains(&code.into())));
        let rule = rule.expect("a rule");
        assert_eq!(rule["onExitCodes"]["containerName"], container(&job)["name"]);
        assert_eq!(rule["onExitCodes"]["operator"], "In");
        &rule["action"]
    };
    assert_eq!((action(1), action(2)), (&json!("FailIndex"), &json!("Count")));
    assert_eq!(rules[0]["action"], "Ignore");
    assert_eq!(rules[0]["onPodConditions"], json!([{"type": "DisruptionTarget", "status": "True"}]));
}

#[test]
fn the_results_are_on_a_volume_that_all_shards_and_the_merge_share() {
    let claim = manifest("kubernetes/results.yaml");
    assert_eq!(claim["kind"], "PersistentVolumeClaim");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteMany"]));
    for name in ["kubernetes/campaign.yaml", "kubernetes/merge.yaml"] {
        let job = manifest(name);
        let volume = &job["spec"]["template"]["spec"]["volumes"][0];
        assert_eq!(volume["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);
        let mount = &container(&job)["volumeMounts"][0];
        assert_eq!((&mount["name"], &mount["mountPath"]), (&volume["name"], &json!("/results")));
        assert!(value(&arguments(&job), "--out").starts_with("/results/"), "the only place that can be written");
        let security = &container(&job)["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert!(container(&job)["resources"]["requests"]["memory"].is_string());
    }
}

#[test]
fn the_jobs_command_lines_are_understood() {
    let results = tempfile::tempdir().expect("a folder");
    let (campaign, merge) = (manifest("kubernetes/campaign.yaml"), manifest("kubernetes/merge.yaml"));
    for index in ["0", "99"] {
        let mut pod = command();
        pod.args(arguments_here(&campaign, results.path(), index)).env("JOB_COMPLETION_INDEX", index);
        pod.current_dir(&results);
        let run = feed(pod, "");
        assert_eq!(run.code, 0, "{run:?}");
        assert!(results.path().join(index).join("results.jsonl").exists());
    }
    let arguments = arguments_here(&merge, results.path(), "");
    let run = purlin(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{run:?}");
    // Seeds 0 and 100, and seed 99, of 150.
    assert!(run.stdout.contains("147 seeds are missing: 1..99, 101..150"), "{run:?}");
    assert!(results.path().join("merged").join("results.jsonl").exists());
}

#[cfg(unix)]
#[test]
fn the_slurm_script_runs_the_shard_that_the_array_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_purlin"), programs.join("purlin")).expect("a link");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut task = Command::new("sh");
    task.arg(file("slurm/campaign.sh")).current_dir(&folder).env("PATH", path).env("PURLIN_SEEDS", "0..9");
    task.env("SLURM_ARRAY_TASK_ID", "1").env("SLURM_ARRAY_TASK_COUNT", "3").env_remove("JOB_COMPLETION_INDEX");
    let run = feed(task, "");
    assert_eq!(run.code, 0, "{run:?}");
    let results = fs::read_to_string(folder.path().join("results/1/results.jsonl")).expect("results");
    assert!(results.contains("\"seed\":4") && !results.contains("\"seed\":3,"), "{results}");
}
