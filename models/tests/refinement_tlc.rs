//! The same with TLC itself, where `TLA2TOOLS_JAR` says where it is. Without it `purlin spec` says what was skipped.

use purlin_models::spec::{Oracle, comparisons};
use purlin_models::tlc::{JAR_VARIABLE, Tlc};
use std::path::{Path, PathBuf};

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs")
}

fn jar() -> Option<PathBuf> {
    std::env::var_os(JAR_VARIABLE).filter(|jar| !jar.is_empty()).map(PathBuf::from)
}

#[test]
fn tlc_still_finds_the_golden_graphs_and_every_claim_holds() {
    let Some(jar) = jar() else { return };
    for comparison in comparisons() {
        let oracle = Oracle::Tlc { jar: jar.clone(), specs: specs(), update: false };
        let report = comparison.compare(&oracle).unwrap();
        assert!(report.holds(), "{report:#?}");
    }
}

/// An edit of a specification that breaks a claim at a scope: what stands there, what it becomes, the module, and how TLC
/// names the claim.
type Edit = (&'static str, &'static str, &'static str, &'static str);

const EDITS_OF_BREAKER: [Edit; 8] = [
    ("ELSE Append(Tail(entries), call)", "ELSE Append(entries, call)", "MCBreakerCount", "WindowIsBounded"),
    ("FreeProbes > 0", "FreeProbes + 1 > 0", "MCBreakerCount", "ProbesAreBounded"),
    ("totals.calls >= MinimumClosed", "totals.calls > MinimumClosed", "MCBreakerCount", "NoDecisionIsDue"),
    ("TimerFires == left = 1", "TimerFires == left = 7", "MCBreakerHung", "WaitingHasAnEnd"),
    ("present' = Nobody", "present' = calls", "MCBreakerCount", "OpenAdmitsNobody"),
    ("OnTheirWay(present) + late < Callers", "OnTheirWay(present) < Callers", "MCBreakerCount", "CallersAreConserved"),
    ("/\\ stretch' = 0", "/\\ UNCHANGED stretch", "MCBreakerHint", "OpenFollowsAnOpening"),
    ("phase = \"open\" /\\ left = 0", "phase = \"open\" /\\ left > 9", "MCBreakerHint", "Temporal properties"),
];

const EDITS_OF_QUEUE: [Edit; 11] = [
    ("new.id \\in Ids(image) \\/ \\E taken", "\\E taken", "MCQueueDedup", "IdsAreUnique"),
    ("\\/ image.messages[other].in = \"leased\"", "\\/ FALSE", "MCQueueKeys", "OneLeasedAKey"),
    ("other < place /\\ Blocks", "other > place /\\ Blocks", "MCQueueKeys", "KeysKeepTheirOrder"),
    ("message.tries < AttemptsMax THEN", "message.tries <= AttemptsMax THEN", "MCQueueKeys", "TypeIsRight"),
    ("Cardinality(Unfinished(image)) >= MessagesMax", "FALSE", "MCQueueDedup", "NumbersAreBounded"),
    ("Cardinality(image.dedup) >= DedupMax", "FALSE", "MCQueueDedup", "NumbersAreBounded"),
    ("WorkerMax = 0 \\/ Cardinality(HeldBy", "TRUE \\/ Cardinality(HeldBy", "MCQueueBatch", "NumbersAreBounded"),
    ("!.issued = @ + 1", "!.issued = @", "MCQueueKeys", "TokensAreNew"),
    ("journal' = Ranked(<<journal[kept]>>)", "journal' = <<Empty>>", "MCQueueKeys", "DurableStands"),
    (".at <= 0}\n\n(* QUE-11", ".at <= 1}\n\n(* QUE-11", "MCQueueKeys", "LeasesEndInTime"),
    ("1..(Len(journal) - 1) : Synced", "1..0 : Synced", "MCQueueCrash", "Temporal properties"),
];

#[test]
fn an_edit_that_breaks_a_rule_breaks_its_claim() {
    edits_break_their_claims("breaker", "Breaker.tla", &EDITS_OF_BREAKER);
}

#[test]
fn an_edit_of_the_queue_that_breaks_a_rule_breaks_its_claim() {
    edits_break_their_claims("queue", "Queue.tla", &EDITS_OF_QUEUE);
}

fn edits_break_their_claims(room: &str, file: &str, edits: &[Edit]) {
    let Some(jar) = jar() else { return };
    let tlc = Tlc::at(jar).unwrap();
    for (what, becomes, module, claim) in edits {
        let folder = edited(room, file, what, becomes);
        let verdict = tlc.check(folder.path(), module).unwrap();
        let broken = verdict.violation.unwrap_or_else(|| panic!("`{becomes}` breaks nothing"));
        assert!(broken.claim.contains(claim), "`{becomes}`: {}", broken.claim);
    }
}

/// A room's specifications with one edit.
fn edited(room: &str, file: &str, what: &str, becomes: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(specs().join(room)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(what), "the specification does not say `{what}`");
    std::fs::write(path, text.replacen(what, becomes, 1)).unwrap();
    folder
}

#[test]
fn a_specification_that_does_not_parse_is_refused_in_tlcs_words() {
    let Some(jar) = jar() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Broken.tla"), "---- MODULE Broken ----\nInit == nonsense\n====\n").unwrap();
    std::fs::write(folder.path().join("Broken.cfg"), "INIT Init\n").unwrap();
    let error = Tlc::at(jar).unwrap().check(folder.path(), "Broken").unwrap_err().to_string();
    assert!(error.contains("Broken") && error.contains("nonsense"), "{error}");
}

#[test]
fn a_claim_that_does_not_hold_is_a_verdict_with_its_behaviour() {
    let Some(jar) = jar() else { return };
    let folder = tempfile::tempdir().unwrap();
    let module = "---- MODULE Counter ----\nEXTENDS Naturals\nVARIABLE count\nInit == count = 0\n\
                  Next == /\\ count' = (count + 1) % 3\nSmall == count < 2\n====\n";
    std::fs::write(folder.path().join("Counter.tla"), module).unwrap();
    std::fs::write(folder.path().join("Counter.cfg"), "INIT Init\nNEXT Next\nINVARIANT Small\n").unwrap();
    let tlc = Tlc::at(jar).unwrap();
    let violation = tlc.check(folder.path(), "Counter").unwrap().violation.unwrap();
    assert_eq!(violation.claim, "Invariant Small is violated.");
    assert!(violation.trace.iter().any(|line| line.contains("count = 2")), "{violation:?}");
    let graph = tlc.graph(folder.path(), "Counter").unwrap();
    assert_eq!((graph.states.len(), graph.step_count()), (3, 3));
}
