//! A test that was written by shrinking: it compiles, fails while the bug is there, and passes once it is mended.

mod election {
    pub(crate) mod cluster;
    pub(crate) mod machine;
}

use election::cluster::{AT_MOST_ONE_LEADER_A_TERM, Mended, VotesAreNotSynced, scenario};
use purlin_sim::Scenario;
use std::process::Command;

include!("election/frozen.rs");

const WITH_THE_BUG: &str = "WITH_THE_BUG";

fn scenario_under_test() -> Scenario {
    if std::env::var_os(WITH_THE_BUG).is_some() { scenario::<VotesAreNotSynced>() } else { scenario::<Mended>() }
}

#[test]
fn the_written_test_fails_while_the_bug_is_there() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "electing_keeps_at_most_one_leader_a_term"];
    let output = Command::new(program).args(arguments).env(WITH_THE_BUG, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("1 failed"), "{told}");
    assert!(told.contains(AT_MOST_ONE_LEADER_A_TERM), "{told}");
}
