//! Shrinking: small, true, necessary, resumable, and the same again.

mod election {
    pub(crate) mod cluster;
    pub(crate) mod machine;
    pub(crate) mod storm;
}
mod fussy;

use election::cluster::{AT_MOST_ONE_LEADER_A_TERM, Mended, VotesAreNotSynced, scenario};
use election::storm::storm;
use fussy::fussy;
use purlin_sim::{
    Budget, Fault, FaultKind, Likelihood, Plan, Scenario, ShrinkError, ShrinkProgress, Shrinker, Shrunk, Tier, Verdict,
};
use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

fn planted() -> Scenario {
    scenario::<VotesAreNotSynced>()
}

/// The first storms from these seeds on that break the election. Today they break it themselves.
fn failing() -> impl Iterator<Item = Plan> {
    let breaks = |plan: &Plan| !planted().run(Tier::Swarm, plan).unwrap().verdict.holds();
    [1_893, 2_463].into_iter().map(move |seed: u64| (seed..).map(storm).find(breaks).unwrap())
}

/// What they shrink to.
static SHRUNK: LazyLock<Vec<Shrunk>> =
    LazyLock::new(|| failing().map(|plan| shrink(&swarm(), &planted(), &plan)).collect());

fn shrink(shrinker: &Shrinker, scenario: &Scenario, plan: &Plan) -> Shrunk {
    shrinker.shrink(scenario, plan, &|_| {}).unwrap()
}

fn swarm() -> Shrinker {
    Shrinker::new(Tier::Swarm)
}

fn property(verdict: &Verdict) -> &str {
    verdict.property().unwrap_or("every property holds")
}

#[test]
fn two_hundred_faults_shrink_to_a_handful_each_of_them_necessary() {
    for shrunk in SHRUNK.iter() {
        assert_eq!(shrunk.faults_before, 200);
        assert!((1..=7).contains(&shrunk.plan.faults.len()), "{:?}", shrunk.plan.faults);
        assert_eq!(property(&shrunk.verdict), AT_MOST_ONE_LEADER_A_TERM);
        assert!(shrunk.complete);
        assert_eq!(shrunk.without.len(), shrunk.plan.faults.len());
        assert!(shrunk.without.iter().all(|without| without.failed == 0 && without.of >= 64), "{:?}", shrunk.without);
    }
}

/// Goal: a frozen plan needs no generator, and shows the bug and nothing else. Method: any noise will do, and without the
/// bug everything holds.
#[test]
fn a_frozen_plan_fails_under_any_noise_and_holds_once_the_bug_is_mended() {
    let shrunk = &SHRUNK[0];
    let throws = shrunk.plan.throws.as_ref().expect("every throw is written down");
    assert!(throws.count() <= 1_000, "{}", throws.count());
    for noise in [0, 1, 77, shrunk.plan.noise] {
        let plan = Plan { noise, ..shrunk.plan.clone() };
        let run = planted().run(Tier::Swarm, &plan).unwrap();
        assert_eq!(property(&run.verdict), AT_MOST_ONE_LEADER_A_TERM);
        let run = scenario::<Mended>().run(Tier::Swarm, &plan).unwrap();
        assert_eq!(run.verdict, Verdict::Holds);
    }
    assert_eq!(planted().read(&shrunk.plan.to_json()).unwrap(), shrunk.plan);
}

#[test]
fn a_loose_plan_fails_under_its_own_noise() {
    let shrunk = &SHRUNK[0];
    assert_eq!(shrunk.loose.throws, None);
    let run = planted().run(Tier::Swarm, &shrunk.loose).unwrap();
    assert!(shrunk.symptom.holds_of(&run.verdict), "{:?}", run.verdict);
}

#[test]
fn shrinking_has_one_result() {
    let plan = failing().next().unwrap();
    let hurried = Shrinker { runs_max: Some(600), ..swarm() };
    let [once, again] = [(); 2].map(|()| shrink(&hurried, &planted(), &plan));
    assert_eq!((once.plan, once.runs), (again.plan, again.runs));
}

