//! Merges are unions: the order, the grouping and repetitions say nothing.

use super::*;
use crate::SAME_SEED_SAME_BYTES;
use crate::hash::Hash;
use crate::results::{Finding, Record};
use crate::scenario::Verdict;
use proptest::prelude::*;
use tempfile::TempDir;

const SCENARIO: &str = "opera";

/// The lines of a directory: what was asked for, and results.
type Shard = ([u64; 2], Vec<Record>);

fn line(build: &str, said: Said) -> String {
    Line { origin: Origin { build: build.to_owned(), scenario: SCENARIO.to_owned(), tier: Tier::Swarm }, said }.text()
}

fn directory_of(build: &str, (seeds, records): &Shard) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let names = |name: &str| vec![name.to_owned()];
    let campaigned = Campaigned { seeds: *seeds, always: names("nobody_dies"), sometimes: names("somebody_sings") };
    let mut text = line(build, Said::Campaign(campaigned));
    for record in records {
        text += &line(build, Said::Result(record.clone()));
        if !record.finding.verdict.holds() {
            let name = plan_name(SCENARIO, Tier::Swarm, record.finding.seed);
            std::fs::write(directory.path().join(name), format!("the plan of {}", record.finding.seed)).unwrap();
        }
    }
    std::fs::write(results_path(directory.path()), text).unwrap();
    directory
}

fn record(seed: u64, broken: Option<u8>, hash: u64, cpu_ns: u64) -> Record {
    let violated = |class| Verdict::Violated { property: format!("class_{class}"), detail: format!("“{seed}”…") };
    let verdict = broken.map_or(Verdict::Holds, violated);
    let (plan, trace_hash, faults) = (Hash(seed), Hash(hash), seed % 3);
    let finding =
        Finding { seed, plan, faults, verdict, events: hash % 5, simulated_ns: 7, trace_hash, coverage: hash % 2 };
    Record { finding, cpu_ns }
}

fn a_record() -> impl Strategy<Value = Record> {
    // Mostly a seed has one hash, so that some have two.
    let hash = prop_oneof![9 => Just(0_u64), 1 => 1..3_u64];
    (0..20_u64, hash, 1..9_u64).prop_map(|(seed, more, cpu_ns)| {
        let broken = (seed % 4 == 0).then_some((seed % 3) as u8);
        record(seed, broken, seed * 10 + more, cpu_ns)
    })
}

fn a_shard() -> impl Strategy<Value = Shard> {
    ((0..20_u64, 20..25_u64), prop::collection::vec(a_record(), 0..12))
        .prop_map(|((first, end), records)| ([first, end], records))
}

/// What a merge of directories leaves: every file and its bytes.
fn merged(directories: &[&Path]) -> (TempDir, Vec<(String, Vec<u8>)>) {
    let out = tempfile::tempdir().unwrap();
    Merge::read(directories.iter().copied()).unwrap().keep(out.path()).unwrap();
    let files = std::fs::read_dir(out.path()).unwrap().map(|file| file.unwrap());
    let mut files: Vec<_> = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .filter(|(name, _)| !name.ends_with(".part"))
        .collect();
    files.sort_unstable();
    (out, files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_merge_depends_neither_on_order_nor_on_grouping_nor_on_repetition(
        one in a_shard(), two in a_shard(), three in a_shard(),
    ) {
        let directories = [&one, &two, &three].map(|shard| directory_of("b1", shard));
        let [one, two, three] = [&directories[0], &directories[1], &directories[2]].map(TempDir::path);
        let (all, expected) = merged(&[one, two, three]);
        prop_assert_eq!(&merged(&[three, one, two]).1, &expected);
        let (first_two, _) = merged(&[one, two]);
        prop_assert_eq!(&merged(&[first_two.path(), three]).1, &expected);
        let (last_two, _) = merged(&[three, two]);
        prop_assert_eq!(&merged(&[one, last_two.path()]).1, &expected);
        prop_assert_eq!(&merged(&[all.path(), one, one]).1, &expected);
        prop_assert_eq!(&merged(&[all.path()]).1, &expected);
    }
}

#[test]
fn two_results_of_one_seed_with_different_hashes_break_that_the_same_seed_gives_the_same_bytes() {
    let one = directory_of("b1", &([0, 2], vec![record(0, None, 1, 1), record(1, None, 5, 1)]));
    let two = directory_of("b1", &([0, 2], vec![record(1, None, 6, 1)]));
    let campaigns = Merge::read([one.path(), two.path()]).unwrap().campaigns().unwrap();
    let summary = &campaigns[0].summary;
    assert_eq!((summary.passed, summary.complete), (1, true));
    assert_eq!((summary.failed[0].seed, summary.failed[0].property.as_str()), (1, SAME_SEED_SAME_BYTES));
}

#[test]
fn what_is_missing_is_named_up_to_both_ends_of_what_was_asked_for() {
    let records = [2, 3, 5].map(|seed| record(seed, None, seed, 1)).to_vec();
    let directory = directory_of("b1", &([0, 9], records));
    let campaigns = Merge::read([directory.path()]).unwrap().campaigns().unwrap();
    assert_eq!(campaigns[0].missing, Missing { count: 6, ranges: vec![[0, 2], [4, 5], [6, 9]] });
    assert!(!campaigns[0].summary.complete);
}

#[test]
fn other_builds_are_refused_by_name_and_leave_the_output_as_it_was() {
    let shard = ([0, 1], vec![record(0, None, 1, 1)]);
    let (one, two) = (directory_of("b1", &shard), directory_of("b2", &shard));
    let error = Merge::read([one.path(), two.path()]).unwrap_err().to_string();
    assert!(error.contains("b1") && error.contains("b2"), "{error}");
    let before = std::fs::read(results_path(two.path())).unwrap();
    let error = Merge::read([one.path()]).unwrap().keep(two.path()).unwrap_err();
    assert!(matches!(error, MergeError::Builds { .. }), "{error}");
    assert_eq!(std::fs::read(results_path(two.path())).unwrap(), before);
}

#[test]
fn a_directory_without_results_is_refused_by_name() {
    let empty = tempfile::tempdir().unwrap();
    let error = Merge::read([empty.path()]).unwrap_err().to_string();
    assert!(error.contains(empty.path().to_str().unwrap()) && error.contains("--out"), "{error}");
}

#[test]
fn results_that_do_not_say_what_was_asked_for_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let text = line("b1", Said::Result(record(0, None, 1, 1)));
    std::fs::write(results_path(directory.path()), text).unwrap();
    let error = Merge::read([directory.path()]).unwrap().campaigns().unwrap_err().to_string();
    assert!(error.contains(SCENARIO) && error.contains("campaign"), "{error}");
}

#[test]
fn numbers_that_no_campaign_gives_are_no_panic() {
    let most = record(u64::MAX, None, u64::MAX, u64::MAX);
    let finding = Finding { events: u64::MAX, simulated_ns: u64::MAX, ..most.finding.clone() };
    let other = Record { finding, ..most.clone() };
    let directory = directory_of("b1", &([9, 3], vec![most, other, record(u64::MAX - 1, None, 1, u64::MAX)]));
    let campaigns = Merge::read([directory.path()]).unwrap().campaigns().unwrap();
    assert!(!campaigns[0].summary.complete);
}
