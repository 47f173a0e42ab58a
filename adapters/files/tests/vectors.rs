//! The vectors of `raft_log/1` on real files: the same bench as `purlin conform`, whose simulated crashes and damage are
//! done to the files.

#[path = "../../../cli/conform/log/bench.rs"]
#[allow(unreachable_pub)]
mod bench;
#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../../../sim/src/blocks/mod.rs"]
mod blocks;

use purlin_files::Files;
use serde_json::{Map, Value};
use std::path::Path;

#[test]
fn every_case_holds_on_real_files() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/raft_log.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 36);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let making = serde_json::from_value(case["options"].clone()).unwrap();
        let operations: Vec<Map<String, Value>> = serde_json::from_value(case["ops"].clone()).unwrap();
        let run = bench::run(&making, &operations, Files::open(folder.path()).unwrap());
        run.unwrap_or_else(|difference| panic!("{}: {difference}", case["id"]));
    }
}
