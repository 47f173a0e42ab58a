//! Reports of runs that fail, and of runs that pass.
//!
//! With `PURLIN_PAGES` set to a directory, the pages are written there, for a browser to look at.

mod laws;
mod notes;

use notes::{HOSTILE, NOTHING_CONFIRMED_IS_LOST, Scribbling};
use purlin_sim::report::{Effort, Fate, Likelihood, Origin, Report, Subject};
use purlin_sim::scene::Kind;
use purlin_sim::{Fault, FaultKind, Plan, Ratio, Scenario, Tier, Verdict, scenarios};
use serde_json::Value;

fn scenario() -> Scenario {
    Scenario::of_protocol::<Scribbling>()
}

/// The first seed that fails in a tier.
fn failing(tier: Tier) -> (u64, Plan) {
    let plans = (0..500).map(|seed| (seed, scenario().plan(seed)));
    let fails = |plan: &Plan| !scenario().run(tier, plan).unwrap().verdict.holds();
    plans.into_iter().find(|(_, plan)| fails(plan)).expect("the bug is found within 500 seeds")
}

fn report_of(scenario: &Scenario, tier: Tier, seed: u64, plan: &Plan) -> Report {
    let subject = Subject { scenario, tier, plan, origin: Origin::Seed(seed) };
    Report::investigate(&subject, Effort { forks: 16, ..Effort::default() }).unwrap()
}

fn failure(tier: Tier) -> Report {
    let (seed, plan) = failing(tier);
    report_of(&scenario(), tier, seed, &plan)
}

/// The JSON within the page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// Goal: the curve says when the note was lost. Method: that was when a process ended, long before anybody read.
#[test]
fn the_failure_became_certain_when_the_process_ended_and_not_before() {
    let report = failure(Tier::Swarm);
    assert_eq!(report.verdict.property(), Some(NOTHING_CONFIRMED_IS_LOST));
    let Likelihood::Measured(curve) = &report.likelihood else { panic!("{:?}", report.likelihood) };
    let certain = curve.certain_from_ns().unwrap();
    let mut ends = report.gaps.iter().map(|gap| gap.from_ns);
    assert!(ends.any(|end| certain.abs_diff(end) < 2_000_000), "certain from {certain}: {:?}", report.gaps);
    assert!(curve.points[0].failed < curve.points[0].of, "at first it was not certain");
    assert!(curve.sentence().contains("the failure was certain (16 of 16)"), "{}", curve.sentence());
}

/// Goal: two ways lead to the same moment. Method: the nearest run that passes parts where the failure becomes certain.
#[test]
fn the_nearest_run_that_passes_parts_where_the_failure_becomes_certain_and_a_fault_is_necessary() {
    let report = failure(Tier::Swarm);
    let nearest = report.nearest.as_ref().unwrap();
    let Likelihood::Measured(curve) = &report.likelihood else { panic!("{:?}", report.likelihood) };
    assert!(nearest.at_ns.abs_diff(curve.certain_from_ns().unwrap()) < 2_000_000, "{nearest:?}, {curve:?}");
    assert_ne!(nearest.failing[0], nearest.passing[0]);
    assert!(report.faults.iter().any(|fault| fault.without == Some(Verdict::Holds)), "{:?}", report.faults);
}

#[test]
fn messages_clients_and_states_are_all_on_the_page() {
    let report = failure(Tier::Swarm);
    let fates = |fate| report.steps.rows.iter().filter(|row| row.fate == Some(fate)).count();
    assert!(fates(Fate::Arrived) > 20);
    let kinds = |kind| report.steps.rows.iter().filter(|row| row.kind == kind).count();
    assert!(kinds(Kind::State) > 20 && kinds(Kind::Asked) > 10);
    let rows = &report.steps.rows;
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.fate == Some(Fate::Arrived)) {
        let other = &rows[row.other.unwrap()];
        assert_eq!((other.other, other.lane, &other.text), (Some(index), row.peer, &row.text));
    }
}

/// A plan in which messages arrive twice.
fn doubled() -> Plan {
    let kind = FaultKind::Duplicate { share: Ratio::new(1, 2).unwrap(), link: None };
    let fault = Fault { start_ms: 200, duration_ms: 2_000, kind };
    Plan { faults: vec![fault], ..scenario().plan(2) }
}

