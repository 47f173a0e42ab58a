//! The demonstration, as anybody would run it.

mod support;

use support::kv;

#[test]
fn kills_and_changes_of_members_lose_and_double_nothing() {
    let output = kv(&["demo"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("nothing that was acknowledged was lost, nothing was done twice"), "{told}");
}