/// A plan of kills, power losses and other things that a fussy judge has something to say about.
fn fussy_plan() -> Plan {
    let at = |start_ms, kind| Fault { start_ms, duration_ms: 90, kind };
    let others = (0..12).map(|number| at(150 * number, FaultKind::Pause { node: (number % 3) as u32 }));
    let mut faults: Vec<Fault> = others.collect();
    faults.insert(4, at(2_000, FaultKind::Kill { node: 1 }));
    faults.push(at(2_500, FaultKind::PowerLoss { node: 2 }));
    let plan = fussy().plan(1);
    Plan { faults, budget: Budget::default(), ..plan }
}

/// Goal: what is shrunk fails in the same way. Method: the power loss alone breaks the same property in another way, and no
/// fault at all breaks another property, so whoever accepts any failure leaves less than two faults.
#[test]
fn a_plan_shrinks_only_as_long_as_it_fails_in_the_same_way() {
    let plan = fussy_plan();
    let shrunk = shrink(&swarm(), &fussy(), &plan);
    assert_eq!(property(&shrunk.verdict), fussy::POWER_STAYS);
    let kinds: Vec<&str> = shrunk.plan.faults.iter().map(|fault| fault.kind.name()).collect();
    assert_eq!(kinds, ["kill", "power_loss"]);
    assert!(shrunk.symptom.holds_of(&shrunk.verdict), "{:?}", shrunk.verdict);
}