#[test]
fn what_arrives_twice_is_drawn_once_more() {
    let report = report_of(&scenario(), Tier::Swarm, 2, &doubled());
    let fates = |fate| report.steps.rows.iter().filter(|row| row.fate == Some(fate)).count();
    assert!(fates(Fate::Duplicate) > 5 && fates(Fate::Arrived) > fates(Fate::Duplicate));
}

/// Goal: text of a run never breaks out of the page. Method: every answer and the detail hold what could.
#[test]
fn the_page_is_filled_and_holds_hostile_text_only_in_an_escaped_form() {
    let page = failure(Tier::Swarm).page();
    assert!(!page.contains(HOSTILE) && !page.contains("<b title="));
    assert_eq!(page.matches("{{").count(), page.matches("{{data}}").count(), "every place is filled");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org").count());
    for tag in ["section", "table", "div", "p", "ul", "ol", "dl", "figure", "svg", "details", "li", "tr", "td", "th"] {
        let (head, _) = page.split_once("<script").unwrap();
        let open = head.matches(&format!("<{tag}>")).count() + head.matches(&format!("<{tag} ")).count();
        assert_eq!(open, head.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let data = data(&page);
    assert!(data["verdict"]["violated"]["detail"].as_str().unwrap().contains(HOSTILE));
    assert!(page.len() < 5_000_000);
}

#[test]
fn a_report_has_the_same_bytes_each_time() {
    assert_eq!(failure(Tier::Swarm).bundle(), failure(Tier::Swarm).bundle());
}

#[test]
fn the_files_of_a_bundle_say_the_same_as_the_run() {
    let report = failure(Tier::Swarm);
    let files = report.bundle();
    let file = |name: &str| &files.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(scenario().read(file("plan.json")).unwrap(), failing(Tier::Swarm).1);
    let history: Vec<Value> = file("history.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| history.iter().filter(|line| line["type"] == kind).count();
    assert_eq!(count("invoke"), report.operations.len());
    assert!(count("ok") > 10 && history.is_sorted_by_key(|line| line["time"].as_u64()));
    let trace: Vec<Value> = file("trace.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(trace.len(), report.run().story.len() + 1);
    assert_eq!(trace[0]["verdict"]["violated"]["property"], NOTHING_CONFIRMED_IS_LOST);
    let junit = file("junit.xml");
    assert_eq!((junit.matches("<testcase").count(), junit.matches("<failure").count()), (report.properties.len(), 1));
    assert!(junit.contains("purlin replay scribbling --seed"));
}

/// Goal: the full stack is reported on as well; what it cannot tell is said.
#[test]
fn a_failure_in_the_full_stack_has_states_and_says_that_it_cannot_be_forked() {
    let report = failure(Tier::Turmoil);
    let states = report.steps.rows.iter().filter(|row| row.kind == Kind::State).count();
    assert!(states > 20, "{states}");
    let page = report.page();
    assert!(page.contains("runs of the full stack cannot be forked"));
    assert!(page.contains("--tier turmoil"));
    assert!(report.faults.iter().all(|fault| fault.without.is_some()));
}

#[test]
fn a_run_that_passes_is_reported_on_without_a_violation() {
    for scenario in scenarios() {
        let report = report_of(&scenario, Tier::Swarm, 3, &scenario.plan(3));
        let page = report.page();
        assert!(page.contains("every property holds") && !page.contains("class=\"anomaly\""));
        assert!(page.len() < 5_000_000, "{}: {} bytes", scenario.name(), page.len());
        let ended = report.operations.iter().filter(|operation| operation.end.is_some()).count();
        assert!(ended > 10, "{}", scenario.name());
        data(&page);
    }
}

#[test]
fn pages_are_written_where_they_are_asked_for() {
    let Some(folder) = std::env::var_os("PURLIN_PAGES").map(std::path::PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).unwrap();
    for tier in Tier::ALL {
        std::fs::write(folder.join(format!("violated-{tier}.html")), failure(tier).page()).unwrap();
    }
    let report = report_of(&scenario(), Tier::Swarm, 2, &doubled());
    std::fs::write(folder.join("doubled.html"), report.page()).unwrap();
    for scenario in scenarios() {
        let report = report_of(&scenario, Tier::Swarm, 3, &scenario.plan(3));
        std::fs::write(folder.join(format!("{}.html", scenario.name())), report.page()).unwrap();
    }
}