#[test]
fn what_is_left_is_early_short_and_small() {
    let shrunk = shrink(&swarm(), &fussy(), &fussy_plan());
    for fault in &shrunk.plan.faults {
        assert!(fault.end_ms() <= 20 && fault.duration_ms <= 2, "{fault:?}");
    }
    let options = shrunk.plan.options.to_string();
    assert!(options.contains(r#""nodes":2"#) && options.contains(r#""grain_ns":1000000"#), "{options}");
}

#[test]
fn a_fault_that_is_not_necessary_is_never_left() {
    let shrunk = shrink(&swarm(), &fussy(), &fussy_plan());
    for index in 0..shrunk.loose.faults.len() {
        let mut plan = shrunk.loose.clone();
        plan.faults.remove(index);
        let fails = |noise| {
            shrunk.symptom.holds_of(&fussy().run(Tier::Swarm, &Plan { noise, ..plan.clone() }).unwrap().verdict)
        };
        assert!(!(0..64).any(fails), "without fault {index} it fails as well");
    }
    assert_eq!(shrunk.likelihood.failed, shrunk.likelihood.of, "it always fails");
}

#[test]
fn a_panic_shrinks_like_any_other_failure() {
    let plan = fussy_plan();
    let mut faults = plan.faults.clone();
    faults.push(Fault { start_ms: 1_900, duration_ms: 5, kind: FaultKind::Restart { node: 0 } });
    let shrunk = shrink(&swarm(), &fussy(), &Plan { faults, ..plan });
    assert_eq!(property(&shrunk.verdict), purlin_sim::NOTHING_PANICS);
    let kinds: Vec<&str> = shrunk.plan.faults.iter().map(|fault| fault.kind.name()).collect();
    assert_eq!(kinds, ["restart"]);
}

#[test]
fn the_full_stack_shrinks_too() {
    let plan = fussy_plan();
    let faults = plan.faults.iter().copied().filter(|fault| fault.start_ms > 1_000).collect();
    let shrunk = shrink(&Shrinker { noises: 1, ..Shrinker::new(Tier::Turmoil) }, &fussy(), &Plan { faults, ..plan });
    let kinds: Vec<&str> = shrunk.plan.faults.iter().map(|fault| fault.kind.name()).collect();
    assert_eq!(kinds, ["kill", "power_loss"]);
    let run = fussy().run(Tier::Turmoil, &shrunk.plan).unwrap();
    assert!(shrunk.symptom.holds_of(&run.verdict), "{:?}", run.verdict);
}

fn kept_in(directory: &Path, runs_max: Option<u64>) -> Shrinker {
    Shrinker { runs_max, checkpoint: Some(directory.join("progress.json")), ..swarm() }
}

/// Broken off as soon as something was left out.
fn broken_off(directory: &Path, plan: &Plan) -> Shrunk {
    let shrunk = (4..).map(|power| {
        let _ = std::fs::remove_file(directory.join("progress.json"));
        shrink(&kept_in(directory, Some(1 << power)), &fussy(), plan)
    });
    shrunk.into_iter().find(|shrunk| shrunk.plan.faults.len() < plan.faults.len()).unwrap()
}

#[test]
fn what_was_broken_off_goes_on_from_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let plan = fussy_plan();
    let first = broken_off(directory.path(), &plan);
    assert!(!first.complete);
    assert!(first.symptom.holds_of(&first.verdict));
    let kept = std::fs::read_to_string(directory.path().join("progress.json")).unwrap();
    assert!(kept.contains(&first.loose.noise.to_string()), "{kept}");
    let most = Cell::new(0);
    let told = |told: ShrinkProgress| most.set(most.get().max(told.faults));
    let second = kept_in(directory.path(), None).shrink(&fussy(), &plan, &told).unwrap();
    assert!(second.complete && second.plan.faults.len() == 2, "{second:?}");
    assert_eq!(most.get(), first.plan.faults.len(), "it does not begin anew");
    assert!(second.runs > first.runs, "runs are counted on");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_checkpoint_of_another_plan_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    shrink(&kept_in(directory.path(), Some(30)), &fussy(), &fussy_plan());
    let other = Plan { noise: 99, ..fussy_plan() };
    let error = kept_in(directory.path(), None).shrink(&fussy(), &other, &|_| {}).unwrap_err();
    assert!(matches!(error, ShrinkError::Checkpoint { .. }), "{error}");
    std::fs::write(directory.path().join("progress.json"), "{").unwrap();
    let error = kept_in(directory.path(), None).shrink(&fussy(), &other, &|_| {}).unwrap_err().to_string();
    assert!(error.contains("progress.json") && error.contains("remove it"), "{error}");
}

#[test]
fn a_budget_that_is_spent_leaves_a_plan_that_fails() {
    let plan = fussy_plan();
    let spent = Shrinker { budget: Some(core::time::Duration::ZERO), elsewhere: 2, ..swarm() };
    let shrunk = shrink(&spent, &fussy(), &plan);
    assert!(!shrunk.complete);
    assert_eq!(shrunk.elsewhere, Likelihood { failed: 2, of: 2 }, "it fails in the full stack as well");
    assert_eq!(property(&fussy().run(Tier::Swarm, &shrunk.plan).unwrap().verdict), fussy::POWER_STAYS);
}

#[test]
fn a_plan_that_does_not_fail_is_refused() {
    let plan = storm(1);
    let error = swarm().shrink(&scenario::<Mended>(), &plan, &|_| {}).unwrap_err();
    assert!(matches!(error, ShrinkError::DoesNotFail), "{error}");
}

/// The test that is kept in `election/frozen.rs`, and run by `shrunk_election.rs`, is one that was written like this. Its
/// plan is of its day; `WRITE_FROZEN_TEST=1 cargo test` writes it anew.
#[test]
fn a_shrunk_plan_writes_itself_as_a_test() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/election/frozen.rs");
    let written = SHRUNK[0].to_rust_test("scenario_under_test()", Tier::Swarm);
    if std::env::var_os("WRITE_FROZEN_TEST").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    let function = |text: &str| text[text.find("#[test]").unwrap()..text.find("const PLAN").unwrap()].to_owned();
    assert_eq!(function(&written), function(&kept));
    let plan = written.split("r#\"").nth(1).unwrap().split("\"#;").next().unwrap();
    assert_eq!(planted().read(plan).unwrap(), SHRUNK[0].plan);
}
